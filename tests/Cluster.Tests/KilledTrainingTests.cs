using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using Athanor.Actors.Training;
using Athanor.Compute.Numerics;
using Athanor.Compute.Training;
using Athanor.Hosting;
using Athanor.Hosting.Work.Training;
using Athanor.Nodes.Local;
using Athanor.Protocol;
using Athanor.Protocol.Training;
using Xunit.Abstractions;

namespace Cluster.Tests;

/// <summary>The built program trains over one to three slots, while its slots and the node itself are killed.</summary>
public sealed class KilledTrainingTests(ITestOutputHelper output) : IDisposable
{
    private const ulong Seed = 20261123;
    private const int Steps = 6000;
    private const int Segments = 12;

    /// <summary>Segments done before the last kill, at least: some are left, so that it comes in time on any machine.</summary>
    private const int LastKill = 8;

    private static readonly EntityAddress Run = EntityAddress.Of("training", "killed");
    private static readonly byte[] Table = MakeTable();
    private static readonly string TableHash = Hash(Table);
    private static readonly Lazy<string> Unbroken = new(WithoutBreak);

    private readonly TestDirectory _directory = new();
    private NodeProcess? _node;
    private int _parked;

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(1, 10)]
    [InlineData(2, 5)]
    [InlineData(3, 5)]
    public async Task A_run_whose_slots_and_node_are_killed_ends_with_the_weights_of_the_unbroken_one(int workers, int kills)
    {
        output.WriteLine($"seed {Seed}");
        var random = new Philox(Seed, (ulong)workers);
        await Start(workers);
        try
        {
            var client = Client();
            await client.PutBlob(Table);
            Assert.Equal(new Done(), await client.Ask(Run, new StartRun(Spec with { Workers = workers })));
            var (killed, segments) = (0, new SortedSet<int>());
            while (killed < kills && await Underway(client, workers, killed * LastKill / kills) is { } slots)
            {
                segments.Add((await View(client)).Segments);
                if (killed++ % 3 == 1)
                {
                    // With the node its slots end: their pipes break.
                    client.Dispose();
                    await _node!.DisposeAsync();
                    await Start(workers);
                    client = Client();
                    continue;
                }
                var slot = slots[random.NextBelow(slots.Length)];
                Kill(slot);
                await Until(() => NodeProcess.IsZombie(slot), "the killed slot is still there");
            }
            var view = await View(client);
            for (var begun = TimeProvider.System.GetTimestamp(); view.Phase != TrainingPhase.Finished; view = await View(client))
            {
                await Resumed(client, view);
                if (TimeProvider.System.GetElapsedTime(begun) > 2 * NodeProcess.Long) throw new TimeoutException($"the run is at step {view.Step}");
                await Pause();
            }
            client.Dispose();
            output.WriteLine($"{killed} kills, from segment {segments.Min} to {segments.Max} of {view.Segments}; parked {_parked} times");
            Assert.True(killed == kills, $"the run was over after {killed} kills");
            Assert.Equal((RunEnd.Steps, (long)Steps), (view.End, view.Step));
            Assert.Equal(Unbroken.Value, view.Model);
        }
        finally
        {
            await _node!.DisposeAsync();
        }
    }

    private static RunSpec Spec { get; } = new(
        """{"hidden":[64,64],"kind":"perceptron"}""", $$"""{"shuffle-seed":3,"table":"{{TableHash}}","targets":["y"],"validation":0.2}""",
        [TableHash], RunPrecision.Float, 7, new RunOptimiser(RunOptimiserKind.AdamW, 0.002, 0.0, 0.9, 0.999, 1e-8, 1e-3),
        new RunSchedule(RunScheduleKind.Cosine, 20, 1e-4, 0, 0.1), new RunStop(Steps, 0, 0.0, 0.0), new RunGuard(0.0, 0, 0, 1.0, 0.5, 5),
        64, 0, 6, 1.0, 0.9, 50, [], 0, Steps / Segments, TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(0.1), "");

    /// <summary>Waits until so many segments are done and all members train, and gives their processes; null when the run is over.</summary>
    private async Task<int[]?> Underway(SocketClient client, int workers, int segments)
    {
        var patience = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var view = await View(client);
            if (view.Phase == TrainingPhase.Finished) return null;
            await Resumed(client, view);
            var slots = _node!.Slots();
            if (view.Segments >= segments && slots.Length == workers && (await client.Running()).Any(work => RunNote.Parse(work.Note) is not null)) return slots;
            if (TimeProvider.System.GetElapsedTime(patience) > NodeProcess.Long)
                throw new TimeoutException($"{slots.Length} of {workers} slots train at step {view.Step}, segment {view.Segments}: {view.Phase}");
            await Pause();
        }
    }

    /// <summary>Three deaths may fall between two saves; the run is then parked, and goes on when it is told to.</summary>
    private async Task Resumed(SocketClient client, RunView view)
    {
        if (view.Phase != TrainingPhase.Parked) return;
        Assert.Contains("3 deaths in a row", view.Reason, StringComparison.Ordinal);
        Assert.Equal(new Done(), await client.Ask(Run, new ResumeTraining("the test goes on")));
        _parked++;
    }

    private static async Task<RunView> View(SocketClient client) => Assert.IsType<RunView>(await client.Query(Run, new GetRun()));

    private static Task Pause() => Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);

    private SocketClient Client() => new(SocketPath.Of(_directory.State), Families.Messages, TimeProvider.System);

    private async Task Start(int slots)
    {
        var config = Path.Combine(_directory.Path, "cluster.hocon");
        await File.WriteAllTextAsync(config, string.Create(CultureInfo.InvariantCulture, $"athanor {{ slots.pools.cpu.count = {slots} }}"));
        _node = await NodeProcess.StartWith(_directory.State, "--config", config);
    }

    private static void Kill(int slot)
    {
        try
        {
            using var process = Process.GetProcessById(slot);
            process.Kill();
        }
        catch (ArgumentException)
        {
            // It ended a moment before, with its gang.
        }
    }

    private static async Task Until(Func<bool> done, string otherwise)
    {
        for (var begun = TimeProvider.System.GetTimestamp(); !done(); await Pause())
        {
            if (TimeProvider.System.GetElapsedTime(begun) > NodeProcess.Long) throw new TimeoutException(otherwise);
        }
    }

    private static string WithoutBreak()
    {
        var task = Athanor.Compute.Training.TrainingTasks.Create<float>(Spec.Model, Spec.Data, static _ => Table, SplitRequest.OfData);
        var loop = new TrainingLoop<float>(task, TrainingDecider.LoopSettingsOf(Spec), "unbroken");
        while (loop.Advance())
        {
        }
        return Hash(loop.ModelFile());
    }

    private static string Hash(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    private static byte[] MakeTable()
    {
        var random = new Philox(5);
        double[] a = new double[200], b = new double[200], y = new double[200];
        for (var i = 0; i < a.Length; i++)
        {
            (a[i], b[i]) = (random.NextDouble(-1.0, 1.0), random.NextDouble(-1.0, 1.0));
            y[i] = a[i] * b[i];
        }
        return new TrainingTable(["a", "b", "y"], [a, b, y]).ToBytes();
    }
}
