using System.Collections.Immutable;
using Athanor.Compute.Estimation;
using Athanor.Compute.Numerics;
using Athanor.Compute.Plants;

namespace Athanor.Compute.Tests.Estimation;

public sealed class EstimatorTests
{
    private static readonly double[] A = [-0.05, 0.04, 0.0, 0.0, -0.03, 0.02, 0.01, 0.0, -0.02], B = [0.0, 0.1, 0.02];

    [Theory]
    [InlineData(EstimatorKind.Ekf, 0.0)]
    [InlineData(EstimatorKind.Ekf, 50.0)]
    [InlineData(EstimatorKind.Iekf, 0.0)]
    [InlineData(EstimatorKind.Ukf, 0.0)]
    public void The_linear_case_is_the_Kalman_filter(EstimatorKind kind, double window)
    {
        var settings = Linear(kind) with { LagWindowS = window };
        var estimator = Estimator.Create(LinearPlant.Model(A, B, 3), settings);
        var memory = estimator.Start(0.0, [1.0, 2.0, 3.0], [0.0]);
        var kalman = new TextbookFilter(3, [1.0, 2.0, 3.0], [0.5, 0.4, 0.3, 0.2]);
        var random = new Philox(7);
        var u = 0.0;
        for (var step = 1; step <= 200; step++)
        {
            double time = step * 2.0, y0 = 1.0 + random.NextNormal(), y2 = 2.0 + random.NextNormal();
            kalman.Predict(A, B, u, 2.0, [0.02, 0.01, 0.03, 0.001]);
            var samples = new List<Sample> { new(0, time, y0) };
            var nis = kalman.Update([1.0, 0.0, 0.0, 0.0], 0.0, y0, 0.09);
            if (step % 3 == 0)
            {
                samples.Add(new(1, time, y2));
                nis += kalman.Update([0.0, 0.5, 1.0, 1.0], 0.25, y2, 0.16);
            }
            u = 0.2 * (step % 5);
            var output = estimator.Step(ref memory, new EstimatorInput(time, [u], [.. samples]));
            for (var i = 0; i < 3; i++)
            {
                Assert.Equal(kalman.X[i], output.Mean[i], 1e-10);
                Assert.Equal(Math.Sqrt(kalman.P[i, i]), output.Sd[i], 1e-10);
            }
            Assert.Equal(kalman.X[3], output.Bias[1], 1e-10);
            Assert.Equal(Math.Sqrt(kalman.P[3, 3]), output.BiasSd[1], 1e-10);
            Assert.Equal(nis, output.Nis, 1e-9 * (1.0 + nis));
            Assert.Equal(samples.Count, output.NisSamples);
        }
    }

    [Theory]
    [InlineData(EstimatorKind.Ekf)]
    [InlineData(EstimatorKind.Ukf)]
    [InlineData(EstimatorKind.Iekf)]
    [InlineData(EstimatorKind.Mhe)]
    [InlineData(EstimatorKind.Enkf)]
    public void Samples_out_of_order_inside_the_window_give_the_bits_of_samples_in_order(EstimatorKind kind)
    {
        var model = Cstr();
        var settings = Reactor(kind) with { LagWindowS = 60.0 };
        var estimator = Estimator.Create(model, settings);
        double[] ordered = estimator.Start(0.0, [0.5, 350.0], [305.0]), late = estimator.Start(0.0, [0.5, 350.0], [305.0]);
        var random = new Philox(11);
        var waiting = new List<(double Due, Sample Sample)>();
        var refiltered = 0;
        for (var step = 1; step <= 120; step++)
        {
            var time = step * 6.0;
            double[] u = [305.0 + (step % 7)];
            Sample[] now = [new(0, time, 350.0 + (0.3 * random.NextNormal())), new(1, time, 0.5 + (0.01 * random.NextNormal()))];
            var first = estimator.Step(ref ordered, new EstimatorInput(time, u, now));
            foreach (var sample in now) waiting.Add((time + (6.0 * random.NextBelow(9)), sample));
            var due = waiting.Where(w => w.Due <= time).Select(w => w.Sample).ToArray();
            waiting.RemoveAll(w => w.Due <= time);
            var second = estimator.Step(ref late, new EstimatorInput(time, u, due));
            Assert.DoesNotContain(second.Readings, static r => r.Status == SensorStatus.Late);
            refiltered += second.Refiltered;
            if (waiting.Count == 0) Assert.Equal(first.Mean, second.Mean);
        }
        // All that is still under way comes at once, in reverse.
        waiting.Reverse();
        var end = 121 * 6.0;
        var last = estimator.Step(ref ordered, new EstimatorInput(end, [300.0], []));
        var other = estimator.Step(ref late, new EstimatorInput(end, [300.0], [.. waiting.Select(static w => w.Sample)]));
        Assert.True(refiltered > 100);
        Assert.Equal(last.Mean, other.Mean);
        Assert.Equal(last.Sd, other.Sd);
        Assert.Equal(last.NisMean, other.NisMean);
        Assert.Equal(ordered, late);
    }

