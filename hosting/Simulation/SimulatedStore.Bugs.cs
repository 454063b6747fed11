using Athanor.Hosting.Stores;

namespace Athanor.Hosting.Simulation;

/// <summary>What a store with a bug makes of a commit.</summary>
internal sealed partial class SimulatedStore
{
    private ShardCommit Plant(ShardCommit part)
    {
        switch (world.Options.Bug)
        {
            case PlantedBug.None:
                return part;
            case PlantedBug.FenceRemoved:
                return Forced(part, RowOf(part.Shard));
            case PlantedBug.EpochNotCompared when RowOf(part.Shard) is var row && row.Owner == part.Owner && row.LastNumber == part.ExpectedLast:
                return part with { Epoch = row.Epoch };
            case PlantedBug.DoubledCommitAccepted when RowOf(part.Shard) is var row && row.Owner == part.Owner && row.Epoch == part.Epoch:
                return Forced(part, row);
            case PlantedBug.MailboxRowDropped when part.Mail.Length > 0 && world.Chance(0.1):
                return part with { Mail = part.Mail.RemoveAt(0) };
            case PlantedBug.HandledMailKept when part.Handled.Length > 0 && world.Chance(0.2):
                return part with { Handled = [] };
            case PlantedBug.ReplyRowDropped when part.Replies.Length > 0 && world.Chance(0.2):
                return part with { Replies = [] };
            case PlantedBug.TimerRowDropped when part.TimersSet.Length > 0 && world.Chance(0.5):
                return part with { TimersSet = [] };
            case PlantedBug.TimerRowKept when part.TimersRemoved.Length > 0 && world.Chance(0.5):
                return part with { TimersRemoved = [] };
            case PlantedBug.ParkedRowDropped when part.Parked.Length > 0 && world.Chance(0.3):
                var rows = part.Parked.Select(static parked => parked.Mail.Id).Where(id => !part.Gives(id));
                return part with { Parked = [], Handled = part.Handled.AddRange(rows) };
            case PlantedBug.WorkRowDropped when part.Work.Length > 0 && world.Chance(0.3):
                return part with { Work = [] };
            case PlantedBug.SnapshotOfWrongNumber when part.Snapshots.Length > 0:
                return part with { Snapshots = [.. part.Snapshots.Select(static row => row with { EntityNumber = row.EntityNumber + 1 })] };
            default:
                return part;
        }
    }

    /// <summary>The commit as if it had been made for the row as it is.</summary>
    private ShardCommit Forced(ShardCommit part, ShardRow row) => part with
    {
        Owner = row.Owner ?? part.Owner,
        Epoch = row.Epoch,
        ExpectedLast = row.LastNumber,
        Events = [.. part.Events.Select((e, i) => e with
        {
            Number = row.LastEvent + 1 + i,
            EntityNumber = Now(Inner.ReadEntity(e.Entity, true, default)).Events.Count + 1
                + part.Events.Take(i).Count(before => before.Entity == e.Entity),
        })],
        Mail = [.. part.Mail.Select(mail => mail with { Id = mail.Id with { SourceNumber = row.LastNumber + 1 } })],
    };
}
