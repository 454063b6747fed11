using Athanor.Compute.Tensors;
using Athanor.Compute.Training;

namespace Compute.Tests.Training;

public sealed class LoopCheckpointTests
{
    private static readonly LoopSettings Settings = Loops.Settings with { EmaDecay = 0.9 };

    [Fact]
    public void It_is_a_safetensors_file_of_weights_moments_average_and_best_with_a_manifest()
    {
        var file = SafeTensors.Read(Done().Checkpoint());
        foreach (var prefix in new[] { "", "optimizer.first.", "optimizer.second.", "average.", "best." })
        {
            Assert.Empty(file.Tensors[prefix + "bias"].Shape);
            Assert.Equal([2L], file.Tensors[prefix + "weights"].Shape.ToArray());
        }
        Assert.Equal("{\"kind\":\"least-squares\"}", file.Metadata["athanor.model"]);
        var manifest = file.Metadata["athanor.checkpoint"];
        foreach (var part in new[] { "\"step\":20", "\"stage-step\":20", "\"seed\":7", "\"spec\":\"spec\"", "\"kernels\":\"training.1\"" })
            Assert.Contains(part, manifest);
        var model = SafeTensors.Read(Done().ModelFile());
        Assert.Equal(["bias", "weights"], model.Tensors.Keys);
    }

    [Fact]
    public void One_cut_short_anywhere_is_refused_and_the_loop_stays_as_it_was()
    {
        var checkpoint = Done().Checkpoint();
        var loop = Done();
        for (var length = 0; length < checkpoint.Length; length += 7)
        {
            var error = Assert.Throws<TrainingException>(() => loop.Restore(checkpoint.AsMemory(0, length)));
            Assert.Contains($"the checkpoint of {length} bytes is no whole safetensors file", error.Message);
        }
        Assert.Equal(checkpoint, loop.Checkpoint());
    }

    [Fact]
    public void One_of_another_run_model_precision_or_version_is_refused_with_what_it_is()
    {
        var checkpoint = Done().Checkpoint();
        Refused("of another run: its spec is spec, and this run's is other", New("other"), checkpoint);
        Refused("of another run", New(settings: Settings with { Seed = 8 }), checkpoint);
        Refused("has no tensor 'optimizer.first.bias'; it is of another model or optimiser", New(), Done(Settings with
        {
            Optimiser = new OptimiserSettings(OptimiserKind.Sgd, 0.01),
        }).Checkpoint());
        Refused("no checkpoint: its metadata have no 'athanor.checkpoint'", New(), Done().ModelFile());
        Refused("made by the kernels training.0, and this build has training.1: other bits", New(), Changed("training.1", "training.0"));
        Refused("the checkpoint has format 2; this build reads format 1", New(), Changed("\"format\":1", "\"format\":2"));
        Refused("manifest cannot be read", New(), Changed("\"step\":", "\"steps\":"));
        var single = new TrainingLoop<float>(new LeastSquares<float>(50), Settings, "spec");
        Assert.Contains("is in double where float would be right",
            Assert.Throws<TrainingException>(() => single.Restore(checkpoint)).Message);
        var file = SafeTensors.Read(checkpoint);
        Refused("'weights' is F64 (3) where F64 (2) would be right", New(), (file with
        {
            Tensors = file.Tensors.SetItem("weights", SafeTensor.Of([1.0, 2.0, 3.0], 3)),
        }).Write());
        Refused("'average.weights' holds NaN", New(), (file with
        {
            Tensors = file.Tensors.SetItem("average.weights", SafeTensor.Of([1.0, double.NaN], 2)),
        }).Write());

        byte[] Changed(string from, string to)
        {
            var whole = SafeTensors.Read(checkpoint);
            return (whole with
            {
                Metadata = whole.Metadata.SetItem("athanor.checkpoint",
                whole.Metadata["athanor.checkpoint"].Replace(from, to))
            }).Write();
        }
    }

    [Fact]
    public void A_step_amid_two_check_points_is_kept_and_gone_on_from()
    {
        var whole = New().Run();
        foreach (var at in (int[])[1, 19, 21, 137, 599])
        {
            var stopped = New();
            using var stop = new CancellationTokenSource();
            Assert.Throws<OperationCanceledException>(() =>
            {
                while (stopped.Advance(stop.Token, (step, _) =>
                {
                    if (step == at) stop.Cancel();
                }))
                {
                }
            });
            Assert.Equal(at, stopped.Step);
            var kept = stopped.Checkpoint(present: true);
            var loop = New();
            loop.Restore(kept);
            Assert.Equal(at, loop.Step);
            Assert.Equal(kept, loop.Checkpoint(present: true));
            Assert.Equal(whole.ModelFile(), loop.Run().ModelFile());
            Assert.Equal((whole.Loss, whole.BestStep), (loop.Loss, loop.BestStep));
            // Without asking for it there is the check-point before alone.
            var before = New();
            before.Restore(stopped.Checkpoint());
            Assert.Equal(at / 20 * 20, before.Step);
        }
    }

    private static void Refused(string says, TrainingLoop<double> loop, byte[] checkpoint) =>
        Assert.Contains(says, Assert.Throws<TrainingException>(() => loop.Restore(checkpoint)).Message);

    private static TrainingLoop<double> New(string spec = "spec", LoopSettings? settings = null) =>
        new(new LeastSquares<double>(50), settings ?? Settings, spec);

    private static TrainingLoop<double> Done(LoopSettings? settings = null)
    {
        var loop = New(settings: settings);
        loop.Advance();
        return loop;
    }
}
