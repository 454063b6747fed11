using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Athanor.Hosting.Core.State;
using Athanor.Hosting.Stores;
using Athanor.Protocol;

namespace Athanor.Hosting.Core;

/// <summary>
/// Commands of clients take effect once per key. The reply lies in the store since the commit that held the command's effects, so a key is
/// looked up before its command is decided (unless its client has only just made it); a command sent again while the first is under way joins it. After a commit of unknown outcome
/// keys are looked up only once a newer commit is confirmed (see <see cref="Settle"/>).
/// </summary>
internal sealed partial class ClusterCore
{
    /// <summary>Commands with a key from their arrival until they are answered or given up.</summary>
    private readonly Dictionary<(string Tenant, Guid Key), ClientItem> _keys = [];

    private void TakeCommand(CoreInput.Command command, Ask ask)
    {
        if (RefuseIfNobody(ask) || Admit(ask, command) is not { } shard) return;
        ReadOnlyMemory<byte> hash;
        try
        {
            var bounded = Bounded(command.Message);
            hash = command.Key is null ? default : RequestHash(command.To, bounded);
        }
        catch (Exception error)
        {
            Refuse(ask, Refusal.Invalid, $"the command {command.Message.GetType().Name} cannot be written: {error.Message}");
            return;
        }
        if (command.Key is { } key)
        {
            if (WrongKey(key) is { } wrong)
            {
                Refuse(ask, Refusal.Invalid, wrong);
                return;
            }
            if (_keys.TryGetValue((command.To.Tenant, key), out var first))
            {
                if (!first.RequestHash.Span.SequenceEqual(hash.Span)) Refuse(ask, Refusal.Conflict, Conflict(key));
                else
                {
                    JoinItem(first, ask);
                    if (shard.Entities.TryGetValue(command.To, out var known)) Advance(known, command.Order);
                }
                return;
            }
        }
        var entity = EntityIn(shard, command.To);
        if (RefuseIfFaulted(entity, ask)) return;
        var item = new ClientItem(command.Message, command.To.Tenant, command.Key, hash, command.Principal, command.TraceParent);
        JoinItem(item, ask);
        if (command.Key is { } unused)
        {
            _keys.Add((command.To.Tenant, unused), item);
            if (command.IsNew || _options.Bug == CoreBug.KeyNotLookedUp) item.Ready = true;
            else LookUp(entity, item);
        }
        else item.Ready = true;
        EnqueueInOrder(entity, item, command.Order);
    }

    private static void JoinItem(ClientItem item, Ask ask)
    {
        item.Asks.Add(ask);
        ask.Item = item;
    }

    /// <summary>A wrong address must not leave a trace in the store.</summary>
    private bool RefuseIfNobody(Ask ask)
    {
        if (!IsAddress(ask.To)) Refuse(ask, Refusal.Invalid, $"'{ask.To}' is no address of an entity");
        else if (!_deciders.ContainsKey(ask.To.Family)) Refuse(ask, Refusal.Invalid, $"nobody decides for the family '{ask.To.Family}'");
        return ask.Answered;
    }

    private static bool IsAddress(EntityAddress address) =>
        EntityAddress.IsValidPart(address.Tenant) && EntityAddress.IsValidPart(address.Family) && EntityAddress.IsValidPart(address.Id);

    private bool RefuseIfFaulted(Entity entity, Ask ask)
    {
        if (entity.Phase != EntityPhase.Faulted) return false;
        Refuse(ask, Refusal.Faulted, $"{entity.Address} is faulted: {entity.FaultReason}");
        return true;
    }

