using Athanor.Compute.Tensors;
using Athanor.Compute.Training;

namespace Compute.Tests.Training;

public sealed class QuasiNewtonTests
{
    private static readonly LoopSettings Settings = Loops.Settings with
    {
        Optimiser = new OptimiserSettings(OptimiserKind.Lbfgs, 1.0, Memory: 5),
        Schedule = new ScheduleSettings(ScheduleKind.Constant),
        Stop = new StopSettings(200),
        Batch = 0,
        CheckEvery = 3,
    };

    [Fact]
    public void A_parabola_is_found_in_a_few_steps_and_training_ends_as_converged()
    {
        var loop = new TrainingLoop<double>(new LeastSquares<double>(50), Settings, "x").Run();
        Assert.Equal(LoopEnd.Converged, loop.End);
        Assert.InRange(loop.Step, 3, 40);
        foreach (var (value, truth) in loop.Parameters.ToArray().Zip(LeastSquares<double>.Truth)) Assert.Equal(truth, value, 1e-9);
    }

    [Fact]
    public void Rosenbrocks_valley_is_walked_to_its_end()
    {
        var settings = Settings with { Ranks = 1, Guard = new GuardSettings(Explosion: 0.0), CheckEvery = 10 };
        var loop = new TrainingLoop<double>(new Valley(), settings, "x").Run();
        Assert.Equal(1.0, loop.Parameters[0], 1e-6);
        Assert.Equal(1.0, loop.Parameters[1], 1e-6);
        // Steepest descent needs thousands.
        Assert.True(loop.Step < 100, $"{loop.Step} steps");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(30)]
    public void Cut_anywhere_and_resumed_it_ends_with_the_bits_of_the_unbroken_one(int batch)
    {
        var settings = Settings with { Batch = batch, Stop = new StopSettings(30) };
        var whole = New(settings).Run();
        Assert.NotEqual(LoopEnd.None, whole.End);
        for (var at = 1; at < whole.Step; at++)
        {
            var (loop, stop) = (New(settings), new CancellationTokenSource());
            try
            {
                while (loop.Advance(stop.Token, (step, _) =>
                {
                    if (step == at) stop.Cancel();
                }))
                {
                }
            }
            catch (OperationCanceledException)
            {
            }
            var again = New(settings, threads: 3);
            again.Restore(loop.Checkpoint(present: at % 2 == 0));
            Assert.Equal(at % 2 == 0 ? at : at / 3 * 3, again.Step);
            Assert.Equal(whole.ModelFile(), again.Run().ModelFile());
            Assert.Equal((whole.End, whole.Step, whole.Loss), (again.End, again.Step, again.Loss));
        }
    }

    [Fact]
    public void A_stop_amid_a_line_search_leaves_the_state_before_the_step()
    {
        var whole = New(Settings).Run();
        // Sums of the fifth step: the exchange counts them.
        for (var calls = 1; calls < 12; calls++)
        {
            var stop = new CancellationTokenSource();
            var loop = new TrainingLoop<double>(
                new LeastSquares<double>(50, 0.1), Settings, "x", exchange: new Alone(Settings.Ranks, calls, stop));
            Assert.Throws<OperationCanceledException>(() =>
            {
                while (loop.Advance(stop.Token))
                {
                }
            });
            var again = New(Settings);
            again.Restore(loop.Checkpoint(present: true));
            Assert.Equal(whole.ModelFile(), again.Run().ModelFile());
        }
    }

    [Fact]
    public void Its_pairs_stand_in_the_checkpoint_and_wrong_ones_are_refused()
    {
        var loop = New(Settings);
        for (var k = 0; k < 2; k++) loop.Advance();
        var checkpoint = loop.Checkpoint();
        var file = SafeTensors.Read(checkpoint);
        Assert.Equal([5L, 3L], file.Tensors["optimizer.lbfgs.steps"].Shape.ToArray());
        Assert.Equal([5L, 3L], file.Tensors["optimizer.lbfgs.changes"].Shape.ToArray());
        var wrong = file with { Tensors = file.Tensors.SetItem("optimizer.lbfgs.changes", SafeTensor.Of(new double[10], 5, 2)) };
        Assert.Contains(
            "the checkpoint's pairs of L-BFGS are F64 (5, 2) where F64 (up to 5, 3) would be right",
            Assert.Throws<TrainingException>(() => New(Settings).Restore(wrong.Write())).Message);
        Assert.Contains("has no tensor 'optimizer.first.bias'", Assert.Throws<TrainingException>(() => New(
            Settings with { Optimiser = new OptimiserSettings(OptimiserKind.Adam, 0.1) }).Restore(checkpoint)).Message);
    }

