using Athanor.Hosting.Blobs.S3;
using Athanor.Hosting.Configuration;
using Hosting.Tests.Sqlite;

namespace Hosting.Tests.Blobs;

/// <summary>The examples of the Amazon S3 API reference, "Signature Calculations for the Authorization Header".</summary>
public sealed class S3SignatureTests
{
    private static readonly S3Credentials Example = new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");

    [Theory]
    [InlineData("?lifecycle", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543")]
    [InlineData("?max-keys=2&prefix=J", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")]
    public void Published_examples_have_their_published_signatures(string query, string signature)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "https://examplebucket.s3.amazonaws.com/" + query);
        S3Signature.Sign(request, [], Example, "us-east-1", new DateTimeOffset(2013, 5, 24, 0, 0, 0, TimeSpan.Zero));
        Assert.EndsWith($"Signature={signature}", request.Headers.GetValues("Authorization").Single());
    }

    [Fact]
    public void Credentials_come_from_a_file_or_the_environment_and_are_not_printed()
    {
        using var directory = new TemporaryDirectory();
        File.WriteAllText(directory.File("key"), "access\nsecret\n");
        var read = S3CredentialSource.Read(new S3Options { CredentialsFile = directory.File("key") }, _ => null);
        Assert.Equal(("access", "secret"), (read.AccessKey, read.SecretKey));
        Assert.DoesNotContain("secret", $"{read}");
        var values = new Dictionary<string, string> { [S3CredentialSource.AccessVariable] = "a", [S3CredentialSource.SecretVariable] = "s" };
        Assert.Equal("a", S3CredentialSource.Read(new S3Options(), values.GetValueOrDefault).AccessKey);
        var e = Assert.Throws<ConfigurationException>(() => S3CredentialSource.Read(new S3Options(), _ => null));
        Assert.Contains(S3CredentialSource.SecretVariable, e.Message);
    }
}
