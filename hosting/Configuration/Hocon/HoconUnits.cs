using System.Globalization;
using System.Numerics;

namespace Athanor.Hosting.Configuration.Hocon;

/// <summary>Durations and sizes with units, as HOCON writes them: <c>1.5s</c>, <c>512 KiB</c>.</summary>
public static class HoconUnits
{
    public const string DurationUnits = "ns, us, ms, s, m (minutes), h, d";
    public const string SizeUnits = "B, kB, MB, GB, TB (powers of 1000), KiB, MiB, GiB, TiB (powers of 1024)";

    private static readonly Dictionary<string, decimal> Nanoseconds = Names(
        (1m, "ns nano nanos nanosecond nanoseconds"), (1e3m, "us micro micros microsecond microseconds"),
        (1e6m, "ms milli millis millisecond milliseconds"), (1e9m, "s second seconds"), (60e9m, "m minute minutes"),
        (3600e9m, "h hour hours"), (86400e9m, "d day days"));

    private static readonly Dictionary<string, BigInteger> Bytes = SizeNames();

    /// <summary>A duration to 100 ns. A number without a unit is in <paramref name="defaultUnit"/>, or refused if that is null.</summary>
    public static bool TryParseDuration(string text, string? defaultUnit, out TimeSpan duration, out string problem)
    {
        duration = default;
        if (!TrySplit(text, defaultUnit, "a duration", DurationUnits, Nanoseconds, out var number, out var unit, out problem)) return false;
        try
        {
            duration = new TimeSpan((long)decimal.Round(number * unit / TimeSpan.NanosecondsPerTick));
            return true;
        }
        catch (OverflowException)
        {
            problem = $"'{text}' is longer than 29,000 years";
            return false;
        }
    }

    /// <summary>A size in bytes. A number without a unit is in <paramref name="defaultUnit"/>, or refused if that is null.</summary>
    public static bool TryParseSize(string text, string? defaultUnit, out BigInteger size, out string problem)
    {
        size = default;
        if (!TrySplit(text, defaultUnit, "a size", SizeUnits, Bytes, out var number, out var unit, out problem)) return false;
        if (number < 0)
        {
            problem = $"'{text}' is negative";
            return false;
        }
        // As a fraction of whole numbers, because the largest units are beyond a decimal.
        var scale = BigInteger.Pow(10, number.Scale);
        size = new BigInteger(number * (decimal)scale) * unit / scale;
        return true;
    }

    private static bool TrySplit<T>(
        string text, string? defaultUnit, string what, string units, Dictionary<string, T> names, out decimal number,
        out T unit, out string problem)
    {
        var trimmed = text.Trim();
        var end = trimmed.Length;
        while (end > 0 && char.IsLetter(trimmed[end - 1])) end--;
        var name = trimmed[end..];
        unit = default!;
        problem = "";
        if (!decimal.TryParse(
            trimmed.AsSpan(0, end).TrimEnd(), NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent,
            CultureInfo.InvariantCulture, out number))
        {
            problem = $"'{text}' is not {what}; write a number and a unit: {units}";
            return false;
        }
        if (name == "" && defaultUnit is null)
        {
            problem = $"'{text}' has no unit; the units of {what} are {units}";
            return false;
        }
        if (names.TryGetValue(name == "" ? defaultUnit! : name, out unit!)) return true;
        problem = $"'{name}' is no unit of {what}; the units are {units}";
        return false;
    }

    private static Dictionary<string, T> Names<T>(params (T Unit, string Words)[] units) =>
        units.SelectMany(static unit => unit.Words.Split(' ').Select(word => (word, unit.Unit)))
            .ToDictionary(static pair => pair.word, static pair => pair.Unit, StringComparer.Ordinal);

    private static Dictionary<string, BigInteger> SizeNames()
    {
        var names = Names((BigInteger.One, "B b byte bytes"));
        const string Letters = "KMGTPEZY";
        string[] decimals = ["kilo", "mega", "giga", "tera", "peta", "exa", "zetta", "yotta"];
        string[] binaries = ["kibi", "mebi", "gibi", "tebi", "pebi", "exbi", "zebi", "yobi"];
        for (var i = 0; i < Letters.Length; i++)
        {
            var letter = Letters[i];
            var thousands = BigInteger.Pow(1000, i + 1);
            var binary = BigInteger.Pow(1024, i + 1);
            string[] ofThousands = [(letter == 'K' ? 'k' : letter) + "B", decimals[i] + "byte", decimals[i] + "bytes"];
            string[] ofBinary =
                [$"{letter}", $"{char.ToLowerInvariant(letter)}", $"{letter}i", $"{letter}iB", binaries[i] + "byte", binaries[i] + "bytes"];
            foreach (var name in ofThousands) names.Add(name, thousands);
            foreach (var name in ofBinary) names.Add(name, binary);
        }
        return names;
    }
}
