using System.Collections.Immutable;
using Athanor.Hosting.Core;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Memory;

namespace Athanor.Hosting.Simulation;

/// <summary>
/// The memory store behind a bad line: calls fail before or after they took effect, commits are made late or twice. It plays the database's
/// session locks (a node whose lock is free has an ended lease, except for one lease after the database started), and what befalls a
/// database: an outage, a restart (what was under way dies with its sessions), a fail-over, a backup put back. Bugs can be planted in it.
/// </summary>
internal sealed partial class SimulatedStore(World world, MemoryStore store)
{
    private readonly Dictionary<(int Shard, Epoch Epoch), (int Node, int Process)> _writers = [];
    private readonly Dictionary<string, int> _sessions = [];
    private DateTimeOffset _graceUntil;
    private MemoryStore.Backup? _backup;
    private MemoryStore.Backup? _replicated;
    private int _generation;
    private bool _tookBack;
    private long _incarnation = 1;

    public MemoryStore Inner { get; } = store;

    public bool IsDown { get; private set; }

    /// <summary>Whether commits are made and not confirmed.</summary>
    public bool IsStalled => _replicated is not null;

    /// <summary>All calls of the memory store are complete when they return.</summary>
    public static T Now<T>(Task<T> task) => task.GetAwaiter().GetResult();

    // --- sessions

    public bool TryLock(string node, int process, bool endOther)
    {
        if (_sessions.TryGetValue(node, out var holder) && holder != process && !endOther) return false;
        _sessions[node] = process;
        return true;
    }

    public bool Holds(string node, int process) => _sessions.TryGetValue(node, out var holder) && holder == process;

    public void EndSession(string node, int process)
    {
        if (Holds(node, process)) _sessions.Remove(node);
    }

    private bool LeaseHolds(string? owner, DateTimeOffset until) =>
        owner is not null && until > world.Clock.Now && (_sessions.ContainsKey(owner) || world.Clock.Now < _graceUntil);

    // --- what befalls the database

    public void Outage(TimeSpan length)
    {
        if (IsDown) return;
        IsDown = true;
        world.After(length, () => IsDown = false);
    }

    /// <summary>Sessions end, and what is under way dies with them.</summary>
    public void Restart()
    {
        _generation++;
        foreach (var node in world.Nodes) node.SessionBroke();
        _sessions.Clear();
        _graceUntil = world.Clock.Now + world.Options.Lease;
        Outage(world.Between(100, 3000));
    }

    /// <summary>From now on commits are made and not confirmed: the standby that must confirm them does not answer.</summary>
    public void Stall(TimeSpan length)
    {
        if (_replicated is not null) return;
        _replicated = Inner.TakeBackup();
        world.After(length, () =>
        {
            if (_replicated is not { } standby) return;
            _replicated = null;
            if (world.Random.Next(3) == 0) return;
            Inner.PutBack(standby);
            _tookBack = true;
            Restart();
            world.Ledger.Rebuild();
            world.Trace("fail-over");
        });
    }

    public void TakeBackup() => _backup = Inner.TakeBackup();

    public bool HasBackup => _backup is not null && _replicated is null;

    public void PutBackupBack()
    {
        Inner.PutBack(_backup!);
        _tookBack = true;
        // One backup may be put back twice, so it does not know the highest incarnation there was; the time tells, unless the clock was put
        // back in between, which an operator would have to know.
        if (world.Options.Bug != PlantedBug.IncarnationNotRaised)
        {
            while (Now(Inner.RaiseIncarnation(default)) <= _incarnation) { }
            _incarnation = Now(Inner.ReadCluster(default)).Incarnation;
        }
        Restart();
        var before = world.Clients.SelectMany(static client => client.Operations).Where(op => world.Ledger.HasOwn(op.Id)).ToList();
        world.Ledger.Rebuild();
        foreach (var op in before)
        {
            if (!world.Ledger.HasOwn(op.Id)) op.WasRestoredAway = true;
        }
        world.RestoredAt = world.Now;
        world.Trace("a backup is put back");
    }

    // --- calls

    private bool Reaches(SimulatedNode node) => !IsDown && !node.IsCutFromDatabase;

