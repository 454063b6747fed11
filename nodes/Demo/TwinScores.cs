using Athanor.Compute.Estimation;
using Athanor.Compute.Twins;

namespace Athanor.Nodes.Demo;

/// <summary>Free-run errors over the second half of the record, K: pooled over all rows of all runs.</summary>
/// <param name="Arx">ARX(4,4).</param>
/// <param name="ArxOffset">ARX(4,4) with its constant re-estimated over the run's length before each start.</param>
/// <param name="Textbook">The balance before anything was fitted, with the filter.</param>
/// <param name="Balance">From the twin's estimates.</param>
/// <param name="Hybrid">From the twin's estimates.</param>
/// <param name="KnowingAmbient">The balance told the ambient temperature along the run: no prediction.</param>
/// <param name="BalanceDense">With starts ten times as close, by the filter offline.</param>
/// <param name="LiveIsOffline">Whether the twins' last estimates are, bit for bit, what the filter gives over the whole record offline.</param>
internal sealed record TwinScores(
    FreeRunPlan Plan, FreeRunScore Arx, FreeRunScore ArxOffset, FreeRunScore Textbook, FreeRunScore Balance, FreeRunScore Hybrid,
    FreeRunScore KnowingAmbient, FreeRunScore BalanceDense, FreeRunScore HybridDense, bool LiveIsOffline)
{
    private const int RunRows = 600;

    /// <summary>How much less the hybrid errs than the balance, as a fraction.</summary>
    public double Gain => 1.0 - (Hybrid.RmseK / Balance.RmseK);

    public double DenseGain => 1.0 - (HybridDense.RmseK / BalanceDense.RmseK);

    public static TwinScores Of(
        HeaterRecord record, int half, HeaterParameters textbook, HeaterModel balance, HeaterModel hybrid, LiveTwin live, LiveTwin plain)
    {
        var plan = new FreeRunPlan(half, record.Rows, RunRows, RunRows);
        var dense = plan with { Every = RunRows / 10 };
        var arx = ArxModel.Fit(record.Power.AsSpan()[..half], record.MeasuredC.AsSpan()[..half], 4, 4);
        return new TwinScores(
            plan,
            FreeRunScore.Pool(record, plan, first => arx.FreeRun(record.Power, record.MeasuredC, first, RunRows)),
            FreeRunScore.Pool(record, plan, first => arx.FreeRun(
                record.Power, record.MeasuredC, first, RunRows, arx.Offset(record.Power, record.MeasuredC, first, RunRows))),
            FreeRunScore.Of(HeaterModel.Balance(textbook), record, plan),
            FreeRunScore.Of(balance, record, plan, row => plain.At(row, record)),
            FreeRunScore.Of(hybrid, record, plan, row => live.At(row, record)),
            FreeRunScore.KnowingAmbient(balance, record, plan),
            FreeRunScore.Of(balance, record, dense),
            FreeRunScore.Of(hybrid, record, dense),
            IsOffline(hybrid, record, live) && IsOffline(balance, record, plain));
    }

    public double[] Values() =>
    [
        Arx.RmseK, ArxOffset.RmseK, Textbook.RmseK, Balance.RmseK, Hybrid.RmseK, KnowingAmbient.RmseK, BalanceDense.RmseK, HybridDense.RmseK,
    ];

    private static bool IsOffline(HeaterModel model, HeaterRecord record, LiveTwin twin)
    {
        var last = HeaterFilter.Estimates(model, record, record.Rows, 60)[^1];
        return last.State.AsSpan().SequenceEqual(twin.View.Estimate.State)
            && last.Covariance.AsSpan().SequenceEqual(twin.View.Estimate.Covariance);
    }
}
