using Athanor.Compute.Linear;

namespace Athanor.Compute.Fitting;

/// <summary>Residuals and their derivatives.</summary>
public interface ILeastSquares
{
    int Parameters { get; }

    int Residuals { get; }

    /// <summary>Writes the residuals at x, length m, and their Jacobian, shape (m, n) row-major.</summary>
    /// <returns>False if there is no value at x; the search then takes a shorter step.</returns>
    bool Evaluate(ReadOnlySpan<double> x, Span<double> residuals, Span<double> jacobian);
}

/// <summary>Settings of the search.</summary>
public readonly record struct LevenbergMarquardtOptions()
{
    public int MaxIterations { get; init; } = 200;

    /// <summary>Ends when no component of a step is longer than this times (|x| + 1).</summary>
    public double StepTolerance { get; init; } = 1e-10;

    /// <summary>Ends when the model promises less than this fraction of the sum of squares.</summary>
    public double ReductionTolerance { get; init; } = 1e-15;

    /// <summary>First damping, relative to the diagonal of J^T J; large values begin with short steps downhill.</summary>
    public double InitialDamping { get; init; } = 1e-3;

    /// <summary>Longest step of a component: the linear model is trusted no further.</summary>
    public double MaxStep { get; init; } = double.PositiveInfinity;
}

/// <summary>Why a search ended.</summary>
public enum FitEnd
{
    /// <summary>The step became shorter than the tolerance.</summary>
    Step,

    /// <summary>No reduction worth having was left.</summary>
    Reduction,

    /// <summary>No step, however short, reduced the sum of squares.</summary>
    Stalled,

    /// <summary>The limit of iterations was reached.</summary>
    Iterations,

    /// <summary>There was no value at the start.</summary>
    NoStart,
}

/// <param name="AtBound">By parameter: -1 on its lower bound, +1 on its upper, 0 between.</param>
public sealed record FitResult(double[] Parameters, double SumOfSquares, int[] AtBound, FitEnd End, int Iterations, int Evaluations);

/// <summary>
/// Bounded Levenberg-Marquardt: Marquardt's scaling by the diagonal of J^T J (with a floor), H. B. Nielsen's update of the damping
/// ("Damping parameter in Marquardt's method", IMM-REP-1999-05), bounds by projection with an active set of the parameters that lie on a
/// bound and are pushed outwards (C. Kanzow, N. Yamashita, M. Fukushima, J. Comput. Appl. Math. 172, 2004). Sums run in a fixed order, so
/// that the same start gives the same bits.
/// </summary>
public static class LevenbergMarquardt
{
    /// <summary>Least scale of a parameter in the damping, relative to the largest.</summary>
    private const double LeastScale = 1e-2;

    /// <param name="problem">Residuals; their sum of squares is made small.</param>
    /// <param name="start">Moved into the bounds if it lies outside.</param>
    public static FitResult Minimise<TProblem>(
        ref TProblem problem, ReadOnlySpan<double> start, ReadOnlySpan<double> lower, ReadOnlySpan<double> upper,
        in LevenbergMarquardtOptions options, CancellationToken cancellation = default)
        where TProblem : struct, ILeastSquares
    {
        int n = problem.Parameters, m = problem.Residuals;
        Check(n, start, lower, upper);
        var x = new double[n];
        for (var i = 0; i < n; i++) x[i] = Math.Clamp(start[i], lower[i], upper[i]);
        double[] trial = new double[n], gradient = new double[n], normal = new double[n * n], step = new double[n];
        double[] residuals = new double[m], jacobian = new double[m * n], trialResiduals = new double[m], trialJacobian = new double[m * n];
        var free = new bool[n];
        var evaluations = 1;
        if (!problem.Evaluate(x, residuals, jacobian)) return new FitResult(x, double.PositiveInfinity, new int[n], FitEnd.NoStart, 0, 1);
        var sum = Square(residuals);
        var damping = options.InitialDamping;
        var growth = 2.0;
        var end = FitEnd.Iterations;
        var iteration = 0;
        var changed = true;
        for (; iteration < options.MaxIterations; iteration++)
        {
            cancellation.ThrowIfCancellationRequested();
            if (changed) Normal(jacobian, residuals, n, m, normal, gradient);
            changed = false;
            var any = false;
            for (var i = 0; i < n; i++)
            {
                free[i] = !((x[i] <= lower[i] && gradient[i] > 0) || (x[i] >= upper[i] && gradient[i] < 0));
                any |= free[i];
            }
            if (!any || !Step(normal, gradient, free, damping, n, step))
            {
                end = any ? FitEnd.Stalled : FitEnd.Reduction;
                break;
            }
            var promised = Shorten(normal, gradient, x, lower, upper, options.MaxStep, step, trial);
            var longest = 0.0;
            for (var i = 0; i < n; i++) longest = Math.Max(longest, Math.Abs(trial[i] - x[i]) / (Math.Abs(x[i]) + 1.0));
            if (promised <= 0.0 && longest > options.StepTolerance)
            {
                // The bounds bent the step until it leads uphill: turn it towards the gradient.
                damping = Math.Max(damping, 1e-6) * growth;
                growth *= 2.0;
                if (damping < 1e20) continue;
            }
            if (promised <= options.ReductionTolerance * sum || longest <= options.StepTolerance)
            {
                end = longest <= options.StepTolerance ? FitEnd.Step : FitEnd.Reduction;
                break;
            }
            evaluations++;
            var trialSum = problem.Evaluate(trial, trialResiduals, trialJacobian) ? Square(trialResiduals) : double.PositiveInfinity;
            var gain = (sum - trialSum) / promised;
            if (gain > 0 && double.IsFinite(trialSum))
            {
                (x, trial) = (trial, x);
                (residuals, trialResiduals) = (trialResiduals, residuals);
                (jacobian, trialJacobian) = (trialJacobian, jacobian);
                sum = trialSum;
                var twice = (2.0 * gain) - 1.0;
                damping = Math.Max(damping * Math.Max(1.0 / 3.0, 1.0 - (twice * twice * twice)), 1e-15);
                growth = 2.0;
                changed = true;
            }
            else
            {
                damping *= growth;
                growth *= 2.0;
                if (damping < 1e20) continue;
                end = FitEnd.Stalled;
                break;
            }
        }
        var bound = new int[n];
        for (var i = 0; i < n; i++) bound[i] = x[i] <= lower[i] ? -1 : x[i] >= upper[i] ? 1 : 0;
        return new FitResult(x, sum, bound, end, iteration, evaluations);
    }

