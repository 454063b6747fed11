using System.Collections.Immutable;
using Athanor.Compute.Linear;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Fitting;

/// <summary>An estimate with its interval.</summary>
/// <param name="Error">Standard error; infinite if the data do not determine the parameter, 0 if it is fixed, NaN on a bound, where no
/// two-sided error exists.</param>
/// <param name="Low">Lower end of the interval. Of a parameter on its upper bound: the one-sided limit.</param>
/// <param name="High">Upper end of the interval. Of a parameter on its lower bound: the one-sided limit.</param>
/// <param name="Bound">-1 on its lower bound, +1 on its upper, 0 between or fixed.</param>
public sealed record ParameterEstimate(
    string Name, string Unit, double Value, double Error, double Low, double High, int Bound, bool Fixed)
{
    public bool IsDetermined => double.IsFinite(Low) && double.IsFinite(High);
}

/// <summary>Something about a fit that its reader must know.</summary>
/// <param name="Kind"><c>singular</c>, <c>sloppy</c>, <c>correlated</c>, <c>bound</c> or <c>end</c>.</param>
/// <param name="Message">Names the parameters.</param>
public sealed record FitWarning(string Kind, string Message);

/// <summary>
/// What a fit says about its parameters: standard errors, intervals, warnings.
///
/// What the errors rest on. They are those of the linear approximation at the optimum: covariance = inverse Fisher information (Seber and
/// Wild, Nonlinear Regression, 1989, 5.1). Under <see cref="FitNoise.Relative"/> the residuals over their weights are taken as
/// independent and normal with one common variance, estimated as s² = weighted sum of squares / (measurements - free parameters), and
/// quantiles are Student's t. Under <see cref="FitNoise.Absolute"/> the deviations given or estimated are taken at their word, and
/// quantiles are normal. On a logarithmic scale the interval is symmetric in the logarithm. A parameter on a bound has no two-sided
/// interval: its limit is where the quadratic model, minimised over the others, has lost as much as a one-sided test of the level allows.
/// Profiles (<see cref="ProfileLikelihood"/>) need no linear approximation.
/// </summary>
public sealed class FitAnalysis
{
    /// <summary>A direction whose information is below this fraction of the largest is not determined at all.</summary>
    private const double Singular = 1e-12;

    /// <summary>A direction with a larger standard deviation, in relative change of the parameters, is sloppy.</summary>
    private const double Sloppy = 1.0;

    private const double Correlated = 0.99;

    private readonly FitProblem _problem;
    private readonly FitOutcome _fit;
    private readonly List<FitWarning> _warnings = [];
    private readonly double[] _gradient;
    private readonly double[] _information;
    private readonly double[] _relative;

    /// <param name="level">Of the intervals, e.g. 0.95.</param>
    /// <exception cref="FitException">The problem has no value there.</exception>
    public FitAnalysis(FitProblem problem, FitOutcome fit, double level = 0.95)
    {
        if (!(level is > 0.5 and < 1.0)) throw new FitException(FormattableString.Invariant($"the level {level:R} must be above 0.5 and below 1"));
        _problem = problem;
        _fit = fit;
        Level = level;
        var n = problem.Estimated.Length;
        _gradient = new double[n];
        _information = new double[n * n];
        if (!problem.Evaluate(fit.Theta, out var value, _gradient, _information)) throw new FitException(problem.Failure);
        Value = value;
        Free = [.. Enumerable.Range(0, n).Where(k => fit.AtBound[problem.Estimated[k]] == 0)];
        Freedom = problem.Measurements - Free.Length;
        Variance = problem.Noise == FitNoise.Absolute ? 1.0 : 2.0 * value / Math.Max(Freedom, 1);
        _relative = [.. Enumerable.Range(0, n).Select(Relative)];
        Covariance = new double[n * n];
        Determine();
        Estimates = [.. Enumerable.Range(0, problem.Parameters.Length).Select(Estimate)];
        Correlations();
        if (fit.End is FitEnd.Iterations or FitEnd.Stalled)
            _warnings.Add(new FitWarning("end", $"the search ended without converging ({fit.End}, {fit.Iterations} iterations)"));
    }

