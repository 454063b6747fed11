using System.Collections.Immutable;
using Athanor.Hosting.Core;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Memory;

namespace Hosting.Tests.Simulation;

/// <summary>The memory store behind a bad line: calls fail before or after they took effect, commits are made late or twice, and bugs can
/// be
/// planted in what the store does.</summary>
internal sealed class FaultyStore(World world, MemoryStore store)
{
    private readonly Dictionary<(int Shard, Epoch Epoch), string> _writers = [];

    public MemoryStore Inner { get; } = store;

    public DateTimeOffset Time => world.Clock.Now;

    public ImmutableArray<NodeRow> Nodes => [.. Now(Inner.ReadNodes(default))];

    public ImmutableArray<ShardRow> Shards => [.. Now(Inner.ReadShards(default))];

    /// <summary>All calls of the memory store are complete when they return.</summary>
    public static T Now<T>(Task<T> task) => task.GetAwaiter().GetResult();

    public void Call(SimulatedNode node, long id, Func<FaultyStore, CoreInput> call)
    {
        var process = node.Process;
        if (world.Chance(world.Options.StoreFails))
        {
            var failed = new CoreInput.StoreFailed(id, "chance");
            switch (world.Random.Next(3))
            {
                case 0: break;
                case 1: world.After(world.Latency(), () => call(this)); break;
                case 2: world.After(world.Between(1000, 6000), () => call(this)); break;
            }
            world.After(world.Between(5, 1500), () => node.PostTo(process, failed));
            return;
        }
        world.After(world.Latency(), () =>
        {
            var outcome = call(this);
            world.After(world.Latency(), () => node.PostTo(process, outcome));
        });
    }

    public void Commit(SimulatedNode node, CoreAction.Commit commit)
    {
        var process = node.Process;
        var options = world.Options;
        if (options.Bug == PlantedBug.AcknowledgedBeforeCommit)
        {
            world.After(TimeSpan.Zero, () => node.PostTo(process, new CoreInput.CommitDone(
                commit.Id, [.. commit.Parts.Select(static part => new ShardCommitResult(part.Shard, true, null))])));
            world.After(world.Latency(), () =>
            {
                if (node.IsAlive && node.Process == process) Make(node, process, commit);
            });
        }
        else if (world.Chance(options.CommitFails))
        {
            world.After(world.Latency(), () => node.PostTo(process, new CoreInput.CommitFailed(commit.Id, "chance")));
        }
        else if (world.Chance(options.CommitUnknown))
        {
            switch (world.Random.Next(3))
            {
                case 0: break;
                case 1: world.After(world.Latency(), () => Make(node, process, commit)); break;
                case 2: world.After(world.Between(1000, 6000), () => Make(node, process, commit)); break;
            }
            world.After(world.Between(5, 1500), () => node.PostTo(process, new CoreInput.CommitUnknown(commit.Id, "chance")));
        }
        else
        {
            if (world.Chance(options.CommitDoubled)) world.After(world.Between(10, 3000), () => Make(node, process, commit));
            world.After(world.Latency(), () =>
            {
                var done = Make(node, process, commit);
                world.After(world.Latency(), () => node.PostTo(process, done));
            });
        }
    }

    private CoreInput Make(SimulatedNode node, int process, CoreAction.Commit commit)
    {
        var parts = commit.Parts.Select(Plant).ToList();
        IReadOnlyList<ShardCommitResult> results;
        try
        {
            results = Now(Inner.Commit(parts, default));
        }
        catch (StoreException error)
        {
            throw new ViolationException($"the store's keys refused a commit of {node.Name}: {error.Message}");
        }
        foreach (var (part, result) in commit.Parts.Zip(results))
        {
            if (!result.Accepted) continue;
            var writer = $"{node.Name}#{process}";
            if (!_writers.TryAdd((part.Shard, part.Epoch), writer) && _writers[(part.Shard, part.Epoch)] != writer)
                throw new ViolationException($"shard {part.Shard} was written in epoch {part.Epoch} by {_writers[(part.Shard, part.Epoch)]} and {writer}");
        }
        return new CoreInput.CommitDone(commit.Id, [.. results]);
    }

    private ShardCommit Plant(ShardCommit part)
    {
        switch (world.Options.Bug)
        {
            case PlantedBug.FenceRemoved:
                var row = Shards[part.Shard];
                return part with
                {
                    Owner = row.Owner!,
                    Epoch = row.Epoch,
                    ExpectedLast = row.LastNumber,
                    Events = [.. part.Events.Select((e, i) => e with { Number = row.LastEvent + 1 + i })],
                    Mail = [.. part.Mail.Select(mail => mail with { Id = mail.Id with { SourceNumber = row.LastNumber + 1 } })],
                };
            case PlantedBug.MailboxRowDropped when part.Mail.Length > 0 && world.Chance(0.1):
                return part with { Mail = part.Mail.RemoveAt(0) };
            case PlantedBug.HandledMailKept when world.Chance(0.2):
                return part with { Handled = [] };
            case PlantedBug.ReplyRowDropped when world.Chance(0.2):
                return part with { Replies = [] };
            case PlantedBug.TimerRowDropped when world.Chance(0.5):
                return part with { TimersSet = [] };
            default:
                return part;
        }
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

    public CoreInput Claim(CoreAction.Claim a, string node) =>
        new CoreInput.Claimed(a.Id, Now(Inner.Claim(a.Shard, node, a.Seen, a.Lease, default)));

    public CoreInput RenewShards(CoreAction.RenewShards a, string node) =>
        new CoreInput.ShardsRenewed(a.Id, [.. Now(Inner.RenewShards(node, a.Shards, a.Lease, default))]);

    public CoreInput Release(CoreAction.Release a, string node)
    {
        Inner.Release(a.Shard, node, a.Epoch, default).GetAwaiter().GetResult();
        return new CoreInput.Released(a.Id);
    }

    public CoreInput OpenShard(CoreAction.OpenShard a) => new CoreInput.ShardOpened(a.Id, Now(Inner.OpenShard(a.Shard, default)));

    public CoreInput ReadEntity(CoreAction.ReadEntity a) =>
        new CoreInput.EntityRead(a.Id, Now(Inner.ReadEntity(a.Entity, a.FromStart, default)));

    public CoreInput ReadMail(CoreAction.ReadMail a)
    {
        var rows = Now(Inner.ReadMail(a.Shards, a.Limit, default));
        return new CoreInput.MailRead(a.Id, world.Options.Bug == PlantedBug.MailReordered ? [.. rows.Reverse()] : [.. rows]);
    }

    public CoreInput FindReply(CoreAction.FindReply a) => new CoreInput.ReplyFound(a.Id, Now(Inner.FindReply(a.Tenant, a.Key, default)));
}
