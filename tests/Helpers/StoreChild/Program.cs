using System.Runtime.InteropServices;
using System.Text;
using Athanor.Hosting.Blobs;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Integrity;
using Athanor.Hosting.Stores.Sqlite;
using Athanor.Protocol;

// A process for tests to kill. `commit DIR` commits and puts blobs until it is killed, and says on its standard output what was
// acknowledged, after it was. `open-as UID DIR` becomes another user and says how the directory can be opened.
return args switch
{
    ["commit", var directory] => await CommitUntilKilled(directory),
    ["open-as", var user, var directory] => OpenAs(uint.Parse(user), directory),
    _ => 2,
};

static async Task<int> CommitUntilKilled(string directory)
{
    var none = CancellationToken.None;
    using var state = StateDirectory.Open(directory);
    // A small log is moved into the database often, so kills fall into that too.
    var options = new SqliteStoreOptions { ShardCount = 4, CheckpointPages = 40 };
    await using var store = SqliteStore.Open(state.JournalPath, options, TimeProvider.System);
    var blobs = new DirectoryBlobStore(state.BlobsPath, TimeProvider.System);
    await Task.WhenAll(Enumerable.Range(0, store.ShardCount).Select(async shard =>
    {
        var seen = (await store.ReadShards(none)).Single(r => r.Shard == shard);
        var row = (await store.Claim(shard, "child", seen.Epoch, TimeSpan.FromHours(1), none))!;
        var entity = Enumerable.Range(0, 1000).Select(i => EntityAddress.Of("twins", $"unit-{i}"))
            .First(e => ShardOf.Address(e, store.ShardCount) == shard);
        var history = await store.ReadEntity(entity, true, none);
        var (number, hash) = (history.Head?.EntityNumber ?? 0, history.Head?.Hash ?? EventHash.None);
        while (true)
        {
            var body = Encoding.UTF8.GetBytes($"{entity} {number + 1} " + new string('x', (int)(number * 7919 % 900)));
            var message = new StoredMessage("test.said", 1, body);
            var next = EventHash.Compute(entity, ++number, message, hash.Span);
            var part = new ShardCommit(shard, "child", row.Epoch, row.LastNumber)
            {
                Events = [new JournalRow(shard, row.LastEvent + 1, row.Epoch, entity, number, message, await store.Now(none), "child",
                    null, hash, next)],
                Heads = [new HeadRow(shard, entity, number, next, false, null)],
            };
            if (!(await store.Commit([part], none)).Single().Accepted)
                throw new InvalidOperationException("a rightful commit was rejected");
            row = row with { LastNumber = part.NewLast, LastEvent = row.LastEvent + 1 };
            hash = next;
            Say($"event {entity} {number} {Convert.ToHexStringLower(next)}");
            if (number % 10 == 0) Say($"blob {await blobs.Put(body, none)}");
        }
    }));
    return 0;
}

static int OpenAs(uint user, string directory)
{
    if (setuid(user) != 0) return 3;
    try
    {
        using var state = StateDirectory.Open(directory);
        Console.WriteLine("opened");
    }
    catch (StoreException e)
    {
        Console.WriteLine(e.Message);
    }
    try
    {
        using var store = SqliteStore.Open(Path.Combine(directory, "journal.db"), new SqliteStoreOptions(), TimeProvider.System)
            .DisposeAsync().AsTask();
        Console.WriteLine("opened");
    }
    catch (StoreException e)
    {
        Console.WriteLine(e.Message);
    }
    return 0;
}

static void Say(string line)
{
    lock (Console.Out)
    {
        Console.Out.Write(line + "\n");
        Console.Out.Flush();
    }
}

[DllImport("libc")]
static extern int setuid(uint user);
