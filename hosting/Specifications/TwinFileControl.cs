using System.Collections.Immutable;
using Athanor.Compute.Control;
using Athanor.Protocol.Twins.Units;

namespace Athanor.Hosting.Specifications;

/// <summary>The controller of a twin's file.</summary>
public sealed record TwinControl(
    ControllerMode Mode, ControllerSettings Settings, double ValidForS, double WatchdogS, ImmutableSortedDictionary<string, double> Setpoints);

/// <summary>Reads <c>controller { mode = advisory, kind = nmpc, ... }</c>.</summary>
internal static class TwinFileControl
{
    private static readonly string[] Keys =
    [
        "mode", "kind", "horizon", "interval", "track", "inputs", "bounds", "disturbance", "observer-gain", "steady-target", "iterations",
        "tolerance", "deadline", "valid-for", "watchdog", "objective", "end", "scenarios", "loops",
    ];

    private static readonly string[] LoopKeys =
        ["state", "input", "gain", "integral", "derivative", "filter", "tracking", "setpoint", "setpoint-weight"];

    public static TwinControl? Read(SpecificationReader twin, TwinFileModel model, ImmutableArray<TwinInput> inputs, double sampleS)
    {
        if (twin.Object("controller") is not { } section) return null;
        var reader = new SpecificationReader(section, twin.At("controller"), Keys);
        var kind = OneOf(reader, "kind", ControllerKind.Nmpc);
        var interval = TwinQuantities.Seconds(reader, "interval") ?? sampleS;
        if (!(interval > 0.0)) throw reader.Wrong("interval", "above 0 s");
        var moved = inputs.Where(static i => i.Moved).ToArray();
        if (moved.Length == 0) throw twin.Wrong("controller", "left out where no input is moved");
        var tracked = Tracked(reader, model);
        var loops = Loops(reader, model, moved);
        var setpoints = tracked.Where(static t => t.SetPoint is not null)
            .ToImmutableSortedDictionary(static t => t.State, static t => t.SetPoint!.Value, StringComparer.Ordinal);
        foreach (var (loop, value) in loops) setpoints = setpoints.SetItem(loop.State, value);
        var settings = new ControllerSettings
        {
            Kind = kind,
            IntervalS = interval,
            Horizon = (int)Whole(reader, "horizon", 20, 1, 400),
            Inputs = Moved(reader, moved),
            Tracked = tracked,
            Bounds = Bounds(reader, model),
            Disturbance = OneOf(reader, "disturbance", DisturbanceKind.Observer),
            ObserverGain = reader.Number("observer-gain") ?? 0.2,
            SteadyTarget = reader.Has("steady-target") ? PlantQuantities.Flag(reader, "steady-target") : kind is ControllerKind.Nmpc or ControllerKind.Stochastic,
            SqpIterations = (int)Whole(reader, "iterations", 1, 1, 100),
            Tolerance = reader.Number("tolerance") ?? 1e-8,
            DeadlineMs = TwinQuantities.Seconds(reader, "deadline") * 1000.0,
            Objective = Objective(reader, model, inputs),
            EndS = TwinQuantities.Seconds(reader, "end"),
            Scenarios = Scenarios(reader, kind),
            Loops = [.. loops.Select(static l => l.Loop)],
        };
        return new TwinControl(
            OneOf(reader, "mode", ControllerMode.Advisory), settings, TwinQuantities.Seconds(reader, "valid-for") ?? (3.0 * interval),
            TwinQuantities.Seconds(reader, "watchdog") ?? (10.0 * interval), setpoints);
    }

    private static ImmutableArray<TrackedState> Tracked(SpecificationReader reader, TwinFileModel model) =>
        [.. Named(reader, "track", model.States.Select(static s => s.Name), ["setpoint", "scale", "weight", "terminal-weight"], (state, inner) =>
        {
            var unit = model.State(state).Unit;
            return new TrackedState(
                state, Positive(inner, "scale", TwinQuantities.Width(inner, "scale", unit)), inner.Number("weight") ?? 1.0,
                inner.Number("terminal-weight") ?? 10.0, TwinQuantities.Value(inner, "setpoint", unit) ?? throw inner.Missing("setpoint"));
        })];

    private static ImmutableArray<ManipulatedInput> Moved(SpecificationReader reader, TwinInput[] moved)
    {
        var own = Named(reader, "inputs", moved.Select(static i => i.Name), ["scale", "weight", "move-weight", "reference"], (name, inner) =>
        {
            var input = moved.First(i => i.Name == name);
            return Of(input) with
            {
                Scale = inner.Has("scale") ? Positive(inner, "scale", TwinQuantities.Width(inner, "scale", input.Unit)) : Of(input).Scale,
                Weight = inner.Number("weight") ?? 0.1,
                MoveWeight = inner.Number("move-weight") ?? 0.0,
                Reference = TwinQuantities.Value(inner, "reference", input.Unit) ?? input.Start,
            };
        }).ToDictionary(static i => i.Input);
        return [.. moved.Select(i => own.TryGetValue(i.Name, out var one) ? one : Of(i))];

        // A quarter of its range counts as one.
        static ManipulatedInput Of(TwinInput i) => new(
            i.Name, i.Low, i.High, (i.High - i.Low) / 4.0, i.RatePerS > 0.0 ? i.RatePerS : null, 0.1, 0.0, i.Start);
    }

