using System.Globalization;
using System.Text;

namespace Athanor.Hosting.Configuration.Hocon;

/// <summary>Java's properties files, as HOCON includes them: keys are split at each dot, values are strings, and where a key is both
/// a string and an object, the object wins.</summary>
internal static class JavaProperties
{
    public static ObjectNode Parse(string file, string text)
    {
        var properties = new List<(string[] Path, string Value, HoconOrigin Origin)>();
        var lines = text.ReplaceLineEndings("\n").Split('\n');
        for (var i = 0; i < lines.Length; i++)
        {
            var origin = new HoconOrigin(file, i + 1);
            var line = lines[i].TrimStart(' ', '\t', '\f', '\ufeff');
            if (line.Length == 0 || line[0] is '#' or '!') continue;
            while (IsContinued(line) && i + 1 < lines.Length) line = line[..^1] + lines[++i].TrimStart(' ', '\t', '\f');
            var (key, value) = Split(line);
            properties.Add((Unescape(key, origin).Split('.'), Unescape(value, origin), origin));
        }
        var root = new ObjectNode(new HoconOrigin(file, 1));
        foreach (var (path, value, origin) in properties.OrderBy(static property => property.Path.Length))
            root.Put(path, new ScalarNode(origin, HoconScalarKind.String, value), origin);
        return root;
    }

    private static bool IsContinued(string line) => line.Reverse().TakeWhile(static c => c == '\\').Count() % 2 == 1;

    private static (string Key, string Value) Split(string line)
    {
        var end = 0;
        while (end < line.Length && line[end] is not ('=' or ':' or ' ' or '\t' or '\f')) end += line[end] == '\\' ? 2 : 1;
        end = Math.Min(end, line.Length);
        var rest = line[end..].TrimStart(' ', '\t', '\f');
        if (rest is ['=' or ':', ..]) rest = rest[1..].TrimStart(' ', '\t', '\f');
        return (line[..end], rest);
    }

    private static string Unescape(string text, HoconOrigin origin)
    {
        var result = new StringBuilder();
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '\\' || ++i >= text.Length)
            {
                if (i < text.Length) result.Append(text[i]);
                continue;
            }
            if (text[i] == 'u')
            {
                if (i + 4 >= text.Length
                    || !ushort.TryParse(text.AsSpan(i + 1, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code))
                    throw new HoconException(origin, "\\u must be followed by four hex digits");
                result.Append((char)code);
                i += 4;
                continue;
            }
            result.Append(text[i] switch { 'n' => '\n', 't' => '\t', 'r' => '\r', 'f' => '\f', var c => c });
        }
        return result.ToString();
    }
}
