using System.Globalization;
using Athanor.Protocol.Twins;

namespace Athanor.Actors.Twins;

/// <summary>Control moves: recorded with number and end of validity; they are sent out from the journal, after the commit.</summary>
internal static class TwinMoving
{
    /// <summary>Actuators of one move.</summary>
    public const int MaxSetpoints = 64;

    public static readonly TimeSpan LongestValidity = TimeSpan.FromDays(1);

    public static IReadOnlyList<Effect> Decide(TwinState state, MakeMove move, DecisionContext context)
    {
        if (state.Spec is null) return TwinDecider.Refuse("not-found", "this twin was never registered; RegisterTwin comes first");
        if (Problem(move) is { } wrong) return TwinDecider.Refuse("invalid", wrong);
        var made = new TwinMoved((state.Plant?.Move?.Sequence ?? 0) + 1, move.Setpoints, context.Now, context.Now + move.ValidFor);
        return [new Effect.Persist(made), new Effect.Reply(new MoveMade(made.Sequence, made.ValidUntil))];
    }

    private static string? Problem(MakeMove move)
    {
        if (move.Setpoints.Count is 0 or > MaxSetpoints) return Text($"a move sets {move.Setpoints.Count} actuators; 1 to {MaxSetpoints} would be right");
        if (move.ValidFor <= TimeSpan.Zero || move.ValidFor > LongestValidity)
            return Text($"the move is valid for {move.ValidFor.TotalSeconds} s; above 0 and at most {LongestValidity.TotalSeconds} s would be right");
        foreach (var (name, value) in move.Setpoints)
        {
            if (TwinChecks.SignalName(name) is { } wrong) return wrong;
            if (!double.IsFinite(value)) return Text($"the setpoint of {name} is {value}; a finite number would be right");
        }
        return null;
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