    [Fact]
    public void What_it_does_not_take_is_refused()
    {
        Refused("L-BFGS takes no weight decay", Settings with { Optimiser = Settings.Optimiser with { WeightDecay = 0.1 } });
        Refused("L-BFGS takes no clipping norm", Settings with { ClipNorm = 1.0 });
        Refused("the memory of L-BFGS is 0; 1 to 200 steps would be right", Settings with { Optimiser = Settings.Optimiser with { Memory = 0 } });
        Refused("7 logical ranks cannot share all 5 samples; at most 5 ranks would be right", Settings with { Ranks = 7 }, 5);

        static void Refused(string says, LoopSettings settings, int samples = 50) => Assert.Contains(says, Assert.Throws<TrainingException>(
            () => new TrainingLoop<double>(new LeastSquares<double>(samples), settings, "x")).Message);
    }

    [Fact]
    public void A_version_gives_the_weights_to_begin_with_and_that_of_another_model_is_refused()
    {
        var first = New(Settings with { Stop = new StopSettings(3) }).Run();
        var next = New(Settings);
        next.StartFrom(first.ModelFile());
        Assert.Equal(first.Weights.ToArray(), next.Parameters.ToArray());
        var file = SafeTensors.Read(first.ModelFile());
        var other = (file with { Tensors = file.Tensors.Remove("bias") }).Write();
        Assert.Contains("the model has no tensor 'bias'", Assert.Throws<TrainingException>(() => New(Settings).StartFrom(other)).Message);
        Assert.Contains("is no whole safetensors file", Assert.Throws<TrainingException>(() => New(Settings).StartFrom(other.AsMemory(0, 40))).Message);
    }

    private static TrainingLoop<double> New(LoopSettings settings, int threads = 1) =>
        new(new LeastSquares<double>(50, 0.1), settings, "x", threads);

    /// <summary>A gang of one that stops the loop in its n-th sum.</summary>
    private sealed class Alone(int ranks, int calls, CancellationTokenSource stop) : Athanor.Compute.Training.Distributed.IGradientExchange<double>
    {
        private int _left = calls;

        public (int First, int Count) Own => (0, ranks);

        public bool WantsStop { private get; set; }

        public bool Stop => WantsStop;

        public double Sum(IReadOnlyList<SubtreeSum<double>> own, Span<double> gradient, CancellationToken cancellation)
        {
            if (--_left < 0) stop.Cancel();
            cancellation.ThrowIfCancellationRequested();
            own[0].Gradient.CopyTo(gradient);
            return own[0].Loss;
        }

        public void Dispose()
        {
        }
    }

    /// <summary>(1 - a)² + 100 (b - a²)² (H. H. Rosenbrock, The Computer Journal 3, 1960), from (-1.2, 1).</summary>
    private sealed class Valley : ITrainingTask<double>
    {
        public int ParameterCount => 2;

        public int Samples => 1;

        public IReadOnlyList<(string Name, int[] Shape)> Tensors => [("p", [2])];

        public string Model => """{"kind":"valley"}""";

        public void Initialize(Span<double> parameters, ulong seed) => (parameters[0], parameters[1]) = (-1.2, 1.0);

        public object NewScratch() => new();

        public double Gradient(ReadOnlySpan<double> p, ReadOnlySpan<int> samples, Span<double> gradient, object scratch)
        {
            var (a, b) = (1.0 - p[0], p[1] - (p[0] * p[0]));
            gradient[0] += (-2.0 * a) - (400.0 * b * p[0]);
            gradient[1] += 200.0 * b;
            return (a * a) + (100.0 * b * b);
        }

        public IReadOnlyDictionary<string, double> Validate(ReadOnlySpan<double> parameters, object scratch) => new Dictionary<string, double>();
    }
}
