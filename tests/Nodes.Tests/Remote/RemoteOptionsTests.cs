using System.CommandLine;
using Athanor.Hosting.Configuration;
using Athanor.Nodes.Cli;
using Athanor.Nodes.Remote;

namespace Nodes.Tests.Remote;

/// <summary>Which gateway a command goes through and with what: arguments before the environment before the configuration.</summary>
public sealed class RemoteOptionsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("athanor-remote-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Arguments_go_before_the_environment_and_that_before_the_configuration()
    {
        var (inFile, inSettings) = (Write("key", "ath_file\n"), Write("token", "settings"));
        var client = new ClientOptions
        {
            Gateway = "https://settings.example",
            TokenFile = inSettings,
            Authority = "ca.pem",
            Patience = TimeSpan.FromSeconds(7),
        };
        var all = Of("--gateway https://argument.example:1 --key-file " + inFile, client, "ATHANOR_TOKEN=environment")!;
        Assert.Equal(("https://argument.example:1/", "ath_file", "ca.pem"), (all.Gateway.ToString(), all.Credential.Secret, all.Authority));
        var some = Of("", client, "ATHANOR_KEY=environment")!;
        Assert.Equal(("settings.example", "environment", 7.0), (some.Gateway.Host, some.Credential.Secret, some.Patience.TotalSeconds));
        Assert.Equal("settings", Of("", client)!.Credential.Secret);
        // A pin on the command line is in place of the configuration's authority, not beside it.
        var pinned = Of($"--pin {new string('A', 64)}", client)!;
        Assert.Equal(("", new string('a', 64)), (pinned.Authority, pinned.Pin));
        Assert.Null(Of("", new ClientOptions(), "ATHANOR_TOKEN=environment"));
    }

    [Theory]
    [InlineData("--token-file FILE", "", "--token-file is for a gateway")]
    [InlineData("--gateway http://athanor.example", "", "no https address")]
    [InlineData("--gateway https://user:secret@athanor.example", "", "no https address")]
    [InlineData("--gateway https://a.example --token-file FILE --key-file FILE", "", "one credential")]
    [InlineData("--gateway https://a.example --certificate-key FILE", "", "add --certificate")]
    [InlineData("--gateway https://a.example --certificate FILE", "", "no certificate with its private key")]
    [InlineData("--gateway https://a.example --key-file nowhere", "", "nowhere")]
    [InlineData("--gateway https://a.example --ca a.pem --pin 00", "", "give one of them")]
    [InlineData("--gateway https://a.example --pin 00", "", "64 digits")]
    [InlineData("--gateway https://a.example --state here", "", "--state names a cluster of this machine")]
    [InlineData("--gateway https://a.example", "ATHANOR_TOKEN=a ATHANOR_KEY=b", "both set")]
    [InlineData("--gateway https://a.example", "ATHANOR_TOKEN=the/word\u00e9", "$ATHANOR_TOKEN holds more than one word")]
    public void What_does_not_go_together_is_refused_with_what_would_be_right(string arguments, string environment, string expected)
    {
        var given = arguments.Replace("FILE", Write("file", "word"), StringComparison.Ordinal);
        var e = Assert.Throws<UserException>(() => Of(given, new ClientOptions(), environment.Split(' ')));
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("the/word", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("client.gateway = \"http://athanor.example\"", "no https address")]
    [InlineData("client { gateway = \"https://a.example\", pin = \"12\" }", "not a SHA-256")]
    [InlineData("client { token-file = a, key-file = b }", "one request has one credential")]
    [InlineData("client { certificate-key = a }", "set certificate too")]
    public void A_wrong_setting_is_refused_with_its_line(string setting, string expected)
    {
        var file = Write("bad.hocon", $"athanor {{\n{setting}\n}}");
        var e = Assert.Throws<ConfigurationException>(() => ClusterConfiguration.Load(file));
        Assert.Contains($"{file}:2", e.Message, StringComparison.Ordinal);
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
    }

    private string Write(string name, string text)
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllText(path, text);
        return path;
    }

    private static RemoteSettings? Of(string arguments, ClientOptions client, params string[] environment)
    {
        var variables = environment.Where(static v => v != "").Select(static v => v.Split('=', 2)).ToDictionary(static v => v[0], static v => v[1]);
        var parsed = Root.Create().Parse(["models", "list", .. arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);
        Assert.Empty(parsed.Errors);
        return RemoteOptions.Of(parsed, client, variables.GetValueOrDefault);
    }
}
