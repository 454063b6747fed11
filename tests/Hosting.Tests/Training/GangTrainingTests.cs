using System.Globalization;
using Athanor.Compute.Numerics;
using Athanor.Compute.Torch;
using Athanor.Hosting.Blobs;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Slots;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Sqlite;
using Athanor.Protocol;
using Athanor.Protocol.Training;
using Hosting.Tests.Runtime;
using Hosting.Tests.Slots;
using Hosting.Tests.Sqlite;
using Hosting.Tests.Stores;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit.Abstractions;

namespace Hosting.Tests.Training;

/// <summary>A training run over one to three slots of one or two nodes, which die or stop at seeded points. The nodes count as hosts.</summary>
public sealed class GangTrainingTests(ITestOutputHelper output) : IDisposable
{
    private const ulong Seed = 17;
    private const int SegmentSteps = 140;
    private static readonly RunSpec _spec = RunSpecs.Spec with
    {
        Ranks = 6,
        SegmentSteps = SegmentSteps,
        SegmentTime = TimeSpan.FromMinutes(5),
        SaveEvery = TimeSpan.FromMilliseconds(100),
    };

    private readonly TemporaryDirectory _directory = new();
    private int _runs;

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(1, new[] { 1 })]
    [InlineData(2, new[] { 2 })]
    [InlineData(3, new[] { 3 })]
    public async Task However_many_members_train_and_die_the_weights_are_those_of_an_unbroken_run(int workers, int[] slots)
    {
        // Some deaths come later than their segment's 14 check-points: in the next one, or, by then in its last, never.
        var random = new Philox(Seed, (ulong)workers);
        for (var k = 0; k < 10; k++) DyingRunHandler.Order(Deaths, k, random.NextBelow(20), random.NextBelow(workers));
        // Without a longest norm members share the update too.
        var spec = workers == 2 ? _spec with { ClipNorm = 0.0 } : _spec;
        Assert.Equal(RunSpecs.Unbroken(spec), await Train(workers, slots, spec));
        output.WriteLine($"seed {Seed}, {10 - Directory.GetFiles(Deaths).Length} ordered deaths taken");
    }

    [Fact]
    public async Task Members_on_two_hosts_share_memory_and_meet_over_a_process_group()
    {
        if (!ProcessGroup.IsAvailable)
        {
            output.WriteLine("not run: the shim is not built (compute/native/build.sh)");
            return;
        }
        DyingRunHandler.Order(Deaths, 0, 5, rank: 2);
        DyingRunHandler.Order(Deaths, 1, 3, rank: 0);
        Assert.Equal(RunSpecs.Unbroken(_spec), await Train(3, [2, 1]));
        Assert.Empty(Directory.GetFiles(Deaths));
    }

    [Fact]
    public async Task A_member_that_is_stopped_is_missed_after_the_time_out_and_the_gang_formed_anew()
    {
        DyingRunHandler.Order(Deaths, 0, 6, rank: 1, stop: true);
        Assert.Equal(RunSpecs.Unbroken(_spec), await Train(2, [2]));
        Assert.Empty(Directory.GetFiles(Deaths));
    }

    [Fact]
    public async Task A_member_that_is_stopped_while_the_gang_is_formed_is_missed_as_soon()
    {
        // Before it tells where its memory is: the others wait for it in no collective. Nothing else ends it within an hour.
        DyingRunHandler.Order(Deaths, 0, 0, rank: 1, stop: true);
        Assert.Equal(RunSpecs.Unbroken(_spec), await Train(2, [2]));
        Assert.Empty(Directory.GetFiles(Deaths));
    }

    private string Deaths => Directory.CreateDirectory(_directory.File("deaths")).FullName;

    /// <returns>Hash of the weights.</returns>
    private async Task<string> Train(int workers, int[] slots, RunSpec? spec = null)
    {
        await using var store = SqliteStore.Open(_directory.File($"{++_runs}.db"), new SqliteStoreOptions { ShardCount = 4 }, TimeProvider.System);
        var driver = new StoreDriver(store);
        var entity = StoreDriver.Entity(1);
        var blobs = new DirectoryBlobStore(_directory.File("blobs"), TimeProvider.System);
        var table = await blobs.Put(RunSpecs.Table, default);
        var desk = new WorkDesk(store, SlotMain.Messages, 40, static _ => { });
        var nodes = slots.Select((count, i) => Node(desk, count, string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{i + 1}"), blobs)).ToList();
        try
        {
            var checkpoint = "";
            for (var segment = 0; ; segment++)
            {
                var work = new RunSegment((spec ?? _spec) with { Workers = workers }, segment, 0, checkpoint, 0);
                await driver.Dispatch(entity, driver.Work(entity, $"segment-{segment}") with
                {
                    Gang = workers,
                    Spec = new StoredMessage(SlotMain.Messages.KindOf(work), SlotMain.Messages.VersionOf(work), SlotMain.Messages.Encode(work)),
                    Inputs = [table, .. checkpoint.Length > 0 ? [checkpoint] : Array.Empty<string>()],
                });
                var done = await Done(store, driver.ShardOf(entity), segment);
                checkpoint = done.Checkpoint;
                if (done.End == RunEnd.None) continue;
                output.WriteLine($"{workers} workers in slots {string.Join('+', slots)}, {segment + 1} segments: {done.Model}");
                Assert.Equal((RunEnd.Steps, 3), (done.End, segment + 1));
                return done.Model;
            }
        }
        finally
        {
            foreach (var node in nodes) await node.DisposeAsync();
        }
    }

    private static async Task<RunSegmentDone> Done(SqliteStore store, int shard, int segment)
    {
        using var patience = new CancellationTokenSource(4 * TestCluster.Long);
        while (true)
        {
            foreach (var mail in await store.ReadMail([shard], 100, default))
            {
                var message = SlotMain.Messages.Decode(mail.Command.Kind, mail.Command.Version, mail.Command.Body.Span);
                var result = Assert.IsType<RunSegmentResult>(Assert.IsType<WorkCompleted>(message).Result);
                if (result.Done.Segment == segment) return result.Done;
            }
            if (patience.IsCancellationRequested) throw new TimeoutException($"segment {segment} does not end");
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, CancellationToken.None);
        }
    }

    private WorkLoop Node(IWorkDesk desk, int slots, string address, DirectoryBlobStore blobs)
    {
        var options = new SlotOptions
        {
            Pools = new SlotOptions().Pools.SetItem("cpu", new PoolOptions { Count = slots }),
            Lease = TimeSpan.FromSeconds(6),
            RenewEvery = TimeSpan.FromSeconds(0.5),
            PollEvery = TimeSpan.FromSeconds(0.1),
            StopTimeout = TimeSpan.FromSeconds(1),
            SilenceLimit = TimeSpan.FromHours(1),
        };
        return new WorkLoop(
            desk, blobs, SlotMain.Messages, address, options, DyingRunHandler.Launch(Deaths), NullLogger.Instance, TimeProvider.System,
            address: address);
    }
}
