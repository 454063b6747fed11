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
    private static readonly UTF8Encoding Utf8 = new(false, true);
    private readonly Stack<string> _open = new();

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
        _open.Push(full);
        try
        {
            var text = Utf8.GetString(File.ReadAllBytes(path));
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
}
