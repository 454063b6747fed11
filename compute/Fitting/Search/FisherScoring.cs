using Athanor.Compute.Linear;

namespace Athanor.Compute.Fitting;

/// <summary>A function with gradient and a positive semi-definite model of its curvature.</summary>
public interface IScoringObjective
{
    int Parameters { get; }

    /// <summary>Writes value, gradient (n) and curvature (n, n) at x.</summary>
    /// <returns>False if there is no value at x; the search then takes a shorter step.</returns>
    bool Evaluate(ReadOnlySpan<double> x, out double value, Span<double> gradient, Span<double> curvature);
}

/// <summary>Settings of the search.</summary>
public sealed record ScoringOptions
{
    public int MaxIterations { get; init; } = 500;

    /// <summary>Ends when no component of a step is longer than this.</summary>
    public double StepTolerance { get; init; } = 1e-10;

    /// <summary>Ends when the model promises less than this, plus <see cref="RelativeReduction"/> of the value.</summary>
    public double Reduction { get; init; } = 1e-11;

    public double RelativeReduction { get; init; }

    /// <summary>First damping, relative to the curvature; large values begin with short steps downhill.</summary>
    public double InitialDamping { get; init; } = 1.0;

    /// <summary>Least scale of a coordinate in the damping, relative to the largest curvature.</summary>
    public double LeastScale { get; init; } = 1e-6;
}

/// <param name="AtBound">By coordinate: -1 on its lower bound and pushed outwards, +1 on its upper, 0 between.</param>
/// <param name="Gradient">At the end.</param>
public sealed record ScoringResult(
    double[] X, double Value, int[] AtBound, double[] Gradient, double[] Curvature, FitEnd End, int Iterations, int Evaluations);