    /// <summary>SHA-256 of (address, kind, version, body); texts and body with their length before them.</summary>
    internal static ReadOnlyMemory<byte> RequestHash(EntityAddress to, in StoredMessage message)
    {
        var address = to.ToString();
        var most = 12 + 3 * (address.Length + message.Kind.Length) + message.Body.Length;
        var buffer = ArrayPool<byte>.Shared.Rent(most);
        try
        {
            var at = WriteText(buffer, 0, address);
            at = WriteText(buffer, at, message.Kind);
            BinaryPrimitives.WriteInt32LittleEndian(buffer.AsSpan(at), message.Version);
            message.Body.Span.CopyTo(buffer.AsSpan(at + 4));
            return SHA256.HashData(buffer.AsSpan(0, at + 4 + message.Body.Length));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static int WriteText(byte[] to, int at, string text)
    {
        var length = Encoding.UTF8.GetBytes(text, to.AsSpan(at + 4));
        BinaryPrimitives.WriteInt32LittleEndian(to.AsSpan(at), length);
        return at + 4 + length;
    }

    /// <summary>Why the key cannot be used, or null if it can.</summary>
    private string? WrongKey(Guid key)
    {
        Span<byte> bytes = stackalloc byte[16];
        key.TryWriteBytes(bytes, bigEndian: true, out _);
        if (bytes[6] >> 4 != 7 || bytes[8] >> 6 != 2) return $"the idempotency key {key} is no UUID of version 7";
        var milliseconds = (long)(BinaryPrimitives.ReadUInt64BigEndian(bytes) >> 16);
        var age = StoreTimeAtMost.ToUnixTimeMilliseconds() - milliseconds;
        if (age > (_options.KeyLifetime - _options.KeyMargin).TotalMilliseconds)
            return $"the idempotency key {key} is older than {_options.KeyLifetime.TotalDays:0.#} days; its reply may be gone, so it is never run";
        if (milliseconds - StoreTime.ToUnixTimeMilliseconds() > _options.KeyAhead.TotalMilliseconds)
            return $"the idempotency key {key} is more than {_options.KeyAhead.TotalMinutes:0.#} minutes ahead of the store's clock";
        return null;
    }

    private static string Conflict(Guid key) => $"the idempotency key {key} was used for another command";

    private void ForgetKey(ClientItem item)
    {
        if (item.Key is { } key && _keys.TryGetValue((item.Tenant, key), out var kept) && ReferenceEquals(kept, item))
            _keys.Remove((item.Tenant, key));
    }

    private void LookUp(Entity entity, ClientItem item)
    {
        Do(new CoreAction.FindReply(Expect(outcome =>
        {
            if (entity.Shard.Dropped) return;
            Wake(entity);
            if (item.IsOver) return;
            if (item.Asks.TrueForAll(static ask => ask.Answered)) Withdraw(entity, item);
            else if (outcome is CoreInput.ReplyFound { Row: null }) item.Ready = true;
            else if (outcome is CoreInput.ReplyFound { Row: { } row }) AnswerIfOwner(entity.Shard, item, row, entity);
            else
            {
                Withdraw(entity, item);
                RefuseItem(item, Refusal.Unavailable, $"its key could not be looked up: {((CoreInput.StoreFailed)outcome).Reason}");
            }
        }), item.Tenant, item.Key!.Value));
    }

    private void GiveUp(ClientItem item)
    {
        item.IsOver = true;
        ForgetKey(item);
    }

    /// <summary>
    /// A reply that lies in the store is an answer once this node is known to have owned the shard when it was read: what former owners
    /// wrote is confirmed by the first commit of a term, and what this one wrote is under its key until it is confirmed. A node that has
    /// lost the shard and does not know yet may see a commit of the new owner that no standby has; a fail-over takes that back.
    /// </summary>
    private void AnswerIfOwner(Shard shard, ClientItem item, ReplyRow row, Entity? waiting)
    {
        Do(new CoreAction.CheckShard(Expect(outcome =>
        {
            if (item.IsOver) return;
            if (waiting is not null) Wake(waiting);
            var now = (outcome as CoreInput.ShardChecked)?.Row;
            if (now is not null && now.Owner == _options.Node && now.Epoch == shard.Epoch)
            {
                AnswerWith(item, row);
                return;
            }
            if (waiting is not null) Withdraw(waiting, item);
            if (now is null)
                RefuseItem(item, Refusal.Unavailable, $"ownership could not be checked: {((CoreInput.StoreFailed)outcome).Reason}");
            else
            {
                RefuseItem(item, Refusal.NotOwner, $"shard {shard.Number} is owned by {now.Owner ?? "nobody"} now", now.Owner);
                if (!shard.Dropped) Lose(shard, $"it is in epoch {now.Epoch} now");
            }
        }), shard.Number));
    }

    private void AnswerWith(ClientItem item, ReplyRow row)
    {
        if (!row.RequestHash.Span.SequenceEqual(item.RequestHash.Span))
        {
            RefuseItem(item, Refusal.Conflict, Conflict(row.Key));
            return;
        }
        try
        {
            AnswerItem(item, (IReply)_codec.Decode(row.Reply));
        }
        catch (Exception error)
        {
            RefuseItem(item, Refusal.Failed, $"it was carried out, but its reply ({row.Reply.Kind}) cannot be read: {error.Message}");
        }
    }

    private void AnswerItem(ClientItem item, IReply reply)
    {
        GiveUp(item);
        foreach (var ask in item.Asks) Answer(ask, reply);
    }

    /// <summary>A newer commit than the unknown ones is confirmed: what they held is in the store for good, or never will be.</summary>
    private void Settle(Shard shard)
    {
        shard.MustSettle = false;
        foreach (var item in shard.Unsettled.ToList())
        {
            if (item.Key is not { } key)
            {
                RefuseItem(item, Refusal.Unavailable, "it is not known whether it was carried out, and it has no key to look it up");
                continue;
            }
            Do(new CoreAction.FindReply(Expect(outcome =>
            {
                if (outcome is CoreInput.ReplyFound { Row: { } row }) AnswerIfOwner(shard, item, row, null);
                else RefuseItem(item, Refusal.Unavailable, "its commit failed; ask again under the same key");
            }), item.Tenant, key));
        }
        shard.Unsettled.Clear();
    }
}
