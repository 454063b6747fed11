using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Athanor.Compute.Kinetics;
using Athanor.Compute.Linear;
using Athanor.Compute.Ode;

namespace Athanor.Compute.Reactors.Flowsheets;

/// <summary>Where the Jacobian of a flowsheet can differ from zero, and columns that one pass of dual numbers serves together: no two of a
/// group meet in a row (A. Curtis, M. Powell, J. Reid, Journal of the Institute of Mathematics and its Applications 13, 1974).</summary>
internal sealed class Sparsity
{
    private Sparsity(SparsePattern pattern, int[] groups)
    {
        Pattern = pattern;
        Groups = groups;
        Count = groups.Length == 0 ? 0 : groups.Max() + 1;
    }

    public SparsePattern Pattern { get; }

    /// <summary>Group of each column.</summary>
    public int[] Groups { get; }

    public int Count { get; }

    public static Sparsity Of<TRates>(Plant plant, Stretch stretch, in TRates rates)
        where TRates : struct, IRateSet<TRates>
    {
        Traced.Begin();
        var n = plant.States.Count;
        var y = new Traced[n];
        var dy = new Traced[n];
        for (var i = 0; i < n; i++) y[i] = Traced.State(i);
        Balances.Write(plant, stretch, rates, default, y, new Traced[plant.Parameters.Count], dy);
        var pattern = SparsePattern.From(n, Enumerable.Range(0, n).SelectMany(i => dy[i].Set.Append(i).Select(j => (i, j))));
        return new Sparsity(pattern, Colour(pattern));
    }

    private static int[] Colour(SparsePattern pattern)
    {
        var n = pattern.Size;
        var rowsOf = new List<int>[n];
        for (var j = 0; j < n; j++) rowsOf[j] = [];
        foreach (var (row, column) in pattern.Entries()) rowsOf[column].Add(row);
        var groups = new int[n];
        Array.Fill(groups, -1);
        for (var j = 0; j < n; j++)
        {
            var taken = new HashSet<int>();
            foreach (var row in rowsOf[j])
            {
                for (var k = pattern.RowStarts[row]; k < pattern.RowStarts[row + 1]; k++) taken.Add(groups[pattern.Columns[k]]);
            }
            var group = 0;
            while (taken.Contains(group)) group++;
            groups[j] = group;
        }
        return groups;
    }
}

