using System.Runtime.Intrinsics;
using Athanor.Compute.Kinetics;

namespace Athanor.Compute.Reactors.Flowsheets;

/// <summary>A value and its derivatives in eight directions (forward mode; R. Wengert, Communications of the ACM 7, 1964).</summary>
internal readonly struct Dual(double value, Vector512<double> slope) : IReal<Dual>
{
    public readonly Vector512<double> Slopes = slope;
    public readonly double Value = value;

    public static Dual Of(double value) => new(value, Vector512<double>.Zero);

    /// <summary>A variable that is itself direction number <paramref name="lane"/>.</summary>
    public static Dual Seed(double value, int lane) => new(value, Vector512<double>.Zero.WithElement(lane, 1.0));

    public static Dual operator +(Dual a, Dual b) => new(a.Value + b.Value, a.Slopes + b.Slopes);

    public static Dual operator -(Dual a, Dual b) => new(a.Value - b.Value, a.Slopes - b.Slopes);

    public static Dual operator *(Dual a, Dual b) => new(a.Value * b.Value, (a.Slopes * b.Value) + (b.Slopes * a.Value));

    public static Dual operator /(Dual a, Dual b)
    {
        var quotient = a.Value / b.Value;
        return new(quotient, (a.Slopes - (b.Slopes * quotient)) / b.Value);
    }

    public static Dual operator -(Dual a) => new(-a.Value, -a.Slopes);

    public static Dual Choose(Dual x, double limit, Dual below, Dual above) => x.Value < limit ? below : above;

    public static Dual Sqrt(Dual x)
    {
        var root = Math.Sqrt(x.Value);
        return new(root, x.Slopes / (2.0 * root));
    }

    public static Dual Slope(Dual a, Dual b)
    {
        var product = a.Value * b.Value;
        if (!(product > 0.0)) return default;
        var sum = a.Value + b.Value;
        // Shares, not squares: those of differences of 1e-170 would underflow.
        double shareA = a.Value / sum, shareB = b.Value / sum;
        return new(2.0 * product / sum, (a.Slopes * (2.0 * shareB * shareB)) + (b.Slopes * (2.0 * shareA * shareA)));
    }

    public static void Rates<TRates>(
        in TRates rates, Dual temperature, ReadOnlySpan<Dual> concentrations, ReadOnlySpan<Dual> parameters, Span<Dual> result)
        where TRates : struct, IRateSet<TRates>
    {
        int n = concentrations.Length, m = result.Length;
        var pattern = rates.Pattern;
        Span<double> c = stackalloc double[n], r = stackalloc double[m], byT = stackalloc double[m], byC = stackalloc double[pattern.Count];
        for (var i = 0; i < n; i++) c[i] = concentrations[i].Value;
        rates.Rates(temperature.Value, c, r);
        rates.ConcentrationDerivatives(temperature.Value, c, byC);
        rates.TemperatureDerivatives(temperature.Value, c, byT);
        for (var j = 0; j < m; j++)
        {
            var slope = temperature.Slopes * byT[j];
            for (var k = pattern.RowStarts[j]; k < pattern.RowStarts[j + 1]; k++) slope += concentrations[pattern.Columns[k]].Slopes * byC[k];
            result[j] = new Dual(r[j], slope);
        }
        if (!Moved(parameters)) return;
        Span<double> byP = stackalloc double[parameters.Length * m];
        rates.ParameterDerivatives(temperature.Value, c, byP);
        for (var k = 0; k < parameters.Length; k++)
        {
            for (var j = 0; j < m; j++)
                result[j] = new Dual(result[j].Value, result[j].Slopes + (parameters[k].Slopes * byP[(k * m) + j]));
        }
    }

    private static bool Moved(ReadOnlySpan<Dual> parameters)
    {
        foreach (var p in parameters)
        {
            if (p.Slopes != Vector512<double>.Zero) return true;
        }
        return false;
    }
}

/// <summary>The set of states that a value may depend on, as the number of a set kept by the thread that traces.</summary>
internal readonly struct Traced : IReal<Traced>
{
    [ThreadStatic]
    private static List<HashSet<int>>? _sets;

    private readonly int _set;

    private Traced(int set) => _set = set;

    /// <summary>The states.</summary>
    public IReadOnlySet<int> Set => _sets![_set];

    /// <summary>Begins a trace: set 0 is empty.</summary>
    public static void Begin() => _sets = [[]];

    public static Traced State(int index) => Add([index]);

    public static Traced Of(double value) => default;

    public static Traced operator +(Traced a, Traced b) => Union(a, b);

    public static Traced operator -(Traced a, Traced b) => Union(a, b);

    public static Traced operator *(Traced a, Traced b) => Union(a, b);

    public static Traced operator /(Traced a, Traced b) => Union(a, b);

    public static Traced operator -(Traced a) => a;

    public static Traced Choose(Traced x, double limit, Traced below, Traced above) => Union(Union(x, below), above);

    public static Traced Sqrt(Traced x) => x;

    public static Traced Slope(Traced a, Traced b) => Union(a, b);

    public static void Rates<TRates>(
        in TRates rates, Traced temperature, ReadOnlySpan<Traced> concentrations, ReadOnlySpan<Traced> parameters, Span<Traced> result)
        where TRates : struct, IRateSet<TRates>
    {
        var pattern = rates.Pattern;
        for (var j = 0; j < result.Length; j++)
        {
            var all = new HashSet<int>(temperature.Set);
            for (var k = pattern.RowStarts[j]; k < pattern.RowStarts[j + 1]; k++) all.UnionWith(concentrations[pattern.Columns[k]].Set);
            result[j] = Add(all);
        }
    }

    private static Traced Union(Traced a, Traced b)
    {
        if (a._set == b._set || b._set == 0) return a;
        if (a._set == 0) return b;
        var all = new HashSet<int>(a.Set);
        all.UnionWith(b.Set);
        return all.Count == a.Set.Count ? a : all.Count == b.Set.Count ? b : Add(all);
    }

    private static Traced Add(HashSet<int> set)
    {
        _sets!.Add(set);
        return new Traced(_sets.Count - 1);
    }
}