    private static ImmutableArray<StateBound> Bounds(SpecificationReader reader, TwinFileModel model) =>
        [.. Named(reader, "bounds", model.States.Select(static s => s.Name), ["scale", "low", "high", "penalty", "quadratic-penalty", "probability"], (state, inner) =>
        {
            var unit = model.State(state).Unit;
            if (!inner.Has("low") && !inner.Has("high")) throw inner.Missing("high");
            return new StateBound(
                state, Positive(inner, "scale", TwinQuantities.Width(inner, "scale", unit)), TwinQuantities.Value(inner, "low", unit),
                TwinQuantities.Value(inner, "high", unit), inner.Number("penalty") ?? 100.0, inner.Number("quadratic-penalty") ?? 100.0,
                inner.Number("probability"));
        })];

    private static ImmutableArray<EconomicTerm> Objective(SpecificationReader reader, TwinFileModel model, ImmutableArray<TwinInput> inputs)
    {
        string[] names = [.. model.States.Select(static s => s.Name), .. inputs.Select(static i => i.Name)];
        return [.. reader.Objects("objective", ["of", "gain", "at-end"]).Select(item =>
        {
            var of = item.Has("of") ? item.Value("of") : throw item.Missing("of");
            string[] factors = of is Configuration.Hocon.HoconArray list ? [.. list.Items.Select(static i => $"{i}")] : [item.Text("of")!];
            if (factors.Length is 0 or > 2 || factors.Except(names).Any()) throw item.Wrong("of", $"one or two of {string.Join(", ", names)}");
            return new EconomicTerm([.. factors], item.RequiredNumber("gain"), PlantQuantities.Flag(item, "at-end"));
        })];
    }

    private static ScenarioSettings? Scenarios(SpecificationReader reader, ControllerKind kind)
    {
        if (reader.Object("scenarios") is not { } section) return kind == ControllerKind.Stochastic ? new ScenarioSettings() : null;
        var inner = new SpecificationReader(section, reader.At("scenarios"), ["count", "seed"]);
        return new ScenarioSettings((int)Whole(inner, "count", 200, 20, 100_000), Whole(inner, "seed", 1, 0, long.MaxValue));
    }

    private static IReadOnlyList<(PidLoop Loop, double Setpoint)> Loops(SpecificationReader reader, TwinFileModel model, TwinInput[] moved) =>
        [.. reader.Objects("loops", LoopKeys).Select(item =>
        {
            var state = item.Text("state") ?? throw item.Missing("state");
            if (model.States.All(s => s.Name != state)) throw item.Wrong("state", $"one of {string.Join(", ", model.States.Select(static s => s.Name))}");
            var input = item.Text("input") ?? throw item.Missing("input");
            if (!Array.Exists(moved, i => i.Name == input)) throw item.Wrong("input", $"one of {string.Join(", ", moved.Select(static i => i.Name))}");
            var loop = new PidLoop(
                state, input, item.RequiredNumber("gain"), TwinQuantities.Seconds(item, "integral"), TwinQuantities.Seconds(item, "derivative") ?? 0.0,
                TwinQuantities.Seconds(item, "filter") ?? 0.0, TwinQuantities.Seconds(item, "tracking") ?? 0.0, item.Number("setpoint-weight") ?? 1.0);
            return (loop, TwinQuantities.Value(item, "setpoint", model.State(state).Unit) ?? throw item.Missing("setpoint"));
        })];

    private static IEnumerable<T> Named<T>(
        SpecificationReader reader, string key, IEnumerable<string> names, string[] keys, Func<string, SpecificationReader, T> read)
    {
        if (reader.Object(key) is not { } section) return [];
        var all = new SpecificationReader(section, reader.At(key), [.. names]);
        return all.Fields.Select(f => read(f.Key, new SpecificationReader(all.Object(f.Key)!, all.At(f.Key), keys)));
    }

    private static double Positive(SpecificationReader reader, string key, double? value) =>
        value is not { } number ? throw reader.Missing(key) : number > 0.0 ? number : throw reader.Wrong(key, "above 0");

    internal static long Whole(SpecificationReader reader, string key, long otherwise, long least, long most) =>
        reader.Number(key) is not { } number ? otherwise
            : number >= least && number <= most && number == Math.Floor(number) ? (long)number : throw reader.Wrong(key, $"a whole number from {least} to {most}");

    internal static T OneOf<T>(SpecificationReader reader, string key, T otherwise)
        where T : struct, Enum
    {
        if (reader.Text(key) is not { } text) return otherwise;
        foreach (var value in Enum.GetValues<T>())
        {
            if (Kebab(value) == text) return value;
        }
        throw reader.Wrong(key, $"one of {string.Join(", ", Enum.GetValues<T>().Select(Kebab))}");
    }

    internal static string Kebab<T>(T value)
        where T : struct, Enum => System.Text.Json.JsonNamingPolicy.KebabCaseLower.ConvertName(value.ToString());
}
