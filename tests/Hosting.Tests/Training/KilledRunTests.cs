using System.Collections.Immutable;
using Athanor.Actors.Training;
using Athanor.Compute.Numerics;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Runtime;
using Athanor.Protocol;
using Athanor.Protocol.Training;
using Hosting.Tests.Runtime;
using Hosting.Tests.Slots;
using Hosting.Tests.Sqlite;
using Xunit.Abstractions;

namespace Hosting.Tests.Training;

/// <summary>Runs whose slots are killed.</summary>
public sealed class KilledRunTests(ITestOutputHelper output) : IDisposable
{
    private static readonly EntityAddress Run = EntityAddress.Of("training", "run");

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task A_run_killed_ten_times_at_random_points_ends_with_the_weights_of_the_unbroken_one()
    {
        const ulong Seed = 20261121;
        output.WriteLine($"seed {Seed}");
        var random = new Philox(Seed);
        await using var cluster = await Start();
        for (var k = 0; k < 10; k++) DyingRunHandler.Order(Deaths, k, (int)random.NextBelow(12));
        await Ask(cluster, new StartRun(RunSpecs.Spec));
        var parked = 0;
        RunView view;
        while ((view = await Over(cluster)).Phase == TrainingPhase.Parked)
        {
            // Three of the points may lie before a checkpoint.
            Assert.Contains("3 deaths in a row", view.Reason);
            Assert.True(++parked <= 3);
            await Ask(cluster, new ResumeTraining("the test goes on"));
        }
        Assert.Empty(Directory.GetFiles(Deaths));
        Assert.Equal((TrainingPhase.Finished, 400L), (view.Phase, view.Step));
        Assert.True(view.Segments > 1, $"{view.Segments} segments");
        Assert.Equal(RunSpecs.Unbroken(RunSpecs.Spec), view.Model);
        Assert.Equal(Enumerable.Range(1, 40).Select(k => 10L * k), view.Points.Select(p => p.Step));
        output.WriteLine($"{view.Segments} segments, parked {parked} times");
    }

    [Fact]
    public async Task A_cross_validation_by_l_bfgs_killed_ten_times_comes_to_the_folds_and_weights_of_the_unbroken_one()
    {
        const ulong Seed = 20261122;
        output.WriteLine($"seed {Seed}");
        var random = new Philox(Seed);
        var spec = RunSpecs.Spec with
        {
            Folds = 3,
            Batch = 0,
            Optimiser = RunSpecs.Spec.Optimiser with { Kind = RunOptimiserKind.Lbfgs, LearningRate = 1.0, WeightDecay = 0.0, Memory = 6 },
            Schedule = new RunSchedule(RunScheduleKind.Constant, 0, 0.0, 0, 0.1),
            Stop = new RunStop(40, 0, 0.0, 0.0),
            Guard = new RunGuard(0.0, 0, 0, 1.0, 0.5, 5),
            CheckEvery = 2,
            ClipNorm = 0.0,
            EmaDecay = 0.0,
        };
        // A part has 20 check-points and puts two blobs: some of the deaths lie between a fold and the next.
        for (var k = 0; k < 10; k++) DyingRunHandler.Order(Deaths, k, (int)random.NextBelow(23));
        await using var cluster = await Start();
        await Ask(cluster, new StartRun(spec));
        RunView view;
        while ((view = await Over(cluster)).Phase == TrainingPhase.Parked)
        {
            Assert.Contains("3 deaths in a row", view.Reason);
            await Ask(cluster, new ResumeTraining("the test goes on"));
        }
        Assert.Empty(Directory.GetFiles(Deaths));
        Assert.Equal(TrainingPhase.Finished, view.Phase);
        var unbroken = Enumerable.Range(0, 4).Select(part => RunSpecs.Loop(spec, part)).ToArray();
        Assert.Equal(RunSpecs.Hash(unbroken[3].ModelFile()), view.Model);
        Assert.Equal(unbroken[..3].Select(l => (l.Step, l.BestLoss)), view.Folds!.Folds.Select(f => (f.Step, f.Figures["loss"])));
        Assert.All(unbroken[..3], fold => Assert.Equal(40, fold.Step));
        Assert.Equal(unbroken[..3].Average(l => l.BestLoss), view.Metrics["cv-loss-mean"], 1e-15);
    }

    [Fact]
    public async Task A_run_whose_segment_is_killed_three_times_is_parked_with_its_reason_and_a_command_resumes_it()
    {
        for (var k = 0; k < 3; k++) DyingRunHandler.Order(Deaths, k, 0);
        await using (var cluster = await Start())
        {
            await Ask(cluster, new StartRun(RunSpecs.Spec));
            var parked = await Over(cluster);
            Assert.Equal((TrainingPhase.Parked, 0L), (parked.Phase, parked.Step));
            Assert.Contains("parked after 3 deaths in a row", parked.Reason);
        }
        // Also after a restart it is parked until somebody resumes it.
        await using var again = await Start();
        Assert.Equal(TrainingPhase.Parked, (await View(again)).Phase);
        await Ask(again, new ResumeTraining("it was the test"));
        var view = await Over(again);
        Assert.Equal((TrainingPhase.Finished, ""), (view.Phase, view.Reason));
        Assert.Equal(RunSpecs.Unbroken(RunSpecs.Spec), view.Model);
    }

    [Fact]
    public async Task A_run_whose_data_do_not_fit_its_model_is_parked_with_what_would_be_right()
    {
        await using var cluster = await Start();
        await Ask(cluster, new StartRun(RunSpecs.Spec with { Batch = 64 }));
        var view = await Over(cluster);
        Assert.Equal(TrainingPhase.Parked, view.Phase);
        Assert.Contains("there are 40 training samples, fewer than a batch of 64; a batch of at most 40", view.Reason);
    }

    private string Deaths => Directory.CreateDirectory(Path.Combine(_directory.Path, "deaths")).FullName;

    private async Task<HostedCluster> Start()
    {
        var options = new AthanorOptions
        {
            StateDirectory = Path.Combine(_directory.Path, "state"),
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
            SlotLaunch = DyingRunHandler.Launch(Deaths),
        });
        await cluster.Client.PutBlob(RunSpecs.Table);
        return cluster;
    }

    private static async Task Ask(HostedCluster cluster, ICommand command) => Assert.IsType<Done>(await cluster.Client.Ask(Run, command));

    private static async Task<RunView> View(HostedCluster cluster) => Assert.IsType<RunView>(await cluster.Client.Query(Run, new GetRun()));

    /// <summary>Looks until the run no longer goes on; a time-out says where it is.</summary>
    private static async Task<RunView> Over(HostedCluster cluster)
    {
        using var patience = new CancellationTokenSource(2 * TestCluster.Long);
        while (true)
        {
            var view = await View(cluster);
            if (view.Phase != TrainingPhase.Running) return view;
            if (patience.IsCancellationRequested) throw new TimeoutException($"the run is at step {view.Step}, segment {view.Segments}");
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, CancellationToken.None);
        }
    }
}
