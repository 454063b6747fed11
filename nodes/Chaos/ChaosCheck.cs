using Athanor.Hosting.Core;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;

namespace Athanor.Nodes.Chaos;

/// <summary>What the journal says against what clients were told.</summary>
/// <param name="Lost">Acknowledged, and not in the journal; or a transfer, alarm or work that never came about.</param>
/// <param name="Doubled">In the journal more than once.</param>
internal sealed record ChaosVerdict(long Lost, long Doubled, long Events, IReadOnlyList<string> Violations);

/// <summary>Judges a run at rest from the database alone, and then what the nodes say of themselves.</summary>
internal sealed class ChaosCheck(IStore store, ChaosWorkload workload, IReadOnlyList<ChaosProcess> nodes)
{
    private const int MostWords = 20;
    private readonly RegistryCodec _codec = new(ChaosNode.Messages);
    private readonly List<string> _violations = [];
    private readonly Dictionary<(ChaosFact Fact, long Op), int> _seen = [];
    private long _events;
    private long _lost;
    private long _doubled;

    /// <summary>What is still under way, or null.</summary>
    public async Task<string?> WhatIsNotAtRest(CancellationToken cancellation)
    {
        for (var shard = 0; shard < store.ShardCount; shard++)
        {
            var contents = await store.OpenShard(shard, cancellation);
            if (contents.Timers.Count > 0) return $"shard {shard} has {contents.Timers.Count} timers, the first due {contents.Timers[0].Due:O}";
            if (contents.Faulted.Count > 0) return $"{contents.Faulted[0].Entity} is faulted: {contents.Faulted[0].Fault}";
            var mail = await store.ReadMail([shard], 10, cancellation);
            if (mail.Count > 0) return $"shard {shard} has unhandled rows, the first {mail[0].Id} to {mail[0].To}";
        }
        foreach (var work in await store.ListWork(null, cancellation))
        {
            if (work.Status is WorkStatus.Pending or WorkStatus.Leased) return $"work {work.Work.Id} is {work.Status}";
        }
        return null;
    }

    public async Task<ChaosVerdict> Judge(CancellationToken cancellation)
    {
        foreach (var counter in workload.Counters) await Judge(counter, cancellation);
        await JudgeFeeds(cancellation);
        foreach (var (fact, times) in _seen)
        {
            if (times == 1) continue;
            _doubled += times - 1;
            Say($"{fact.Fact} of operation {fact.Op} is in the journal {times} times");
        }
        foreach (var operation in workload.Operations) Judge(operation);
        foreach (var parked in await store.ReadParked(cancellation)) Say($"{parked.Mail.Id} to {parked.Mail.To} is parked: {parked.Reason}");
        return new ChaosVerdict(_lost, _doubled, _events, _violations);
    }

    private void Say(string violation)
    {
        if (_violations.Count < MostWords) _violations.Add(violation);
        else if (_violations.Count == MostWords) _violations.Add("and more");
    }

    private int Times(ChaosFact fact, long op) => _seen.GetValueOrDefault((fact, op));

    private void Judge(ChaosOperation operation)
    {
        var (own, effect) = operation.Kind switch
        {
            ChaosKind.Credit => (ChaosFact.Credited, (ChaosFact?)null),
            ChaosKind.Send => (ChaosFact.Sent, ChaosFact.Received),
            ChaosKind.SetAlarm => (ChaosFact.AlarmSet, ChaosFact.Rang),
            _ => (ChaosFact.DigAsked, ChaosFact.Dug),
        };
        var done = Times(own, operation.Op) > 0;
        if (operation.IsAcknowledged && !done)
        {
            _lost++;
            Say($"{operation.Kind} {operation.Op} of session {operation.Session} at {operation.Counter} was acknowledged and is lost");
        }
        if (!operation.IsAcknowledged) Say($"{operation.Kind} {operation.Op} of session {operation.Session} at {operation.Counter} was never acknowledged");
        if (!done || effect is not { } follows) return;
        var came = Times(follows, operation.Op) + (follows == ChaosFact.Dug ? Times(ChaosFact.DigFailed, operation.Op) : 0);
        if (came > 0) return;
        _lost++;
        Say($"{own} of operation {operation.Op} never led to {follows}");
    }

    private async Task Judge(string counter, CancellationToken cancellation)
    {
        var address = ChaosDecider.Address(counter);
        var history = await store.ReadEntity(address, fromStart: true, cancellation);
        var replayed = Hosting.Core.Replay.FromJournal(new ChaosDecider(), _codec, address, history);
        var sessions = new Dictionary<int, long>();
        var senders = new Dictionary<string, long>();
        var time = DateTimeOffset.MinValue;
        foreach (var row in history.Events)
        {
            var e = (ChaosHappened)_codec.Decode(row.Event);
            _events++;
            _seen[(e.Fact, e.Op)] = Times(e.Fact, e.Op) + 1;
            if (row.Time < time) Say($"the time handed to {counter} ran back at event {row.EntityNumber}");
            time = row.Time;
            if (e.Fact == ChaosFact.Rang && row.Time.ToUnixTimeMilliseconds() < e.Amount) Say($"alarm {e.Op} of {counter} rang early");
            if (e.Fact == ChaosFact.Received)
            {
                if (e.Order != senders.GetValueOrDefault(e.Other)) Say($"{counter} got message {e.Order} of {e.Other} where {senders.GetValueOrDefault(e.Other)} was due");
                senders[e.Other] = e.Order + 1;
            }
            else if (e.Fact <= ChaosFact.DigAsked)
            {
                if (e.Number <= sessions.GetValueOrDefault(e.Session)) Say($"{counter} handled operation {e.Number} of session {e.Session} after {sessions[e.Session]}");
                sessions[e.Session] = e.Number;
            }
        }
        await JudgeLive(counter, replayed);
    }

    /// <summary>Asked live, a counter is what its journal alone makes of it.</summary>
    private async Task JudgeLive(string counter, Replayed replayed)
    {
        foreach (var node in nodes)
        {
            var answer = await node.Ask("describe", counter, TimeSpan.FromSeconds(15));
            if (answer is null) continue;
            if (answer != $"{replayed.EventNumber} {replayed.StateHash}")
                Say($"{counter} is live at {answer}, replayed at {replayed.EventNumber} {replayed.StateHash}");
            return;
        }
        Say($"no node describes {counter}: {nodes[0].LastRefusal}");
    }

    private async Task JudgeFeeds(CancellationToken cancellation)
    {
        for (var shard = 0; shard < store.ShardCount; shard++)
        {
            var last = 0L;
            while (await store.ReadFeed(shard, last, 1000, cancellation) is { Count: > 0 } rows)
            {
                foreach (var row in rows)
                {
                    if (row.Number != ++last) Say($"the feed of shard {shard} has {row.Number} where {last} was due");
                    last = row.Number;
                }
            }
        }
    }
}
