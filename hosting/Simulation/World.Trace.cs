using System.Buffers.Binary;
using System.Numerics;
using Athanor.Hosting.Core;
using Athanor.Hosting.Stores;

namespace Athanor.Hosting.Simulation;

/// <summary>Everything that goes into a core and comes out of it, mixed into one number as it happens; written as text only for a seed
/// that is to be read.</summary>
internal sealed partial class World
{
    /// <summary>Where the trace is written as text; null for nowhere.</summary>
    public TextWriter? TraceTo { get; init; }

    public ulong TraceHash { get; private set; }

    private void Mix(ulong number) => TraceHash = (BitOperations.RotateLeft(TraceHash, 23) ^ number) * 0x9E3779B97F4A7C15UL;

    private void Mix(long number) => Mix((ulong)number);

    public void Trace(string line)
    {
        TraceTo?.WriteLine($"{Now.TotalSeconds:0.0000} {line}");
        Mix(Now.Ticks);
        foreach (var c in line) Mix(c);
    }

    public void Trace(SimulatedNode node, CoreInput input)
    {
        TraceTo?.WriteLine($"{Now.TotalSeconds:0.0000} {node.Name} < {TraceText.Of(input)}");
        Mix(Now.Ticks);
        Mix(node.Index);
        switch (input)
        {
            case CoreInput.Tick: Mix(1); break;
            case CoreInput.Command x:
                Mix(2);
                Mix(x.Correlation);
                Mix(((SimCommand)x.Message).Op);
                break;
            case CoreInput.Query x: Mix(3, x.Correlation); break;
            case CoreInput.MailHint x: Mix(4, x.Shards.Length); break;
            case CoreInput.StoreFailed x: Mix(5, x.Id); break;
            case CoreInput.OwnershipRead x:
                Mix(6, x.Id);
                Mix(x.StoreTime.Ticks);
                foreach (var row in x.Shards)
                {
                    Mix(row.LastNumber);
                    Mix(row.Epoch.Counter);
                    Mix(row.LeaseUntil.Ticks);
                }
                break;
            case CoreInput.Claimed x: Mix(7, x.Id, x.Row?.Epoch.Counter ?? 0); break;
            case CoreInput.ShardsRenewed x: Mix(8, x.Id, x.Shards.Length); break;
            case CoreInput.ShardOpened x: Mix(9, x.Id, x.Contents.Row.LastNumber); break;
            case CoreInput.EntityRead x: Mix(10, x.Id, x.History.Head?.EntityNumber ?? 0); break;
            case CoreInput.MailRead x:
                Mix(11, x.Id);
                foreach (var row in x.Rows) Mix(row.Id);
                break;
            case CoreInput.ReplyFound x: Mix(12, x.Id, x.Row is null ? 0 : 1); break;
            case CoreInput.CommitDone x:
                Mix(13, x.Id);
                foreach (var result in x.Results) Mix(result.Accepted ? result.Shard : ~result.Shard);
                break;
            case CoreInput.CommitFailed x: Mix(14, x.Id); break;
            case CoreInput.CommitUnknown x: Mix(15, x.Id); break;
            case CoreInput.ComputeDone x: Mix(16, x.Id, ((Squared)x.Result).Result); break;
            case CoreInput.ComputeThrew x: Mix(17, x.Id); break;
            case CoreInput.Repair x: Mix(18, x.Correlation); break;
            case CoreInput.Unpark x: Mix(19, x.Correlation); break;
            default: Mix(20); break;
        }
    }

    public void Trace(SimulatedNode node, CoreAction action)
    {
        TraceTo?.WriteLine($"{Now.TotalSeconds:0.0000} {node.Name} > {TraceText.Of(action)}");
        switch (action)
        {
            case CoreAction.Commit x:
                Mix(31, x.Id, x.Writer);
                foreach (var part in x.Parts) Mix(part);
                break;
            case CoreAction.ReadOwnership x: Mix(32, x.Id); break;
            case CoreAction.RenewNode x: Mix(33, x.Id); break;
            case CoreAction.Claim x: Mix(34, x.Id, x.Shard); break;
            case CoreAction.RenewShards x: Mix(35, x.Id, x.Shards.Length); break;
            case CoreAction.Release x: Mix(36, x.Id, x.Shard); break;
            case CoreAction.OpenShard x: Mix(37, x.Id, x.Shard); break;
            case CoreAction.ReadEntity x: Mix(38, x.Id, SimDecider.NumberOf(x.Entity)); break;
            case CoreAction.ReadMail x: Mix(39, x.Id, x.Limit); break;
            case CoreAction.FindReply x: Mix(40, x.Id); break;
            case CoreAction.Reply x: Mix(41, x.Correlation); break;
            case CoreAction.Refuse x: Mix(42, x.Correlation, (long)x.Why); break;
            case CoreAction.Hint x: Mix(43, x.Shards.Length); break;
            default: Mix(44); break;
        }
    }

    private void Mix(int kind, long a, long b = 0)
    {
        Mix(kind);
        Mix(a);
        Mix(b);
    }

    private void Mix(in MailId id)
    {
        Mix(id.SourceShard);
        Mix(id.SourceNumber);
        Mix(id.N);
    }

    private void Mix(ShardCommit part)
    {
        Mix(part.Shard);
        Mix(part.Epoch.Incarnation);
        Mix(part.Epoch.Counter);
        Mix(part.ExpectedLast);
        foreach (var row in part.Events)
        {
            Mix(row.Number);
            Mix(row.Time.Ticks);
            Mix(BinaryPrimitives.ReadUInt64LittleEndian(row.Hash.Span));
        }
        foreach (var row in part.Mail) Mix(row.Id);
        foreach (var id in part.Handled) Mix(id);
        Mix(part.Replies.Length);
        Mix(part.TimersSet.Length);
        Mix(part.TimersRemoved.Length);
        Mix(part.Snapshots.Length);
        Mix(part.Parked.Length);
    }
}
