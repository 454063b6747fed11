using System.Buffers.Binary;
using System.Collections.Immutable;
using Athanor.Hosting.Core;
using Athanor.Hosting.Stores;
using Athanor.Protocol;

namespace Athanor.Hosting.Simulation;

/// <summary>The simulation's messages as fixed rows of numbers; the kind says in words what they are, for traces.</summary>
internal sealed class SimCodec : IMessageCodec
{
    private static readonly string[] Commands = [.. Enum.GetNames<CommandKind>().Select(static name => $"accounts.{name}")];
    private static readonly string[] Events = [.. Enum.GetNames<EventKind>().Select(static name => $"accounts.{name}")];

    private enum Tag : byte
    {
        Command, Event, Reply, Done, Digging, WorkCompleted, WorkFailed, ComputeCompleted, ComputeFailed, State,
    }

    public StoredMessage Encode(IMessage message) => message switch
    {
        SimCommand c => new StoredMessage(Commands[(int)c.Kind], 1, Row(Tag.Command, (byte)c.Kind, c.Op, c.Amount, c.Who, c.Order)),
        SimEvent e => new StoredMessage(Events[(int)e.Kind], 1, Row(Tag.Event, (byte)e.Kind, e.Op, e.Amount, e.Who, e.Order)),
        SimReply r => new StoredMessage("accounts.reply", 1, Row(Tag.Reply, 0, r.Events)),
        Done => new StoredMessage("std.done", 1, Row(Tag.Done, 0)),
        Digging d => new StoredMessage("accounts.digging", 1, Row(Tag.Digging, 0, d.Op)),
        WorkCompleted w => new StoredMessage("std.work-completed", 1, Row(Tag.WorkCompleted, 0, ((Found)w.Result).Op)),
        WorkFailed w => new StoredMessage("std.work-failed", 1, Row(Tag.WorkFailed, 0, SimDecider.OpOf(w.Name))),
        ComputeCompleted c => new StoredMessage(
            "std.compute-completed", 1, Row(Tag.ComputeCompleted, 0, SimDecider.OpOf(c.Name), ((Squared)c.Result).Result)),
        ComputeFailed c => new StoredMessage("std.compute-failed", 1, Row(Tag.ComputeFailed, 0, SimDecider.OpOf(c.Name))),
        SimState s => new StoredMessage("accounts.account", 1, State(s)),
        _ => throw new ArgumentException(message.GetType().Name, nameof(message)),
    };

    public IMessage Decode(in StoredMessage message)
    {
        var body = message.Body.Span;
        return (Tag)body[0] switch
        {
            Tag.Command => new SimCommand((CommandKind)body[1], At(body, 0), At(body, 1), (int)At(body, 2), At(body, 3)),
            Tag.Event => new SimEvent((EventKind)body[1], At(body, 0), At(body, 1), (int)At(body, 2), At(body, 3)),
            Tag.Reply => new SimReply(At(body, 0)),
            Tag.Done => new Done(),
            Tag.Digging => new Digging(At(body, 0)),
            Tag.WorkCompleted => new WorkCompleted($"dig-{At(body, 0)}", new Found(At(body, 0)), []),
            Tag.WorkFailed => new WorkFailed($"dig-{At(body, 0)}", "gave up", true),
            Tag.ComputeCompleted => new ComputeCompleted($"crunch-{At(body, 0)}", new Squared(At(body, 1))),
            Tag.ComputeFailed => new ComputeFailed($"crunch-{At(body, 0)}", "failed"),
            Tag.State => State(body),
            _ => throw new FormatException($"no message begins with {body[0]}"),
        };
    }

    private static long At(ReadOnlySpan<byte> body, int place) => BinaryPrimitives.ReadInt64LittleEndian(body[(2 + 8 * place)..]);

    private static byte[] Row(Tag tag, byte kind, params ReadOnlySpan<long> numbers)
    {
        var row = new byte[2 + 8 * numbers.Length];
        (row[0], row[1]) = ((byte)tag, kind);
        for (var i = 0; i < numbers.Length; i++) BinaryPrimitives.WriteInt64LittleEndian(row.AsSpan(2 + 8 * i), numbers[i]);
        return row;
    }

    private static byte[] State(SimState s)
    {
        var numbers = new List<long> { s.Events, s.Balance, s.Immune ? 1 : 0, s.SentTo.Count, s.Crunching.Count, s.Asking.Count };
        foreach (var (who, count) in s.SentTo)
        {
            numbers.Add(who);
            numbers.Add(count);
        }
        foreach (var (op, number) in s.Crunching)
        {
            numbers.Add(op);
            numbers.Add(number);
        }
        numbers.AddRange(s.Asking);
        return Row(Tag.State, 0, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(numbers));
    }

    private static SimState State(ReadOnlySpan<byte> body)
    {
        var sent = ImmutableSortedDictionary.CreateBuilder<int, long>();
        var crunching = ImmutableSortedDictionary.CreateBuilder<long, long>();
        var asking = ImmutableSortedSet.CreateBuilder<long>();
        var place = 6;
        for (var i = At(body, 3); i > 0; i--) sent.Add((int)At(body, place++), At(body, place++));
        for (var i = At(body, 4); i > 0; i--) crunching.Add(At(body, place++), At(body, place++));
        for (var i = At(body, 5); i > 0; i--) asking.Add(At(body, place++));
        return new SimState(
            At(body, 0), At(body, 1), At(body, 2) == 1, sent.ToImmutable(), crunching.ToImmutable(), asking.ToImmutable());
    }
}
