using System.Collections.Immutable;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Fitting;

/// <summary>What the deviations of the responses mean.</summary>
public enum FitNoise
{
    /// <summary>Deviations are relative weights; the common variance is estimated from the residuals. The fit makes the weighted sum of
    /// squares small, and its intervals use Student's t.</summary>
    Relative,

    /// <summary>Deviations are standard deviations, given or estimated with the rest. The fit makes the negative log-likelihood small,
    /// and its intervals use the normal distribution.</summary>
    Absolute,
}

/// <summary>
/// Experiments, parameters and the meaning of the noise: everything that determines a fit. Experiments share the parameters that they are
/// bound to. Parameters are given by themselves; searches run in their coordinates (see <see cref="FitParameter"/>).
/// </summary>
public sealed class FitProblem
{
    private const double HalfLogTwoPi = 0.918938533204672741780;
    private const double LogLn10 = 0.834032445247956057;
    private const double LogTwo = 0.693147180559945309;

    /// <summary>Residuals of Laplace laws below this count as this in a search's curvature, which would be infinite at 0.</summary>
    private const double LeastResidual = 1e-4;

    private readonly bool[] _estimated;
    private readonly Prediction[] _predictions;

    /// <exception cref="FitException">Something is wrong with it; the message names the component and what would be right.</exception>
    public FitProblem(
        string name, IEnumerable<FitParameter> parameters, IEnumerable<FitExperiment> experiments, FitNoise noise = FitNoise.Relative)
    {
        Name = name;
        Parameters = [.. parameters];
        Experiments = [.. experiments];
        Noise = noise;
        Estimated = [.. Enumerable.Range(0, Parameters.Length).Where(i => !Parameters[i].Fixed)];
        _estimated = [.. Parameters.Select(p => !p.Fixed)];
        if (Experiments.Length == 0) throw new FitException($"the fit '{name}' has no experiment");
        foreach (var parameter in Parameters)
        {
            if (parameter.Problem() is { } wrong) throw new FitException(wrong);
        }
        if (Parameters.GroupBy(p => p.Name, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw new FitException($"there are {twice.Count()} parameters '{twice.Key}'; each needs its own name");
        foreach (var experiment in Experiments)
        {
            if (experiment.Problem() is { } wrong) throw new FitException(wrong);
            if (noise == FitNoise.Relative && experiment.Responses.FirstOrDefault(r => r.Law != ErrorLaw.Normal) is { } law)
            {
                throw new FitException(
                    $"experiment '{experiment.Name}': the {law.Law.Label()} response '{law.Name}' needs deviations that are given or estimated; "
                    + "a common variance is estimated for normal ones only");
            }
        }
        Measurements = Experiments.Sum(e => e.Measurements.Count);
        if (Estimated.Length == 0) throw new FitException($"the fit '{name}' has no parameter to estimate; all are fixed");
        var priors = Parameters.Count(p => !p.Fixed && p.Prior is not null);
        if (Measurements + priors < Estimated.Length + (noise == FitNoise.Relative ? 1 : 0))
        {
            throw new FitException(
                $"the fit '{name}': {Measurements} measurements cannot determine {Estimated.Length} parameters; more are needed");
        }
        _predictions = [.. Experiments.Select(e => new Prediction(e.Measurements.Count, Parameters.Length))];
    }

    public string Name { get; }

    /// <summary>For tables and pictures; empty where nothing says it.</summary>
    public string TimeUnit { get; init; } = "";

    public ImmutableArray<FitParameter> Parameters { get; }

    public ImmutableArray<FitExperiment> Experiments { get; }

    public FitNoise Noise { get; }

    /// <summary>Indices of the parameters that are not fixed, in order: the search coordinates.</summary>
    public ImmutableArray<int> Estimated { get; }

    /// <summary>Measured numbers in all experiments.</summary>
    public int Measurements { get; }

    /// <summary>Degrees of freedom of the common variance.</summary>
    public int Freedom => Measurements - Estimated.Length;

    /// <summary>Why the last evaluation had no value.</summary>
    public string Failure { get; private set; } = "";

    /// <summary>Predictions of the last evaluation, by experiment.</summary>
    public IReadOnlyList<Prediction> Predictions => _predictions;

    /// <summary>All parameters by themselves at the search coordinates x.</summary>
    public double[] AtCoordinates(ReadOnlySpan<double> x)
    {
        var theta = new double[Parameters.Length];
        for (var i = 0; i < theta.Length; i++) theta[i] = Parameters[i].Value;
        for (var k = 0; k < Estimated.Length; k++)
        {
            var parameter = Parameters[Estimated[k]];
            theta[Estimated[k]] = Math.Clamp(parameter.FromSearch(x[k]), parameter.Lower, parameter.Upper);
        }
        return theta;
    }

    /// <summary>The search coordinates of parameters given by themselves.</summary>
    public double[] Coordinates(ReadOnlySpan<double> theta)
    {
        var x = new double[Estimated.Length];
        for (var k = 0; k < x.Length; k++) x[k] = Parameters[Estimated[k]].ToSearch(theta[Estimated[k]]);
        return x;
    }

    /// <summary>The values of all parameters as given.</summary>
    public double[] Nominal => [.. Parameters.Select(p => p.Value)];

    /// <summary>Evaluates at parameters given by themselves: half the weighted sum of squares (<see cref="FitNoise.Relative"/>) or the
    /// negative log-likelihood with its constants, plus half the squares of the priors.</summary>
    /// <param name="gradient">By search coordinate; exact from forward sensitivities.</param>
    /// <param name="information">Fisher information, shape (n, n): J^T J of the scaled residuals, and 2 d ln sigma d ln sigma^T.</param>
    /// <returns>False if there is no value; <see cref="Failure"/> says why.</returns>
    public bool Evaluate(
        ReadOnlySpan<double> theta, out double value, Span<double> gradient, Span<double> information,
        CancellationToken cancellation = default) => Evaluate(theta, out value, gradient, information, false, cancellation);

    /// <summary>The same with a curvature for searches: that of Laplace laws is of the parabola that touches |r| at its residual and lies
    /// above it everywhere (iteratively reweighted least squares; E. Schlossmacher, J. Am. Stat. Assoc. 68, 1973), so that steps lead
    /// down across kinks.</summary>
    internal bool EvaluateForSearch(
        ReadOnlySpan<double> theta, out double value, Span<double> gradient, Span<double> curvature, CancellationToken cancellation) =>
        Evaluate(theta, out value, gradient, curvature, true, cancellation);

    private bool Evaluate(
        ReadOnlySpan<double> theta, out double value, Span<double> gradient, Span<double> information, bool forSearch,
        CancellationToken cancellation)
    {
        value = 0.0;
        gradient.Clear();
        information.Clear();
        var n = Estimated.Length;
        Span<double> slope = new double[n], mean = new double[n], spread = new double[n];
        for (var k = 0; k < n; k++) slope[k] = Parameters[Estimated[k]].Slope(theta[Estimated[k]]);
        for (var e = 0; e < Experiments.Length; e++)
        {
            var experiment = Experiments[e];
            var prediction = _predictions[e];
            if (!experiment.Predict(theta, _estimated, prediction, cancellation)) return Fail(experiment.Failure);
            for (var i = 0; i < experiment.Measurements.Count; i++)
            {
                var m = experiment.Measurements[i];
                var response = experiment.Responses[m.Response];
                var sigma = prediction.Deviation[i];
                var predicted = prediction.Mean[i];
                if (!(sigma > 0) || !double.IsFinite(sigma)) return Fail(Describe(experiment, m, "the standard deviation", sigma));
                if (!double.IsFinite(predicted) || (response.Law.IsLogarithmic() && !(predicted > 0)))
                    return Fail(Describe(experiment, m, "the prediction", predicted));
                var (residual, byMean) = Residual(response.Law, m.Value, predicted);
                residual /= sigma;
                byMean /= sigma;
                var row = i * Parameters.Length;
                for (var k = 0; k < n; k++)
                {
                    mean[k] = byMean * prediction.MeanByParameter[row + Estimated[k]] * slope[k];
                    spread[k] = prediction.DeviationByParameter[row + Estimated[k]] * slope[k] / sigma;
                }
                var absolute = Noise == FitNoise.Absolute;
                if (response.Law.IsLaplace())
                {
                    var size = Math.Abs(residual);
                    value += size + LogTwo + DetMath.Log(sigma) + LogMeasure(response.Law, m.Value);
                    var (sign, weight) = forSearch
                        ? (residual / Math.Max(size, LeastResidual), 1.0 / Math.Max(size, LeastResidual)) : (Math.Sign(residual), 1.0);
                    AddLaplace(sign, size, weight, mean, spread, gradient, information);
                    continue;
                }
                value += 0.5 * residual * residual;
                if (absolute) value += DetMath.Log(sigma) + HalfLogTwoPi + LogMeasure(response.Law, m.Value);
                Add(residual, mean, spread, absolute, gradient, information);
            }
        }
        AddPriors(theta, ref value, gradient, information);
        return double.IsFinite(value) || Fail("the sum over the measurements is not finite");
    }

    /// <summary>The value alone.</summary>
    public double Value(ReadOnlySpan<double> theta)
    {
        var n = Estimated.Length;
        return Evaluate(theta, out var value, new double[n], new double[n * n]) ? value : double.PositiveInfinity;
    }

    private static (double Residual, double ByMean) Residual(ErrorLaw law, double measured, double predicted) => law switch
    {
        ErrorLaw.LogNormal or ErrorLaw.LogLaplace => (DetMath.Log(predicted) - DetMath.Log(measured), 1.0 / predicted),
        ErrorLaw.Log10Normal or ErrorLaw.Log10Laplace => (
            (DetMath.Log(predicted) - DetMath.Log(measured)) / 2.302585092994045684, 1.0 / (2.302585092994045684 * predicted)),
        _ => (predicted - measured, 1.0),
    };

    /// <summary>Minus the logarithm of the derivative of the transformed measurement, which makes it a density of the measurement.</summary>
    private static double LogMeasure(ErrorLaw law, double measured) => law switch
    {
        ErrorLaw.LogNormal or ErrorLaw.LogLaplace => DetMath.Log(measured),
        ErrorLaw.Log10Normal or ErrorLaw.Log10Laplace => DetMath.Log(measured) + LogLn10,
        _ => 0.0,
    };

    private static void Add(
        double residual, ReadOnlySpan<double> mean, ReadOnlySpan<double> spread, bool absolute, Span<double> gradient,
        Span<double> information)
    {
        var n = mean.Length;
        for (var a = 0; a < n; a++)
        {
            gradient[a] += residual * (mean[a] - (residual * spread[a])) + (absolute ? spread[a] : 0.0);
            for (var b = 0; b <= a; b++)
            {
                var sum = (mean[a] * mean[b]) + (absolute ? 2.0 * spread[a] * spread[b] : 0.0);
                information[(a * n) + b] += sum;
                if (a != b) information[(b * n) + a] += sum;
            }
        }
    }

    /// <summary>Of |r| + ln 2b. The information about the mean is 1/b², that about ln b is 1.</summary>
    private static void AddLaplace(
        double sign, double size, double weight, ReadOnlySpan<double> mean, ReadOnlySpan<double> spread, Span<double> gradient,
        Span<double> information)
    {
        var n = mean.Length;
        for (var a = 0; a < n; a++)
        {
            gradient[a] += (sign * mean[a]) + ((1.0 - size) * spread[a]);
            for (var b = 0; b <= a; b++)
            {
                var sum = (weight * mean[a] * mean[b]) + (spread[a] * spread[b]);
                information[(a * n) + b] += sum;
                if (a != b) information[(b * n) + a] += sum;
            }
        }
    }

    private void AddPriors(ReadOnlySpan<double> theta, ref double value, Span<double> gradient, Span<double> information)
    {
        var n = Estimated.Length;
        for (var k = 0; k < n; k++)
        {
            var parameter = Parameters[Estimated[k]];
            if (parameter.Prior is not { } prior) continue;
            var (v, slope) = parameter.OnScale(theta[Estimated[k]]);
            var z = (v - prior.Mean) / prior.Deviation;
            value += 0.5 * z * z;
            gradient[k] += z * slope / prior.Deviation;
            information[(k * n) + k] += slope * slope / (prior.Deviation * prior.Deviation);
        }
    }

    private bool Fail(string reason)
    {
        Failure = reason;
        return false;
    }

    private static string Describe(FitExperiment experiment, Measurement m, string what, double value) => FormattableString.Invariant(
        $"experiment '{experiment.Name}': {what} of '{experiment.Responses[m.Response].Name}' at time {m.Time:R} is {value:R}");
}

/// <summary>What a fit was given is wrong; the message names the component and says what would be right.</summary>
public sealed class FitException(string message, Exception? inner = null) : Exception(message, inner);
