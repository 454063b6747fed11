using System.Text.Json;
using Athanor.Actors;
using Athanor.Actors.Training;
using Athanor.Protocol;
using Athanor.Protocol.Training;

namespace Athanor.Nodes.Cli.Training;

/// <summary>A run of either kind, as the commands show it.</summary>
/// <param name="Model">Its kind.</param>
/// <param name="Steps">At most.</param>
/// <param name="Weights">SHA-256 of the weights (or, of a run started by flags, of its last state) once it is finished; empty until
/// then.</param>
/// <param name="View">Null for a run started by flags.</param>
internal sealed record RunReading(
    EntityAddress Address, string Model, TrainingPhase Phase, int Part, int Parts, long Step, long Steps,
    IReadOnlyList<(long Step, double Loss)> Train, IReadOnlyList<(long Step, double Loss)> Validation,
    IReadOnlyDictionary<string, double> Metrics, string Checkpoint, string Weights, string Reason, RunView? View)
{
    public bool IsOver => Phase is TrainingPhase.Finished or TrainingPhase.Failed or TrainingPhase.Cancelled or TrainingPhase.Parked;

    /// <summary>What a part of a cross-validation is; empty where there is none.</summary>
    public string PartName(int part) => Parts < 2 ? "" : part < Parts - 1 ? $"fold {part + 1} of {Parts - 1}" : $"after {Parts - 1} folds";

    /// <summary>Null if there is no such run.</summary>
    public static async Task<RunReading?> Of(IClusterClient client, EntityAddress address, CancellationToken cancellation)
    {
        switch (await client.Query(address, new GetRun(), cancellation: cancellation))
        {
            case RunView view:
                return Of(address, view);
            case Rejected { Code: not "not-found" } rejected:
                throw new UserException(rejected.Reason, ExitCodes.Failure);
        }
        return await client.Query(address, new GetTraining(), cancellation: cancellation) is TrainingView { Spec: { } spec } older
            ? Of(address, older, spec) : null;
    }

    public static RunReading Of(EntityAddress address, RunView view)
    {
        using var model = JsonDocument.Parse(view.Spec.Model);
        return new RunReading(
            address, model.RootElement.GetProperty("kind").GetString()!, view.Phase, view.Part, view.Spec.Parts, view.Step,
                view.Spec.Stop.Steps,
            [.. view.Points.Select(static p => (p.Step, p.Loss))],
            [.. view.Points.Where(static p => p.Validation.ContainsKey("loss")).Select(static p => (p.Step, p.Validation["loss"]))],
            view.Metrics, view.Checkpoint, view.Model, view.Reason, view);
    }

    private static RunReading Of(EntityAddress address, TrainingView view, TrainingSpec spec) => new(
        address, spec.Task, view.Phase, 0, 1, view.Step, spec.TotalSteps,
        [.. view.Losses.Select((loss, k) => (Math.Min(spec.TotalSteps, (k + 1) * spec.SegmentSteps), loss))], [], view.Metrics,
        view.Checkpoints.IsEmpty ? "" : view.Checkpoints[^1], view.Final ?? "", view.Reason, null);

    /// <summary>For programs.</summary>
    public object Json() => new
    {
        address = Address.ToString(),
        model = Model,
        phase = Phase,
        part = Part + 1,
        parts = Parts,
        step = Step,
        steps = Steps,
        metrics = Metrics,
        checkpoint = Checkpoint,
        weights = Weights,
        reason = Reason,
        losses = Train.Select(static p => new { step = p.Step, loss = p.Loss }),
        validation = View?.Points.Where(static p => p.Validation.Count > 0).Select(static p =>
            new { step = p.Step, figures = p.Validation }),
        rollbacks = View?.Rollbacks.Select(static r => new { r.Part, r.Step, r.ToStep, r.Cause, r.RateFactor }),
        foldLosses = View?.FoldLosses,
        folds = View?.Folds?.Folds.Select(static (f, k) => new { fold = k + 1, step = f.Step, end = f.End, figures = f.Figures }),
        overFolds = View?.Folds is { } folds
            ? TrainingDecider.SpreadOf(folds).ToDictionary(static p => p.Key, static p => new { mean = p.Value.Mean, sd = p.Value.Deviation })
            : null,
        end = View?.End,
        spec = View?.Spec,
    };
}
