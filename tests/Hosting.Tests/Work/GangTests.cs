using System.Diagnostics;
using System.Globalization;
using Athanor.Hosting.Blobs;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Slots;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Postgres;
using Athanor.Hosting.Stores.Sqlite;
using Athanor.Protocol;
using Hosting.Tests.Slots;
using Hosting.Tests.Sqlite;
using Hosting.Tests.Stores;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit.Abstractions;

namespace Hosting.Tests.Work;

/// <summary>A gang whose members meet at barriers, in slots of several nodes, while some of them are killed.</summary>
public sealed class GangTests(ITestOutputHelper output) : IDisposable
{
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(120);
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Members_pass_each_barrier_in_one_generation_though_some_are_killed_and_the_job_ends_once()
    {
        const int Members = 4;
        const int Barriers = 12;
        await using var store = SqliteStore.Open(_directory.File("journal.db"), new SqliteStoreOptions { ShardCount = 4 }, TimeProvider.System);
        var driver = new StoreDriver(store);
        var entity = StoreDriver.Entity(1);
        var (lines, work) = (_directory.File("lines"), new Act("barriers", _directory.File("lines"), Barriers));
        var row = driver.Work(entity, "gang") with
        {
            Gang = Members,
            Spec = new StoredMessage(SlotMain.Messages.KindOf(work), 1, SlotMain.Messages.Encode(work)),
            Inputs = [],
        };
        var arrived = new TaskCompletionSource();
        var desk = new WorkDesk(store, SlotMain.Messages, 5, _ => arrived.SetResult());
        var nodes = Enumerable.Range(0, 3).Select(i => Node(desk, $"node-{i}")).ToList();
        try
        {
            await driver.Dispatch(entity, row);
            // Each time another member is killed when it has passed some barriers.
            for (var kill = 1; kill <= 3; kill++)
            {
                var victim = await Passed(lines, kill, 2 * kill - 1, kill % Members);
                output.WriteLine($"kill {kill}: process {victim} of generation {kill}");
                Process.GetProcessById(victim).Kill();
            }
            await arrived.Task.WaitAsync(Long);
        }
        finally
        {
            foreach (var node in nodes) await node.DisposeAsync();
        }
        var view = Assert.Single(await store.ListWork(null, default));
        Assert.Equal((WorkStatus.Completed, 4, 3), (view.Status, view.Attempt, view.Deaths));
        var mail = Assert.Single(await store.ReadMail([driver.ShardOf(entity)], 10, default));
        var done = (WorkCompleted)SlotMain.Messages.Decode(mail.Command.Kind, mail.Command.Version, mail.Command.Body.Span);
        Assert.StartsWith("generation 4 ", ((Acted)done.Result).Text);
        CheckBarriers(await File.ReadAllLinesAsync(lines), Members, Barriers);
    }

