using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Athanor.Compute.Plants;
using Athanor.Compute.Twins.Units;
using Athanor.Protocol.Twins.Units;

namespace Athanor.Actors.Twins.Units;

/// <summary>What the numerics of a model are called in messages.</summary>
public sealed record UnitNames(UnitEngine Engine, UnitShape Shape, IReadOnlyList<string> Setpoints)
{
    public PlantModel Model => Engine.Model;
}

/// <summary>The numerics of a message's model, found by the message itself where it was seen before: thousands of units ask each
/// second.</summary>
public static class UnitModels
{
    private static readonly ConditionalWeakTable<UnitModel, UnitNames> Known = new();

    /// <exception cref="ArgumentException">Settings are wrong; the message names the key or signal and what would be right.</exception>
    public static UnitNames Of(UnitModel model) => Known.TryGetValue(model, out var known) ? known : Known.GetValue(model, Make);

    private static UnitNames Make(UnitModel model)
    {
        var engine = UnitEngine.Of(model.Model, model.Estimator, model.Detectors, model.Controller);
        var settings = engine.Estimator.Settings;
        var estimates = ImmutableArray.CreateBuilder<UnitQuantity>();
        foreach (var state in engine.Model.States) estimates.Add(new UnitQuantity(state.Name, state.Unit));
        foreach (var i in engine.Estimated) estimates.Add(new UnitQuantity(engine.Model.Parameters[i].Name, engine.Model.Parameters[i].Unit));
        foreach (var i in engine.Biased) estimates.Add(new UnitQuantity($"{settings.Sensors[i].Name}.bias", ""));
        return new UnitNames(engine, new UnitShape(estimates.ToImmutable(), [.. engine.Scores]), engine.Setpoints);
    }
}
