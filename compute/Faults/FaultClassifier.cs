using Athanor.Compute.Linear;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Faults;

/// <summary>Linear discriminants of known faults: class c has the score w_c · f + b_c, and the softmax of the scores is its probability if
/// the features are normal with one covariance (Fisher; Chiang, Russell and Braatz, Chemom. Intell. Lab. Syst. 50:243, 2000). Features
/// farther from every class than its reach belong to none.</summary>
/// <param name="Classes">Names.</param>
/// <param name="Weights">Shape (classes, features) row-major.</param>
/// <param name="Offsets">Shape (classes).</param>
/// <param name="Whitening">Inverse Cholesky factor of the covariance, shape (features, features) row-major, lower triangle: distances are
/// lengths of whitened differences.</param>
/// <param name="Reach">Shape (classes): the largest squared distance from its mean at which features still belong to a class; empty for any
/// distance.</param>
public sealed record FaultClassifier(string[] Classes, double[] Weights, double[] Offsets, double[] Whitening, double[] Reach)
{
    public int Features => Weights.Length / Classes.Length;

    /// <summary>The most likely class and its probability; -1 and 0 if the features are out of its reach: an unknown fault.</summary>
    public (int Class, double Probability) Classify(ReadOnlySpan<double> features)
    {
        var scores = Scores(features);
        var best = 0;
        for (var c = 1; c < scores.Length; c++)
        {
            if (scores[c] > scores[best]) best = c;
        }
        if (Reach.Length > 0 && Distance(features, scores[best]) > Reach[best]) return (-1, 0.0);
        var sum = 0.0;
        foreach (var score in scores) sum += DetMath.Exp(score - scores[best]);
        return (best, 1.0 / sum);
    }

    /// <summary>With reaches from samples that the classes were not fitted to: the largest distance of any of a class from its
    /// mean.</summary>
    public FaultClassifier WithReach(IEnumerable<(int Class, double[] Features)> heldBack)
    {
        var reach = new double[Classes.Length];
        foreach (var (label, features) in heldBack) reach[label] = Math.Max(reach[label], Distance(features, Scores(features)[label]));
        var empty = Array.IndexOf(reach, 0.0);
        return empty < 0 ? this with { Reach = reach }
            : throw new ArgumentException($"no sample of the class {Classes[empty]} was held back");
    }

    /// <summary>What is wrong with the numbers; null if nothing is.</summary>
    public string? Problem() => Classes.Length < 2 ? "a classifier knows fewer than two classes"
        : Offsets.Length != Classes.Length || Weights.Length % Classes.Length != 0 ? "a classifier's weights do not fit its classes"
        : Whitening.Length != Features * Features ? "a classifier's whitening does not fit its features"
        : Reach.Length != 0 && Reach.Length != Classes.Length ? "a classifier's reaches do not fit its classes"
        : Weights.Concat(Offsets).Concat(Whitening).All(double.IsFinite) ? null : "a classifier holds numbers that are not finite";

    private double[] Scores(ReadOnlySpan<double> features)
    {
        var scores = new double[Classes.Length];
        for (var c = 0; c < scores.Length; c++)
            scores[c] = Offsets[c] + ProcessMonitor.Dot(Weights.AsSpan(c * Features, Features), features);
        return scores;
    }

    /// <summary>Squared, by (f - μ)ᵀ Σ⁻¹ (f - μ) = fᵀ Σ⁻¹ f - 2 (w · f + b).</summary>
    private double Distance(ReadOnlySpan<double> features, double score)
    {
        var square = 0.0;
        for (var i = 0; i < Features; i++)
        {
            var whitened = ProcessMonitor.Dot(Whitening.AsSpan(i * Features, i + 1), features[..(i + 1)]);
            square = Math.FusedMultiplyAdd(whitened, whitened, square);
        }
        return Math.Max(0.0, square - (2.0 * score));
    }
}

/// <summary>Sums from which a <see cref="FaultClassifier"/> is fitted. Sums of disjoint data add up, so that whole runs are left out by
/// taking the others.</summary>
public sealed class ClassSums(int classes, int features)
{
    private readonly double[] _counts = new double[classes];
    private readonly double[] _sums = new double[classes * features];
    private readonly double[] _squares = new double[features * features];

    public void Add(int label, ReadOnlySpan<double> values)
    {
        _counts[label] += 1.0;
        for (var i = 0; i < features; i++)
        {
            _sums[(label * features) + i] += values[i];
            for (var j = 0; j <= i; j++) _squares[(i * features) + j] += values[i] * values[j];
        }
    }

    public void Add(ClassSums other)
    {
        for (var i = 0; i < _counts.Length; i++) _counts[i] += other._counts[i];
        for (var i = 0; i < _sums.Length; i++) _sums[i] += other._sums[i];
        for (var i = 0; i < _squares.Length; i++) _squares[i] += other._squares[i];
    }

    /// <summary>Fits with equal priors.</summary>
    /// <param name="ridge">Share of each variance that is added to it: shrinks directions that the data hardly know.</param>
    public FaultClassifier Fit(string[] names, double ridge)
    {
        var empty = Array.FindIndex(_counts, c => c == 0.0);
        if (empty >= 0) throw new ArgumentException($"there is no sample of the class {names[empty]}");
        var within = new double[features * features];
        var total = _counts.Sum();
        for (var i = 0; i < features; i++)
        {
            for (var j = 0; j <= i; j++)
            {
                var value = _squares[(i * features) + j];
                for (var c = 0; c < classes; c++) value -= _sums[(c * features) + i] * _sums[(c * features) + j] / _counts[c];
                within[(j * features) + i] = within[(i * features) + j] = value / total;
            }
        }
        for (var i = 0; i < features; i++) within[(i * features) + i] = (within[(i * features) + i] * (1.0 + ridge)) + 1e-9;
        if (!SmallCholesky.Factor(within, features))
            throw new ArgumentException("the features of the classes are dependent: a larger ridge is needed");
        var (weights, offsets) = (new double[classes * features], new double[classes]);
        for (var c = 0; c < classes; c++)
        {
            var w = weights.AsSpan(c * features, features);
            for (var i = 0; i < features; i++) w[i] = _sums[(c * features) + i] / _counts[c];
            var mean = w.ToArray();
            SmallCholesky.Solve(within, features, w);
            offsets[c] = -0.5 * ProcessMonitor.Dot(mean, w);
        }
        return new FaultClassifier(names, weights, offsets, MonitorTraining.InverseLower(within, features), []);
    }
}
