using System.Security.Cryptography;
using Athanor.Compute.Trust;
using Athanor.Hosting.Runtime;

namespace Athanor.Hosting.Work.Evolution;

/// <summary>The secret that orders and challenges are drawn with: 32 random bytes in a key file that only its owner reads. It never leaves
/// this class: others get HMACs, one domain a population and purpose.</summary>
internal sealed class PopulationSecret
{
    private const string FileName = "population.secret";

    private readonly byte[] _secret;

    private PopulationSecret(byte[] secret) => _secret = secret;

    /// <summary>Reads the key file, or makes it: written whole and flushed before it has its name.</summary>
    /// <exception cref="InvalidDataException">The file is there and is no secret; drawing from another would change the orders of a
    /// run that has begun.</exception>
    public static PopulationSecret Open(string keysDirectory)
    {
        var path = Path.Combine(keysDirectory, FileName);
        if (!File.Exists(path))
        {
            // Nodes that share the directory may come here at once: each writes a file of its own, and the first name counts.
            var fresh = $"{path}.{Environment.ProcessId}.new";
            File.Delete(fresh);
            var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            using (var file = new FileStream(fresh, options))
            {
                file.Write(RandomNumberGenerator.GetBytes(32));
                file.Flush(flushToDisk: true);
            }
            try
            {
                File.Move(fresh, path, overwrite: false);
            }
            catch (IOException) when (File.Exists(path))
            {
                File.Delete(fresh);
            }
            DurableFile.FlushDirectory(keysDirectory);
        }
        var secret = File.ReadAllBytes(path);
        if (secret.Length != 32)
            throw new InvalidDataException($"{path} has {secret.Length} bytes; a population secret has 32: put the file back as it was");
        return new PopulationSecret(secret);
    }

    public byte[] Draw(string population, string purpose, string data) =>
        HMACSHA256.HashData(_secret, new CanonicalWriter("athanor.secret.1").Text(population).Text(purpose).Text(data).ToArray());
}
