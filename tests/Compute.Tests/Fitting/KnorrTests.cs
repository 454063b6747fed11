using Athanor.Compute.Fitting;
using Xunit.Abstractions;

namespace Athanor.Compute.Tests.Fitting;

public sealed class KnorrTests(ITestOutputHelper output)
{
    /// <summary>The mechanism is chosen by the training runs alone: the least AICc (Burnham and Anderson 2002) among the candidates; what it
    /// does on a training run that it was not fitted to is printed beside. Only then are the other runs looked at, once.</summary>
    [Fact]
    public void A_mechanism_chosen_on_the_training_runs_beats_k_A_B_by_a_fifth_on_the_runs_it_never_saw()
    {
        if (SharedData.Find("kinetics", "knorr_dm") is null)
        {
            output.WriteLine(SharedData.Skipped);
            return;
        }
        var fits = Knorr.Candidates.Select(m => (Mechanism: m, Theta: Fit(m, Knorr.Training, 6), Score: 0.0)).ToArray();
        for (var i = 0; i < fits.Length; i++)
        {
            var (mechanism, theta, _) = fits[i];
            var (sum, count) = Squares(mechanism, Knorr.Training, theta);
            var p = theta.Length + 1;
            fits[i].Score = (count * Math.Log(sum / count)) + (2.0 * p) + (2.0 * p * (p + 1) / (count - p - 1));
            var left = Knorr.Training.Select(run => Squares(mechanism, [run], Fit(mechanism, [.. Knorr.Training.Where(r => r != run)], 3))).ToArray();
            output.WriteLine(FormattableString.Invariant(
                $"{mechanism.Name,-44} RMSE {Root((sum, count)):F5} M, AICc {fits[i].Score:F1}, on the run left out {Root((left.Sum(s => s.Sum), left.Sum(s => s.Count))):F5} M"));
        }
        var baseline = fits[0];
        Assert.Equal(0.702, baseline.Theta[0], 1e-3);
        Assert.Equal(0.0051, Root(Squares(baseline.Mechanism, Knorr.Training, baseline.Theta)), 5e-5);
        var chosen = fits.MinBy(f => f.Score);
        double b = Root(Squares(baseline.Mechanism, Knorr.Held, baseline.Theta)), c = Root(Squares(chosen.Mechanism, Knorr.Held, chosen.Theta));
        foreach (var run in Knorr.Held)
        {
            output.WriteLine(FormattableString.Invariant(
                $"{run.Name,-30} k A B {Root(Squares(baseline.Mechanism, [run], baseline.Theta)):F5} M, chosen {Root(Squares(chosen.Mechanism, [run], chosen.Theta)):F5} M"));
        }
        output.WriteLine(FormattableString.Invariant($"all held-out runs: k A B {b:F5} M, {chosen.Mechanism.Name} {c:F5} M: {100 * (1 - (c / b)):F1} % less"));
        output.WriteLine(string.Join(", ", chosen.Theta.Select(v => FormattableString.Invariant($"{v:G4}"))));
        Assert.True(c <= 0.8 * b, $"{c} is not a fifth below {b}");
    }

    private static double[] Fit(Knorr.Mechanism mechanism, (string, double, double, double)[] runs, int starts)
    {
        var search = new FitSearch(Knorr.Problem(mechanism, runs)) { MaxIterations = 100 };
        return search.Starts(2023, starts).Select(s => search.From(s)).MinBy(f => f.Value)!.Theta;
    }

    private static (double Sum, int Count) Squares(Knorr.Mechanism mechanism, (string, double, double, double)[] runs, double[] theta)
    {
        var problem = Knorr.Problem(mechanism, runs);
        return (2.0 * problem.Value(theta), problem.Measurements);
    }

    private static double Root((double Sum, int Count) s) => Math.Sqrt(s.Sum / s.Count);
}
