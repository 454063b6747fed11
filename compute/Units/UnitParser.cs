using System.Globalization;

namespace Athanor.Compute.Units;

/// <summary>
/// Reads units. Factors stand beside each other with a space, <c>*</c> or <c>·</c>; <c>/</c> divides by the one factor after it, and since
/// readers disagree on <c>J/mol K</c>, a factor beside a divisor must be in parentheses with it: <c>J/(mol K)</c>. Exponents are
/// <c>m3</c>, <c>m^3</c>, <c>m³</c> or <c>s^-1</c>. SI prefixes go before the units that take them.
/// </summary>
internal sealed class UnitParser(string text)
{
    private const string Superscripts = "⁰¹²³⁴⁵⁶⁷⁸⁹";
    private static readonly Dictionary<string, Unit> Plain = MakePlain();
    private static readonly Dictionary<string, Unit> Prefixed = MakePrefixed();
    private static readonly Dictionary<string, double> Prefixes = new Dictionary<string, double>
    {
        ["T"] = 1e12,
        ["G"] = 1e9,
        ["M"] = 1e6,
        ["k"] = 1e3,
        ["h"] = 1e2,
        ["d"] = 1e-1,
        ["c"] = 1e-2,
        ["m"] = 1e-3,
        ["u"] = 1e-6,
        ["µ"] = 1e-6,
        ["μ"] = 1e-6,
        ["n"] = 1e-9,
        ["p"] = 1e-12,
    };

    private int _at;
    private int _factors;

    public Unit Parse()
    {
        var trimmed = text.Trim();
        if (trimmed is "" or "-" or "dimensionless") return Unit.One with { Text = text };
        var unit = Product();
        if (_at < text.Length) throw Error(_at, $"'{text[_at]}' has no meaning here");
        // An offset is meant only where the unit stands alone.
        return unit with { Text = text, Offset = _factors == 1 ? unit.Offset : 0.0 };
    }

    private Unit Product()
    {
        var unit = Factor();
        var divided = false;
        for (; ; )
        {
            var space = SkipSpace();
            if (_at >= text.Length || text[_at] == ')') return unit;
            var at = _at;
            if (text[_at] == '/')
            {
                _at++;
                unit = Times(unit, Factor(), -1.0);
                divided = true;
                continue;
            }
            var sign = text[_at] is '*' or '·';
            if (sign) _at++;
            else if (!space && text[_at] != '(') throw Error(at, $"'{text[at]}' has no meaning here");
            if (divided && !sign)
                throw Error(at, "it is not clear whether this is divided by as well; write a/(b c), or a c/b");
            unit = Times(unit, Factor(), 1.0);
        }
    }

    private Unit Factor()
    {
        SkipSpace();
        if (_at >= text.Length) throw Error(_at, "a unit is missing here");
        var start = _at;
        Unit unit;
        if (text[_at] == '(')
        {
            _at++;
            unit = Product();
            if (_at >= text.Length) throw Error(start, "this parenthesis is not closed");
            _at++;
            _factors++;
        }
        else if (char.IsAsciiDigit(text[_at]))
        {
            while (_at < text.Length && (char.IsAsciiDigit(text[_at]) || text[_at] is '.' or 'e')) _at++;
            if (!double.TryParse(text.AsSpan(start, _at - start), CultureInfo.InvariantCulture, out var number) || !(number > 0.0))
                throw Error(start, $"'{text[start.._at]}' is no number above zero");
            unit = new Unit("", Dimension.None, number);
        }
        else
        {
            while (_at < text.Length && (char.IsLetter(text[_at]) || text[_at] is '%' or '°')) _at++;
            if (_at == start) throw Error(start, $"'{text[start]}' begins no unit");
            unit = Named(text[start.._at], start);
            _factors++;
        }
        var exponent = Exponent();
        if (exponent == 1.0) return unit;
        _factors++;
        return Times(Unit.One, unit, exponent);
    }

    private double Exponent()
    {
        if (_at >= text.Length) return 1.0;
        if (Superscripts.Contains(text[_at], StringComparison.Ordinal) || text[_at] == '⁻')
        {
            var sign = 1;
            if (text[_at] == '⁻') (sign, _at) = (-1, _at + 1);
            var number = 0;
            for (; _at < text.Length && Superscripts.IndexOf(text[_at], StringComparison.Ordinal) is >= 0 and var digit; _at++)
                number = (10 * number) + digit;
            return sign * number;
        }
        var start = _at;
        if (text[_at] == '^') _at++;
        else if (!char.IsAsciiDigit(text[_at])) return 1.0;
        var from = _at;
        if (_at < text.Length && text[_at] is '-' or '+') _at++;
        while (_at < text.Length && (char.IsAsciiDigit(text[_at]) || text[_at] == '.')) _at++;
        return double.TryParse(text.AsSpan(from, _at - from), CultureInfo.InvariantCulture, out var exponent)
            ? exponent
            : throw Error(start, "an exponent is a number, as in m^3 or s^-1");
    }

