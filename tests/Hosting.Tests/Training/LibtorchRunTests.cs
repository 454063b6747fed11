using System.Collections.Immutable;
using System.Globalization;
using Athanor.Actors.Training;
using Athanor.Compute.Numerics;
using Athanor.Compute.Tensors;
using Athanor.Compute.Torch;
using Athanor.Compute.Training;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Work.Training;
using Athanor.Protocol;
using Athanor.Protocol.Training;
using Hosting.Tests.Runtime;
using Hosting.Tests.Slots;
using Hosting.Tests.Sqlite;
using Xunit.Abstractions;
using ComputeTasks = Athanor.Compute.Training.TrainingTasks;

namespace Hosting.Tests.Training;

/// <summary>A test that needs libtorch; skipped, with the reason, where the shim is not built.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class TorchFactAttribute : FactAttribute
{
    public TorchFactAttribute()
    {
        if (!TorchRuntime.IsAvailable) Skip = TorchRuntime.Problem;
    }
}

/// <summary>Runs that libtorch computes, in slots of their own.</summary>
public sealed class LibtorchRunTests(ITestOutputHelper output) : IDisposable
{
    private static readonly EntityAddress Run = EntityAddress.Of("training", "wide");
    private static readonly byte[] Table = Make(1000);
    private static readonly string TableHash = RunSpecs.Hash(Table);

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [TorchFact]
    public async Task Killed_and_resumed_it_ends_with_the_weights_of_the_unbroken_run_within_its_tolerance()
    {
        // Of the weights' length: 120 steps of Adam multiply what rounding to 24 bits begins with.
        const double Tolerance = 1e-4;
        var spec = Spec("""{"engine":"libtorch","hidden":[64,64],"kind":"perceptron"}""", batch: 96);
        var unbroken = Weights(Unbroken(spec));
        // What another order of the same sums makes, which is what the tolerance is for.
        var reordered = Weights(Unbroken(spec with { MicroBatch = 17 }));
        var deaths = Directory.CreateDirectory(Path.Combine(_directory.Path, "deaths")).FullName;
        foreach (var (k, points) in (ReadOnlySpan<(int, int)>)[(0, 5), (1, 3)]) DyingRunHandler.Order(deaths, k, points);
        await using var cluster = await Start(DyingRunHandler.Launch(deaths), new TorchOptions());
        await Ask(cluster, new StartRun(spec));
        var view = await Over(cluster);
        Assert.Empty(Directory.GetFiles(deaths));
        Assert.Equal((TrainingPhase.Finished, 120L), (view.Phase, view.Step));
        var resumed = Weights(await cluster.Client.GetBlob(view.Model));
        var (apart, control) = (Difference(unbroken, resumed), Difference(unbroken, reordered));
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"relative difference of the weights: killed and resumed {apart:G3}, other micro-batches {control:G3}; tolerance {Tolerance:G1}"));
        Assert.InRange(apart, 0.0, Tolerance);
        Assert.InRange(control, 0.0, Tolerance);
        // The tolerance tells two trainings apart.
        Assert.True(Difference(unbroken, Weights(Unbroken(spec with { Seed = 8 }))) > 100 * Tolerance);
    }

    [TorchFact]
    public async Task Where_memory_runs_out_it_goes_on_with_smaller_micro_batches_and_its_events_say_so()
    {
        // 512 rows of a layer of 1024 are 2 MiB, and forward and backward need several of them at once.
        var spec = Spec("""{"engine":"libtorch","hidden":[1024],"kind":"perceptron"}""", batch: 512) with
        {
            SegmentSteps = 10,
            Stop = new RunStop(20, 0, 0.0, 0.0),
        };
        await using var cluster = await Start(SlotMain.RunLaunch, new TorchOptions { MemoryLimitBytes = 4 << 20 });
        await Ask(cluster, new StartRun(spec));
        var view = await Over(cluster);
        Assert.Equal((TrainingPhase.Finished, 20L, ""), (view.Phase, view.Step, view.Reason));
        Assert.InRange(view.Metrics["micro-batch"], 16, 256);

        var history = await cluster.Store.ReadEntity(Run, fromStart: true, CancellationToken.None);
        var events = history.Events.Select(e => SlotMain.Messages.Decode(e.Event.Kind, e.Event.Version, e.Event.Body.Span)).ToArray();
        var cuts = events.OfType<RunMicroBatchCut>().ToArray();
        foreach (var cut in cuts) output.WriteLine($"step {cut.Step}: {cut.From} -> {cut.To}, {cut.Cause}");
        Assert.Equal((0L, 512, 256), (cuts[0].Step, cuts[0].From, cuts[0].To));
        Assert.All(cuts, static cut => Assert.Contains("out of memory on cpu", cut.Cause, StringComparison.Ordinal));
        Assert.Equal(view.Metrics["micro-batch"], cuts[^1].To);
        // The second segment begins with what the first one found.
        Assert.Equal(2, events.OfType<RunSegmentDone>().Count());
        Assert.Equal(cuts.Length, events.TakeWhile(static e => e is not RunSegmentDone).OfType<RunMicroBatchCut>().Count());
        Assert.InRange(Difference(Weights(Unbroken(spec)), Weights(await cluster.Client.GetBlob(view.Model))), 0.0, 1e-3);
    }

    [TorchFact]
    public async Task A_device_that_is_not_there_parks_the_run_with_what_would_be_right()
    {
        if (TorchRuntime.CudaIsAvailable) return;
        await using var cluster = await Start(SlotMain.RunLaunch, new TorchOptions());
        await Ask(cluster, new StartRun(Spec("""{"device":"cuda","engine":"libtorch","hidden":[8],"kind":"perceptron"}""", batch: 32)));
        var view = await Over(cluster);
        Assert.Equal(TrainingPhase.Parked, view.Phase);
        Assert.Contains("device = cuda", view.Reason, StringComparison.Ordinal);
        Assert.Contains("device = cpu would be right here", view.Reason, StringComparison.Ordinal);
    }

    private static RunSpec Spec(string model, int batch) => RunSpecs.Spec with
    {
        Model = model,
        Data = $$"""{"table":"{{TableHash}}","targets":["y"],"validation":0.2}""",
        Tables = [TableHash],
        Batch = batch,
        Ranks = 1,
        Stop = new RunStop(120, 0, 0.0, 0.0),
    };

    private static byte[] Unbroken(RunSpec spec)
    {
        var loop = new TrainingLoop<float>(
            ComputeTasks.Create<float>(spec.Model, spec.Data, static _ => Table, SplitRequest.OfData), TrainingDecider.LoopSettingsOf(spec),
            RunSegmentHandler.SpecHash(spec, 0));
        while (loop.Advance())
        {
        }
        return loop.ModelFile();
    }

    private static double[] Weights(byte[] file) => [.. SafeTensors.Read(file).Tensors.Values.SelectMany(static tensor => tensor.ToDoubles())];

    private static double Difference(double[] a, double[] b) =>
        Math.Sqrt(a.Zip(b, static (x, y) => (x - y) * (x - y)).Sum() / a.Sum(static x => x * x));

    private async Task<HostedCluster> Start(Athanor.Hosting.Slots.SlotLaunch launch, TorchOptions torch)
    {
        var options = new AthanorOptions
        {
            StateDirectory = Path.Combine(_directory.Path, "state"),
            Torch = torch,
            Slots = new SlotOptions
            {
                Pools = ImmutableSortedDictionary<string, PoolOptions>.Empty.Add("cpu", new PoolOptions { Count = 1 }),
                StopTimeout = TimeSpan.FromSeconds(1),
            },
        };
        var cluster = await HostedCluster.Start(options, EmbeddedRole.Full, new ClusterParts
        {
            Messages = SlotMain.Messages,
            Deciders = [new TrainingDecider()],
            SlotLaunch = launch,
        });
        await cluster.Client.PutBlob(Table);
        return cluster;
    }

    private static async Task Ask(HostedCluster cluster, ICommand command) => Assert.IsType<Done>(await cluster.Client.Ask(Run, command));

    private static async Task<RunView> Over(HostedCluster cluster)
    {
        using var patience = new CancellationTokenSource(2 * TestCluster.Long);
        while (true)
        {
            var view = Assert.IsType<RunView>(await cluster.Client.Query(Run, new GetRun()));
            if (view.Phase != TrainingPhase.Running) return view;
            if (patience.IsCancellationRequested) throw new TimeoutException($"the run is at step {view.Step}, segment {view.Segments}");
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, CancellationToken.None);
        }
    }

    private static byte[] Make(int rows)
    {
        var random = new Philox(6);
        var columns = Enumerable.Range(0, 3).Select(_ => new double[rows]).ToArray();
        for (var i = 0; i < rows; i++)
        {
            (columns[0][i], columns[1][i]) = (random.NextDouble(-1.0, 1.0), random.NextDouble(-1.0, 1.0));
            columns[2][i] = columns[0][i] * columns[1][i];
        }
        return new TrainingTable(["a", "b", "y"], columns).ToBytes();
    }
}
