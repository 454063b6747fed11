namespace Athanor.Compute.Faults.Protocols;

/// <summary>Which fault it is: a classifier trained on the training files, asked on the test files.</summary>
/// <param name="Faults">Those it knows.</param>
/// <param name="Confusion">Shape (test faults, known faults): parts of rows 201-960 of a test file that were given to each.</param>
internal sealed record TepConfusion(int[] Faults, double[][] Confusion)
{
    /// <summary>Part of rows that were given to their own fault, by test fault.</summary>
    public double[] Right => [.. TepData.TestFaults.Select((fault, i) => Confusion[i][Array.IndexOf(Faults, fault)])];
}

/// <summary>Trains and asks the classifier of known faults.</summary>
internal static class TepClasses
{
    // Rows after the fault that are left out of both: there it does not show yet in the moments.
    private const int Settling = 40;

    /// <param name="faults">Those it shall know.</param>
    public static TepConfusion Evaluate(TepData data, int[] faults, double forgetting, double ridge)
    {
        var scale = MonitorTraining.Pca(TepData.Names, [data.Normal()], 11);
        var moments = new MovingMoments(scale.Mean, scale.Deviation, forgetting);
        var sums = new ClassSums(faults.Length, moments.Length);
        for (var c = 0; c < faults.Length; c++)
        {
            foreach (var features in Features(moments, data.Training(faults[c]), Settling)) sums.Add(c, features);
        }
        var classifier = sums.Fit([.. faults.Select(f => $"fault {f}")], ridge);
        return new TepConfusion(faults, [.. TepData.TestFaults.Select(fault =>
        {
            var counts = new double[faults.Length];
            var rows = Features(moments, data.Test(fault), TepData.FaultRow + Settling).ToArray();
            foreach (var row in rows) counts[classifier.Classify(row).Class] += 1.0 / rows.Length;
            return counts;
        })]);
    }

    private static IEnumerable<double[]> Features(MovingMoments moments, double[][] rows, int first)
    {
        var memory = new double[moments.Length];
        moments.Start(memory);
        for (var t = 0; t < rows.Length; t++)
        {
            moments.Step(memory, rows[t]);
            if (t < first) continue;
            var features = new double[moments.Length];
            moments.Features(memory, features);
            yield return features;
        }
    }
}