    [Fact]
    public async Task A_gang_over_worker_processes_outlives_the_kill_of_whole_nodes()
    {
        const int Members = 4;
        const int Barriers = 6;
        var connection = await SharedPostgres.NewDatabase();
        await using var store = await PostgresStore.Open(
            new PostgresStoreOptions { Connection = connection, ShardCount = 2, Migrate = MigrateMode.Auto }, TimeProvider.System);
        var driver = new StoreDriver(store);
        var entity = StoreDriver.Entity(1);
        var (lines, work) = (_directory.File("lines"), new Act("barriers", _directory.File("lines"), Barriers));
        var workers = new List<Process>();
        for (var i = 0; i < 3; i++) workers.Add(Worker(connection, $"node-{i}"));
        try
        {
            await driver.Dispatch(entity, driver.Work(entity, "gang") with
            {
                Gang = Members,
                Spec = new StoredMessage(SlotMain.Messages.KindOf(work), 1, SlotMain.Messages.Encode(work)),
                Inputs = [],
            });
            for (var kill = 1; kill <= 2; kill++)
            {
                await Passed(lines, kill, kill, 0);
                var members = Assert.Single(await store.ListWork(WorkStatus.Leased, default)).Members;
                var victim = workers.FindIndex(w => w.StartInfo.ArgumentList[^2] == members[^1]);
                output.WriteLine($"kill {kill}: {members[^1]} with {members.Count(m => m == members[^1])} of the members");
                workers[victim].Kill();
                workers[victim].Dispose();
                workers[victim] = Worker(connection, $"node-{victim}-{kill}");
            }
            using var patience = new CancellationTokenSource(Long);
            while ((await store.ReadMail([driver.ShardOf(entity)], 10, patience.Token)).Count == 0)
                await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, patience.Token);
        }
        finally
        {
            foreach (var worker in workers)
            {
                worker.Kill();
                worker.Dispose();
            }
        }
        // The death of a node is not the item's.
        var view = Assert.Single(await store.ListWork(null, default));
        Assert.Equal((WorkStatus.Completed, 0), (view.Status, view.Deaths));
        Assert.InRange(view.Attempt, 3, 9);
        Assert.Single(await store.ReadMail([driver.ShardOf(entity)], 10, default));
        CheckBarriers(await File.ReadAllLinesAsync(lines), Members, Barriers);
    }

    private Process Worker(string connection, string name)
    {
        var info = SlotMain.Launch.ToStartInfo();
        info.ArgumentList[^1] = "worker";
        foreach (var argument in (string[])[connection, name, _directory.File("blobs")]) info.ArgumentList.Add(argument);
        info.RedirectStandardOutput = false;
        info.RedirectStandardError = false;
        return Process.Start(info)!;
    }

    /// <summary>Whoever passes a barrier has met all members of its own generation there, and never one of another.</summary>
    internal static void CheckBarriers(IReadOnlyList<string> lines, int members, int barriers)
    {
        var came = new HashSet<(int Generation, int Barrier, int Rank)>();
        var passed = new Dictionary<int, int>();
        var last = 0;
        foreach (var parts in lines.Select(static line => line.Split(' ')))
        {
            var (generation, rank, barrier) = (Number(parts[0]), Number(parts[1]), Number(parts[3]));
            if (parts[2] == "come") came.Add((generation, barrier, rank));
            else
            {
                Assert.All(Enumerable.Range(0, members), r => Assert.Contains((generation, barrier, r), came));
                passed[generation] = Math.Max(passed.GetValueOrDefault(generation), barrier + 1);
            }
            last = Math.Max(last, generation);
        }
        Assert.All(passed.Where(p => p.Key < last), p => Assert.True(p.Value < barriers, $"generation {p.Key} passed all barriers"));
        Assert.Equal(barriers, passed[last]);
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

    private static async Task<int> Passed(string path, int generation, int barrier, int rank)
    {
        using var patience = new CancellationTokenSource(Long);
        while (true)
        {
            var found = File.Exists(path) ? (await File.ReadAllLinesAsync(path, patience.Token))
                .FirstOrDefault(line => line.StartsWith($"{generation} {rank} pass {barrier} ", StringComparison.Ordinal)) : null;
            if (found is not null) return Number(found.Split(' ')[4]);
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, patience.Token);
        }
    }

    private WorkLoop Node(IWorkDesk desk, string name)
    {
        var options = new SlotOptions
        {
            Pools = new SlotOptions().Pools.SetItem("cpu", new PoolOptions { Count = 2 }),
            Lease = TimeSpan.FromSeconds(6),
            RenewEvery = TimeSpan.FromSeconds(0.5),
            PollEvery = TimeSpan.FromSeconds(0.1),
            StopTimeout = TimeSpan.FromSeconds(1),
        };
        return new WorkLoop(
            desk, new DirectoryBlobStore(_directory.File("blobs"), TimeProvider.System), SlotMain.Messages, name, options, SlotMain.Launch,
            NullLogger.Instance, TimeProvider.System, address: name);
    }
}