    /// <summary>Half the weighted sum of squares, or the negative log-likelihood.</summary>
    public double Value { get; }

    public double Level { get; }

    /// <summary>Positions among <see cref="FitProblem.Estimated"/> of the parameters that are on no bound.</summary>
    public ImmutableArray<int> Free { get; }

    public int Freedom { get; }

    /// <summary>The common variance s²; 1 where deviations are taken at their word.</summary>
    public double Variance { get; }

    /// <summary>Covariance of the search coordinates, shape (estimated, estimated); zero rows for those on a bound, infinite diagonal for
    /// those not determined.</summary>
    public double[] Covariance { get; }

    /// <summary>Eigenvalues of the information about relative changes of the free parameters, ascending.</summary>
    public double[] Spectrum { get; private set; } = [];

    public ImmutableArray<ParameterEstimate> Estimates { get; }

    public IReadOnlyList<FitWarning> Warnings => _warnings;

    /// <summary>Two-sided quantile of the level.</summary>
    internal double Quantile => Of(0.5 + (0.5 * Level));

    /// <summary>One-sided quantile of the level, for parameters on a bound.</summary>
    internal double OneSided => Of(Level);

    private double Of(double p) =>
        _problem.Noise == FitNoise.Absolute ? NormalDistribution.Quantile(p) : StudentT.Quantile(p, Math.Max(Freedom, 1));

    private FitParameter Parameter(int k) => _problem.Parameters[_problem.Estimated[k]];

    /// <summary>Change of the search coordinate for a relative change of 1 of the parameter.</summary>
    private double Relative(int k)
    {
        var v = _fit.Theta[_problem.Estimated[k]];
        return Parameter(k).IsLogarithmic || v == 0 ? 1.0 : Math.Abs(v) / Parameter(k).Size;
    }

    private void Determine()
    {
        int n = _problem.Estimated.Length, f = Free.Length;
        if (f == 0) return;
        var matrix = new double[f * f];
        for (var a = 0; a < f; a++)
        {
            for (var b = 0; b < f; b++)
            {
                matrix[(a * f) + b] =
                    _relative[Free[a]] * _information[(Free[a] * n) + Free[b]] * _relative[Free[b]] / Math.Max(Variance, 1e-300);
            }
        }
        var (values, vectors) = SymmetricEigen.Solve(matrix, f);
        Spectrum = values;
        var largest = values[^1];
        var undetermined = new bool[f];
        for (var d = 0; d < f; d++)
        {
            var vector = vectors.AsSpan(d * f, f);
            if (!(values[d] > Singular * largest))
            {
                for (var a = 0; a < f; a++) undetermined[a] |= Math.Abs(vector[a]) > 0.01;
                _warnings.Add(new FitWarning(
                    "singular", $"the data do not determine {Direction(vector)}: along it nothing measured changes"));
                continue;
            }
            var deviation = 1.0 / Math.Sqrt(values[d]);
            if (deviation > Sloppy)
            {
                _warnings.Add(new FitWarning(
                    "sloppy",
                    FormattableString.Invariant($"the data determine {Direction(vector)} poorly: its standard deviation is {deviation:G3} ")
                    + "in relative change"));
            }
            for (var a = 0; a < f; a++)
            {
                for (var b = 0; b < f; b++)
                {
                    Covariance[(Free[a] * n) + Free[b]] +=
                        _relative[Free[a]] * vector[a] * vector[b] * _relative[Free[b]] / values[d];
                }
            }
        }
        for (var a = 0; a < f; a++)
        {
            if (undetermined[a]) Covariance[(Free[a] * n) + Free[a]] = double.PositiveInfinity;
        }
    }

