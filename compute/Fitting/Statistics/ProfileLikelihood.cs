using System.Collections.Immutable;

namespace Athanor.Compute.Fitting;

/// <summary>One point of a profile.</summary>
/// <param name="Value">The parameter, held there.</param>
/// <param name="Rise">Of the objective above its minimum, over the variance, after all others were fitted again.</param>
public readonly record struct ProfilePoint(double Value, double Rise);

/// <summary>The profile likelihood of a parameter (Raue et al., Bioinformatics 25, 2009, 1923).</summary>
/// <param name="Low">Lower end of the interval; null where it is open as far as <see cref="Points"/> goes, which is to the bound unless
/// <see cref="Stopped"/> says why not.</param>
/// <param name="Threshold">Rise at the ends of the interval.</param>
/// <param name="Better">Parameters with a smaller objective than the fit's, if the profile came across any; the fit was no
/// minimum.</param>
/// <param name="Stopped">Why a branch ended early, or empty.</param>
public sealed record Profile(
    int Parameter, ImmutableArray<ProfilePoint> Points, double? Low, double? High, double Threshold, double[]? Better, string Stopped);

/// <summary>
/// Profiles by walking from the optimum outwards in a parameter's search coordinate and fitting all others again at each point, each from
/// the point before. The step is chosen so that the rise grows by about a tenth of the threshold from point to point. An end of the
/// interval is where the rise is ½ q², q the level's quantile (Student's t with estimated variance, one-sided for a parameter on its
/// bound), interpolated in the square root of the rise, which is nearly straight.
/// </summary>
public sealed class ProfileLikelihood(FitProblem problem, FitOutcome best, FitAnalysis analysis)
{
    private const int MostPoints = 60;

    private readonly FitSearch _search = new(problem) { InitialDamping = 1e-3, MaxIterations = 100 };

    /// <param name="parameter">Index among the problem's parameters; it must be an estimated one.</param>
    public Profile Of(int parameter, CancellationToken cancellation = default)
    {
        var k = problem.Estimated.IndexOf(parameter);
        if (k < 0) throw new FitException($"'{problem.Parameters[parameter].Name}' is fixed and has no profile");
        var bound = best.AtBound[parameter];
        var q = bound == 0 ? analysis.Quantile : analysis.OneSided;
        var threshold = 0.5 * q * q;
        var points = new List<ProfilePoint> { new(best.Theta[parameter], 0.0) };
        double[]? better = null;
        var stopped = "";
        double? low = null, high = null;
        if (bound >= 0) low = Walk(parameter, k, -1, threshold, points, ref better, ref stopped, cancellation);
        if (bound <= 0 && better is null) high = Walk(parameter, k, +1, threshold, points, ref better, ref stopped, cancellation);
        if (bound < 0) low = best.Theta[parameter];
        if (bound > 0) high = best.Theta[parameter];
        return new Profile(parameter, [.. points.OrderBy(p => p.Value)], low, high, threshold, better, stopped);
    }

    private double? Walk(
        int parameter, int k, int sign, double threshold, List<ProfilePoint> points, ref double[]? better, ref string stopped,
        CancellationToken cancellation)
    {
        var p = problem.Parameters[parameter];
        double lower = p.ToSearch(p.Lower), upper = p.ToSearch(p.Upper);
        var theta = best.Theta;
        double x = p.ToSearch(theta[parameter]), rise = 0.0;
        var variance = analysis.Covariance[(k * problem.Estimated.Length) + k];
        var step = variance > 0 && double.IsFinite(variance) ? 0.3 * Math.Sqrt(variance) : p.IsLogarithmic ? 0.1 : 0.1 * Math.Max(Math.Abs(x), 1.0);
        var longest = p.IsLogarithmic ? 1.0 : double.IsFinite(upper - lower) ? 0.1 * (upper - lower) : double.PositiveInfinity;
        for (var i = 0; i < MostPoints; i++)
        {
            step = Math.Min(step, longest);
            var next = Math.Clamp(x + (sign * step), lower, upper);
            var start = theta.ToArray();
            start[parameter] = Math.Clamp(p.FromSearch(next), p.Lower, p.Upper);
            var fit = _search.From(start, cancellation, parameter);
            var newRise = (fit.Value - best.Value) / Math.Max(analysis.Variance, 1e-300);
            if (!double.IsFinite(newRise))
            {
                step *= 0.25;
                if (step > 1e-6 * Math.Max(Math.Abs(x), 1.0)) continue;
                stopped = $"beyond {start[parameter]:G4} the model has no solution: {problem.Failure}";
                return null;
            }
            if (newRise < -1e-3)
            {
                better = fit.Theta;
                stopped = FormattableString.Invariant($"at {p.Name} = {start[parameter]:G4} the others fit better than in the fit itself");
                return null;
            }
            // A step that skips the region where the profile bends is taken again, shorter.
            if (newRise - rise > 0.6 * threshold && step > 1e-4)
            {
                step *= 0.5;
                continue;
            }
            points.Add(new ProfilePoint(start[parameter], Math.Max(newRise, 0.0)));
            if (newRise >= threshold)
            {
                double a = Math.Sqrt(Math.Max(rise, 0.0)), b = Math.Sqrt(newRise), t = Math.Sqrt(threshold);
                return p.FromSearch(x + ((t - a) / (b - a) * (next - x)));
            }
            if ((sign < 0 && next <= lower) || (sign > 0 && next >= upper)) return null;
            var grown = newRise - rise;
            step *= grown < 0.08 * threshold ? 1.6 : grown > 0.3 * threshold ? 0.7 : 1.0;
            (x, rise, theta) = (next, newRise, fit.Theta);
        }
        stopped = FormattableString.Invariant($"{MostPoints} points were not enough towards {(sign < 0 ? "smaller" : "larger")} values");
        return null;
    }
}
