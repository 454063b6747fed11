using Athanor.Compute.Faults;
using Athanor.Compute.Linear;
using Athanor.Compute.Numerics;

namespace Compute.Tests.Faults;

public sealed class MonitorTests
{
    private static readonly string[] Names = ["a", "b", "c", "d", "e", "f"];

    [Fact]
    public void Both_eigenvalue_methods_agree_and_the_vectors_are_orthonormal()
    {
        const int n = 40;
        var random = new Philox(3);
        var a = new double[n * n];
        for (var i = 0; i < n; i++)
        {
            for (var j = 0; j <= i; j++) a[(i * n) + j] = a[(j * n) + i] = random.NextNormal();
        }
        var (values, vectors) = SymmetricTridiagonal.Solve(a, n);
        var (expected, _) = SymmetricEigen.Solve(a, n);
        for (var i = 0; i < n; i++)
        {
            Assert.Equal(expected[i], values[i], 1e-12 * n);
            for (var j = 0; j < n; j++)
            {
                var (product, dot) = (0.0, 0.0);
                for (var k = 0; k < n; k++)
                {
                    product += a[(j * n) + k] * vectors[(i * n) + k];
                    dot += vectors[(i * n) + k] * vectors[(j * n) + k];
                }
                Assert.Equal(values[i] * vectors[(i * n) + j], product, 1e-12 * n);
                Assert.Equal(i == j ? 1.0 : 0.0, dot, 1e-12 * n);
            }
        }
    }

    [Fact]
    public void On_normal_data_the_statistics_have_the_means_that_theory_gives()
    {
        var data = Plant(5_000, 1);
        var pca = MonitorTraining.Pca(Names, [data], 2);
        Assert.Equal(2.0, ProcessMonitor.Run(pca, data).Average(s => s.First), 0.02);
        var cva = MonitorTraining.Cva(Names, [data], 3, 3, 2, 1e-6);
        var scores = ProcessMonitor.Run(cva, data).Where(s => s.Ready).ToArray();
        Assert.Equal(2.0, scores.Average(s => s.First), 0.05);
        Assert.Equal(16.0, scores.Average(s => s.Second), 0.2);
        // The plant has two states: canonical variates find them, and their residual is what no past predicts.
        Assert.Equal(4_998, scores.Length);
    }

    [Fact]
    public void Limits_hold_the_combined_rate_on_fresh_data_of_the_same_plant()
    {
        var model = MonitorTraining.Pca(Names, [Plant(5_000, 1)], 2, 2);
        var limited = MonitorTraining.Calibrate(model, [Plant(20_000, 2)], 0.01);
        var fresh = ProcessMonitor.Run(limited, Plant(20_000, 3)).Where(s => s.Ready).ToArray();
        Assert.InRange(fresh.Count(s => ProcessMonitor.Alarms(limited, s)) / (double)fresh.Length, 0.007, 0.013);
    }

    [Fact]
    public void The_combined_rate_is_what_was_wanted_whatever_the_distributions()
    {
        var random = new Philox(5);
        var first = Enumerable.Range(0, 1_000).Select(_ => random.NextNormal()).ToArray();
        double[][] statistics = [first, [.. first.Select(x => Math.Exp(3 * x))], [.. first.Select(_ => random.NextDouble())]];
        var limits = CombinedLimits.Set(statistics, 0.05);
        Assert.Equal(0.05, CombinedLimits.Rate(statistics, limits), 0.0011);
        Assert.Throws<ArgumentException>(() => CombinedLimits.Set(statistics, 0.0005));
    }

    [Theory]
    [InlineData(MonitorKind.Pca)]
    [InlineData(MonitorKind.DynamicPca)]
    [InlineData(MonitorKind.Cva)]
    public void A_large_bias_of_one_variable_is_named_and_measured(MonitorKind kind)
    {
        var (train, calibrate, test) = (Plant(5_000, 1), Plant(5_000, 2), Plant(60, 4));
        var model = kind switch
        {
            MonitorKind.Pca => MonitorTraining.Pca(Names, [train], 2),
            MonitorKind.DynamicPca => MonitorTraining.Pca(Names, [train], 8, 2),
            _ => MonitorTraining.Cva(Names, [train], 3, 3, 2, 1e-6),
        };
        model = MonitorTraining.Calibrate(model, [calibrate], 0.01);
        for (var variable = 0; variable < Names.Length; variable++)
        {
            var memory = new double[model.MemoryLength];
            var score = default(MonitorScore);
            for (var t = 0; t < test.Length; t++)
            {
                double[] row = [.. test[t]];
                if (t >= 50) row[variable] += 10.0;
                score = ProcessMonitor.Step(model, memory, row);
            }
            Assert.True(ProcessMonitor.Alarms(model, score));
            var contributions = MonitorDiagnosis.Contributions(model, memory);
            Assert.Equal(Names[variable], contributions[0].Variable);
            Assert.Equal(10.0, contributions[0].Magnitude, 1.5);
            Assert.Equal(1.0, contributions.Sum(c => c.Share), 1e-12);
        }
    }

    [Fact]
    public void A_memory_handed_over_goes_on_with_the_same_bits()
    {
        var data = Plant(400, 6);
        var model = MonitorTraining.Cva(Names, [data], 4, 4, 3, 1e-3) with { Forgetting = [1.0, 0.2] };
        var whole = ProcessMonitor.Run(model, data);
        var memory = new double[model.MemoryLength];
        for (var t = 0; t < data.Length; t++)
        {
            memory = [.. memory];
            Assert.Equal(whole[t], ProcessMonitor.Step(model, memory, data[t]));
        }
    }

    [Fact]
    public void A_model_says_which_data_it_was_trained_on()
    {
        var data = Plant(200, 6);
        var hash = MonitorTraining.Pca(Names, [data], 2).DataHash;
        Assert.Equal(hash, MonitorTraining.Hash([data]));
        data[7][3] = Math.BitIncrement(data[7][3]);
        Assert.NotEqual(hash, MonitorTraining.Hash([data]));
        Assert.NotEqual(MonitorTraining.Hash([data]), MonitorTraining.Hash([data[..100], data[100..]]));
    }

    [Fact]
    public void Bad_data_are_refused_with_the_name_of_the_variable()
    {
        var frozen = Plant(200, 6);
        foreach (var row in frozen) row[2] = 4.0;
        Assert.Contains("c never changes", Assert.Throws<ArgumentException>(() => MonitorTraining.Pca(Names, [frozen], 2)).Message);
        var wild = Plant(200, 6);
        wild[9][4] = double.NaN;
        Assert.Contains("e holds NaN", Assert.Throws<ArgumentException>(() => MonitorTraining.Pca(Names, [wild], 2)).Message);
        Assert.Contains("1 to 5", Assert.Throws<ArgumentException>(() => MonitorTraining.Pca(Names, [Plant(200, 6)], 6)).Message);
    }

    /// <summary>Six measurements with noise 0.3 of a plant of two states that forget slowly.</summary>
    internal static double[][] Plant(int rows, ulong seed)
    {
        var random = new Philox(seed);
        double[] state = [0.0, 0.0];
        return [.. Enumerable.Range(0, rows).Select(_ =>
        {
            state[0] = (0.8 * state[0]) + (0.6 * random.NextNormal());
            state[1] = (0.6 * state[1]) + (0.3 * state[0]) + (0.8 * random.NextNormal());
            double[] row = [state[0], state[1], state[0] + state[1], state[0] - state[1], (0.5 * state[0]) + state[1],
                state[0] - (0.5 * state[1])];
            return row.Select(v => v + (0.3 * random.NextNormal())).ToArray();
        })];
    }
}