    private string Direction(ReadOnlySpan<double> vector)
    {
        var parts = new List<(double Weight, string Name)>();
        for (var a = 0; a < vector.Length; a++)
        {
            if (Math.Abs(vector[a]) >= 0.1) parts.Add((vector[a], $"ln {Parameter(Free[a]).Name}"));
        }
        parts.Sort((x, y) => Math.Abs(y.Weight).CompareTo(Math.Abs(x.Weight)));
        if (parts.Count == 1) return $"'{parts[0].Name[3..]}'";
        var sign = Math.Sign(parts[0].Weight);
        var text = string.Join(" ", parts.Select((p, i) => FormattableString.Invariant(
            $"{(sign * p.Weight < 0 ? "- " : i > 0 ? "+ " : "")}{Math.Abs(p.Weight):0.00} {p.Name}")));
        return $"the direction {text}";
    }

    private ParameterEstimate Estimate(int index)
    {
        var p = _problem.Parameters[index];
        var v = _fit.Theta[index];
        var k = _problem.Estimated.IndexOf(index);
        if (k < 0) return new ParameterEstimate(p.Name, p.Unit, v, 0.0, v, v, 0, true);
        var bound = _fit.AtBound[index];
        var n = _problem.Estimated.Length;
        var x = p.ToSearch(v);
        if (bound != 0)
        {
            var limit = Math.Clamp(p.FromSearch(x - (bound * OneSidedReach(k))), p.Lower, p.Upper);
            _warnings.Add(new FitWarning("bound", FormattableString.Invariant(
                $"'{p.Name}' lies on its {(bound < 0 ? "lower" : "upper")} bound {v:G6}: {100 * Level:G3} % one-sided, ")
                + (limit == (bound < 0 ? p.Upper : p.Lower) ? "the data set no limit before its other bound"
                    : FormattableString.Invariant($"it is {(bound < 0 ? "at most" : "at least")} {limit:G4}"))));
            return new ParameterEstimate(
                p.Name, p.Unit, v, double.NaN, bound < 0 ? v : limit, bound < 0 ? limit : v, bound, false);
        }
        var error = Math.Sqrt(Covariance[(k * n) + k]);
        if (!double.IsFinite(error))
        {
            return new ParameterEstimate(
                p.Name, p.Unit, v, double.PositiveInfinity, double.NegativeInfinity, double.PositiveInfinity, 0, false);
        }
        double low = p.FromSearch(x - (Quantile * error)), high = p.FromSearch(x + (Quantile * error));
        return new ParameterEstimate(p.Name, p.Unit, v, error * p.Slope(v), low, high, 0, false);
    }

    /// <summary>How far from its bound coordinate k may go: g d + ½ h d² = ½ q² s², with h its curvature after minimising over the free
    /// others.</summary>
    private double OneSidedReach(int k)
    {
        int n = _problem.Estimated.Length, f = Free.Length;
        var h = _information[(k * n) + k];
        double[] matrix = new double[f * f], column = new double[f];
        for (var a = 0; a < f; a++)
        {
            column[a] = _information[(Free[a] * n) + k];
            for (var b = 0; b < f; b++) matrix[(a * f) + b] = _information[(Free[a] * n) + Free[b]];
            matrix[(a * f) + a] *= 1.0 + 1e-12;
        }
        if (f > 0 && SmallCholesky.Factor(matrix, f))
        {
            var solved = column.ToArray();
            SmallCholesky.Solve(matrix, f, solved);
            for (var a = 0; a < f; a++) h -= column[a] * solved[a];
        }
        var g = Math.Abs(_gradient[k]);
        var allowed = OneSided * OneSided * Variance;
        h = Math.Max(h, 0.0);
        // The stable root of h d² + 2 g d = allowed.
        return allowed / (g + Math.Sqrt((g * g) + (h * allowed)));
    }

    private void Correlations()
    {
        var n = _problem.Estimated.Length;
        foreach (var a in Free)
        {
            foreach (var b in Free)
            {
                if (b <= a) continue;
                var both = Covariance[(a * n) + a] * Covariance[(b * n) + b];
                if (!double.IsFinite(both) || !(both > 0)) continue;
                var correlation = Covariance[(a * n) + b] / Math.Sqrt(both);
                if (Math.Abs(correlation) < Correlated) continue;
                _warnings.Add(new FitWarning("correlated", FormattableString.Invariant(
                    $"'{Parameter(a).Name}' and '{Parameter(b).Name}' are correlated by {correlation:0.000}: only a combination is known")));
            }
        }
    }
}
