using System.Collections.Immutable;
using Athanor.Compute.Twins;
using Athanor.Protocol.Training;

namespace Athanor.Hosting.Work.Training;

/// <summary>
/// Fits a heater's energy balance and trains its learned residual. The data are <see cref="HybridBytes.OfData"/>, the checkpoint is
/// <see cref="HybridBytes.OfState"/>; segment 0 also fits the balances. The spec's sizes are (4, hidden, 1), its settings
/// <c>memory-s</c> (time constant of the remembered surroundings, s) and <c>refresh-every</c> (steps between new filter gains); learning
/// rate and weight decay are the spec's, batch size has no meaning here: each step sees all roll-outs.
/// </summary>
internal sealed class HybridTask : ITrainingTask
{
    public const string TaskKind = "heater-hybrid";

    public string Kind => TaskKind;

    public SegmentOutcome Run(
        TrainingSpec spec, ReadOnlyMemory<byte>? checkpoint, ReadOnlyMemory<byte> data, long fromStep, long steps, ulong seed,
        IWorkContext context)
    {
        try
        {
            var (start, record) = HybridBytes.Data(data.Span);
            var trainer = new HybridTrainer(record, Settings(spec));
            HybridState state;
            if (checkpoint is { } bytes)
            {
                state = HybridBytes.State(bytes.Span);
            }
            else
            {
                context.Report(0, "fitting the energy balance");
                state = trainer.Initial(start, seed);
            }
            if (state.Step != fromStep)
                throw new WorkRefusedException($"the checkpoint is of step {state.Step} where step {fromStep} would be right");
            if (state.Best.Length != 3 + ResidualNet.WeightCount(spec.Sizes[1]))
                throw new WorkRefusedException($"the checkpoint is of another network than {string.Join("-", spec.Sizes)}");

            var sum = 0.0;
            var done = 0;
            state = trainer.Run(
                state, (int)steps,
                (s, rmse) =>
                {
                    sum += rmse;
                    context.Report(++done / (double)steps, $"step {s.Step}, free-run error {rmse:F4} K");
                },
                context.Cancellation);
            var metrics = ImmutableSortedDictionary<string, double>.Empty
                .Add("balance-cv-rmse-k", state.BalanceRmseK)
                .Add("best-cv-rmse-k", state.BestRmseK)
                .Add("best-step", state.BestStep);
            return new SegmentOutcome(HybridBytes.OfState(state), sum / steps, metrics);
        }
        catch (Exception e) when (e is ArgumentException or InvalidDataException or ArithmeticException)
        {
            throw new WorkRefusedException(e.Message, e);
        }
    }

    private static HybridSettings Settings(TrainingSpec spec)
    {
        if (spec.Sizes.Length != 3 || spec.Sizes[0] != ResidualNet.Inputs || spec.Sizes[2] != 1)
            throw new WorkRefusedException($"the sizes are {string.Join("-", spec.Sizes)}; 4-HIDDEN-1 would be right");
        return new HybridSettings(
            spec.Sizes[1], spec.LearningRate, spec.WeightDecay, (int)Setting(spec, "refresh-every"), Setting(spec, "memory-s"));
    }

    private static double Setting(TrainingSpec spec, string name) => spec.Settings.TryGetValue(name, out var value)
        ? value
        : throw new WorkRefusedException($"the setting '{name}' is missing");
}
