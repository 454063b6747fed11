using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Integrity;
using Athanor.Hosting.Stores.Sqlite;
using Athanor.Protocol;

namespace Nodes.Tests.Cli;

/// <summary>A journal that holds one event, of a kind that this build does not know.</summary>
internal static class OneEventJournal
{
    public static EntityAddress Heater { get; } = EntityAddress.Of("twins", "heater");

    public static async Task Append(SqliteStore store)
    {
        var row = (await store.Claim(0, "node", (await store.ReadShards(default)).Single().Epoch, TimeSpan.FromHours(1), default))!;
        var message = new StoredMessage("test.said", 1, "a body to find"u8.ToArray());
        var hash = EventHash.Compute(Heater, 1, message, EventHash.None.Span);
        var results = await store.Commit(
            [
                new ShardCommit(0, "node", row.Epoch, row.LastNumber)
                {
                    Events = [new JournalRow(0, 1, row.Epoch, Heater, 1, message, await store.Now(default), "tester", null,
                        EventHash.None, hash)],
                    Heads = [new HeadRow(0, Heater, 1, hash, false, null)],
                },
            ],
            default);
        Assert.True(results.Single().Accepted);
    }
}
