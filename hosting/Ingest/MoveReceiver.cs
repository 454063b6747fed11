using System.Text.Json;

namespace Athanor.Hosting.Ingest;

/// <summary>A control move as it arrives, see docs/operations/ingest.md.</summary>
/// <param name="Setpoints">By actuator; empty: the twin lets go, and nobody is to act on an earlier move any more.</param>
public sealed record ReceivedMove(
    string Tenant, string Unit, long Incarnation, long Epoch, long Sequence, DateTimeOffset Time, DateTimeOffset ValidUntil,
    IReadOnlyDictionary<string, double> Setpoints)
{
    /// <exception cref="FormatException">The bytes are no move.</exception>
    public static ReceivedMove Parse(ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var root = document.RootElement;
            var setpoints = root.GetProperty("setpoints").EnumerateObject().ToDictionary(static p => p.Name, static p => p.Value.GetDouble());
            return new ReceivedMove(
                root.GetProperty("tenant").GetString()!, root.GetProperty("unit").GetString()!, root.GetProperty("incarnation").GetInt64(),
                root.GetProperty("epoch").GetInt64(), root.GetProperty("sequence").GetInt64(), root.GetProperty("time").GetDateTimeOffset(),
                root.GetProperty("validUntil").GetDateTimeOffset(), setpoints);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new FormatException($"this is no move: {e.Message}", e);
        }
    }
}

/// <summary>What a receiver does now.</summary>
public enum ReceiverState
{
    /// <summary>The operator has the plant: nothing came yet, or the twin let go.</summary>
    Local,

    /// <summary>It acts on the last move.</summary>
    Following,

    /// <summary>Moves stopped coming: the actuators are at their fallback until one comes.</summary>
    Fallback,
}

/// <summary>What became of a move.</summary>
public enum MoveVerdict
{
    Taken,

    /// <summary>Of this twin, doubled or overtaken: not greater than the last one taken.</summary>
    Older,

    /// <summary>Past its validity by this receiver's clock.</summary>
    Expired,

    /// <summary>Of another unit, or for an actuator that is not here, or outside of its range.</summary>
    Foreign,
}

/// <summary>An actuator as the receiver knows it: its own range and fallback, whatever a move says.</summary>
public sealed record ReceiverActuator(string Name, double Low, double High, double Fallback);

/// <summary>
/// The receiver of moves, as a plant's controller should have it; a reference to copy from, and what the tests hold the twin to.
///
/// It keeps (incarnation, epoch, sequence) of the last move taken and drops what is not greater in that order, so doubled, overtaken and
/// late moves of a former owner have no effect. It drops what is past its validity by its own clock. A twin in closed loop sends a move at
/// every interval, changed or not: that is its heartbeat. When the last move's validity ends and none came, the twin is lost: the
/// actuators go to
/// their fallback, and follow again with the next valid move. A move without set-points says that the twin lets go: the plant is the
/// operator's. What it keeps should outlast a restart; without it the first valid move is taken.
/// </summary>
/// <param name="write">Sets an actuator.</param>
public sealed class MoveReceiver(
    string tenant, string unit, IReadOnlyList<ReceiverActuator> actuators, Action<string, double> write, TimeProvider time)
{
    /// <summary>Of the last move taken; null before the first.</summary>
    public (long Incarnation, long Epoch, long Sequence)? Last { get; private set; }

    public ReceiverState State { get; private set; }

    /// <summary>Until when the last move holds.</summary>
    public DateTimeOffset ValidUntil { get; private set; }

    public MoveVerdict Take(ReceivedMove move)
    {
        if (move.Tenant != tenant || move.Unit != unit) return MoveVerdict.Foreign;
        foreach (var (name, value) in move.Setpoints)
        {
            // Nothing of a move is done if a part of it cannot be.
            if (actuators.FirstOrDefault(a => a.Name == name) is not { } actuator || !(value >= actuator.Low && value <= actuator.High))
                return MoveVerdict.Foreign;
        }
        var order = (move.Incarnation, move.Epoch, move.Sequence);
        if (Last is { } last && order.CompareTo(last) <= 0) return MoveVerdict.Older;
        if (time.GetUtcNow() > move.ValidUntil) return MoveVerdict.Expired;
        (Last, ValidUntil) = (order, move.ValidUntil);
        State = move.Setpoints.Count == 0 ? ReceiverState.Local : ReceiverState.Following;
        foreach (var (name, value) in move.Setpoints) write(name, value);
        return MoveVerdict.Taken;
    }

    /// <summary>To be called regularly, a few times within a validity at least.</summary>
    public ReceiverState Tick()
    {
        if (State != ReceiverState.Following || time.GetUtcNow() <= ValidUntil) return State;
        State = ReceiverState.Fallback;
        foreach (var actuator in actuators) write(actuator.Name, actuator.Fallback);
        return State;
    }
}
