using System.Security.Cryptography;
using Athanor.Compute.Trust;
using Athanor.Nodes.Cli;

namespace Athanor.Nodes.Peers;

/// <summary>A peer's key file: PKCS#8 in PEM, for its owner's eyes alone.</summary>
internal static class PeerIdentity
{
    /// <summary>Reads the key, or makes one if there is no file: written whole and flushed before it has its name.</summary>
    /// <exception cref="UserException">The file is there and holds no ECDSA P-256 key.</exception>
    public static PeerKey LoadOrMake(string path)
    {
        if (File.Exists(path))
        {
            try
            {
                return PeerKey.FromPem(File.ReadAllText(path));
            }
            catch (CryptographicException e)
            {
                throw new UserException($"{path}: {e.Message}; a peer's key file holds an ECDSA P-256 key; name another file to have one made");
            }
        }
        var key = PeerKey.Create();
        var full = Path.GetFullPath(path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using (var file = new FileStream(full + ".new", options))
        {
            file.Write(System.Text.Encoding.ASCII.GetBytes(key.ToPem() + "\n"));
            file.Flush(flushToDisk: true);
        }
        File.Move(full + ".new", full);
        return key;
    }
}
