using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.InteropServices;
using Athanor.Actors;
using Athanor.Actors.Ensembles;
using Athanor.Compute.Kernels;
using Athanor.Compute.Uncertainty;
using Athanor.Nodes.Reports;
using Athanor.Protocol;
using Athanor.Protocol.Ensembles;
using Athanor.Protocol.Training;

namespace Athanor.Nodes.Demo;

/// <summary>One member of the airfoil ensemble trained a second time, by libtorch, from the same weights over the same batches. It lives in the
/// entity training/airfoil-libtorch. libtorch is of tolerance class: what comes of this is printed, and is in no hash.</summary>
internal sealed class LibraryCheck
{
    private const string Task = "perceptron-libtorch-check";

    private static readonly EntityAddress Run = EntityAddress.Of("training", "airfoil-libtorch");

    private readonly TrainingSpec _spec;
    private readonly SampleTable _training;
    private readonly SampleTable _table;
    private readonly RowSplit _split;
    private readonly double _outputDeviation;

    public LibraryCheck(EnsembleSpec spec, SampleTable table)
    {
        // The first split's first member, as its work makes it.
        var seed = EnsembleDecider.SplitSeed(spec, 0);
        var options = EnsembleDecider.Options(spec);
        _table = table;
        _split = RowSplit.ByPermutation(table.Rows, spec.TrainingShare, spec.CalibrationShare, seed);
        var rows = _split.Training;
        var output = Standardization.Fit(table.Y, 1, rows, []);
        _outputDeviation = output.Deviations[0];
        _training = new SampleTable(
            rows.Length, table.Inputs, 1, Standardization.Fit(table.X, table.Inputs, rows, options.Logs.AsSpan()).Apply(table.X, rows),
            output.Apply(table.Y, rows));
        var training = options.Training(rows.Length, EnsembleFit.MemberSeed(seed, 0));
        _spec = new TrainingSpec(
            Task, training.Sizes, "", table.Inputs, 1, training.Seed, training.TotalSteps, training.TotalSteps, training.BatchRows,
            training.LearningRate, training.FinalLearningRate, training.WeightDecay, ImmutableSortedDictionary<string, double>.Empty);
    }

    public async Task Start(IClusterClient cluster, CancellationToken cancellation)
    {
        var data = await cluster.PutBlob(_training.ToBytes(), cancellation);
        await cluster.Command(Run, new StartTraining(_spec with { Data = data }), cancellation);
    }

    /// <summary>Waits for the run to end and adds what it found.</summary>
    /// <param name="model">The first split's ensemble.</param>
    public async Task Write(Section section, EnsembleModel model, IClusterClient cluster, CancellationToken cancellation)
    {
        var view = await cluster.Await<TrainingView>(Run, new GetTraining(), now => now.Phase != TrainingPhase.Running, cancellation);
        if (view.Final is not { } final)
        {
            section.Say($"libtorch did not train a member a second time: {view.Reason}.");
            return;
        }
        var parameters = MemoryMarshal.Cast<byte, float>(await cluster.GetBlob(final, cancellation)).ToArray();
        var byLibrary = new EnsembleModel(model.Sizes, model.Input, model.OutputMean, model.OutputDeviation, [parameters]);
        var byKernels = new EnsembleModel(model.Sizes, model.Input, model.OutputMean, model.OutputDeviation, [model.Members[0]]);
        section
            .Add(new Figure(
                "One member trained again by libtorch",
                $"test RMSE {Rmse(byLibrary)} dB, by our kernels {Rmse(byKernels)} dB; predictions differ by {Metric("prediction-rms-difference", _outputDeviation)} dB (rms)"))
            .Say($"libtorch trained the first split's first member a second time, from the same initial weights over the same {_spec.TotalSteps} batches with the same schedule. "
                + $"Mean training loss {Metric("loss-libtorch", 1)} against {Metric("loss-kernels", 1)}; the weights differ by {Metric("weights-relative-difference", 1)} of the way "
                + "that training moved them. The two sum in different orders, so they agree to some digits and not to the last bit: what must be repeatable bit by bit is "
                + "computed by our own kernels, and this comparison is in no hash.");

        string Metric(string name, double scale) => (view.Metrics[name] * scale).ToString("G3", CultureInfo.InvariantCulture);
    }

    private string Rmse(EnsembleModel model)
    {
        var prediction = model.Predict(_table.X, _split.Test);
        var mean = _split.Test.Select((row, i) => Math.Pow(_table.Y[row] - prediction.Mean[i], 2)).Average();
        return Math.Sqrt(mean).ToString("F2", CultureInfo.InvariantCulture);
    }
}
