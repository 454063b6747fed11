using Athanor.Hosting.Core.State;
using Athanor.Protocol;

namespace Athanor.Hosting.Core;

/// <summary>Requests of clients: each is answered exactly once, at the latest with a diagnosis when its time is up.</summary>
internal sealed partial class ClusterCore
{
    /// <summary>Requests for shards that are not open here but are, or soon will be, ours.</summary>
    private readonly List<(Ask Ask, CoreInput Input)>?[] _waiting;

    /// <summary>Those of the usual patience: nearly all.</summary>
    private readonly AskList _patient = new();

    private Ask NewAsk(long correlation, EntityAddress to, TimeSpan? timeout)
    {
        var ask = new Ask(correlation, to, _now);
        _asks[correlation] = ask;
        if (timeout is { } wait && wait != _options.AskTimeout) After(wait, () => TimeOut(ask));
        else _patient.Add(ask);
        return ask;
    }

    private void Answer(Ask ask, IReply reply)
    {
        if (End(ask)) Do(new CoreAction.Reply(ask.Correlation, reply));
    }

    private void Refuse(Ask ask, Refusal why, string reason, string? owner = null)
    {
        if (End(ask)) Do(new CoreAction.Refuse(ask.Correlation, why, reason, owner));
    }

    private bool End(Ask ask)
    {
        if (ask.Answered) return false;
        ask.Answered = true;
        ask.Item = null;
        _asks.Remove(ask.Correlation);
        _patient.Remove(ask);
        return true;
    }

    private void ForgetAsk(long correlation)
    {
        if (_asks.TryGetValue(correlation, out var ask)) End(ask);
    }

    private void TimeOutPatient()
    {
        while (_patient.Oldest is { } oldest && oldest.Since + _options.AskTimeout <= _now)
        {
            TimeOut(oldest);
            Run();
        }
    }

    private void TimeOut(Ask ask)
    {
        if (ask.Answered) return;
        var item = ask.Item;
        Refuse(ask, Refusal.TimedOut, $"{ask.To} did not answer within {(_now - ask.Since).TotalSeconds:0.###} s: {Diagnose(ask.To)}");
        // A command that nobody waits for any more and that was never begun is taken back.
        if (item is not { Staged: false } || !item.Asks.TrueForAll(static a => a.Answered)) return;
        if (_shards[ShardOfAddress(ask.To)] is { } shard && shard.Entities.TryGetValue(ask.To, out var entity)) Withdraw(entity, item);
        else GiveUp(item);
    }

    /// <summary>Entity, shard, owner, epoch, mailbox depth and commit queue, as far as this node knows.</summary>
    private string Diagnose(EntityAddress to)
    {
        var number = ShardOfAddress(to);
        if (_shards[number] is not { } shard)
            return $"shard {number} is not held by {_options.Node}; its owner is {OwnerOf(number) ?? "nobody"}, as far as is known";
        var text = $"shard {number}, owner {_options.Node}, epoch {shard.Epoch}, {shard.Phase}";
        text += shard.Entities.TryGetValue(to, out var entity)
            ? $"; the entity is {entity.Phase} with {entity.Mailbox.Count} messages in its mailbox and {entity.Stash?.Count ?? 0} stashed"
            : "; the entity is not in memory";
        text += $"; commits of the shard: {(shard.InFlight is null ? "none" : "one")} in flight";
        return text + $", {shard.Gathering?.Messages ?? 0} messages gathering";
    }

    /// <summary>Whether a request can be taken now. If not it is kept until the shard opens, or refused.</summary>
    private Shard? Admit(Ask ask, CoreInput input)
    {
        var number = ShardOfAddress(ask.To);
        if (_shards[number] is { IsOpen: true } open) return open;
        var ours = _shards[number] is { } shard
            ? shard.Phase is not (ShardPhase.Stopping or ShardPhase.Releasing)
            : _viewAt is null || (Desired(number) == _options.Node && (OtherOwnerOf(number) is not { } other || !_live.Contains(other)));
        if (ours && !_draining && !_lockless) (_waiting[number] ??= []).Add((ask, input));
        else Refuse(ask, Refusal.NotOwner, $"shard {number} of {ask.To} is not held by {_options.Node}", OtherOwnerOf(number));
        return null;
    }

    /// <summary>The shard opened: its requests are taken. It went elsewhere: they are sent there.</summary>
    private void ServeWaiting(int number)
    {
        if (_waiting[number] is not { } waiting) return;
        _waiting[number] = null;
        foreach (var (ask, input) in waiting)
        {
            if (ask.Answered) continue;
            switch (input)
            {
                case CoreInput.Command command: TakeCommand(command, ask); break;
                case CoreInput.Query query: TakeQuery(query, ask); break;
                case CoreInput.Repair repair: TakeRepair(repair, ask); break;
                case CoreInput.Unpark unpark: TakeUnpark(unpark, ask); break;
            }
        }
    }
}