    /// <summary>A call that is no commit: its outcome, or that it failed, after it took effect or not.</summary>
    public void Call(SimulatedNode node, long id, bool writes, Func<CoreInput> effect)
    {
        var process = node.Process;
        var generation = _generation;
        if (world.Chance(world.Options.StoreFails))
        {
            var when = world.Random.Next(3);
            if (when > 0)
            {
                world.After(when == 1 ? world.Latency() : world.Between(1000, 6000), () =>
                {
                    if (generation == _generation) effect();
                });
            }
            world.After(world.Between(5, 1500), () => node.PostTo(process, new CoreInput.StoreFailed(id, "chance")));
            return;
        }
        world.After(world.Latency(), () =>
        {
            if (generation != _generation || !Reaches(node))
            {
                Fail();
                return;
            }
            var outcome = effect();
            if (writes && _replicated is not null) Fail();
            else world.After(world.Latency(), () =>
            {
                if (generation != _generation || !Reaches(node)) Fail();
                else node.PostTo(process, outcome);
            });
        });

        void Fail() => world.After(world.Between(5, 1500), () => node.PostTo(process, new CoreInput.StoreFailed(id, "unreachable")));
    }

    public void Commit(SimulatedNode node, CoreAction.Commit commit)
    {
        var process = node.Process;
        var options = world.Options;
        var generation = _generation;
        bool[]? failing = null;
        if (options.Bug == PlantedBug.AcknowledgedBeforeCommit)
        {
            world.After(TimeSpan.Zero, () => node.PostTo(process, new CoreInput.CommitDone(
                commit.Id, [.. commit.Parts.Select(static part => new ShardCommitResult(part.Shard, true, null))])));
            world.After(world.Latency(), () =>
            {
                if (node.IsAlive && node.Process == process) Make(node, process, commit, FailingParts());
            });
        }
        else if (world.Chance(options.CommitFails))
        {
            world.After(world.Latency(), () => node.PostTo(process, new CoreInput.CommitFailed(commit.Id, "chance")));
        }
        else if (world.Chance(options.CommitUnknown))
        {
            var when = world.Random.Next(3);
            if (when > 0) world.After(when == 1 ? world.Latency() : world.Between(1000, 6000), () => Land());
            Unknown();
        }
        else
        {
            if (world.Chance(options.CommitDoubled)) world.After(world.Between(10, 3000), () => Land());
            world.After(world.Latency(), () =>
            {
                var done = Reaches(node) ? Land() : null;
                if (done is null || _replicated is not null) Unknown();
                else world.After(world.Latency(), () =>
                {
                    if (generation != _generation || !Reaches(node)) Unknown();
                    else node.PostTo(process, done);
                });
            });
        }

        CoreInput? Land() => generation == _generation ? Make(node, process, commit, FailingParts()) : null;

        // A part that failed is not committed, says the contract: not by the same commit made a second time either.
        bool[] FailingParts() => failing ??= [.. commit.Parts.Select(_ => world.Chance(options.PartFails))];

        void Unknown() => world.After(world.Between(5, 1500), () => node.PostTo(process, options.Bug switch
        {
            PlantedBug.UnknownTakenForDone => new CoreInput.CommitDone(
                commit.Id, [.. commit.Parts.Select(static part => new ShardCommitResult(part.Shard, true, null))]),
            PlantedBug.UnknownTakenForFailed => new CoreInput.CommitFailed(commit.Id, "chance"),
            _ => new CoreInput.CommitUnknown(commit.Id, "chance"),
        }));
    }

    private CoreInput Make(SimulatedNode node, int process, CoreAction.Commit commit, bool[] failing)
    {
        var results = new ShardCommitResult[commit.Parts.Length];
        for (var i = 0; i < results.Length; i++)
        {
            var part = commit.Parts[i];
            if (failing[i])
            {
                results[i] = new ShardCommitResult(part.Shard, false, null, "chance");
                continue;
            }
            var epoch = RowOf(part.Shard).Epoch;
            part = Plant(part);
            try
            {
                results[i] = Now(Inner.Commit([part], default))[0];
            }
            catch (StoreException error)
            {
                throw new ViolationException($"the store's keys refused a commit of {node.Name}: {error.Message}");
            }
            if (!_tookBack && results[i] is { Accepted: false, Actual: { } at }
                && at.Owner == part.Owner && at.Epoch == part.Epoch && at.LastNumber == part.ExpectedLast)
                throw new ViolationException($"{node.Name} handled a message that is not in the mailbox of shard {part.Shard}");
            if (!results[i].Accepted) continue;
            if (commit.Parts[i].Epoch != epoch)
                throw new ViolationException($"a commit of epoch {commit.Parts[i].Epoch} was taken by shard {part.Shard} in epoch {epoch}");
            var writer = (node.Index, process);
            if (!_writers.TryAdd((part.Shard, epoch), writer) && _writers[(part.Shard, epoch)] is var other && other != writer)
                throw new ViolationException($"shard {part.Shard} was written in epoch {epoch} by processes {other} and {writer}");
            foreach (var row in part.Events)
            {
                world.Ledger.Add(row);
                world.Ledger.CheckTime(row);
            }
            foreach (var parked in part.Parked) world.Parked(parked);
        }
        return new CoreInput.CommitDone(commit.Id, [.. results]);
    }

