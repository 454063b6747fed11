namespace Athanor.Compute.Fitting;

/// <summary>Where a search from one start came to.</summary>
/// <param name="Theta">All parameters by themselves.</param>
/// <param name="Value">Half the weighted sum of squares or the negative log-likelihood; infinity if there was no value at the start.</param>
/// <param name="AtBound">By parameter: -1 on its lower bound, +1 on its upper, 0 between or fixed.</param>
public sealed record FitOutcome(double[] Theta, double Value, int[] AtBound, FitEnd End, int Iterations, int Evaluations);

/// <summary>Searches of a problem: from one start, or from many drawn under a seed.</summary>
public sealed class FitSearch(FitProblem problem)
{
    /// <summary>Longest step of a logarithmic parameter: a factor of e^2; of a linear one, a quarter of its bounds.</summary>
    private const double LongestLogStep = 2.0;

    public FitProblem Problem { get; } = problem;

    public int MaxIterations { get; init; } = 200;

    /// <summary>See <see cref="ScoringOptions.InitialDamping"/>; small where a search begins near its end.</summary>
    public double InitialDamping { get; init; } = 1.0;

    /// <summary>Starts as a Latin hypercube in the search coordinates: of n starts, each of the n slices of every parameter's range
    /// holds one. Start i depends on seed, number of starts and i alone.</summary>
    /// <returns>All parameters by themselves, by start.</returns>
    public double[][] Starts(ulong seed, int count)
    {
        if (count < 1) throw new ArgumentOutOfRangeException(nameof(count), $"{count} starts; at least one is needed");
        var estimated = Problem.Estimated;
        foreach (var index in estimated)
        {
            var p = Problem.Parameters[index];
            var (low, high) = p.Starts ?? (p.Lower, p.Upper);
            if (!double.IsFinite(low) || !double.IsFinite(high))
                throw new FitException($"parameter '{p.Name}' has no finite range to draw starts from; give bounds or a range of starts");
        }
        var cube = LatinHypercube.Draw(seed, count, estimated.Length);
        var starts = new double[count][];
        for (var i = 0; i < count; i++)
        {
            starts[i] = Problem.Nominal;
            for (var k = 0; k < estimated.Length; k++)
            {
                var p = Problem.Parameters[estimated[k]];
                var (low, high) = p.Starts ?? (p.Lower, p.Upper);
                double a = p.ToSearch(low), b = p.ToSearch(high);
                starts[i][estimated[k]] = Math.Clamp(p.FromSearch(a + (cube[(i * estimated.Length) + k] * (b - a))), low, high);
            }
        }
        return starts;
    }

    /// <summary>Searches from parameters given by themselves.</summary>
    /// <param name="held">Index of a parameter that keeps its start, for profiles; -1 for none.</param>
    public FitOutcome From(ReadOnlySpan<double> theta, CancellationToken cancellation = default, int held = -1)
    {
        var n = Problem.Estimated.Length;
        double[] lower = new double[n], upper = new double[n], longest = new double[n];
        var holds = new bool[held < 0 ? 0 : n];
        for (var k = 0; k < n; k++)
        {
            var p = Problem.Parameters[Problem.Estimated[k]];
            lower[k] = p.ToSearch(p.Lower);
            upper[k] = p.ToSearch(p.Upper);
            longest[k] = p.IsLogarithmic ? LongestLogStep : Math.Max(0.25 * (upper[k] - lower[k]), 1.0);
            if (held == Problem.Estimated[k]) holds[k] = true;
        }
        var relative = Problem.Noise == FitNoise.Relative;
        var options = new ScoringOptions
        {
            MaxIterations = MaxIterations,
            InitialDamping = InitialDamping,
            Reduction = relative ? 1e-300 : 1e-9,
            RelativeReduction = relative ? 1e-13 : 0.0,
        };
        var result = FisherScoring.Minimise(
            new Objective(Problem, cancellation), Problem.Coordinates(theta), lower, upper, longest, holds, options, cancellation);
        var found = Problem.AtCoordinates(result.X);
        var bound = new int[found.Length];
        for (var k = 0; k < n; k++)
        {
            bound[Problem.Estimated[k]] = result.AtBound[k];
            if (result.AtBound[k] == 0) continue;
            var p = Problem.Parameters[Problem.Estimated[k]];
            found[Problem.Estimated[k]] = result.AtBound[k] < 0 ? p.Lower : p.Upper;
        }
        return new FitOutcome(found, result.Value, bound, result.End, result.Iterations, result.Evaluations);
    }

    /// <summary>Whether a value is as good as the best: within 1e-3 of a log-likelihood, or 1e-6 of a sum of squares.</summary>
    public static bool IsAtBest(FitNoise noise, double value, double best) =>
        noise == FitNoise.Absolute ? value - best <= 1e-3 : value - best <= 1e-6 * Math.Abs(best);

    private sealed class Objective(FitProblem problem, CancellationToken cancellation) : IScoringObjective
    {
        public int Parameters => problem.Estimated.Length;

        public bool Evaluate(ReadOnlySpan<double> x, out double value, Span<double> gradient, Span<double> curvature) =>
            problem.EvaluateForSearch(problem.AtCoordinates(x), out value, gradient, curvature, cancellation);
    }
}