    [Fact]
    public void A_sample_older_than_the_window_is_reported_late_and_changes_nothing()
    {
        var estimator = Estimator.Create(Cstr(), Reactor(EstimatorKind.Ekf) with { LagWindowS = 30.0 });
        double[] with = estimator.Start(0.0, [0.5, 350.0]), without = with;
        for (var step = 1; step <= 20; step++)
        {
            Sample[] samples = [new(0, step * 6.0, 350.0 + (0.1 * step))];
            estimator.Step(ref without, new EstimatorInput(step * 6.0, [305.0], samples));
            var output = estimator.Step(
                ref with, new EstimatorInput(step * 6.0, [305.0], step == 20 ? [.. samples, new Sample(1, 80.0, 0.5)] : samples));
            Assert.Equal(step == 20 ? SensorStatus.Late : SensorStatus.Missing, output.Readings[1].Status);
        }
        Assert.Equal(without, with);
    }

    [Fact]
    public void An_analysers_delay_is_taken_off_its_times_and_a_laboratorys_is_not()
    {
        double[] At(double delay, bool laboratory, double drawn)
        {
            var sensors = Reactor(EstimatorKind.Ekf).Sensors;
            var estimator = Estimator.Create(Cstr(), Reactor(EstimatorKind.Ekf) with
            {
                LagWindowS = 60.0,
                Sensors = [sensors[0], sensors[1] with { DelayS = delay, Laboratory = laboratory }],
            });
            var memory = estimator.Start(0.0, [0.5, 350.0]);
            for (var step = 1; step <= 20; step++)
            {
                var time = step * 6.0;
                Sample[] samples = step == 15 ? [new(0, time, 351.0), new(1, drawn, 0.45)] : [new(0, time, 351.0)];
                estimator.Step(ref memory, new EstimatorInput(time, [305.0], samples));
            }
            return memory;
        }
        var told = At(0.0, false, 60.0);
        Assert.Equal(told, At(30.0, false, 90.0));
        Assert.Equal(told, At(30.0, true, 60.0));
        Assert.NotEqual(told, At(0.0, false, 90.0));
    }

    [Fact]
    public void The_covariance_is_right_where_the_textbook_loses_it()
    {
        // Potter's example: h = (1, e), r = e², e² below rounding. Exactly, P00 = 2 e² / (1 + 2 e²); the textbook's is 1 - 1.
        const double e = 1e-9;
        var settings = EstimatorJson.Parse(
            """
            {"gate":0,"period-s":1,"allow-unobservable":true,"initial-sd":{"x0":1,"x1":1},
             "sensors":{"y":{"of":{"x0":1,"x1":1e-9},"noise":1e-9} } }
            """);
        var estimator = Estimator.Create(LinearPlant.Model(new double[4], new double[2], 2), settings);
        var memory = estimator.Start(0.0, [0.0, 0.0], [0.0]);
        var output = estimator.Step(ref memory, new EstimatorInput(0.0, [0.0], [new Sample(0, 0.0, 0.5)]));
        var kalman = new TextbookFilter(2, [0.0, 0.0], [1.0, 1.0]);
        kalman.Update([1.0, e], 0.0, 0.5, e * e);
        Assert.False(kalman.P[0, 0] > 0.0);
        Assert.Equal(Math.Sqrt(2.0) * e, output.Sd[0], 1e-12 * e);
        Assert.Equal(1.0, output.Sd[1], 1e-12);
    }

