using System.Globalization;

namespace Athanor.Actors.Evolution;

/// <summary>Names of a population's work, Computes and timers, and their way back to numbers.</summary>
internal static class WorkNames
{
    public static string Evaluate(int number, int attempt) => Name($"evaluate-{number}-{attempt}");

    public static string Audit(int number, int attempt, int segment, int @try) => Name($"audit-{number}-{attempt}-{segment}-{@try}");

    public static string Referee(int number, int attempt, int segment) => Name($"referee-{number}-{attempt}-{segment}");

    public static string Order(int block) => Name($"order-{block}");

    public static string Challenge(int number, int attempt) => Name($"challenge-{number}-{attempt}");

    /// <summary>Splits <c>audit-3-0-2-1</c> into its word and its numbers; no numbers if it is not such a name.</summary>
    public static (string Kind, int[] Numbers) Parse(string name)
    {
        var parts = name.Split('-');
        var numbers = new int[parts.Length - 1];
        for (var i = 0; i < numbers.Length; i++)
        {
            if (!int.TryParse(parts[i + 1], NumberStyles.None, CultureInfo.InvariantCulture, out numbers[i])) return (parts[0], []);
        }
        return (parts[0], numbers);
    }

    private static string Name(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
