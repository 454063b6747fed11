using Athanor.Compute.Kinetics;
using Athanor.Compute.Numerics;
using Athanor.Compute.Ode;

namespace Athanor.Compute.Fitting;

/// <summary>Measured amounts over time, row-major (times, species); the first row is the start and no measurement.</summary>
public sealed record KineticTable(double[] Times, double[] Amounts, int Species)
{
    /// <summary>Rows that count as measurements.</summary>
    public int Measured => Times.Length - 1;

    public ReadOnlySpan<double> Row(int i) => Amounts.AsSpan(i * Species, Species);

    /// <summary>What is wrong with a table, and what would be right; null if nothing is.</summary>
    public static string? Problem(double[] times, double[] amounts, int species)
    {
        if (times.Length < 2) return $"the data have {times.Length} times; a start and at least one measurement are needed";
        if (amounts.Length != times.Length * species)
            return $"the data hold {amounts.Length} amounts, not {times.Length} times x {species} species = {times.Length * species}";
        for (var i = 0; i < times.Length; i++)
        {
            if (!double.IsFinite(times[i]) || (i > 0 && !(times[i] > times[i - 1])))
                return FormattableString.Invariant($"time {i} of the data is {times[i]:R}; times must be finite and rise strictly");
        }
        for (var i = 0; i < amounts.Length; i++)
        {
            if (!double.IsFinite(amounts[i]))
            {
                return FormattableString.Invariant(
                    $"amount {i % species} at time {i / species} of the data is {amounts[i]:R}; it must be finite");
            }
        }
        return null;
    }
}

/// <summary>
/// Residuals of a first-order network against measured amounts, as functions of the logarithms of its rate constants, with exact forward
/// sensitivities. Times are stepped onto, not interpolated, so that residuals and derivatives have the solver's own accuracy.
/// </summary>
public readonly struct KineticProblem : ILeastSquares
{
    private readonly FirstOrderNetwork _network;
    private readonly double[] _rates;
    private readonly KineticTable _table;
    private readonly double[] _combinations;
    private readonly OdeOptions _options;
    private readonly double[] _solution;

    /// <param name="rates">The array that <paramref name="network"/> was made with.</param>
    /// <param name="combinations">Linear combinations of the responses whose residuals count, shape (q, species) row-major.</param>
    public KineticProblem(FirstOrderNetwork network, double[] rates, KineticTable table, double[] combinations, in OdeOptions options)
    {
        if (combinations.Length % table.Species != 0 || network.Dimension != table.Species)
        {
            throw new ArgumentException(
                $"combinations of {combinations.Length} numbers and data of {table.Species} species do not fit a network of "
                + $"{network.Dimension} species");
        }
        _network = network;
        _rates = rates;
        _table = table;
        _combinations = combinations;
        _options = options with { HitOutputTimes = true };
        _solution = new double[table.Measured * table.Species * (1 + rates.Length)];
    }

    public int Parameters => _rates.Length;

    public int Residuals => _table.Measured * (_combinations.Length / _table.Species);

    /// <summary>All responses by themselves.</summary>
    public static double[] Identity(int species)
    {
        var identity = new double[species * species];
        for (var i = 0; i < species; i++) identity[(i * species) + i] = 1.0;
        return identity;
    }

    public bool Evaluate(ReadOnlySpan<double> x, Span<double> residuals, Span<double> jacobian)
    {
        int n = _table.Species, p = Parameters, q = _combinations.Length / n;
        for (var k = 0; k < p; k++) _rates[k] = DetMath.Exp(x[k]);
        try
        {
            SensitivitySolver.Explicit(
                _network, logarithmic: true, _table.Times[0], _table.Row(0), [], _table.Times.AsSpan(1), _solution, _options);
        }
        catch (OdeException)
        {
            return false;
        }
        for (var row = 0; row < _table.Measured; row++)
        {
            var z = _solution.AsSpan(row * n * (1 + p), n * (1 + p));
            var measured = _table.Row(row + 1);
            for (var c = 0; c < q; c++)
            {
                var weights = _combinations.AsSpan(c * n, n);
                var residual = 0.0;
                for (var i = 0; i < n; i++) residual += weights[i] * (z[i] - measured[i]);
                residuals[(row * q) + c] = residual;
                var derivatives = jacobian.Slice(((row * q) + c) * p, p);
                for (var k = 0; k < p; k++)
                {
                    var sum = 0.0;
                    for (var i = 0; i < n; i++) sum += weights[i] * z[((1 + k) * n) + i];
                    derivatives[k] = sum;
                }
            }
        }
        return true;
    }
}
