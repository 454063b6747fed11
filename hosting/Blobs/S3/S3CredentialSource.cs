using Athanor.Hosting.Configuration;

namespace Athanor.Hosting.Blobs.S3;

/// <summary>Where credentials come from: a file of two lines (access key, secret key), or the environment. Never the configuration.</summary>
internal static class S3CredentialSource
{
    public const string AccessVariable = "ATHANOR_S3_ACCESS_KEY";
    public const string SecretVariable = "ATHANOR_S3_SECRET_KEY";

    /// <exception cref="ConfigurationException">There are none; the message says where they are looked for.</exception>
    public static S3Credentials Read(S3Options options, Func<string, string?> environment)
    {
        if (options.CredentialsFile != "")
        {
            string[] lines;
            try
            {
                lines = File.ReadAllLines(options.CredentialsFile);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new ConfigurationException($"blobs.s3.credentials-file {options.CredentialsFile} cannot be read: {e.Message}", e);
            }
            if (lines.Length < 2 || lines[0].Trim() == "" || lines[1].Trim() == "")
                throw new ConfigurationException(
                    $"{options.CredentialsFile}: an access key on the first line and a secret key on the second would be right");
            return new S3Credentials(lines[0].Trim(), lines[1].Trim());
        }
        return environment(AccessVariable) is { Length: > 0 } access && environment(SecretVariable) is { Length: > 0 } secret
            ? new S3Credentials(access, secret)
            : throw new ConfigurationException(
                $"blobs are kept in S3 and there are no credentials: set {AccessVariable} and {SecretVariable}, or name a file in "
                + "athanor.blobs.s3.credentials-file");
    }
}
