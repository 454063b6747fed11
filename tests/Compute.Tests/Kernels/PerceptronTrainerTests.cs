using Athanor.Compute.Kernels;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Tests.Kernels;

public sealed class PerceptronTrainerTests
{
    [Fact]
    public void A_run_cut_into_segments_and_resumed_from_bytes_gives_the_bits_of_the_whole()
    {
        var whole = Trainer(1);
        whole.Run(90);
        byte[]? state = null;
        foreach (var steps in new[] { 1, 30, 17, 42 })
        {
            var part = Trainer(1);
            if (state is not null) part.FromBytes(state);
            part.Run(steps);
            state = part.ToBytes();
        }
        Assert.Equal(whole.ToBytes(), state);
    }

    [Fact]
    public async Task The_bits_do_not_depend_on_how_many_threads_train_beside()
    {
        var alone = Trainer(2);
        alone.Run(60);
        var hashes = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Task.Run(() =>
        {
            var trainer = Trainer(2);
            trainer.Run(60);
            return trainer.Hash();
        })));
        Assert.All(hashes, hash => Assert.Equal(alone.Hash(), hash));
    }

    [Fact]
    public void Another_seed_gives_another_state() => Assert.NotEqual(Trainer(1).Hash(), Trainer(2).Hash());

    [Fact]
    public void Every_pass_takes_each_row_once()
    {
        // One linear output per row and one-hot inputs: after one step of rate r from zero moments Adam moves exactly the weights of the
        // batch's rows, so the rows of a batch can be read off the parameters.
        const int rows = 12;
        var x = new float[rows * rows];
        for (var i = 0; i < rows; i++) x[i * rows + i] = 1.0f;
        var y = Enumerable.Range(0, rows).Select(i => 1.0f + i).ToArray();
        var seen = new List<int>();
        var trainer = new PerceptronTrainer(new PerceptronTraining([rows, 1], 3, 1000, 4, 1e-3), x, y);
        for (var step = 0; step < 15; step++)
        {
            // Moments are forgotten by going through a fresh state, keeping the step: only this batch's rows then have a gradient.
            var before = trainer.Parameters[..rows].ToArray();
            var bytes = trainer.ToBytes();
            bytes.AsSpan(bytes.Length - 8 * trainer.Network.ParameterCount).Clear();
            trainer.FromBytes(bytes);
            trainer.Run(1);
            for (var i = 0; i < rows; i++)
            {
                if (trainer.Parameters[i] != before[i]) seen.Add(i);
            }
        }
        // 15 batches of 4 are 5 passes over 12 rows.
        Assert.Equal(60, seen.Count);
        Assert.All(Enumerable.Range(0, rows), row => Assert.Equal(5, seen.Count(s => s == row)));
    }

    [Fact]
    public void Training_learns_a_smooth_function()
    {
        var trainer = Trainer(4, steps: 1500);
        var first = trainer.Run(50);
        trainer.Run(1400);
        var last = trainer.Run(50);
        Assert.True(last < 0.02 * first, $"the loss went from {first} to {last}");
    }

    [Fact]
    public void Adam_follows_its_definition_with_decoupled_weight_decay()
    {
        // Algorithm 1 of Kingma and Ba, and line 12 of algorithm 2 of Loshchilov and Hutter, in double.
        var p = Enumerable.Range(0, 21).Select(i => 0.1f * i - 1.0f).ToArray();
        var expected = Array.ConvertAll(p, v => (double)v);
        double[] m = new double[21], v = new double[21];
        float[] first = new float[21], second = new float[21];
        var random = new Philox(6);
        for (var t = 1; t <= 50; t++)
        {
            var g = Enumerable.Range(0, 21).Select(_ => (float)random.NextNormal()).ToArray();
            Adam.Step(p, g, first, second, t, 0.01, 0.1);
            for (var i = 0; i < 21; i++)
            {
                m[i] = 0.9 * m[i] + 0.1 * g[i];
                v[i] = 0.999 * v[i] + 0.001 * g[i] * g[i];
                var mHat = m[i] / (1 - Math.Pow(0.9, t));
                var vHat = v[i] / (1 - Math.Pow(0.999, t));
                expected[i] -= 0.01 * 0.1 * expected[i];
                expected[i] -= 0.01 * mHat / (Math.Sqrt(vHat) + 1e-8);
            }
        }
        for (var i = 0; i < 21; i++) Assert.Equal(expected[i], p[i], 2e-5);
    }

    [Fact]
    public void The_learning_rate_falls_as_half_a_cosine()
    {
        var spec = new PerceptronTraining([1, 1], 0, 200, 1, 0.01, 0.001);
        for (var step = 0; step <= 200; step++)
            Assert.Equal(0.001 + 0.009 * 0.5 * (1 + Math.Cos(Math.PI * step / 200.0)), spec.LearningRateAt(step), 1e-15);
        Assert.Equal(0.001, spec.LearningRateAt(300));
    }

    [Fact]
    public void Bad_specs_data_and_states_are_refused_with_what_would_be_right()
    {
        var good = new PerceptronTraining([2, 3, 1], 1, 10, 4, 0.01);
        Says("learning rate is 0", () => _ = new PerceptronTrainer(good with { LearningRate = 0 }, new float[8], new float[4]));
        Says("total steps are 0", () => _ = new PerceptronTrainer(good with { TotalSteps = 0 }, new float[8], new float[4]));
        Says("not rows of 2 inputs", () => _ = new PerceptronTrainer(good, new float[7], new float[4]));
        Says("input 1 of row 1 is NaN", () => _ = new PerceptronTrainer(good, [0, 0, 0, float.NaN], new float[2]));
        var trainer = new PerceptronTrainer(good, new float[8], new float[4]);
        Says("not a perceptron's", () => trainer.FromBytes(new byte[100]));
        Says("2-4-1 where 2-3-1", () => trainer.FromBytes(
            new PerceptronTrainer(good with { Sizes = [2, 4, 1] }, new float[8], new float[4]).ToBytes()));
        Says("bytes where", () => trainer.FromBytes(trainer.ToBytes().AsSpan(0, 80)));

        static void Says(string part, Action act)
        {
            var thrown = Record.Exception(act);
            Assert.NotNull(thrown);
            Assert.True(thrown is ArgumentException or InvalidDataException, thrown.GetType().Name);
            Assert.Contains(part, thrown.Message);
        }
    }

    [Fact]
    public void A_loss_that_is_no_longer_finite_ends_the_run_with_a_clear_message()
    {
        var trainer = new PerceptronTrainer(new PerceptronTraining([1, 1], 1, 100, 1, 1e30), [1e20f], [1f]);
        Assert.Contains("smaller learning rate", Assert.Throws<ArithmeticException>(() => trainer.Run(100)).Message);
    }

    [Fact]
    public void A_table_goes_through_bytes_and_a_damaged_one_is_refused()
    {
        var table = new SampleTable(3, 2, 1, [1, 2, 3, 4, 5, 6], [7, 8, 9]);
        var bytes = table.ToBytes();
        var again = SampleTable.FromBytes(bytes);
        Assert.Equal((3, 2, 1), (again.Rows, again.Inputs, again.Outputs));
        Assert.Equal(table.X, again.X);
        Assert.Equal(table.Y, again.Y);
        Assert.Throws<InvalidDataException>(() => SampleTable.FromBytes(bytes.AsSpan(0, 40)));
        bytes[^1] = 0x7F;
        bytes[^2] = 0xC0;
        Assert.Contains("row 2", Assert.Throws<InvalidDataException>(() => SampleTable.FromBytes(bytes)).Message);
        Assert.Throws<ArgumentException>(() => (table with { X = [1, 2, 3, 4, 5, float.NaN] }).ToBytes());
    }

    internal static PerceptronTrainer Trainer(ulong seed, long steps = 200)
    {
        const int rows = 101;
        var random = new Philox(77);
        var x = new float[rows * 3];
        var y = new float[rows * 2];
        for (var r = 0; r < rows; r++)
        {
            for (var i = 0; i < 3; i++) x[3 * r + i] = (float)random.NextDouble(-1.0, 1.0);
            y[2 * r] = (float)DetMath.CosPi(x[3 * r]) * x[3 * r + 1];
            y[2 * r + 1] = (float)DetMath.Tanh(2.0 * x[3 * r + 2] - x[3 * r]);
        }
        return new PerceptronTrainer(new PerceptronTraining([3, 21, 10, 2], seed, steps, 32, 0.01, 0.0001, 0.001), x, y);
    }
}