/// <summary>
/// Bounded Fisher scoring with Levenberg's and Marquardt's damping. For least squares the Fisher information is J^T J and the search is
/// Levenberg-Marquardt; with estimated noise it also holds the information about the deviations, so that both are searched at once.
/// Damping after H. B. Nielsen (IMM-REP-1999-05); bounds by projection with an active set of the coordinates that lie on a bound and are
/// pushed outwards (Kanzow, Yamashita and Fukushima, J. Comput. Appl. Math. 172, 2004). Sums run in a fixed order: the same start gives
/// the same bits.
/// </summary>
public static class FisherScoring
{
    /// <param name="start">Moved into the bounds if it lies outside.</param>
    /// <param name="longest">By coordinate, the longest step that the model is trusted.</param>
    /// <param name="held">Coordinates that keep their start; empty for none.</param>
    public static ScoringResult Minimise(
        IScoringObjective objective, ReadOnlySpan<double> start, ReadOnlySpan<double> lower, ReadOnlySpan<double> upper,
        ReadOnlySpan<double> longest, ReadOnlySpan<bool> held, ScoringOptions options, CancellationToken cancellation = default)
    {
        var n = objective.Parameters;
        double[] x = new double[n], trial = new double[n], step = new double[n];
        double[] gradient = new double[n], curvature = new double[n * n], trialGradient = new double[n];
        double[] trialCurvature = new double[n * n];
        var free = new bool[n];
        for (var i = 0; i < n; i++) x[i] = Math.Clamp(start[i], lower[i], upper[i]);
        var evaluations = 1;
        if (!objective.Evaluate(x, out var value, gradient, curvature))
            return new ScoringResult(x, double.PositiveInfinity, new int[n], gradient, curvature, FitEnd.NoStart, 0, 1);
        double damping = options.InitialDamping, growth = 2.0;
        var end = FitEnd.Iterations;
        var iteration = 0;
        for (; iteration < options.MaxIterations; iteration++)
        {
            cancellation.ThrowIfCancellationRequested();
            var any = false;
            for (var i = 0; i < n; i++)
            {
                var isHeld = held.Length > 0 && held[i];
                free[i] = !isHeld && !((x[i] <= lower[i] && gradient[i] > 0) || (x[i] >= upper[i] && gradient[i] < 0));
                any |= free[i];
            }
            if (!any || !Step(curvature, gradient, free, damping, options.LeastScale, n, step))
            {
                end = any ? FitEnd.Stalled : FitEnd.Reduction;
                break;
            }
            var promised = Shorten(curvature, gradient, x, lower, upper, longest, step, trial);
            var size = 0.0;
            for (var i = 0; i < n; i++) size = Math.Max(size, Math.Abs(step[i]));
            var tolerance = options.Reduction + (options.RelativeReduction * Math.Abs(value));
            // Damped so strongly that nothing is promised is no sign of the minimum; only a nearly undamped step tells.
            if (size <= options.StepTolerance || (promised >= 0 && promised <= tolerance && damping <= 1.0))
            {
                end = size <= options.StepTolerance ? FitEnd.Step : FitEnd.Reduction;
                break;
            }
            evaluations++;
            var hasValue = objective.Evaluate(trial, out var trialValue, trialGradient, trialCurvature);
            var gain = hasValue && promised > 0 ? (value - trialValue) / promised : -1.0;
            if (gain > 0)
            {
                (x, trial) = (trial, x);
                (gradient, trialGradient) = (trialGradient, gradient);
                (curvature, trialCurvature) = (trialCurvature, curvature);
                var drop = value - trialValue;
                value = trialValue;
                var twice = (2.0 * gain) - 1.0;
                damping = Math.Max(damping * Math.Max(1.0 / 3.0, 1.0 - (twice * twice * twice)), 1e-15);
                growth = 2.0;
                if (drop <= tolerance && damping <= 1e-3)
                {
                    end = FitEnd.Reduction;
                    break;
                }
            }
            else
            {
                if (promised > 0 && promised <= tolerance && hasValue)
                {
                    end = FitEnd.Reduction;
                    break;
                }
                damping = Math.Max(damping, 1e-6) * growth;
                growth *= 2.0;
                if (damping < DampedStep.LargestDamping) continue;
                end = FitEnd.Stalled;
                break;
            }
        }
        var bound = new int[n];
        for (var i = 0; i < n; i++) bound[i] = x[i] <= lower[i] ? -1 : x[i] >= upper[i] ? 1 : 0;
        return new ScoringResult(x, value, bound, gradient, curvature, end, iteration, evaluations);
    }

    private static bool Step(
        ReadOnlySpan<double> curvature, ReadOnlySpan<double> gradient, bool[] free, double damping, double leastScale, int n,
        Span<double> step)
    {
        var largest = 0.0;
        for (var i = 0; i < n; i++)
        {
            if (free[i]) largest = Math.Max(largest, curvature[(i * n) + i]);
        }
        return largest > 0 && double.IsFinite(largest)
            && DampedStep.Solve(curvature, gradient, free, damping, leastScale * largest, 1e-30 * largest, step);
    }

    /// <summary>Shortens the step to what is trusted, projects it into the bounds, and returns the reduction that the model promises
    /// there.</summary>
    private static double Shorten(
        ReadOnlySpan<double> curvature, ReadOnlySpan<double> gradient, ReadOnlySpan<double> x, ReadOnlySpan<double> lower,
        ReadOnlySpan<double> upper, ReadOnlySpan<double> longest, Span<double> step, Span<double> trial)
    {
        var n = x.Length;
        var scale = 1.0;
        for (var i = 0; i < n; i++)
        {
            if (Math.Abs(step[i]) * scale > longest[i]) scale = longest[i] / Math.Abs(step[i]);
        }
        for (var i = 0; i < n; i++)
        {
            trial[i] = Math.Clamp(x[i] + (scale * step[i]), lower[i], upper[i]);
            step[i] = trial[i] - x[i];
        }
        var promised = 0.0;
        for (var a = 0; a < n; a++)
        {
            var row = 0.0;
            for (var b = 0; b < n; b++) row += curvature[(a * n) + b] * step[b];
            promised -= step[a] * (gradient[a] + (0.5 * row));
        }
        return promised;
    }
}
