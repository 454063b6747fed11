using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Core;
using Athanor.Hosting.Journal.Levels;

namespace Athanor.Hosting.Runtime;

/// <summary>The core's settings out of all settings.</summary>
internal static class CoreSettings
{
    public static CoreOptions Of(AthanorOptions o, EmbeddedRole role, int shards, int level) => new()
    {
        Node = o.Node.Name,
        ShardCount = shards,
        Roles = o.Node.Roles.Add(FeatureLevels.Tag(level)),
        Lease = o.Shards.Lease,
        RenewEvery = o.Shards.RenewEvery,
        LeaseMargin = o.Shards.LeaseMargin,
        ViewEvery = o.Shards.ViewEvery,
        MoveDelay = o.Shards.MoveDelay,
        MoveShare = o.Shards.MoveShare,
        PollEvery = o.Mailbox.PollEvery,
        MailPage = o.Mailbox.Page,
        MailInMemory = o.Mailbox.InMemory,
        Writers = o.Commit.Writers,
        BatchMessages = o.Commit.BatchMessages,
        SnapshotEvery = o.Entities.SnapshotEvery,
        PassivateAfter = o.Entities.PassivateAfter,
        MaxActive = o.Entities.MaxActive,
        MaxRecovering = o.Entities.MaxRecovering,
        Attempts = o.Entities.Attempts,
        RetryAfter = o.Entities.RetryAfter,
        StoreRetry = o.Store.RetryAfter,
        JitterSeed = BinaryPrimitives.ReadUInt64BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(o.Node.Name))),
        AskTimeout = o.Entities.AskTimeout,
        KeyLifetime = o.Idempotency.Retention,
        KeyAhead = o.Idempotency.MaxAhead,
        MaxMessageBytes = o.Messages.MaxBytes,
        Wakes = role == EmbeddedRole.Full,
        ToJson = StateJson.Write,
    };
}
