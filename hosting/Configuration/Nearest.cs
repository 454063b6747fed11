namespace Athanor.Hosting.Configuration;

/// <summary>Finds the word that somebody meant.</summary>
internal static class Nearest
{
    /// <summary>"unknown key; did you mean 'lease'?", with all valid words if none is near.</summary>
    public static string DidYouMean(string what, string word, IEnumerable<string> valid)
    {
        var words = valid.Order(StringComparer.Ordinal).ToList();
        var nearest = words.MinBy(candidate => Distance(word, candidate));
        // A third of the letters may be wrong, but one may always be.
        return nearest is not null && Distance(word, nearest) <= Math.Max(1, word.Length / 3)
            ? $"unknown {what} '{word}'; did you mean '{nearest}'?"
            : $"unknown {what} '{word}'; valid are {string.Join(", ", words)}";
    }

    /// <summary>Letters to add, drop, change or swap with their neighbour (optimal string alignment).</summary>
    internal static int Distance(string a, string b)
    {
        var rows = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++) rows[i, 0] = i;
        for (var j = 0; j <= b.Length; j++) rows[0, j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            for (var j = 1; j <= b.Length; j++)
            {
                var change = rows[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                rows[i, j] = Math.Min(change, Math.Min(rows[i - 1, j], rows[i, j - 1]) + 1);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    rows[i, j] = Math.Min(rows[i, j], rows[i - 2, j - 2] + 1);
            }
        }
        return rows[a.Length, b.Length];
    }
}
