using Athanor.Compute.Estimation;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Tests.Estimation;

public sealed class EnsembleTests
{
    private const int Cells = 50;

    [Fact]
    public void The_profile_of_a_tube_of_fifty_cells_is_found_from_three_sensors()
    {
        // Flow from cell to cell at one cell in two seconds, with some mixing; the inlet is an input.
        var a = new double[Cells * Cells];
        var b = new double[Cells];
        for (var i = 0; i < Cells; i++)
        {
            a[(i * Cells) + i] = -0.6;
            if (i > 0) a[(i * Cells) + i - 1] = 0.55;
            if (i < Cells - 1) a[(i * Cells) + i + 1] = 0.05;
        }
        b[0] = 0.55;
        a[(Cells * Cells) - 1] = -0.55;
        var model = LinearPlant.Model(a, b, Cells);
        const string common = "\"gate\":0,\"lag-window-s\":0,\"sensors\":{\"a\":{\"of\":{\"x10\":1},\"noise\":0.02},\"b\":{\"of\":{\"x25\":1},\"noise\":0.02}," +
            "\"c\":{\"of\":{\"x40\":1},\"noise\":0.02}}";
        var noise = string.Join(',', Enumerable.Range(0, Cells).Select(i => $"\"x{i}\":0.01"));
        var spread = string.Join(',', Enumerable.Range(0, Cells).Select(i => $"\"x{i}\":0.3"));
        var settings = EstimatorJson.Parse($$"""{"kind":"enkf","members":300,"seed":5,"process-noise":{ {{noise}} },"initial-sd":{ {{spread}} },{{common}} }""");
        var ensemble = Estimator.Create(model, settings);
        var exact = Estimator.Create(model, settings with { Kind = EstimatorKind.Ekf, AllowUnobservable = true });
        var random = new Philox(77);
        double[] truth = new double[Cells], open = new double[Cells], next = new double[Cells];
        for (var i = 0; i < Cells; i++)
        {
            open[i] = 1.0;
            truth[i] = 1.0 + (0.3 * random.NextNormal());
        }
        double[] members = ensemble.Start(0.0, open, [1.0]), gaussian = exact.Start(0.0, open, [1.0]);
        double square = 0, exactSquare = 0, openSquare = 0, normalised = 0;
        var count = 0;
        for (var step = 1; step <= 120; step++)
        {
            double[] u = [1.0];
            model.Advance(truth, u, [], 1.0, next);
            for (var i = 0; i < Cells; i++) truth[i] = next[i] + (0.01 * random.NextNormal());
            model.Advance(open, u, [], 1.0, next);
            next.CopyTo(open, 0);
            Sample[] samples = [.. new[] { 10, 25, 40 }.Select((cell, s) => new Sample(s, step,
                truth[cell] + (0.02 * random.NextNormal())))];
            var output = ensemble.Step(ref members, new EstimatorInput(step, u, samples));
            var other = exact.Step(ref gaussian, new EstimatorInput(step, u, samples));
            if (step < 40) continue;
            for (var i = 0; i < Cells; i++)
            {
                square += Math.Pow(output.Mean[i] - truth[i], 2);
                exactSquare += Math.Pow(other.Mean[i] - truth[i], 2);
                openSquare += Math.Pow(open[i] - truth[i], 2);
                normalised += Math.Pow((output.Mean[i] - truth[i]) / output.Sd[i], 2);
                count++;
            }
        }
        // Nearly as good as the exact filter, better than the model alone, and as sure of itself as it may be.
        Assert.True(square < 1.2 * exactSquare, $"{Math.Sqrt(square / count)} where the Kalman filter has {Math.Sqrt(exactSquare / count)}");
        Assert.True(square < 0.8 * openSquare);
        Assert.InRange(normalised / count, 0.7, 1.4);
    }

    [Fact]
    public void The_same_seed_gives_the_same_bits_and_another_seed_others()
    {
        double[] Run(ulong seed)
        {
            var settings = EstimatorTests.Reactor(EstimatorKind.Enkf) with { Seed = seed, Members = 27 };
            var estimator = Estimator.Create(EstimatorTests.Cstr(), settings);
            var memory = estimator.Start(0.0, [0.5, 350.0]);
            for (var step = 1; step <= 5; step++)
                estimator.Step(ref memory, new EstimatorInput(step * 6.0, [305.0], [new Sample(0, step * 6.0, 350.0 + step)]));
            return memory;
        }
        Assert.Equal(Run(4), Run(4));
        Assert.NotEqual(Run(4), Run(5));
    }
}