    private Unit Named(string name, int at)
    {
        if (Plain.TryGetValue(name, out var unit) || Prefixed.TryGetValue(name, out unit)) return unit;
        if (name.Length > 1 && Prefixes.TryGetValue(name[..1], out var prefix) && Prefixed.TryGetValue(name[1..], out unit))
            return unit with { Factor = prefix * unit.Factor };
        throw Error(at, $"'{name}' is no unit; there are {string.Join(", ", Prefixed.Keys.Order(StringComparer.Ordinal))} with SI prefixes, "
            + $"and {string.Join(", ", Plain.Keys.Order(StringComparer.Ordinal))}");
    }

    private bool SkipSpace()
    {
        var start = _at;
        while (_at < text.Length && char.IsWhiteSpace(text[_at])) _at++;
        return _at > start;
    }

    private UnitException Error(int at, string problem) => new($"unit '{text}', column {at + 1}: {problem}");

    private static Unit Times(Unit a, Unit b, double exponent) => new("", a.Dimension * b.Dimension.Power(exponent), Scale(a.Factor, b.Factor, exponent));

    private static double Scale(double factor, double by, double exponent)
    {
        // 1/60 and 60^-1 must be the same number.
        var power = UnitSystem.Power(by, Math.Abs(exponent));
        return exponent < 0.0 ? factor / power : factor * power;
    }

    private static Dictionary<string, Unit> MakePrefixed()
    {
        Dimension mass = new(1, 0, 0, 0, 0), length = new(0, 1, 0, 0, 0), time = new(0, 0, 1, 0, 0), amount = new(0, 0, 0, 0, 1);
        Dimension energy = new(1, 2, -2, 0, 0), current = new(0, 0, 0, 0, 0, 1);
        return new Dictionary<string, Unit>
        {
            ["m"] = new("", length, 1.0),
            ["g"] = new("", mass, 1e-3),
            ["s"] = new("", time, 1.0),
            ["mol"] = new("", amount, 1.0),
            ["K"] = new("", new(0, 0, 0, 1, 0), 1.0),
            ["J"] = new("", energy, 1.0),
            ["W"] = new("", energy / time, 1.0),
            ["N"] = new("", energy / length, 1.0),
            ["Pa"] = new("", energy / length.Power(3), 1.0),
            ["bar"] = new("", energy / length.Power(3), 1e5),
            ["L"] = new("", length.Power(3), 1e-3),
            ["l"] = new("", length.Power(3), 1e-3),
            ["M"] = new("", amount / length.Power(3), 1e3),
            ["cal"] = new("", energy, 4.184),
            ["Hz"] = new("", time.Power(-1), 1.0),
            ["A"] = new("", current, 1.0),
            ["C"] = new("", current * time, 1.0),
            ["V"] = new("", energy / (current * time), 1.0),
            ["kat"] = new("", amount / time, 1.0),
            ["t"] = new("", mass, 1e3),
            ["Wh"] = new("", energy, 3600.0),
        };
    }

    private static Dictionary<string, Unit> MakePlain()
    {
        Dimension time = new(0, 0, 1, 0, 0), kelvin = new(0, 0, 0, 1, 0), pressure = new(1, -1, -2, 0, 0);
        return new Dictionary<string, Unit>
        {
            ["min"] = new("", time, 60.0),
            ["h"] = new("", time, 3600.0),
            ["hr"] = new("", time, 3600.0),
            ["d"] = new("", time, 86400.0),
            ["day"] = new("", time, 86400.0),
            ["degC"] = new("", kelvin, 1.0, 273.15),
            ["°C"] = new("", kelvin, 1.0, 273.15),
            ["atm"] = new("", pressure, 101325.0),
            ["Torr"] = new("", pressure, 101325.0 / 760.0),
            ["%"] = new("", Dimension.None, 0.01),
            ["psi"] = new("", pressure, 6894.757293168361),
            ["ppm"] = new("", Dimension.None, 1e-6),
            ["rpm"] = new("", time.Power(-1), 1.0 / 60.0),
            ["U"] = new("", new Dimension(0, 0, -1, 0, 1), 1e-6 / 60.0),
            ["lb"] = new("", new Dimension(1, 0, 0, 0, 0), 0.45359237),
            ["ft"] = new("", new Dimension(0, 1, 0, 0, 0), 0.3048),
            ["BTU"] = new("", new Dimension(1, 2, -2, 0, 0), 1055.05585262),
        };
    }
}
