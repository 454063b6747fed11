using System.CommandLine;
using Athanor.Hosting.Runtime;
using Athanor.Protocol.Twins.Units;

namespace Athanor.Nodes.Cli.Twins;

/// <summary>What an operator does with a controller: <c>twins mode|setpoint|override|limits UNIT</c>. Each is journalled with who and why.
/// </summary>
internal static class OperateCommands
{
    private static readonly Argument<string> Unit = UnitArguments.Unit();

    private static readonly Argument<string> Mode = new("mode") { Description = "off, shadow, advisory or closed-loop.", HelpName = "MODE" };

    private static readonly Argument<string> Setpoint = new("setpoint")
    {
        Description = "A controlled state and its new value, with or without a unit.",
        HelpName = "NAME=VALUE",
    };

    private static readonly Argument<string> Input = new("input") { Description = "An input and its value; with --release the input alone.", HelpName = "NAME=VALUE" };

    private static readonly Argument<string> Limited = new("input") { Description = "The input.", HelpName = "NAME" };

    private static readonly Option<bool> Release = new("--release") { Description = "Give the input back to the controller." };

    private static readonly Option<string?> Low = new("--low") { Description = "Least value that a move may have (left away: the file's).", HelpName = "VALUE" };

    private static readonly Option<string?> High = new("--high") { Description = "Largest value (left away: the file's).", HelpName = "VALUE" };

    private static readonly Option<string?> Why = UnitArguments.Why();

    public static Command CreateMode() => UnitArguments.Command(
        "mode", "Sets what the controller may do: off, shadow (recorded only), advisory (shown), closed-loop (moves leave for the plant).",
        ["twins mode R-101 closed-loop --why \"a week in advisory without a surprise\""], SetMode, Unit, Mode, Why);

    public static Command CreateSetpoint() => UnitArguments.Command(
        "setpoint", "Gives the controller another set-point.", ["twins setpoint R-101 T=\"355 K\" --why \"new grade\""], SetSetpoint, Unit, Setpoint, Why);

    public static Command CreateOverride() => UnitArguments.Command(
        "override", "Holds an input at the operator's value, or gives it back to the controller.",
        ["twins override R-101 Tc=\"300 K\" --why \"valve test\"", "twins override R-101 Tc --release"], Override, Unit, Input, Release, Why);

    public static Command CreateLimits() => UnitArguments.Command(
        "limits", "Narrows the bounds of an input; without --low and --high the file's bounds hold again.",
        ["twins limits R-101 Tc --low 290 --high 310 --why \"cooling water is short\"", "twins limits R-101 Tc"], Limit, Unit, Limited, Low, High, Why);

    private static Task<int> SetMode(ParseResult parsed, CancellationToken cancellation)
    {
        var text = parsed.GetRequiredValue(Mode);
        foreach (var mode in Enum.GetValues<ControllerMode>())
        {
            var name = System.Text.Json.JsonNamingPolicy.KebabCaseLower.ConvertName(mode.ToString());
            if (text == name)
            {
                return UnitArguments.Send(
                    parsed, Unit, new SetUnitMode(mode, parsed.GetValue(Why) ?? $"twins mode {name}"), twin => $"{twin} is in {name}.", cancellation);
            }
        }
        throw new UserException($"'{text}' is no mode; off, shadow, advisory or closed-loop would be right");
    }

    private static Task<int> SetSetpoint(ParseResult parsed, CancellationToken cancellation)
    {
        var (name, text) = UnitArguments.Pair(parsed.GetRequiredValue(Setpoint), "T=350");
        return WithSpec(parsed, spec =>
        {
            if (!spec.Setpoints.ContainsKey(name)) throw new UserException($"{name} has no set-point; those that have are {Names(spec.Setpoints.Keys)}");
            return UnitArguments.Value(name, text, UnitOf(spec, name) ?? "");
        }, value => new SetSetpoint(name, value, parsed.GetValue(Why) ?? "twins setpoint"), value => $"{name} shall be {UnitArguments.Number(value)}", cancellation);
    }

    private static Task<int> Override(ParseResult parsed, CancellationToken cancellation)
    {
        var text = parsed.GetRequiredValue(Input);
        var why = parsed.GetValue(Why) ?? "twins override";
        if (parsed.GetValue(Release))
        {
            if (text.Contains('=', StringComparison.Ordinal)) throw new UserException($"--release gives an input back; '{text[..text.IndexOf('=')]}' without a value would be right");
            return UnitArguments.Send(parsed, Unit, new OverrideInput(text, null, why), twin => $"{twin}: {text} is the controller's again.", cancellation);
        }
        var (name, value) = UnitArguments.Pair(text, "Tc=300");
        return WithSpec(
            parsed, spec => UnitArguments.Value(name, value, Find(spec, name).Unit), number => new OverrideInput(name, number, why),
            number => $"{name} is held at {UnitArguments.Number(number)}", cancellation);
    }

    private static Task<int> Limit(ParseResult parsed, CancellationToken cancellation)
    {
        var name = parsed.GetRequiredValue(Limited);
        var (low, high) = (parsed.GetValue(Low), parsed.GetValue(High));
        return WithSpec(
            parsed, spec =>
            {
                var unit = Find(spec, name).Unit;
                return (Low: low is null ? (double?)null : UnitArguments.Value(name, low, unit), High: high is null ? (double?)null : UnitArguments.Value(name, high, unit));
            },
            limits => new LimitInput(name, limits.Low, limits.High, parsed.GetValue(Why) ?? "twins limits"),
            limits => limits is (null, null) ? $"{name} has the file's bounds again"
                : $"{name} is moved from {(limits.Low is { } l ? UnitArguments.Number(l) : "the file's bound")} to {(limits.High is { } h ? UnitArguments.Number(h) : "the file's bound")}",
            cancellation);
    }

    /// <summary>A command whose numbers are read in the units of the unit's spec.</summary>
    private static async Task<int> WithSpec<T>(
        ParseResult parsed, Func<UnitSpec, T> read, Func<T, Protocol.ICommand> command, Func<T, string> says, CancellationToken cancellation)
    {
        var id = parsed.GetRequiredValue(Unit);
        Cli.CheckNames(parsed, id);
        await using var cluster = await CliCluster.Open(parsed, EmbeddedRole.AppendOnly, cancellation);
        var twin = Cli.Address(parsed, cluster, "twins", id);
        var spec = (await UnitArguments.Query<UnitSpecView>(cluster.Client, twin, new UnitSpecQuery(), cancellation)).Spec;
        var value = read(spec);
        await UnitArguments.Ask(cluster.Client, twin, command(value), cancellation);
        if (parsed.GetValue(Cli.Json)) Cli.PrintJson(new { twin = twin.ToString(), done = says(value) });
        else Console.Out.WriteLine($"{twin}: {says(value)}.");
        return ExitCodes.Success;
    }

    private static UnitInput Find(UnitSpec spec, string name) => spec.Inputs.FirstOrDefault(i => i.Signal == name)
        ?? throw new UserException($"{spec.Unit} has no input '{name}'; its inputs are {Names(spec.Inputs.Select(static i => i.Signal))}");

    private static string? UnitOf(UnitSpec spec, string name) => spec.Sensors.FirstOrDefault(s => s.Signal == name)?.Unit;

    private static string Names(IEnumerable<string> names) => string.Join(", ", names) is { Length: > 0 } text ? text : "none";
}
