using Athanor.Compute.Neural;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Tests.Neural;

public sealed class NetBatchTests
{
    [Fact]
    public void A_population_in_one_call_has_the_bits_of_its_members_one_by_one()
    {
        const int nets = 7, rows = 300;
        using var team = new ComputeTeam(2);
        foreach (var activation in Enum.GetValues<Activation>())
        {
            var net = new DenseNet<float>([2, 24, 10, 3], activation);
            var random = new Philox(701);
            var p = NeuralSamples.Draw<float>(nets * net.ParameterCount, 0.5, ref random);
            var x = NeuralSamples.Draw<float>(nets * rows * 2, 1, ref random);
            var t = NeuralSamples.Draw<float>(nets * rows * 3, 1, ref random);
            float[] expected = new float[t.Length], gradient = new float[p.Length];
            var tape = net.NewTape(rows);
            for (var i = 0; i < nets; i++)
            {
                var member = p.AsSpan(i * net.ParameterCount, net.ParameterCount);
                var y = expected.AsSpan(i * rows * 3, rows * 3);
                net.Forward(member, x.AsSpan(i * rows * 2, rows * 2), rows, y, tape);
                var g = new float[y.Length];
                for (var k = 0; k < g.Length; k++) g[k] = 2 * (y[k] - t[(i * rows * 3) + k]);
                net.Vjp(member, tape, g, [], gradient.AsSpan(i * net.ParameterCount, net.ParameterCount));
            }
            foreach (var batch in new[] { new NetBatch<float>(net), new NetBatch<float>(net, team) })
            {
                float[] y = new float[t.Length], gp = new float[p.Length];
                var losses = new double[nets];
                batch.Forward(p, nets, x, rows, y);
                Assert.Equal(expected, y);
                batch.Fit(p, nets, x, rows, t, gp, losses);
                Assert.Equal(gradient, gp);
                var exact = y.Zip(t, static (a, b) => (double)(a - b) * (a - b)).Sum();
                Assert.Equal(exact, losses.Sum(), 1e-9 * exact);

                // The same inputs for all.
                batch.Forward(p, nets, x.AsSpan(0, rows * 2), rows, y);
                Assert.Equal(expected[..(rows * 3)], y[..(rows * 3)]);
                Assert.NotEqual(expected, y);
            }
        }
    }

    [Fact]
    public void A_single_call_has_the_bits_of_the_batch()
    {
        foreach (var (sizes, rows) in DenseNetTests.Nets)
        {
            foreach (var activation in Enum.GetValues<Activation>())
            {
                var net = new DenseNet<double>(sizes, activation);
                var random = new Philox(702);
                var p = DenseNetTests.Draw(net.ParameterCount, 0.5, ref random);
                var x = DenseNetTests.Draw(rows * net.Inputs, 1.5, ref random);
                double[] y = new double[rows * net.Outputs], one = new double[net.Outputs];
                net.Forward(p, x, rows, y, net.NewTape(rows));
                var packed = net.Pack(p);
                for (var r = 0; r < rows; r++)
                {
                    packed.Forward(x.AsSpan(r * net.Inputs, net.Inputs), one);
                    Assert.Equal(y[(r * net.Outputs)..((r + 1) * net.Outputs)], one);
                }
            }
        }
    }

    [Fact]
    public void A_team_throws_what_a_piece_threw_and_works_on()
    {
        using var team = new ComputeTeam(3);
        for (var round = 0; round < 200; round++)
        {
            var done = new int[50];
            team.Run(50, (i, _) => Interlocked.Increment(ref done[i]));
            Assert.All(done, static count => Assert.Equal(1, count));
        }
        var error = Assert.Throws<InvalidDataException>(
            () => team.Run(9, static (i, _) => { if (i == 4) throw new InvalidDataException("piece 4"); }));
        Assert.Equal("piece 4", error.Message);
        var sum = 0;
        team.Run(10, (i, _) => Interlocked.Add(ref sum, i));
        Assert.Equal(45, sum);
    }
}
