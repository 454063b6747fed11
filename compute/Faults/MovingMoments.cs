using Athanor.Compute.Numerics;

namespace Athanor.Compute.Faults;

/// <summary>Forgetting means and variances of scaled variables: the features that known faults are told apart by. A constant bias shows in
/// a mean, a random disturbance or a sticking valve in a variance. Their memory is bounded, so no feature grows with time.</summary>
/// <param name="Forgetting">Weight of the newest sample, in (0, 1].</param>
public sealed record MovingMoments(double[] Mean, double[] Deviation, double Forgetting)
{
    public int Variables => Mean.Length;

    /// <summary>Numbers in the packed memory and in the features: mean and variance of each variable.</summary>
    public int Length => 2 * Variables;

    /// <summary>Means 0 and variances 1, as in normal operation.</summary>
    public void Start(Span<double> memory)
    {
        memory[..Variables].Clear();
        memory[Variables..Length].Fill(1.0);
    }

    /// <summary>Takes one sample; a value that is not finite changes nothing.</summary>
    public void Step(Span<double> memory, ReadOnlySpan<double> values)
    {
        for (var j = 0; j < Variables; j++)
        {
            if (!double.IsFinite(values[j])) continue;
            var z = (values[j] - Mean[j]) / Deviation[j];
            var before = z - memory[j];
            memory[j] += Forgetting * before;
            memory[Variables + j] += Forgetting * ((before * (z - memory[j])) - memory[Variables + j]);
        }
    }

    /// <summary>Means, softened beyond 3 deviations, and logarithms of variances.</summary>
    public void Features(ReadOnlySpan<double> memory, Span<double> features)
    {
        for (var j = 0; j < Variables; j++)
        {
            var mean = memory[j];
            features[j] = mean / Math.Sqrt(1.0 + (mean * mean / 9.0));
            features[Variables + j] = DetMath.Log(memory[Variables + j] + 1e-3);
        }
    }

    /// <summary>Features of each sample of a run from <paramref name="first"/> on.</summary>
    public IEnumerable<double[]> Run(double[][] rows, int first)
    {
        var memory = new double[Length];
        Start(memory);
        for (var t = 0; t < rows.Length; t++)
        {
            Step(memory, rows[t]);
            if (t < first) continue;
            var features = new double[Length];
            Features(memory, features);
            yield return features;
        }
    }

    /// <summary>Learns faults from one run each, in which the fault is there from row <paramref name="settling"/> on: the first three
    /// fifths
    /// fit the classes, the rest sets how far each reaches.</summary>
    public FaultClassifier Learn(IReadOnlyList<(string Name, double[][] Rows)> faults, int settling, double ridge)
    {
        var sums = new ClassSums(faults.Count, Length);
        var heldBack = new List<(int, double[])>();
        for (var c = 0; c < faults.Count; c++)
        {
            var features = Run(faults[c].Rows, settling).ToArray();
            var fitted = 3 * features.Length / 5;
            if (fitted < 2)
                throw new ArgumentException($"the run of {faults[c].Name} has {faults[c].Rows.Length} rows; hundreds after row {settling} would be right");
            foreach (var f in features[..fitted]) sums.Add(c, f);
            heldBack.AddRange(features[fitted..].Select(f => (c, f)));
        }
        return sums.Fit([.. faults.Select(f => f.Name)], ridge).WithReach(heldBack);
    }
}
