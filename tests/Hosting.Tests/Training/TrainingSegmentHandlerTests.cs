using System.Collections.Immutable;
using System.Security.Cryptography;
using Athanor.Compute.Kernels;
using Athanor.Compute.Numerics;
using Athanor.Hosting.Work;
using Athanor.Hosting.Work.Training;
using Athanor.Protocol.Training;

namespace Hosting.Tests.Training;

public sealed class TrainingSegmentHandlerTests
{
    private static readonly TrainingSegmentHandler Handler = new(TrainingTasks.All);

    [Fact]
    public void Segments_from_checkpoint_to_checkpoint_end_in_the_state_of_one_unbroken_run()
    {
        var (context, spec, table) = Given();
        var checkpoint = "";
        for (var k = 0; k < 3; k++)
        {
            var result = Run(context, spec, k, checkpoint);
            Assert.Equal(k == 2 ? 25 : 10 * (k + 1), result.Step);
            // Done a second time, as after the death of a slot, it gives the same checkpoint.
            Assert.Equal(result, Run(context, spec, k, checkpoint));
            checkpoint = result.Checkpoint;
        }
        var whole = new PerceptronTrainer(new PerceptronTraining(spec.Sizes, context.Seed, 25, 16, 0.01), table.X, table.Y);
        whole.Run(25);
        Assert.Equal(whole.Hash(), checkpoint);
    }

    [Fact]
    public void What_does_not_fit_is_refused_with_what_would_be_right()
    {
        var (context, spec, _) = Given();
        Refused("no training task 'transformer'; 'perceptron'", spec with { Task = "transformer" }, 0, "");
        Refused("the data have 2 inputs and 1 outputs; the spec says 3 and 1", spec with { Inputs = 3, Sizes = [3, 5, 1] }, 0, "");
        Refused("not a table of samples", spec with { Data = context.PutBlob(new byte[50]) }, 0, "");
        Refused("not a perceptron's training state", spec, 1, context.PutBlob(new byte[50]));
        Refused("the checkpoint is of step 10 where step 20 would be right", spec, 2, Run(context, spec, 0, "").Checkpoint);
        Refused("smaller learning rate", spec with { LearningRate = 1e38 }, 0, "");

        void Refused(string says, TrainingSpec changed, int segment, string checkpoint) =>
            Assert.Contains(says, Assert.Throws<WorkRefusedException>(() => Run(context, changed, segment, checkpoint)).Message);
    }

    private static TrainingSegmentResult Run(MemoryContext context, TrainingSpec spec, int segment, string checkpoint) =>
        Assert.IsType<TrainingSegmentResult>(Handler.Run(
            new TrainingSegment(spec, segment, 10 * segment, segment == 2 ? 5 : 10, checkpoint), context));

    private static (MemoryContext Context, TrainingSpec Spec, SampleTable Table) Given()
    {
        var random = new Philox(1);
        var table = new SampleTable(40, 2, 1, new float[80], new float[40]);
        for (var i = 0; i < 80; i++) table.X[i] = (float)random.NextNormal();
        for (var i = 0; i < 40; i++) table.Y[i] = table.X[2 * i] * table.X[2 * i + 1];
        var context = new MemoryContext(5);
        var spec = new TrainingSpec(
            "perceptron", [2, 6, 1], context.PutBlob(table.ToBytes()), 2, 1, 5, 25, 10, 16, 0.01, 0.0, 0.0,
            ImmutableSortedDictionary<string, double>.Empty);
        return (context, spec, table);
    }
}

/// <summary>Work's world in memory.</summary>
internal sealed class MemoryContext(ulong seed) : IWorkContext
{
    private readonly Dictionary<string, byte[]> _blobs = [];

    public ulong Seed => seed;

    public CancellationToken Cancellation => CancellationToken.None;

    public ReadOnlyMemory<byte> GetBlob(string hash) => _blobs[hash];

    public string PutBlob(ReadOnlyMemory<byte> content)
    {
        var hash = Convert.ToHexStringLower(SHA256.HashData(content.Span));
        _blobs[hash] = content.ToArray();
        return hash;
    }

    public void Report(double done, string note) => Assert.InRange(done, 0.0, 1.0);
}