    // --- the calls themselves

    public CoreInput ReadOwnership(long id)
    {
        var now = world.Clock.Now;
        var nodes = Now(Inner.ReadNodes(default));
        var shards = Now(Inner.ReadShards(default));
        return new CoreInput.OwnershipRead(
            id, now,
            [.. nodes.Select(row => row.LeaseUntil > now && !LeaseHolds(row.Node, row.LeaseUntil) ? row with { LeaseUntil = now } : row)],
            [.. shards.Select(row => row.LeaseUntil > now && !LeaseHolds(row.Owner, row.LeaseUntil) ? row with { LeaseUntil = now } : row)]);
    }

    public CoreInput RenewNode(CoreAction.RenewNode a, string node)
    {
        Now(Inner.RenewNode(node, node, a.Roles, a.Lease, default));
        return new CoreInput.NodeRenewed(a.Id);
    }

    public CoreInput RemoveNode(CoreAction.RemoveNode a, string node)
    {
        Inner.RemoveNode(node, default).GetAwaiter().GetResult();
        return new CoreInput.NodeRemoved(a.Id);
    }

    public CoreInput Claim(CoreAction.Claim a, string node)
    {
        var before = RowOf(a.Shard);
        var holds = LeaseHolds(before.Owner, before.LeaseUntil);
        if (before.Owner is { } owner && (!holds || world.Options.Bug == PlantedBug.LeaseIgnoredAtClaim)) Inner.EndLeases(owner);
        var row = Now(Inner.Claim(a.Shard, node, a.Seen, a.Lease, default));
        if (row is not null && holds)
            throw new ViolationException($"shard {a.Shard} was given to {node} while the lease of {before.Owner} held");
        return new CoreInput.Claimed(a.Id, row);
    }

    public ShardRow RowOf(int shard) => Inner.RowOf(shard);

    public CoreInput RenewShards(CoreAction.RenewShards a, string node) =>
        new CoreInput.ShardsRenewed(a.Id, [.. Now(Inner.RenewShards(node, a.Shards, a.Lease, default))]);

    public CoreInput Release(CoreAction.Release a, string node)
    {
        Inner.Release(a.Shard, node, a.Epoch, default).GetAwaiter().GetResult();
        return new CoreInput.Released(a.Id);
    }

    public CoreInput OpenShard(CoreAction.OpenShard a) => new CoreInput.ShardOpened(a.Id, Now(Inner.OpenShard(a.Shard, default)));

    public CoreInput ReadEntity(CoreAction.ReadEntity a) => world.Damaged.Contains(a.Entity)
        ? new CoreInput.EntityDamaged(a.Id, "a byte is flipped")
        : new CoreInput.EntityRead(a.Id, Now(Inner.ReadEntity(a.Entity, a.FromStart, default)));

    public CoreInput ReadMail(CoreAction.ReadMail a)
    {
        var rows = Now(Inner.ReadMail(a.Shards, a.Limit, default));
        return new CoreInput.MailRead(a.Id, world.Options.Bug == PlantedBug.MailReordered ? [.. rows.Reverse()] : [.. rows]);
    }

    public CoreInput FindReply(CoreAction.FindReply a) => new CoreInput.ReplyFound(a.Id, Now(Inner.FindReply(a.Tenant, a.Key, default)));

    public CoreInput FindParked(CoreAction.FindParked a) =>
        new CoreInput.ParkedFound(a.Id, Now(Inner.ReadParked(default)).FirstOrDefault(row => row.Mail.Id == a.Row && row.Mail.Shard == a.Shard));
}
