namespace Athanor.Compute.Neural.Models;

/// <summary>
/// What no rate law can change: combinations w·x of the states of a reactor in which every reaction cancels, and how the flows change them.
/// Mass: w·c with S w = 0. Energy: T + h·c (+ Tk / ratio) with S h = -a, a the reactions' rises in temperature.
/// </summary>
internal sealed class ReactorBalances
{
    private readonly ReactorLayout _layout;
    private readonly double[][] _mass;
    private readonly double[]? _enthalpy;
    private readonly double _exchange;

    /// <param name="rises">By reaction, a; empty: the energy is not looked at.</param>
    /// <param name="exchange">κ, 1/time.</param>
    public ReactorBalances(ReactorLayout layout, ReadOnlySpan<double> rises, double exchange)
    {
        _layout = layout;
        _exchange = exchange;
        int n = layout.Species.Length, rows = layout.Reactions;
        // Reduced row echelon form of [S | -a].
        var a = new double[rows, n + 1];
        for (var j = 0; j < rows; j++)
        {
            for (var i = 0; i < n; i++) a[j, i] = layout.Matrix[(j * n) + i];
            a[j, n] = rises.Length == 0 ? 0.0 : -rises[j];
        }
        var pivots = new List<int>();
        for (var column = 0; column < n && pivots.Count < rows; column++)
        {
            var at = pivots.Count;
            var best = at;
            for (var j = at; j < rows; j++) best = Math.Abs(a[j, column]) > Math.Abs(a[best, column]) ? j : best;
            if (Math.Abs(a[best, column]) < 1e-12) continue;
            for (var i = 0; i <= n; i++) (a[at, i], a[best, i]) = (a[best, i], a[at, i]);
            var pivot = a[at, column];
            for (var i = 0; i <= n; i++) a[at, i] /= pivot;
            for (var j = 0; j < rows; j++)
            {
                var factor = j == at ? 0.0 : a[j, column];
                for (var i = 0; i <= n && factor != 0.0; i++) a[j, i] -= factor * a[at, i];
            }
            pivots.Add(column);
        }
        _mass = [.. Enumerable.Range(0, n).Except(pivots).Select(free =>
        {
            var w = new double[n];
            w[free] = 1.0;
            for (var j = 0; j < pivots.Count; j++) w[pivots[j]] = -a[j, free];
            return w;
        })];
        // Dependent reactions have a heat of their own only if their heats fit; else there is no such function of state.
        if (layout.Temperature < 0 || rises.Length == 0 || pivots.Count < rows) return;
        _enthalpy = new double[n];
        for (var j = 0; j < rows; j++) _enthalpy[pivots[j]] = a[j, n];
    }

    /// <summary>Mass balances first, then the energy balance if there is one.</summary>
    public int Count => _mass.Length + (_enthalpy is null ? 0 : 1);

    public int MassCount => _mass.Length;

    public double Value(int index, ReadOnlySpan<double> x)
    {
        var weights = index < _mass.Length ? _mass[index] : _enthalpy!;
        var sum = 0.0;
        for (var i = 0; i < weights.Length; i++) sum += weights[i] * x[_layout.Species[i]];
        if (index < _mass.Length) return sum;
        sum += x[_layout.Temperature];
        return _layout.Jacket >= 0 ? sum + (x[_layout.Jacket] / _layout.CapacityRatio) : sum;
    }

    /// <summary>Slopes of <see cref="Value"/> and of <see cref="Flux"/> by the states; both are linear in them.</summary>
    public (double[] Value, double[] Flux) Slopes(int index, ReadOnlySpan<double> u, int states)
    {
        double[] zero = new double[states], unit = new double[states], value = new double[states], flux = new double[states];
        var rest = Flux(index, zero, u);
        for (var i = 0; i < states; i++)
        {
            unit[i] = 1.0;
            (value[i], flux[i]) = (Value(index, unit), Flux(index, unit, u) - rest);
            unit[i] = 0.0;
        }
        return (value, flux);
    }

    /// <summary>What the flows and the wall change it by, per time.</summary>
    public double Flux(int index, ReadOnlySpan<double> x, ReadOnlySpan<double> u)
    {
        var weights = index < _mass.Length ? _mass[index] : _enthalpy!;
        var dilution = _layout.Dilution.At(u);
        var sum = 0.0;
        for (var i = 0; i < weights.Length; i++) sum += weights[i] * dilution * (_layout.Feed[i].At(u) - x[_layout.Species[i]]);
        if (index < _mass.Length) return sum;
        sum += dilution * (_layout.FeedTemperature.At(u) - x[_layout.Temperature]);
        if (_layout.Jacket >= 0) return sum + (_layout.JacketHeat.At(u) / _layout.CapacityRatio);
        return _layout.Coolant is { } coolant ? sum + (_exchange * (coolant.At(u) - x[_layout.Temperature])) : sum;
    }
}
