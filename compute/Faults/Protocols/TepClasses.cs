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
        var moments = Moments(data, forgetting);
        var sums = new ClassSums(faults.Length, moments.Length);
        for (var c = 0; c < faults.Length; c++)
        {
            foreach (var features in moments.Run(data.Training(faults[c]), Settling)) sums.Add(c, features);
        }
        var classifier = sums.Fit([.. faults.Select(f => $"fault {f}")], ridge);
        return new TepConfusion(faults, [.. TepData.TestFaults.Select(fault =>
        {
            var counts = new double[faults.Length];
            var rows = moments.Run(data.Test(fault), TepData.FaultRow + Settling).ToArray();
            foreach (var row in rows) counts[classifier.Classify(row).Class] += 1.0 / rows.Length;
            return counts;
        })]);
    }

    /// <summary>Parts of rows 201-960 of each test file that are called unknown by a classifier that knows these faults and how far they
    /// reach.</summary>
    public static double[] Unknown(TepData data, int[] faults, double forgetting, double ridge)
    {
        var moments = Moments(data, forgetting);
        var classifier = moments.Learn([.. faults.Select(f => ($"fault {f}", data.Training(f)))], Settling, ridge);
        return [.. TepData.TestFaults.Select(fault =>
        {
            var rows = moments.Run(data.Test(fault), TepData.FaultRow + Settling).ToArray();
            return rows.Count(r => classifier.Classify(r).Class < 0) / (double)rows.Length;
        })];
    }

    private static MovingMoments Moments(TepData data, double forgetting)
    {
        var scale = MonitorTraining.Pca(TepData.Names, [data.Normal()], 11);
        return new MovingMoments(scale.Mean, scale.Deviation, forgetting);
    }
}