/// <summary>A flowsheet on one stretch of time as a model of the solvers.</summary>
internal readonly struct FlowsheetModel<TRates> : IOdeModel<FlowsheetModel<TRates>>, ISparseOdeModel
    where TRates : struct, IRateSet<TRates>
{
    [ThreadStatic]
    private static Dual[]? _scratch;

    private readonly Plant _plant;
    private readonly Stretch _stretch;
    private readonly Sparsity _sparsity;
    private readonly TRates _rates;
    private readonly double[] _parameters;

    public FlowsheetModel(Plant plant, Stretch stretch, Sparsity sparsity, in TRates rates, double[] parameters)
    {
        _plant = plant;
        _stretch = stretch;
        _sparsity = sparsity;
        _parameters = parameters;
        _rates = rates.With(parameters.AsSpan(0, plant.KineticParameters));
    }

    public int Dimension => _plant.States.Count;

    public bool IsAutonomous => _stretch.IsConstant;

    public int ParameterCount => _parameters.Length;

    public SparsePattern Pattern => _sparsity.Pattern;

    public double Parameter(int index) => _parameters[index];

    public FlowsheetModel<TRates> With(ReadOnlySpan<double> parameters) => new(_plant, _stretch, _sparsity, _rates, parameters.ToArray());

    public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy) => Balances.Write(
        _plant, _stretch, _rates, new Scalar(t), MemoryMarshal.Cast<double, Scalar>(y),
        MemoryMarshal.Cast<double, Scalar>(_parameters), MemoryMarshal.Cast<double, Scalar>(dy));

    public void RhsLanes(
        Vector512<double> t, ReadOnlySpan<Vector512<double>> y, ReadOnlySpan<Vector512<double>> parameters, Span<Vector512<double>> dy) =>
        Balances.Write(
            _plant, _stretch, _rates, new Lanes(t), MemoryMarshal.Cast<Vector512<double>, Lanes>(y),
            MemoryMarshal.Cast<Vector512<double>, Lanes>(parameters), MemoryMarshal.Cast<Vector512<double>, Lanes>(dy));

    public void Jacobian(double t, ReadOnlySpan<double> y, Span<double> jacobian)
    {
        jacobian.Clear();
        Passes(t, y, jacobian, static (pattern, k, row) => (row * pattern.Size) + pattern.Columns[k]);
    }

    public void JacobianValues(double t, ReadOnlySpan<double> y, Span<double> values) => Passes(t, y, values, static (_, k, _) => k);

    public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative)
    {
        var (states, parameters, slopes) = Scratch();
        Fill(y, states);
        Fill(_parameters, parameters);
        Balances.Write(_plant, _stretch, _rates, Dual.Seed(t, 0), states, parameters, slopes);
        for (var i = 0; i < derivative.Length; i++) derivative[i] = slopes[i].Slopes[0];
    }

    public void ParameterDerivatives(double t, ReadOnlySpan<double> y, Span<double> derivatives)
    {
        var n = Dimension;
        var (states, parameters, slopes) = Scratch();
        Fill(y, states);
        for (var first = 0; first < _parameters.Length; first += 8)
        {
            var count = Math.Min(8, _parameters.Length - first);
            Fill(_parameters, parameters);
            for (var lane = 0; lane < count; lane++) parameters[first + lane] = Dual.Seed(_parameters[first + lane], lane);
            Balances.Write(_plant, _stretch, _rates, Dual.Of(t), states, parameters, slopes);
            for (var lane = 0; lane < count; lane++)
            {
                for (var i = 0; i < n; i++) derivatives[((first + lane) * n) + i] = slopes[i].Slopes[lane];
            }
        }
    }

    private void Passes(double t, ReadOnlySpan<double> y, Span<double> values, Func<SparsePattern, int, int, int> place)
    {
        var n = Dimension;
        var pattern = _sparsity.Pattern;
        var (states, parameters, slopes) = Scratch();
        Fill(_parameters, parameters);
        for (var first = 0; first < _sparsity.Count; first += 8)
        {
            for (var j = 0; j < n; j++)
            {
                var lane = _sparsity.Groups[j] - first;
                states[j] = lane is >= 0 and < 8 ? Dual.Seed(y[j], lane) : Dual.Of(y[j]);
            }
            Balances.Write(_plant, _stretch, _rates, Dual.Of(t), states, parameters, slopes);
            for (var i = 0; i < n; i++)
            {
                for (var k = pattern.RowStarts[i]; k < pattern.RowStarts[i + 1]; k++)
                {
                    var lane = _sparsity.Groups[pattern.Columns[k]] - first;
                    if (lane is >= 0 and < 8) values[place(pattern, k, i)] = slopes[i].Slopes[lane];
                }
            }
        }
    }

    private Buffers Scratch()
    {
        int n = Dimension, m = _parameters.Length;
        if (_scratch is null || _scratch.Length < (2 * n) + m) _scratch = new Dual[(2 * n) + m];
        return new Buffers(_scratch.AsSpan(0, n), _scratch.AsSpan(n, m), _scratch.AsSpan(n + m, n));
    }

    private static void Fill(ReadOnlySpan<double> values, Span<Dual> duals)
    {
        for (var i = 0; i < values.Length; i++) duals[i] = Dual.Of(values[i]);
    }

    private readonly ref struct Buffers(Span<Dual> states, Span<Dual> parameters, Span<Dual> slopes)
    {
        private readonly Span<Dual> _states = states, _parameters = parameters, _slopes = slopes;

        public void Deconstruct(out Span<Dual> states, out Span<Dual> parameters, out Span<Dual> slopes)
        {
            states = _states;
            parameters = _parameters;
            slopes = _slopes;
        }
    }
}
