using Athanor.Hosting.Blobs;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Sqlite;
using FsCheck;
using FsCheck.Fluent;
using Hosting.Tests.Core;
using Hosting.Tests.Sqlite;
using Hosting.Tests.Stores;

namespace Hosting.Tests.Blobs;

/// <summary>Mark and sweep while clients upload: at every step of a sweep others may put, name, forget and read blobs.</summary>
public sealed class CollectionTests : IDisposable
{
    private static readonly TimeSpan Grace = TimeSpan.FromHours(10);
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Nothing_named_is_ever_lost_under_concurrent_uploads_and_waste_goes() => Prop.ForAll(
        Gen.Choose(0, int.MaxValue).ToArbitrary(), seed => Round(seed).GetAwaiter().GetResult()).Check(Config.QuickThrowOnFailure.WithMaxTest(150));

    private static async Task Round(int seed)
    {
        var random = new Random(seed);
        var time = new VirtualTime();
        var objects = new YieldingObjects(time);
        var store = new ObjectBlobStore(objects, 64, 1 << 20, Grace);
        var named = new HashSet<string>();
        // Put but not yet named: named within the grace, or forgotten.
        var uploads = new Dictionary<string, DateTimeOffset>();
        var busy = false;
        objects.Yield = async () =>
        {
            // Whoever acts between two steps of a sweep acts whole; its own steps do not yield again.
            if (busy || random.Next(3) > 0) return;
            busy = true;
            await Act();
            busy = false;
        };
        for (var step = 0; step < 60; step++)
        {
            if (random.Next(4) == 0)
            {
                var marks = named.ToHashSet();
                Assert.Empty((await store.Collect(marks, Grace, random.Next(8) == 0, default)).Damage);
            }
            else
            {
                busy = true;
                await Act();
                busy = false;
            }
            time.Now += Grace * random.NextDouble() * 0.4;
            foreach (var (hash, since) in uploads.ToList())
            {
                if (time.Now - since > Grace / 2) uploads.Remove(hash);
            }
        }
        busy = true;
        foreach (var hash in named) Assert.Equal(hash, await store.Put(await store.Get(hash, default), default));
        for (var i = 0; i < 3; i++)
        {
            await store.Collect(named, Grace, false, default);
            time.Now += Grace * 1.1;
        }
        foreach (var hash in named) await store.Get(hash, default);
        Assert.Equal(named.Order(), (await store.List(default).ToListAsync()).Order());
        Assert.DoesNotContain(objects.Names, static name => name.StartsWith("trash/", StringComparison.Ordinal));

        async Task Act()
        {
            switch (random.Next(4))
            {
                case 0 or 1:
                    // Few contents, so that old ones are put again; the long ones share chunks.
                    var content = new byte[random.Next(2) == 0 ? 20 : 200];
                    Array.Fill(content, (byte)random.Next(6));
                    uploads[await store.Put(content, default)] = time.Now;
                    break;
                case 2 when uploads.Count > 0:
                    var (hash, since) = uploads.ElementAt(random.Next(uploads.Count));
                    uploads.Remove(hash);
                    if (time.Now - since <= Grace / 2) named.Add(hash);
                    break;
                case 3 when named.Count > 0:
                    var known = named.ElementAt(random.Next(named.Count));
                    if (random.Next(3) == 0) named.Remove(known);
                    else await store.Get(known, default);
                    break;
            }
        }
    }

    [Fact]
    public async Task An_upload_that_was_interrupted_sends_only_what_is_missing()
    {
        var objects = new YieldingObjects(new VirtualTime());
        var store = new ObjectBlobStore(objects, 64, 1 << 20, Grace);
        var content = Enumerable.Range(0, 640).Select(static i => (byte)(i / 64)).ToArray();
        using var cut = new CancellationTokenSource();
        objects.Yield = () =>
        {
            if (objects.Names.Count() == 7) cut.Cancel();
            cut.Token.ThrowIfCancellationRequested();
            return Task.CompletedTask;
        };
        await Assert.ThrowsAsync<OperationCanceledException>(() => store.Put(content, cut.Token));
        objects.Yield = static () => Task.CompletedTask;
        objects.Puts = 0;
        var hash = await store.Put(content, default);
        // Three chunks and the manifest.
        Assert.Equal(4, objects.Puts);
        Assert.Equal(content, await store.Get(hash, default));
        var e = await Assert.ThrowsAsync<StoreException>(() => store.Put(new byte[(1 << 20) + 1], default));
        Assert.Contains("athanor.blobs.max", e.Message);
    }

