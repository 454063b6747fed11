using Athanor.Compute.Numerics;

namespace Athanor.Compute.Training;

internal static class LearningRates
{
    /// <summary>The rate of a step, from 0, before any reduction by the guard.</summary>
    public static double At(LoopSettings settings, long step)
    {
        var (rate, schedule) = (settings.Optimiser.LearningRate, settings.Schedule);
        if (step < schedule.WarmUp) return rate * ((step + 1.0) / schedule.WarmUp);
        switch (schedule.Kind)
        {
            case ScheduleKind.Cosine:
                var whole = Math.Max(1, settings.Stop.Steps - schedule.WarmUp);
                var cosine = 0.5 * (1.0 + DetMath.CosPi(Math.Min(step - schedule.WarmUp, whole) / (double)whole));
                return Math.FusedMultiplyAdd(cosine, rate - schedule.FinalRate, schedule.FinalRate);
            case ScheduleKind.Step:
                return rate * Optimiser.Power(schedule.Factor, step / schedule.Every);
            default:
                return rate;
        }
    }
}
