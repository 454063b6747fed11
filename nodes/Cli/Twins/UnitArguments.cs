using System.CommandLine;
using System.Globalization;
using Athanor.Actors;
using Athanor.Hosting.Configuration.Hocon;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Specifications;
using Athanor.Nodes.Local;
using Athanor.Protocol;
using Athanor.Protocol.Twins.Units;

namespace Athanor.Nodes.Cli.Twins;

/// <summary>What the commands of unit twins have in common: how a unit is named, read and asked.</summary>
internal static class UnitArguments
{
    public static Argument<string> Unit() => new("unit") { Description = "The twin's id, as 'twins list' shows it.", HelpName = "UNIT" };

    public static Argument<string> File() => new("file") { Description = "A HOCON file with a section twin { ... }.", HelpName = "FILE.hocon" };

    public static Option<string?> Why() => new("--why") { Description = "What speaks for it; the journal keeps it, with who it was.", HelpName = "TEXT" };

    /// <summary>A command of one unit.</summary>
    public static Command Command(
        string name, string says, string[] examples, Func<ParseResult, CancellationToken, Task<int>> action, params Symbol[] more)
    {
        var command = Cli.Command(name, says, examples);
        foreach (var symbol in more)
        {
            if (symbol is Argument argument) command.Arguments.Add(argument);
            else command.Options.Add((Option)symbol);
        }
        command.Options.Add(Cli.Tenant);
        RemoteOptions.AddTo(command);
        command.SetAction(action);
        return command;
    }

    /// <summary>A file whose model stands in it; null where it names a registered model, which a cluster must give.</summary>
    /// <exception cref="UserException">The file is wrong; the message names file, line and key.</exception>
    public static TwinFile? ReadAlone(string path) =>
        !System.IO.File.Exists(path) ? throw new UserException($"{path}: there is no such file")
        : Reading(() => TwinFile.RegisteredIn(path) is null ? TwinFile.Load(path) : null);

    /// <inheritdoc cref="ReadAlone"/>
    public static async Task<TwinFile> Read(IClusterClient client, string tenant, string path, CancellationToken cancellation)
    {
        if (ReadAlone(path) is { } alone) return alone;
        var name = Reading(() => TwinFile.RegisteredIn(path))!;
        if (Models.ModelArguments.Parse(name) is not (var id, { } version) || !EntityAddress.IsValidPart(id))
            throw new UserException($"{path}: twin.model.registered is '{name}'; a model with its version, such as reactor-net@3, would be right");
        var (_, file) = await LearnedModels.Fetch(client, new EntityAddress(tenant, "models", id), version, cancellation);
        return Reading(() => TwinFile.Load(path, _ => file));
    }

    private static T Reading<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (HoconException error)
        {
            throw new UserException(error.Message);
        }
    }

    /// <exception cref="UserException">There is no such unit twin.</exception>
    public static async Task<UnitView> View(IClusterClient client, EntityAddress unit, CancellationToken cancellation) =>
        await Query<UnitView>(client, unit, new UnitQuery(), cancellation);

    /// <exception cref="UserException">There is no such unit twin, or it refuses.</exception>
    public static async Task<T> Query<T>(IClusterClient client, EntityAddress unit, IQuery query, CancellationToken cancellation)
        where T : class, IReply => await client.Query(unit, query, cancellation: cancellation) switch
        {
            T view => view,
            Rejected { Code: "not-found" } => throw new UserException($"there is no {unit}; 'athanor twins list' shows those that are", ExitCodes.Failure),
            Rejected rejected => throw new UserException($"{unit}: {rejected.Reason}", ExitCodes.Failure),
            var other => throw new UserException($"{unit} answered with {other.GetType().Name}; it is no unit twin (made by 'twins create')", ExitCodes.Failure),
        };

    /// <exception cref="UserException">The twin refuses.</exception>
    public static async Task<IReply> Ask(IClusterClient client, EntityAddress unit, ICommand command, CancellationToken cancellation)
    {
        var reply = await client.Ask(unit, command, cancellation: cancellation);
        return reply is Rejected rejected
            ? throw new UserException($"{unit}: {rejected.Reason}", rejected.Code == "invalid" ? ExitCodes.BadInput : ExitCodes.Failure)
            : reply;
    }

    /// <summary>Sends one command to the unit that the arguments name, and says what became of it.</summary>
    public static async Task<int> Send(
        ParseResult parsed, Argument<string> unit, ICommand command, Func<EntityAddress, string> says, CancellationToken cancellation)
    {
        var id = parsed.GetRequiredValue(unit);
        Cli.CheckNames(parsed, id);
        await using var cluster = await CliCluster.Open(parsed, EmbeddedRole.AppendOnly, cancellation);
        var twin = Cli.Address(parsed, cluster, "twins", id);
        await Ask(cluster.Client, twin, command, cancellation);
        if (parsed.GetValue(Cli.Json)) Cli.PrintJson(new { twin = twin.ToString(), done = says(twin) });
        else Console.Out.WriteLine(says(twin));
        return ExitCodes.Success;
    }

    /// <summary>NAME=VALUE, with or without a unit: <c>T=350</c>, <c>T="350 K"</c>.</summary>
    /// <exception cref="UserException">It is none.</exception>
    public static (string Name, string Value) Pair(string text, string example)
    {
        var at = text.IndexOf('=', StringComparison.Ordinal);
        return at > 0 ? (text[..at].Trim(), text[(at + 1)..].Trim()) : throw new UserException($"'{text}' is no NAME=VALUE; one such as {example} would be right");
    }

    /// <summary>A number, converted from the unit behind it into the signal's.</summary>
    /// <exception cref="UserException">It is none, or of another dimension.</exception>
    public static double Value(string name, string text, string unit)
    {
        var space = text.IndexOf(' ', StringComparison.Ordinal);
        var number = space < 0 ? text : text[..space];
        if (!double.TryParse(number, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) || !double.IsFinite(value))
            throw new UserException($"{name}={text}: '{number}' is no finite number");
        return space < 0 ? value : UnitText.Convert(value, text[(space + 1)..].Trim(), unit) is { Problem: null } converted ? converted.Value
            : throw new UserException($"{name}={text}: {UnitText.Convert(value, text[(space + 1)..].Trim(), unit).Problem}");
    }

    public static string Number(double value) => value.ToString("G6", CultureInfo.InvariantCulture);

    public static string Time(DateTimeOffset? time) =>
        time is { } t ? t.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss.fff", CultureInfo.InvariantCulture) : "-";
}

/// <summary>Units of values that come from outside.</summary>
internal static class UnitText
{
    /// <summary>A value in the unit that is wanted, or why it cannot be.</summary>
    public static (double Value, string? Problem) Convert(double value, string from, string to)
    {
        if (from == to) return (value, null);
        if (!Compute.Units.Unit.TryParse(from, out var a, out var problem)) return (0.0, problem);
        if (!Compute.Units.Unit.TryParse(to, out var b, out _) || !a.Dimension.Is(b.Dimension))
            return (0.0, $"'{from}' cannot be converted to {(to == "" ? "a number without unit" : to)}");
        return (a.To(b, value), null);
    }
}
