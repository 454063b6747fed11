using System.Collections.Immutable;
using Athanor.Compute.Twins;
using Athanor.Nodes.Data;
using Athanor.Protocol;
using Athanor.Protocol.Models;
using Athanor.Protocol.Training;
using Athanor.Protocol.Twins;

namespace Athanor.Nodes.Demo;

/// <summary>
/// A live unit: rows of a measured heater stream into two twins of it. After the first half a training run fits the energy balance and a
/// learned residual to what came in; one twin then adopts the hybrid, the other the plain balance, and the second half streams into both. They are
/// scored by free runs over that half, from the estimates that they then had.
///
/// Restart. How far a twin is, is its high-water mark; the training, the model's versions and the adoptions take effect once. A step begun
/// again therefore sends what is missing and ends with the same numbers.
/// </summary>
internal sealed class TwinStep : IDemoStep
{
    /// <summary>Rows of one command.</summary>
    private const int Batch = 60;

    private const int Hidden = 4;

    private static readonly EntityAddress Hybrid = EntityAddress.Of("twins", "tclab");
    private static readonly EntityAddress Plain = EntityAddress.Of("twins", "tclab-balance");
    private static readonly EntityAddress Run = EntityAddress.Of("training", "tclab-hybrid");
    private static readonly EntityAddress Model = EntityAddress.Of("models", "tclab-heater");

    public string Title => "A live unit: the twin of a heater";

    async Task IDemoStep.Run(DemoContext context, CancellationToken cancellation)
    {
        var record = Read(Path.Combine(context.DataDirectory, "sysid", "tclab_heater.csv.gz"));
        if (context.Small) record = record.Take(2400);
        var half = record.Rows / 2;
        var textbook = HeaterParameters.Textbook with { Ambient = record.MeasuredC[0] };
        var first = new TwinModel(HeaterModel.BalanceKind, 1, "textbook", textbook.ToArray(), []);
        var spec = new TwinSpec("TCLab heater", first, NominalStepS: 1, MaxGapS: 30, AlarmWindow: Batch, AlarmNis: 6);

        await context.Cluster.Command(Hybrid, new RegisterTwin(spec), cancellation);
        await context.Cluster.Command(Plain, new RegisterTwin(spec), cancellation);
        await Stream(context, record, half, cancellation);

        var trained = await Train(context, record.Take(half), textbook, cancellation);
        var (plainVersion, hybridVersion) = await AddVersions(context, trained, cancellation);
        await Adopt(context, Plain, trained.Balance, HeaterModel.BalanceKind, plainVersion, record, half, cancellation);
        await Adopt(context, Hybrid, trained.Hybrid, HeaterModel.HybridKind, hybridVersion, record, half, cancellation);
        await Stream(context, record, record.Rows, cancellation);

        var live = new LiveTwin(await View(context, Hybrid, cancellation), await History(context, Hybrid, cancellation));
        var plain = new LiveTwin(await View(context, Plain, cancellation), await History(context, Plain, cancellation));
        var scores = TwinScores.Of(record, half, textbook, trained.Balance, trained.Hybrid, live, plain);
        AddResults(context, trained, live, plain, scores);
        TwinReport.Write(context.Report.Section(Title), record, half, trained, live, plain, scores, context.Small);
    }

    private static HeaterRecord Read(string path)
    {
        var table = CsvTable.Read(path, ["Time", "Q1", "T1"], new CsvOptions { Rising = "Time", MinimumRows = 2400 });
        return new HeaterRecord(table["Time"], table["Q1"], table["T1"]);
    }

    /// <summary>Sends both twins the rows up to <paramref name="end"/> that they lack, and waits until they are filtered.</summary>
    private static async Task Stream(DemoContext context, HeaterRecord record, int end, CancellationToken cancellation)
    {
        EntityAddress[] twins = [Hybrid, Plain];
        var sent = new long[twins.Length];
        for (var i = 0; i < twins.Length; i++) sent[i] = (await View(context, twins[i], cancellation)).Taken;
        while (sent.Any(s => s < end))
        {
            for (var i = 0; i < twins.Length; i++)
            {
                if (sent[i] >= end) continue;
                var range = (int)sent[i]..(int)Math.Min(sent[i] + Batch, end);
                var rows = new Measure(sent[i] + 1, record.TimeS[range], record.Power[range], record.MeasuredC[range]);
                sent[i] = ((RowsAccepted)await context.Cluster.Command(twins[i], rows, cancellation)).LastRow;
            }
            context.Progress.Advance("Rows filtered", sent.Sum(), twins.Length * (double)record.Rows);
        }
        foreach (var twin in twins)
            await context.Cluster.Await<TwinView>(twin, new TwinQuery(), view => !view.Busy && view.Taken >= end, cancellation);
    }