    private static void Check(int n, ReadOnlySpan<double> start, ReadOnlySpan<double> lower, ReadOnlySpan<double> upper)
    {
        if (start.Length != n || lower.Length != n || upper.Length != n)
        {
            throw new ArgumentException(
                $"start and bounds have {start.Length}, {lower.Length} and {upper.Length} entries for {n} parameters");
        }
        for (var i = 0; i < n; i++)
        {
            if (!(lower[i] < upper[i]) || !double.IsFinite(start[i]))
            {
                throw new ArgumentException(FormattableString.Invariant(
                    $"parameter {i}: start {start[i]:R}, bounds {lower[i]:R} to {upper[i]:R}; all finite and in order are needed"));
            }
        }
    }

    private static double Square(ReadOnlySpan<double> values)
    {
        var sum = 0.0;
        foreach (var value in values) sum += value * value;
        return double.IsFinite(sum) ? sum : double.PositiveInfinity;
    }

    /// <summary>J^T J and J^T r.</summary>
    private static void Normal(
        ReadOnlySpan<double> jacobian, ReadOnlySpan<double> residuals, int n, int m, Span<double> normal, Span<double> gradient)
    {
        normal.Clear();
        gradient.Clear();
        for (var row = 0; row < m; row++)
        {
            var j = jacobian.Slice(row * n, n);
            for (var a = 0; a < n; a++)
            {
                gradient[a] += j[a] * residuals[row];
                for (var b = 0; b <= a; b++) normal[(a * n) + b] += j[a] * j[b];
            }
        }
        for (var a = 0; a < n; a++)
        {
            for (var b = a + 1; b < n; b++) normal[(a * n) + b] = normal[(b * n) + a];
        }
    }

    private static bool Step(
        ReadOnlySpan<double> normal, ReadOnlySpan<double> gradient, bool[] free, double damping, int n, Span<double> step)
    {
        var largest = 0.0;
        for (var i = 0; i < n; i++) largest = Math.Max(largest, normal[(i * n) + i]);
        return largest > 0 && DampedStep.Solve(normal, gradient, free, damping, LeastScale * largest, 1e-30 * largest, step);
    }

    /// <summary>Shortens the step to the longest allowed, projects it into the bounds, and returns the reduction that the linear model
    /// promises there.</summary>
    private static double Shorten(
        ReadOnlySpan<double> normal, ReadOnlySpan<double> gradient, ReadOnlySpan<double> x, ReadOnlySpan<double> lower,
        ReadOnlySpan<double> upper, double maxStep, Span<double> step, Span<double> trial)
    {
        var n = x.Length;
        var longest = 0.0;
        foreach (var s in step) longest = Math.Max(longest, Math.Abs(s));
        var scale = longest > maxStep ? maxStep / longest : 1.0;
        for (var i = 0; i < n; i++)
        {
            trial[i] = Math.Clamp(x[i] + (scale * step[i]), lower[i], upper[i]);
            step[i] = trial[i] - x[i];
        }
        var promised = 0.0;
        for (var a = 0; a < n; a++)
        {
            var row = 0.0;
            for (var b = 0; b < n; b++) row += normal[(a * n) + b] * step[b];
            promised -= step[a] * ((2.0 * gradient[a]) + row);
        }
        return promised;
    }
}