    [Fact]
    public void A_sample_delivered_twice_counts_once_and_a_corrected_one_takes_the_place_of_the_first()
    {
        var estimator = Estimator.Create(Cstr(), Reactor(EstimatorKind.Ekf) with { LagWindowS = 60.0 });
        double[] once = estimator.Start(0.0, [0.5, 350.0]), twice = once, corrected = once;
        for (var step = 1; step <= 10; step++)
        {
            var time = step * 6.0;
            Sample right = new(0, time, 350.0 + (0.2 * step)), wrong = right with { Value = 352.5 };
            estimator.Step(ref once, new EstimatorInput(time, [305.0], [right]));
            estimator.Step(ref twice, new EstimatorInput(time, [305.0], [right, right]));
            estimator.Step(ref twice, new EstimatorInput(time, [305.0], [right]));
            estimator.Step(ref corrected, new EstimatorInput(time, [305.0], [step == 5 ? wrong : right]));
            if (step == 8)
            {
                var output = estimator.Step(ref corrected, new EstimatorInput(time, [305.0], [new Sample(0, 30.0, 350.0 + (0.2 * 5))]));
                Assert.Equal(SensorStatus.Ok, output.Readings[0].Status);
                Assert.True(output.Refiltered > 0);
            }
        }
        Assert.Equal(once, twice);
        Assert.Equal(once, corrected);
    }

    [Theory]
    [InlineData(EstimatorKind.Ekf, 0.0)]
    [InlineData(EstimatorKind.Ekf, 20.0)]
    [InlineData(EstimatorKind.Ukf, 0.0)]
    public void Twins_in_lanes_have_the_bits_of_one_alone(EstimatorKind kind, double window)
    {
        const int count = 21;
        var estimator = Estimator.Create(Cstr(), Reactor(kind) with { LagWindowS = window, Gate = 3.0 });
        double[][] together = [.. Enumerable.Range(0, count).Select(i => estimator.Start(0.0, [0.5, 350.0 + (0.1 * i)]))];
        double[][] alone = [.. together];
        var random = new Philox(3);
        var gated = 0;
        for (var step = 1; step <= 40; step++)
        {
            var time = step * 6.0;
            EstimatorInput[] inputs = [.. Enumerable.Range(0, count).Select(i => new EstimatorInput(
                time, [305.0 + (step % 3)],
                // Some have one sensor, some both, some none, some are late, some wild.
                [.. Enumerable.Range(0, (i + step) % 9 == 0 ? 0 : step % 4 == 0 ? 2 : 1).Select(s => new Sample(
                    s, time - (i % 10 == 3 && step % 5 == 0 ? 6.0 : 0.0),
                    (s == 0 ? 350.0 : 0.5) * (1.0 + ((random.NextBelow(20) == 0 ? 0.05 : 0.001) * random.NextNormal()))))]))];
            var outputs = estimator.StepMany(together, inputs);
            for (var i = 0; i < count; i++)
            {
                var output = estimator.Step(ref alone[i], inputs[i]);
                Assert.Equal(output.Mean, outputs[i].Mean);
                Assert.Equal(output.Sd, outputs[i].Sd);
                Assert.Equal(output.Readings, outputs[i].Readings);
                Assert.Equal(output.Nis, outputs[i].Nis);
                Assert.Equal(alone[i], together[i]);
                gated += output.Readings.Count(static r => r.Status == SensorStatus.Gated);
            }
        }
        Assert.True(gated > 5);
    }