    [Fact]
    public async Task Every_row_that_names_a_blob_keeps_it()
    {
        var time = new VirtualTime();
        await using var store = SqliteStore.Open(_directory.File("journal.db"), new SqliteStoreOptions { ShardCount = 2 }, time);
        var driver = new StoreDriver(store);
        var blobs = new DirectoryBlobStore(_directory.File("blobs"), time);
        var hashes = new List<string>();
        for (var i = 0; i < 7; i++) hashes.Add(await blobs.Put(new byte[] { (byte)i, 7 }, default));
        var (a, b) = (StoreDriver.Entity(1), StoreDriver.Entity(2));
        await driver.Append(a, $"result {hashes[0]}.");
        await driver.Tell(a, b, $"see{hashes[1]}0 for more");
        await driver.Dispatch(a, driver.Work(a, "w") with { Inputs = [hashes[2]], Spec = StoreDriver.Message(hashes[3]) });
        var lease = Assert.Single(await store.LeaseWork("node", ["cpu"], 1, TimeSpan.FromHours(1), default));
        Assert.True(await store.CheckpointWork(lease.Work.Id, lease.Token, new WorkCheckpoint(1, hashes[4]), default));
        var part = await driver.Events(b, "x");
        part = part with
        {
            TimersSet = [new TimerRow(part.Shard, b, "t", time.Now, StoreDriver.Message(hashes[5]))],
        };
        Assert.True(await driver.Commit(part));
        time.Now += Grace * 2;
        var done = await BlobCollector.Once(store, blobs, Grace, dryRun: false, default);
        Assert.Empty(done.Damage);
        Assert.Equal(1, done.Condemned);
        time.Now += Grace * 2;
        Assert.Equal(1, (await BlobCollector.Once(store, blobs, Grace, dryRun: false, default)).Removed);
        Assert.Equal(hashes[..6].Order(), (await blobs.List(default).ToListAsync()).Order());
    }

    /// <summary>Objects in memory; before each call somebody else may act.</summary>
    private sealed class YieldingObjects(VirtualTime time) : IBlobObjects
    {
        private readonly Dictionary<string, (byte[] Content, DateTimeOffset Touched)> _objects = new(StringComparer.Ordinal);

        public Func<Task> Yield { get; set; } = () => Task.CompletedTask;

        public int Puts { get; set; }

        public IEnumerable<string> Names => _objects.Keys;

        public string Where => "memory";

        public Task<DateTimeOffset> Now(CancellationToken cancellation) => Task.FromResult(time.Now);

        public async Task<byte[]?> Get(string name, CancellationToken cancellation)
        {
            await Yield();
            return _objects.TryGetValue(name, out var found) ? found.Content : null;
        }

        public async Task Put(string name, ReadOnlyMemory<byte> content, CancellationToken cancellation)
        {
            await Yield();
            Puts++;
            _objects[name] = (content.ToArray(), time.Now);
        }

        public async Task<DateTimeOffset?> FindSame(string name, ReadOnlyMemory<byte> content, CancellationToken cancellation)
        {
            await Yield();
            return _objects.TryGetValue(name, out var found) && content.Span.SequenceEqual(found.Content) ? found.Touched : null;
        }

        public async Task<DateTimeOffset?> Touched(string name, CancellationToken cancellation)
        {
            await Yield();
            return _objects.TryGetValue(name, out var found) ? found.Touched : null;
        }

        public async Task<bool> Move(string from, string to, CancellationToken cancellation)
        {
            await Yield();
            if (!_objects.TryGetValue(from, out var found)) return false;
            _objects[to] = (found.Content, time.Now);
            await Yield();
            _objects.Remove(from);
            return true;
        }

        public async Task Delete(string name, CancellationToken cancellation)
        {
            await Yield();
            _objects.Remove(name);
        }

        public async IAsyncEnumerable<BlobObject> List([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
        {
            foreach (var (name, found) in _objects.ToList())
            {
                await Yield();
                yield return new BlobObject(name, found.Content.Length, found.Touched);
            }
        }

        public ValueTask DisposeAsync() => default;
    }
}
