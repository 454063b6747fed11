using System.Text;

namespace Athanor.Hosting.Configuration.Hocon;

/// <summary>
/// Reads the files that are included. A name stands for a file beside the one that includes it; without an extension it stands for
/// <c>.properties</c>, <c>.json</c> and <c>.conf</c>, all that there are, in this order. A name in <c>file("...")</c> is relative to the
/// working directory, as in the reference implementation. A file that is not there counts as empty unless it is required.
/// </summary>
internal sealed class HoconIncluder
{
    private static readonly string[] Extensions = [".properties", ".json", ".conf"];

    // More or larger files than that are a mistake, such as files that each include the next one twice, or a device.
    private const int MaxFiles = 1000;
    private const int MaxNesting = 50;
    private const int MaxBytes = 16 << 20;
    private static readonly UTF8Encoding Utf8 = new(false, true);
    private readonly Stack<string> _open = new();
    private int _files;

    /// <summary>Reads a file that is not included by another.</summary>
    public ObjectNode Load(string path)
    {
        var origin = new HoconOrigin(path, 1);
        if (!File.Exists(path)) throw new HoconException(origin, "there is no such file");
        return Read(path, origin, HoconScope.Root);
    }

    public ObjectNode Include(string from, string name, bool isFile, bool required, HoconOrigin origin, HoconScope scope)
    {
        if (name.Contains("://", StringComparison.Ordinal))
            throw new HoconException(origin, $"'{name}' is a URL; only files can be included");
        if (name.Contains('\0', StringComparison.Ordinal)) throw new HoconException(origin, "the name of an included file holds U+0000");
        var beside = Path.GetDirectoryName(Path.GetFullPath(from)) ?? "";
        var path = isFile ? Path.GetFullPath(name) : Path.GetFullPath(Path.Combine(beside, name));
        string[] candidates = Path.HasExtension(name) ? [path] : [.. Extensions.Select(extension => path + extension), path];
        var found = candidates.Where(File.Exists).ToList();
        if (found.Count == 0 && required) throw new HoconException(origin, $"the required file '{name}' is not at {path}");
        var merged = new ObjectNode(origin);
        foreach (var file in found) merged.PutAll(Read(file, origin, scope));
        return merged;
    }

    private ObjectNode Read(string path, HoconOrigin origin, HoconScope scope)
    {
        var full = Path.GetFullPath(path);
        if (_open.Contains(full))
        {
            var chain = string.Join(" includes ", _open.Reverse().SkipWhile(open => open != full).Append(full).Select(Path.GetFileName));
            throw new HoconException(origin, $"a file includes itself: {chain}");
        }
        if (++_files > MaxFiles) throw new HoconException(origin, $"more than {MaxFiles} files are included");
        if (_open.Count == MaxNesting) throw new HoconException(origin, $"includes nest deeper than {MaxNesting}");
        _open.Push(full);
        try
        {
            var text = Utf8.GetString(ReadBytes(path));
            return Path.GetExtension(path) == ".properties"
                ? JavaProperties.Parse(path, text)
                : HoconParser.Parse(path, text, scope, this);
        }
        catch (ArgumentException error) when (error is DecoderFallbackException)
        {
            throw new HoconException(new HoconOrigin(path, 1), "the file is not valid UTF-8", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new HoconException(origin, $"'{path}' cannot be read: {error.Message}", error);
        }
        finally
        {
            _open.Pop();
        }
    }

    // What has no end says nothing of its length beforehand.
    private static byte[] ReadBytes(string path)
    {
        using var file = File.OpenRead(path);
        var bytes = new MemoryStream();
        var piece = new byte[16 << 10];
        for (int read; (read = file.Read(piece)) > 0;)
        {
            if (bytes.Length + read > MaxBytes) throw new IOException($"it is larger than {MaxBytes >> 20} MiB");
            bytes.Write(piece, 0, read);
        }
        return bytes.ToArray();
    }
}