    [Fact]
    public void A_frozen_and_a_wild_sensor_are_left_out_and_named()
    {
        var settings = Reactor(EstimatorKind.Ekf) with
        {
            Sensors = [new SensorSettings("T") { Noise = 0.5, Low = 250.0, High = 500.0, FrozenAfter = 5 },
                new SensorSettings("Ca") { Noise = 0.01 }],
        };
        var estimator = Estimator.Create(Cstr(), settings);
        var memory = estimator.Start(0.0, [0.5, 350.0]);
        var random = new Philox(5);
        for (var step = 1; step <= 30; step++)
        {
            var value = step is >= 10 and < 20 ? 350.25 : step == 25 ? double.NaN : step == 26 ? 1000.0 : step == 27 ? 380.0
                : 350.0 + (0.1 * random.NextNormal());
            var output = estimator.Step(ref memory, new EstimatorInput(step * 0.6, [305.0], [new Sample(0, step * 0.6, value)]));
            var expected = step switch
            {
                >= 14 and < 20 => SensorStatus.Frozen,
                25 or 26 => SensorStatus.Wild,
                27 => SensorStatus.Gated,
                _ => SensorStatus.Ok,
            };
            Assert.Equal(expected, output.Readings[0].Status);
            Assert.Equal(expected == SensorStatus.Ok ? 1 : 0, output.NisSamples);
            Assert.True(output.Sd[1] > 0 && output.Readings[0].Variance > 0);
        }
    }

    [Fact]
    public void Estimates_stay_within_hard_bounds_and_the_normalised_error_never_grows_by_that()
    {
        var settings = Linear(EstimatorKind.Ekf) with
        {
            Bounds = ImmutableSortedDictionary<string, StateBounds>.Empty
                .Add("x0", new StateBounds(0.0, 2.0)).Add("x1", new StateBounds(0.5, 3.0)),
            Gate = 0.0,
        };
        var model = LinearPlant.Model(A, B, 3);
        var bounded = Estimator.Create(model, settings);
        var free = new JointModel(model, settings with { Bounds = ImmutableSortedDictionary<string, StateBounds>.Empty });
        var joint = new JointModel(model, settings);
        var random = new Philox(13);
        var outside = 0;
        for (var trial = 0; trial < 2000; trial++)
        {
            // A factor, an estimate beyond the box, a truth within it.
            var factor = new double[10];
            for (var i = 0; i < 10; i++) factor[i] = random.NextNormal();
            for (var i = 0; i < 4; i++) factor[(i * (i + 1) / 2) + i] = 0.2 + Math.Abs(factor[(i * (i + 1) / 2) + i]);
            double[] truth = [random.NextDouble(0.0, 2.0), random.NextDouble(0.5, 3.0), random.NextNormal(), random.NextNormal()];
            var estimate = truth.Select(v => v + (2.0 * random.NextNormal())).ToArray();
            if (joint.Within(estimate)) continue;
            outside++;
            var before = Distance(factor, estimate, truth);
            BoundedState.Project(joint, estimate, factor);
            Assert.True(joint.Within(estimate));
            Assert.True(Distance(factor, estimate, truth) <= before * (1.0 + 1e-6));
        }
        Assert.True(outside > 500);
        Assert.False(free.HasBounds);
        var memory = bounded.Start(0.0, [1.0, 1.0, 1.0]);
        for (var step = 1; step <= 50; step++)
        {
            var output = bounded.Step(ref memory, new EstimatorInput(step, [0.0], [new Sample(0, step, -3.0 + (6.0 * (step % 2)))]));
            Assert.InRange(output.Mean[0], 0.0, 2.0);
            Assert.InRange(output.Mean[1], 0.5, 3.0);
        }
    }

    [Fact]
    public void A_clock_that_jumps_back_and_a_sample_from_the_future_are_reported()
    {
        var estimator = Estimator.Create(Cstr(), Reactor(EstimatorKind.Ekf));
        var memory = estimator.Start(0.0, [0.5, 350.0]);
        estimator.Step(ref memory, new EstimatorInput(60.0, [305.0], [new Sample(0, 60.0, 350.0)]));
        var back = estimator.Step(ref memory, new EstimatorInput(30.0, [305.0], [new Sample(0, 30.0, 350.0)]));
        Assert.True(back.ClockWentBack);
        Assert.Equal(60.0, back.TimeS);
        Assert.Equal(SensorStatus.Late, back.Readings[0].Status);
        var future = estimator.Step(ref memory, new EstimatorInput(66.0, [305.0], [new Sample(0, 90.0, 350.0)]));
        Assert.Equal(SensorStatus.Future, future.Readings[0].Status);
        Assert.False(future.ClockWentBack);
        var before = memory;
        var error = Assert.Throws<EstimationException>(() => estimator.Step(ref memory, new EstimatorInput(1.7e9, [305.0], [])));
        Assert.Contains("the clock jumps from 66 s", error.Message, StringComparison.Ordinal);
        Assert.Same(before, memory);
    }

