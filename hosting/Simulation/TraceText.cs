using System.Globalization;
using System.Text;
using Athanor.Hosting.Core;
using Athanor.Hosting.Stores;

namespace Athanor.Hosting.Simulation;

/// <summary>Inputs and actions as text, with everything in which two runs could differ.</summary>
internal static class TraceText
{
    public static string Of(CoreInput input) => input switch
    {
        CoreInput.OwnershipRead x => $"OwnershipRead {x.Id} {x.StoreTime.Ticks} {string.Join(';', x.Shards)} {string.Join(';', x.Nodes.Select(n => $"{n.Node} {n.LeaseUntil.Ticks}"))}",
        CoreInput.Command x => $"Command {x.Correlation} {x.To} {x.Message} {x.Key} {x.Order}",
        CoreInput.MailHint x => $"MailHint {string.Join(',', x.Shards)}",
        CoreInput.ShardsRenewed x => $"ShardsRenewed {x.Id} {string.Join(',', x.Shards)}",
        CoreInput.ShardOpened x => $"ShardOpened {x.Id} {x.Contents.Row} {x.Contents.Timers.Count} {x.Contents.Wake.Count}",
        CoreInput.EntityRead x => $"EntityRead {x.Id} {x.History.Head?.EntityNumber} {x.History.Events.Count}",
        CoreInput.MailRead x => $"MailRead {x.Id} {string.Join(',', x.Rows.Select(static row => row.Id))}",
        CoreInput.CommitDone x => $"CommitDone {x.Id} {string.Join(',', x.Results.Select(static r => $"{r.Shard} {r.Accepted}"))}",
        CoreInput.ReplyFound x => $"ReplyFound {x.Id} {x.Row?.Key}",
        _ => input.ToString(),
    };

    public static string Of(CoreAction action) => action switch
    {
        CoreAction.Commit x => $"Commit {x.Id} {x.Writer} {string.Join(" | ", x.Parts.Select(Of))}",
        CoreAction.RenewShards x => $"RenewShards {x.Id} {string.Join(',', x.Shards)}",
        CoreAction.RenewNode x => $"RenewNode {x.Id} {string.Join(',', x.Roles)}",
        CoreAction.ReadMail x => $"ReadMail {x.Id} {string.Join(',', x.Shards)} {x.Limit}",
        CoreAction.Hint x => $"Hint {x.Node} {string.Join(',', x.Shards)}",
        _ => action.ToString(),
    };

    private static string Of(ShardCommit part)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{part.Shard} {part.Epoch} {part.ExpectedLast}");
        foreach (var e in part.Events)
            text.Append(CultureInfo.InvariantCulture, $" e{e.Number} {e.Entity.Id}#{e.EntityNumber} {Convert.ToHexString(e.Hash.Span[..8])} {e.Time.Ticks}");
        foreach (var m in part.Mail) text.Append(CultureInfo.InvariantCulture, $" m{m.Id.SourceNumber}.{m.Id.N}>{m.To.Id}");
        foreach (var h in part.Handled) text.Append(CultureInfo.InvariantCulture, $" h{h.SourceShard}.{h.SourceNumber}.{h.N}");
        foreach (var r in part.Replies) text.Append(CultureInfo.InvariantCulture, $" r{r.Key}");
        text.Append(CultureInfo.InvariantCulture, $" p{part.Parked.Length} t{part.TimersSet.Length} x{part.TimersRemoved.Length} s{part.Snapshots.Length}");
        return text.ToString();
    }
}
