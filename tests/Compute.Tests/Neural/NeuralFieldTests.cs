using Athanor.Compute.Neural;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Tests.Neural;

public sealed class NeuralFieldTests
{
    public static TheoryData<FixedStepMethod, StageMemory> Kinds => new()
    {
        { FixedStepMethod.Rk4, StageMemory.Stored }, { FixedStepMethod.Rk4, StageMemory.Checkpointed },
        { FixedStepMethod.Tsit5, StageMemory.Stored }, { FixedStepMethod.Tsit5, StageMemory.Checkpointed },
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public void The_gradient_of_the_loss_agrees_with_central_differences_in_everything_that_enters(
        FixedStepMethod method, StageMemory memory)
    {
        const int rows = 3, steps = 4;
        var field = new NeuralField<double>(new DenseNet<double>([4, 11, 9, 2], Activation.Softplus), method, memory);
        var random = new Philox(601, (ulong)method);
        double[] p = DenseNetTests.Draw(field.Net.ParameterCount, 0.5, ref random), y0 = DenseNetTests.Draw(rows * 2, 1, ref random);
        double[] u = DenseNetTests.Draw(rows * steps * 2, 1, ref random), h = [0.1, 0.3, 0.2, 0.25];
        double[] targets = DenseNetTests.Draw(rows * (steps + 1) * 2, 1, ref random);
        double[] weights = [.. Enumerable.Range(0, (steps + 1) * 2).Select(static i => 0.5 + (0.1 * i))];
        double[] gp = new double[p.Length], gy0 = new double[y0.Length], gu = new double[u.Length];
        var tape = field.NewFitTape(rows, steps);
        Fit(gp, gy0, gu);
        for (var i = 0; i < p.Length; i += 5) Assert.Equal(Difference(p, i), gp[i], 1e-7);
        for (var i = 0; i < y0.Length; i++) Assert.Equal(Difference(y0, i), gy0[i], 1e-7);
        for (var i = 0; i < u.Length; i++) Assert.Equal(Difference(u, i), gu[i], 1e-7);

        double Fit(double[] a, double[] b, double[] c) => field.Fit(p, y0, u, h, rows, targets, weights, a, b, c, tape);

        double Difference(double[] at, int i)
        {
            const double d = 1e-5;
            var kept = at[i];
            at[i] = kept + d;
            var above = Fit([], [], []);
            at[i] = kept - d;
            var below = Fit([], [], []);
            at[i] = kept;
            return (above - below) / (2 * d);
        }
    }

    [Theory]
    [InlineData(FixedStepMethod.Rk4)]
    [InlineData(FixedStepMethod.Tsit5)]
    public void The_forward_mode_agrees_with_the_backward_mode_and_with_the_solution(FixedStepMethod method)
    {
        const int rows = 37, steps = 4, perRow = (steps + 1) * 2;
        foreach (var activation in Enum.GetValues<Activation>())
        {
            var field = new NeuralField<double>(new DenseNet<double>([3, 14, 2], activation), method);
            var random = new Philox(606);
            double[] p = DenseNetTests.Draw(field.Net.ParameterCount, 0.7, ref random), h = [0.2, 0.1, 0.3, 0.2];
            double[] y0 = DenseNetTests.Draw(rows * 2, 1, ref random), dy0 = DenseNetTests.Draw(rows * 2, 1, ref random);
            double[] u = DenseNetTests.Draw(rows * steps, 1, ref random), du = DenseNetTests.Draw(rows * steps, 1, ref random);
            var g = DenseNetTests.Draw(rows * perRow, 1, ref random);
            double[] y = new double[g.Length], y2 = new double[g.Length], dy = new double[g.Length];
            double[] gy0 = new double[y0.Length], gu = new double[u.Length];
            var tape = field.NewTape(rows, steps);
            field.Jvp(p, y0, dy0, u, du, h, rows, y2, dy, tape);
            field.Solve(p, y0, u, h, rows, y, tape);
            field.Vjp(p, tape, g, gy0, gu, new double[p.Length]);
            Assert.Equal(y, y2);
            Assert.Equal(Dot(g, dy), Dot(gy0, dy0) + Dot(gu, du), 1e-11);
        }

        static double Dot(double[] a, double[] b) => a.Zip(b, static (v, w) => v * w).Sum();
    }

    [Fact]
    public void A_population_of_fields_in_one_call_has_the_bits_of_its_members_one_by_one()
    {
        const int nets = 5, rows = 19, steps = 3, perRow = (steps + 1) * 2;
        using var team = new ComputeTeam(2);
        var field = new NeuralField<float>(new DenseNet<float>([3, 12, 2], Activation.Tanh));
        var random = new Philox(607);
        var count = field.Net.ParameterCount;
        float[] p = NeuralSamples.Draw<float>(nets * count, 0.5, ref random), u = NeuralSamples.Draw<float>(rows * steps, 1, ref random);
        float[] y0 = NeuralSamples.Draw<float>(nets * rows * 2, 1, ref random), h = [0.1f, 0.2f, 0.1f];
        var targets = NeuralSamples.Draw<float>(rows * perRow, 1, ref random);
        var weights = NeuralSamples.Draw<float>(perRow, 1, ref random);
        float[] expected = new float[nets * rows * perRow], gradient = new float[p.Length];
        var losses = new double[nets];
        var tape = field.NewFitTape(rows, steps);
        for (var i = 0; i < nets; i++)
        {
            ReadOnlySpan<float> member = p.AsSpan(i * count, count), initial = y0.AsSpan(i * rows * 2, rows * 2);
            field.Solve(member, initial, u, h, rows, expected.AsSpan(i * rows * perRow, rows * perRow), tape);
            losses[i] = field.Fit(member, initial, u, h, rows, targets, weights, gradient.AsSpan(i * count, count), [], [], tape);
        }
        foreach (var batch in new[] { new FieldBatch<float>(field, rows, steps), new FieldBatch<float>(field, rows, steps, team) })
        {
            float[] y = new float[expected.Length], gp = new float[p.Length];
            var found = new double[nets];
            batch.Solve(p, nets, y0, u, h, rows, y);
            batch.Fit(p, nets, y0, u, h, rows, targets, weights, gp, found);
            Assert.Equal(expected, y);
            Assert.Equal(gradient, gp);
            Assert.Equal(losses, found);
        }
    }

    [Theory]
    [InlineData(FixedStepMethod.Rk4, 4)]
    [InlineData(FixedStepMethod.Tsit5, 5)]
    public void The_error_falls_with_the_order_of_the_method(FixedStepMethod method, int order)
    {
        const int rows = 32;
        var net = new DenseNet<double>([3, 16, 3], Activation.Tanh);
        var random = new Philox(602);
        double[] p = DenseNetTests.Draw(net.ParameterCount, 1, ref random), y0 = DenseNetTests.Draw(rows * 3, 1, ref random);
        var exact = End(1024, FixedStepMethod.Tsit5);
        var errors = new[] { 20, 40, 80 }
            .Select(steps => Math.Sqrt(End(steps, method).Zip(exact, static (a, b) => (a - b) * (a - b)).Sum())).ToArray();
        Assert.True(errors[2] > 1e-11, $"{errors[2]} is rounding, not the method's error");
        var orders = new[] { Math.Log2(errors[0] / errors[1]), Math.Log2(errors[1] / errors[2]) };
        Assert.True(
            orders.All(o => o > order - 0.4) && orders[1] < order + 0.7,
            $"orders {orders[0]:F2} and {orders[1]:F2}, last error {errors[2]}");

        double[] End(int steps, FixedStepMethod with)
        {
            var field = new NeuralField<double>(net, with);
            var y = new double[rows * (steps + 1) * 3];
            double[] h = [.. Enumerable.Repeat(4.0 / steps, steps)];
            field.Solve(p, y0, [], h, rows, y, field.NewFitTape(rows, steps));
            return [.. Enumerable.Range(0, rows).SelectMany(r => y[(((r + 1) * (steps + 1) * 3) - 3)..((r + 1) * (steps + 1) * 3)])];
        }
    }

    [Fact]
    public void One_two_and_three_threads_and_both_memories_give_the_same_bits()
    {
        using var two = new ComputeTeam(2);
        using var three = new ComputeTeam(3);
        Check(new DenseNet<float>([5, 22, 17, 3], Activation.Tanh));
        Check(new DenseNet<double>([5, 22, 17, 3], Activation.Silu));

        void Check<T>(DenseNet<T> net)
            where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T>
        {
            foreach (var method in Enum.GetValues<FixedStepMethod>())
            {
                var expected = NeuralSamples.Field(new NeuralField<T>(net, method), team: null);
                foreach (var memory in Enum.GetValues<StageMemory>())
                {
                    var field = new NeuralField<T>(net, method, memory);
                    Assert.Equal(expected, NeuralSamples.Field(field, team: null));
                    Assert.Equal(expected, NeuralSamples.Field(field, two));
                    Assert.Equal(expected, NeuralSamples.Field(field, three));
                }
            }
        }
    }

    [Fact]
    public void Solving_and_pulling_a_gradient_back_has_the_bits_of_the_fit_in_one()
    {
        const int rows = 41, steps = 5;
        var field = new NeuralField<float>(new DenseNet<float>([3, 20, 12, 2], Activation.Silu));
        var random = new Philox(603);
        var p = NeuralSamples.Draw<float>(field.Net.ParameterCount, 0.5, ref random);
        var y0 = NeuralSamples.Draw<float>(rows * 2, 1, ref random);
        float[] u = NeuralSamples.Draw<float>(rows * steps, 1, ref random), h = [0.1f, 0.1f, 0.2f, 0.1f, 0.3f];
        float[] targets = NeuralSamples.Draw<float>(rows * (steps + 1) * 2, 1, ref random);
        float[] gp = new float[p.Length], gy0 = new float[y0.Length], gu = new float[u.Length];
        field.Fit(p, y0, u, h, rows, targets, [], gp, gy0, gu, field.NewFitTape(rows, steps));

        using var team = new ComputeTeam(2);
        foreach (var tape in new[] { field.NewTape(rows, steps), field.NewTape(rows + 30, steps + 2, team) })
        {
            float[] y = new float[targets.Length], gp2 = new float[p.Length], gy02 = new float[y0.Length], gu2 = new float[u.Length];
            field.Solve(p, y0, u, h, rows, y, tape);
            var g = y.Zip(targets, static (a, b) => 2 * (a - b)).ToArray();
            field.Vjp(p, tape, g, gy02, gu2, gp2);
            Assert.Equal(gp, gp2);
            Assert.Equal(gy0, gy02);
            Assert.Equal(gu, gu2);
        }
    }

    [Fact]
    public void A_trajectory_has_the_same_bits_wherever_it_stands()
    {
        const int rows = 50, steps = 3, perRow = (steps + 1) * 2;
        var field = new NeuralField<float>(new DenseNet<float>([2, 30, 2], Activation.Tanh));
        var random = new Philox(604);
        var p = NeuralSamples.Draw<float>(field.Net.ParameterCount, 0.5, ref random);
        var y0 = NeuralSamples.Draw<float>(rows * 2, 1, ref random);
        float[] h = [0.2f, 0.1f, 0.3f], targets = NeuralSamples.Draw<float>(rows * perRow, 1, ref random);
        float[] gy0 = new float[rows * 2], y = new float[rows * perRow];
        field.Fit(p, y0, [], h, rows, targets, [], new float[p.Length], gy0, [], field.NewFitTape(rows, steps));
        field.Solve(p, y0, [], h, rows, y, field.NewFitTape(rows, steps));
        foreach (var (from, count) in new[] { (0, 1), (17, 1), (49, 1), (5, 40), (31, 2) })
        {
            float[] one = new float[count * perRow], g = new float[count * 2], some = y0[(from * 2)..((from + count) * 2)];
            field.Solve(p, some, [], h, count, one, field.NewFitTape(count, steps));
            Assert.Equal(y[(from * perRow)..((from + count) * perRow)], one);
            var some2 = targets[(from * perRow)..((from + count) * perRow)];
            field.Fit(p, some, [], h, count, some2, [], new float[p.Length], g, [], field.NewFitTape(count, steps));
            Assert.Equal(gy0[(from * 2)..((from + count) * 2)], g);
        }
    }

    [Fact]
    public void More_shares_than_are_held_at_once_sum_to_the_gradient_of_their_parts()
    {
        const int rows = 1500, steps = 2;
        var field = new NeuralField<double>(new DenseNet<double>([2, 6, 2], Activation.Tanh));
        var random = new Philox(605);
        double[] p = DenseNetTests.Draw(field.Net.ParameterCount, 0.5, ref random), y0 = DenseNetTests.Draw(rows * 2, 1, ref random);
        double[] targets = DenseNetTests.Draw(rows * 6, 1, ref random), h = [0.2, 0.2];
        double[] all = new double[p.Length], parts = new double[p.Length], threaded = new double[p.Length];
        field.Fit(p, y0, [], h, rows, targets, [], all, [], [], field.NewFitTape(rows, steps));
        var tape = field.NewFitTape(100, steps);
        for (var r = 0; r < rows; r += 100)
            field.Fit(p, y0.AsSpan(r * 2, 200), [], h, 100, targets.AsSpan(r * 6, 600), [], parts, [], [], tape);
        using var team = new ComputeTeam(3);
        field.Fit(p, y0, [], h, rows, targets, [], threaded, [], [], field.NewFitTape(rows, steps, team));
        for (var i = 0; i < p.Length; i++) Assert.Equal(parts[i], all[i], 1e-10);
        Assert.Equal(all, threaded);
    }

    [Fact]
    public void What_does_not_fit_is_refused_with_the_size_that_would()
    {
        Assert.Contains("no right-hand side", Assert.Throws<ArgumentException>(
            () => new NeuralField<float>(new DenseNet<float>([2, 3], Activation.Tanh))).Message);
        var field = new NeuralField<float>(new DenseNet<float>([3, 4, 2], Activation.Tanh));
        var p = new float[field.Net.ParameterCount];
        var tape = field.NewFitTape(2, 3);
        Assert.Contains("controls has 0 elements where 3", Assert.Throws<ArgumentException>(
            () => field.Solve(p, new float[2], [], new float[3], 1, new float[8], tape)).Message);
        Assert.Contains("1 to 3", Assert.Throws<ArgumentException>(
            () => field.Solve(p, new float[2], new float[4], new float[4], 1, new float[10], tape)).Message);
        field.Solve(p, new float[2], new float[3], new float[3], 1, new float[8], tape);
        Assert.Contains("NewTape", Assert.Throws<ArgumentException>(() => field.Vjp(p, tape, new float[8], [], [], p)).Message);
    }
}