    internal static PlantModel Cstr(string parameters = "") => PlantModels.Create(
        $$"""{"benchmark":"exothermic-cstr","inputs":["Tc"],"parameters":[{{parameters}}],"substep-s":1.5}""");

    internal static EstimatorSettings Reactor(EstimatorKind kind) => EstimatorJson.Parse(
        $$"""
        {"kind":"{{kind.ToString().ToLowerInvariant()}}","process-noise":{"Ca":0.0004,"T":0.04},"initial-sd":{"Ca":0.05,"T":1},
         "sensors":{"T":{"noise":0.5},"Ca":{"noise":0.02} } }
        """);

    private static EstimatorSettings Linear(EstimatorKind kind) => EstimatorJson.Parse(
        $$"""
        {"kind":"{{kind.ToString().ToLowerInvariant()}}","gate":0,"period-s":2,"process-noise":{"x0":0.02,"x1":0.01,"x2":0.03},
         "initial-sd":{"x0":0.5,"x1":0.4,"x2":0.3},
         "sensors":{"a":{"of":{"x0":1},"noise":0.3},"b":{"of":{"x1":0.5,"x2":1},"offset":0.25,"noise":0.4,"bias":{"sd":0.2,"walk":0.001} } } }
        """);

    private static double Distance(double[] factor, double[] z, double[] truth)
    {
        var total = 0.0;
        var w = new double[z.Length];
        for (var i = 0; i < z.Length; i++)
        {
            var sum = z[i] - truth[i];
            for (var j = 0; j < i; j++) sum -= factor[(i * (i + 1) / 2) + j] * w[j];
            w[i] = sum / factor[(i * (i + 1) / 2) + i];
            total += w[i] * w[i];
        }
        return total;
    }

    /// <summary>The Kalman filter as textbooks write it, with full covariances.</summary>
    private sealed class TextbookFilter
    {
        private readonly int _n, _states;

        public TextbookFilter(int states, double[] x, double[] sd)
        {
            (_states, _n) = (states, sd.Length);
            X = [.. x, .. new double[_n - states]];
            P = new double[_n, _n];
            for (var i = 0; i < _n; i++) P[i, i] = sd[i] * sd[i];
        }

        public double[] X { get; }

        public double[,] P { get; private set; }

        public void Predict(double[] a, double[] b, double u, double dt, double[] noise)
        {
            var f = new double[_n, _n];
            for (var i = 0; i < _n; i++)
            {
                for (var j = 0; j < _n; j++)
                    f[i, j] = (i == j ? 1.0 : 0.0) + (i < _states && j < _states ? dt * a[(i * _states) + j] : 0.0);
            }
            var next = new double[_n];
            var p = new double[_n, _n];
            for (var i = 0; i < _n; i++)
            {
                for (var j = 0; j < _n; j++) next[i] += f[i, j] * X[j];
                if (i < _states) next[i] += dt * b[i] * u;
                for (var j = 0; j < _n; j++)
                {
                    for (var k = 0; k < _n; k++)
                    {
                        for (var l = 0; l < _n; l++) p[i, j] += f[i, k] * P[k, l] * f[j, l];
                    }
                }
                p[i, i] += noise[i] * noise[i] * dt;
            }
            next.CopyTo(X, 0);
            P = p;
        }

        public double Update(double[] h, double offset, double y, double r)
        {
            var ph = new double[_n];
            double s = r, e = y - offset;
            for (var i = 0; i < _n; i++)
            {
                for (var j = 0; j < _n; j++) ph[i] += P[i, j] * h[j];
                s += h[i] * ph[i];
                e -= h[i] * X[i];
            }
            for (var i = 0; i < _n; i++)
            {
                X[i] += ph[i] * e / s;
                for (var j = 0; j < _n; j++) P[i, j] -= ph[i] * ph[j] / s;
            }
            return e * e / s;
        }
    }
}