    private static async Task<TrainedHeater> Train(
        DemoContext context, HeaterRecord rows, HeaterParameters start, CancellationToken cancellation)
    {
        var data = await context.Cluster.PutBlob(HybridBytes.OfData(start, rows), cancellation);
        var steps = context.Small ? 20 : 60;
        var spec = new TrainingSpec(
            "heater-hybrid", [ResidualNet.Inputs, Hidden, 1], data, ResidualNet.Inputs, 1, Seed: 1, TotalSteps: steps, SegmentSteps: 10,
            BatchRows: 1, LearningRate: 0.003, FinalLearningRate: 0.003, WeightDecay: 0.1,
            ImmutableSortedDictionary<string, double>.Empty.Add("memory-s", 100).Add("refresh-every", 10));
        await context.Cluster.Command(Run, new StartTraining(spec), cancellation);
        var view = await context.Cluster.Await<TrainingView>(
            Run, new GetTraining(),
            run =>
            {
                if (run.Phase is TrainingPhase.Failed or TrainingPhase.Cancelled or TrainingPhase.Parked)
                    throw new InvalidOperationException($"the training {Run} ended without a model: {run.Reason}");
                context.Progress.Advance("Steps of training", run.Step, steps);
                return run.Phase == TrainingPhase.Finished;
            },
            cancellation);
        var state = HybridBytes.State(await context.Cluster.GetBlob(view.Final!, cancellation));
        var settings = new HybridSettings(Hidden, spec.LearningRate, spec.WeightDecay, 10, 100);
        return new TrainedHeater(
            data, view.Final!, HybridTrainer.BalanceOf(state), new HybridTrainer(rows, settings).HybridOf(state), state, view.Losses);
    }

    private static async Task<(int Plain, int Hybrid)> AddVersions(DemoContext context, TrainedHeater trained, CancellationToken cancellation)
    {
        await context.Cluster.Command(Model, new RegisterModel("hybrid", "TCLab heater: energy balance and learned residual"), cancellation);
        var metrics = ImmutableSortedDictionary<string, double>.Empty;
        var plain = (VersionRecorded)await context.Cluster.Command(
            Model,
            new AddVersion(
                $"training/{Run.Id}#balance", 0, trained.Data, trained.Checkpoint, metrics.Add("cv-rmse-k", trained.State.BalanceRmseK)),
            cancellation);
        var hybrid = (VersionRecorded)await context.Cluster.Command(
            Model,
            new AddVersion(
                $"training/{Run.Id}#hybrid", plain.Version, trained.Data, trained.Checkpoint, metrics.Add("cv-rmse-k", trained.State.BestRmseK)),
            cancellation);
        return (plain.Version, hybrid.Version);
    }

    /// <summary>Gives a twin a version of the model, with the estimate that this reaches by filtering the rows that the twin has seen.</summary>
    private static async Task Adopt(
        DemoContext context, EntityAddress twin, HeaterModel model, string kind, int version, HeaterRecord record, int row,
        CancellationToken cancellation)
    {
        var start = HeaterFilter.Estimates(model, record, row, Batch)[^1];
        var adopt = new AdoptModel(
            new TwinModel(kind, version + 1, $"models/{Model.Id}@{version}", model.Parameters.ToArray(), model.Weights.ToArray()),
            new TwinEstimate(start.Row, start.TimeS, start.State, start.Covariance));
        await context.Cluster.Command(twin, adopt, cancellation);
        await context.Cluster.Command(Model, new MarkAdopted(version, $"twins/{twin.Id}"), cancellation);
    }

    private static async Task<TwinView> View(DemoContext context, EntityAddress twin, CancellationToken cancellation) =>
        await context.Cluster.Await<TwinView>(twin, new TwinQuery(), _ => true, cancellation);

    private static async Task<ImmutableArray<TwinEstimate>> History(DemoContext context, EntityAddress twin, CancellationToken cancellation)
    {
        var all = ImmutableArray<TwinEstimate>.Empty;
        while (true)
        {
            var after = all.IsEmpty ? 0 : all[^1].Row;
            var page = await context.Cluster.Await<TwinHistory>(twin, new TwinHistoryQuery(after), _ => true, cancellation);
            all = all.AddRange(page.Estimates);
            if (!page.More) return all;
        }
    }

    private static void AddResults(DemoContext context, TrainedHeater trained, LiveTwin live, LiveTwin plain, TwinScores scores)
    {
        context.Results.Add("twin.balance", trained.Balance.Parameters.ToArray());
        context.Results.Add("twin.hybrid", trained.Hybrid.Parameters.ToArray());
        context.Results.Add("twin.weights", trained.Hybrid.Weights);
        context.Results.Add("twin.state", live.View.Estimate.State);
        context.Results.Add("twin.covariance", live.View.Estimate.Covariance);
        context.Results.Add("twin.plain-state", plain.View.Estimate.State);
        context.Results.Add("twin.scores", scores.Values());
    }
}

/// <summary>What the training run brought.</summary>
internal sealed record TrainedHeater(
    string Data, string Checkpoint, HeaterModel Balance, HeaterModel Hybrid, HybridState State, ImmutableArray<double> Losses);

/// <summary>A twin as its entity shows it.</summary>
internal sealed record LiveTwin(TwinView View, ImmutableArray<TwinEstimate> History)
{
    /// <summary>The estimate that the twin had after a row, for a free run from there.</summary>
    public HeaterEstimate At(int row, HeaterRecord record)
    {
        var estimate = History.Last(e => e.Row == row);
        return new HeaterEstimate(row, estimate.TimeS, record.Power[row - 1], estimate.State, estimate.Covariance, 1.0);
    }
}
