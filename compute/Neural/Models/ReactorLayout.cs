using Athanor.Compute.Training;

namespace Athanor.Compute.Neural.Models;

/// <summary>A number that may be a control: its position, or -1 and its value.</summary>
internal readonly record struct Source(int Control, double Value)
{
    public static Source Of(ModelSpecification model, Quantity quantity) =>
        quantity.Control is { } name ? new Source(model.ControlIndex(name), 0.0) : new Source(-1, quantity.Value);

    public double At(ReadOnlySpan<double> u) => Control < 0 ? Value : u[Control];
}

/// <summary>A reactor's specification by positions, checked.</summary>
internal sealed class ReactorLayout
{
    public ReactorLayout(ModelSpecification model)
    {
        var reactor = model.Reactor ?? throw new TrainingException("model.reactor is missing; the reactions and flows would be right");
        if (reactor.Reactions.Length == 0) throw new TrainingException("model.reactor.reactions is empty; at least one is needed");
        Reactions = reactor.Reactions.Length;
        Temperature = reactor.Temperature is { } t ? model.StateIndex(t) : -1;
        Jacket = reactor.Jacket is { } j ? model.StateIndex(j) : -1;
        if (Jacket >= 0 && Temperature < 0) throw new TrainingException("model.reactor has a jacket but no temperature");
        Species = [.. Enumerable.Range(0, model.States.Length).Where(i => i != Temperature && i != Jacket)];
        Matrix = new double[Reactions * Species.Length];
        Consumed = new int[Reactions][];
        for (var r = 0; r < Reactions; r++)
        {
            var reaction = reactor.Reactions[r];
            if (reaction.Consumes.Count == 0) throw new TrainingException($"model.reactor.reactions[{r}] consumes nothing");
            foreach (var (name, amount) in reaction.Consumes) Matrix[(r * Species.Length) + SpeciesIndex(name)] -= Positive(amount, name);
            foreach (var (name, amount) in reaction.Produces) Matrix[(r * Species.Length) + SpeciesIndex(name)] += Positive(amount, name);
            Consumed[r] = [.. reaction.Consumes.Keys.Select(SpeciesIndex)];
        }
        Dilution = Source.Of(model, reactor.Dilution);
        Feed = new Source[Species.Length];
        for (var i = 0; i < Feed.Length; i++)
        {
            Feed[i] = reactor.Feed.TryGetValue(model.States[Species[i]].Name, out var feed) ? Source.Of(model, feed) : new Source(-1, 0.0);
            if (!model.States[Species[i]].Positive)
                throw new TrainingException(
                    $"the state {model.States[Species[i]].Name} is a concentration; positive = true would be right");
        }
        foreach (var name in reactor.Feed.Keys) SpeciesIndex(name);
        FeedTemperature = Source.Of(model, reactor.FeedTemperature);
        Coolant = reactor.Coolant is { } coolant ? Source.Of(model, coolant) : null;
        JacketHeat = Source.Of(model, reactor.JacketHeat);
        CapacityRatio = reactor.CapacityRatio;

        int SpeciesIndex(string name) => Array.IndexOf(Species, model.StateIndex(name)) is >= 0 and var index
            ? index
            : throw new TrainingException($"the state {name} is a temperature and takes no part in a reaction");

        double Positive(double amount, string name) => amount > 0.0 && double.IsFinite(amount)
            ? amount
            : throw new TrainingException($"the coefficient of {name} is {amount}; a positive number would be right");
    }

    public int Reactions { get; }

    /// <summary>Positions of the species among the states.</summary>
    public int[] Species { get; }

    /// <summary>Position of the tank's temperature among the states, or -1.</summary>
    public int Temperature { get; }

    /// <summary>Position of the jacket's temperature among the states, or -1.</summary>
    public int Jacket { get; }

    /// <summary>S, shape (reactions, species) row-major.</summary>
    public double[] Matrix { get; }

    /// <summary>By reaction, the species it consumes.</summary>
    public int[][] Consumed { get; }

    public Source Dilution { get; }

    public Source[] Feed { get; }

    public Source FeedTemperature { get; }

    public Source? Coolant { get; }

    public Source JacketHeat { get; }

    public double CapacityRatio { get; }

    /// <summary>Whether heat passes a wall.</summary>
    public bool Exchanges => Temperature >= 0 && (Jacket >= 0 || Coolant is not null);
}
