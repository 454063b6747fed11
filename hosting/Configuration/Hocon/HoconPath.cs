using System.Text;

namespace Athanor.Hosting.Configuration.Hocon;

/// <summary>Path expressions: <c>a.b."c.d"</c>.</summary>
internal static class HoconPath
{
    /// <summary>Makes the elements of a path out of its tokens: dots separate except in quoted strings.</summary>
    public static string[] Parse(IReadOnlyList<HoconToken> tokens, HoconOrigin origin)
    {
        var elements = new List<string>();
        var element = new StringBuilder();
        var quoted = false;
        foreach (var token in Trim(tokens))
        {
            if (token.Type == HoconTokenType.Quoted)
            {
                element.Append(token.Text);
                quoted = true;
                continue;
            }
            foreach (var c in token.Text)
            {
                if (c == '.') End();
                else element.Append(c);
            }
        }
        End();
        return [.. elements];

        void End()
        {
            if (element.Length == 0 && !quoted)
                throw new HoconException(origin, "a path has an empty element; write \"\" for an empty key, and no dot at the path's ends");
            elements.Add(element.ToString());
            element.Clear();
            quoted = false;
        }
    }

    public static string Render(IEnumerable<string> path) => string.Join('.', path.Select(RenderElement));

    private static string RenderElement(string element) =>
        IsPlain(element) ? element : $"\"{element.Replace("\"", "\\\"", StringComparison.Ordinal)}\"";

    private static bool IsPlain(string element) =>
        element.Length > 0 && element.All(static c => char.IsLetterOrDigit(c) || c is '-' or '_');

    private static IEnumerable<HoconToken> Trim(IReadOnlyList<HoconToken> tokens)
    {
        var first = 0;
        var last = tokens.Count - 1;
        while (first <= last && tokens[first].Type == HoconTokenType.Space) first++;
        while (last >= first && tokens[last].Type == HoconTokenType.Space) last--;
        for (var i = first; i <= last; i++) yield return tokens[i];
    }
}
