using System.Collections.Immutable;
using Athanor.Compute.Kernels;
using Athanor.Compute.Torch;
using Athanor.Hosting.Work;
using Athanor.Hosting.Work.Training;
using Athanor.Protocol.Training;

namespace Hosting.Tests.Training;

public class LibtorchCheckTaskTests
{
    [Fact]
    public void Libtorch_and_the_deterministic_kernels_end_at_the_same_network_within_rounding()
    {
        if (!TorchRuntime.IsAvailable)
        {
            // Where the shim is not built the task says so, which is the whole of what can be shown there.
            Assert.Contains("build.sh", Assert.Throws<WorkRefusedException>(() => Run(Spec)).Message, StringComparison.Ordinal);
            return;
        }
        var outcome = Run(Spec);
        // Both moved as far as training moves them, to the same place.
        Assert.InRange(outcome.Metrics["weights-relative-difference"], 0, 1e-3);
        Assert.InRange(outcome.Metrics["prediction-rms-difference"], 0, 1e-4);
        Assert.Equal(outcome.Metrics["loss-kernels"], outcome.Metrics["loss-libtorch"], 1e-4);
    }

    [Fact]
    public void A_run_in_several_segments_is_refused()
    {
        if (!TorchRuntime.IsAvailable) return;
        var error = Assert.Throws<WorkRefusedException>(() => Run(Spec with { SegmentSteps = 100 }, steps: 100));
        Assert.Contains("segment steps of 400 would be right, not 100", error.Message, StringComparison.Ordinal);
    }

    private static TrainingSpec Spec => new(
        LibtorchCheckTask.TaskKind, [2, 8, 1], "hash", 2, 1, 4, 400, 400, 32, 0.01, 0.001, 0.01, ImmutableSortedDictionary<string, double>.Empty);

    private static SegmentOutcome Run(TrainingSpec spec, long steps = 400)
    {
        var x = new float[400];
        var y = new float[200];
        for (var row = 0; row < 200; row++)
        {
            (x[2 * row], x[(2 * row) + 1]) = (((row % 20) / 10f) - 1, ((row / 20) / 5f) - 1);
            y[row] = x[2 * row] * x[(2 * row) + 1];
        }
        var data = new SampleTable(200, 2, 1, x, y).ToBytes();
        return new LibtorchCheckTask().Run(spec, null, data, 0, steps, spec.Seed, new NoContext());
    }

    private sealed class NoContext : IWorkContext
    {
        public ulong Seed => 0;

        public CancellationToken Cancellation => CancellationToken.None;

        public ReadOnlyMemory<byte> GetBlob(string hash) => throw new NotSupportedException();

        public string PutBlob(ReadOnlyMemory<byte> content) => throw new NotSupportedException();

        public void Report(double done, string note)
        {
        }
    }
}
