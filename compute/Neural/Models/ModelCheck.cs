using Athanor.Compute.Training;

namespace Athanor.Compute.Neural.Models;

/// <summary>What a specification must be, before anything is made of it.</summary>
internal static class ModelCheck
{
    private static readonly string[] Kinds = ["neural-ode", "augmented", "stoichiometric", "hybrid"];
    private static readonly string[] Knowns = ["reactor", "cascaded-tanks", "lags"];

    public static void Check(ModelSpecification model)
    {
        if (!Kinds.Contains(model.Kind))
            throw new TrainingException($"model.kind is '{model.Kind}'; one of {string.Join(", ", Kinds)} would be right");
        if (model.Kind == "hybrid" && !Knowns.Contains(model.Known))
        {
            throw new TrainingException(
                $"model.known is {(model.Known is null ? "missing" : $"'{model.Known}'")}; "
                + $"one of {string.Join(", ", Knowns)} would be right");
        }
        if (model.Kind != "hybrid" && model.Known is not null)
            throw new TrainingException($"model.known goes with the kind hybrid, not with {model.Kind}");
        if (model.States.Length == 0) throw new TrainingException("model.states is empty; at least one state is needed");
        if (!model.States.Any(s => s.Observed)) throw new TrainingException("no state of the model is observed; a fit needs at least one");
        foreach (var width in model.Hidden)
        {
            if (width is < 1 or > 4096) throw new TrainingException($"model.hidden holds {width}; widths from 1 to 4096 would be right");
        }
        string[] names = [.. model.States.Select(s => s.Name), .. model.Controls.Select(c => c.Name)];
        if (Array.Find(names, name => names.Count(other => other == name) > 1) is { } twice)
            throw new TrainingException($"the model has two states or controls of the name '{twice}'");
        foreach (var state in model.States)
        {
            if (!(state.Scale > 0.0) || !double.IsFinite(state.Scale) || !double.IsFinite(state.Offset))
                throw new TrainingException($"the scale of {state.Name} is {state.Scale}; a positive number would be right");
            if (state.Start == StateStart.Measured && !state.Observed)
                throw new TrainingException(
                    $"the state {state.Name} is not observed, so its start cannot be measured; a number or \"learned\" would be right");
        }
        foreach (var control in model.Controls)
        {
            if (!(control.Scale > 0.0) || !double.IsFinite(control.Scale) || !double.IsFinite(control.Offset))
                throw new TrainingException($"the scale of {control.Name} is {control.Scale}; a positive number would be right");
        }
        if (!(model.TimeScale > 0.0) || !double.IsFinite(model.TimeScale))
            throw new TrainingException($"model.time-scale is {model.TimeScale}; a positive time would be right");
        if (model.Kind == "augmented" && model.States.All(s => s.Observed))
            throw new TrainingException("an augmented model has states that nobody measures; give one with observed = false");
        if (model.Known == "lags" && (model.Lags.Length != model.States.Length || model.Lags.Any(lag => !(lag > 0.0))))
            throw new TrainingException(
                $"model.lags has {model.Lags.Length} numbers; one positive time for each of the "
                + $"{model.States.Length} states would be right");
    }
}
