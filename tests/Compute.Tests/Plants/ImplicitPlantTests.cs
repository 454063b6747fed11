using Athanor.Compute.Benchmarks;
using Athanor.Compute.Estimation;
using Athanor.Compute.Plants;
using Athanor.Compute.Problems;
using Xunit.Abstractions;

namespace Athanor.Compute.Tests.Plants;

public sealed class ImplicitPlantTests(ITestOutputHelper output)
{
    private const double HourS = 3600.0;

    // The feed of examples/penicillin-fed-batch.hocon: end of each stretch, h, and sugar, g/h. The sugar runs out when it stops.
    private static readonly double[] Ends = [5.2456, 10.4912, 15.7367, 20.9823, 26.2279, 31.4735, 33.3658, 49.8281, 66.2905, 82.7529, 99.2153, 115.6776, 132.14];
    private static readonly double[] Fed = [3.3278, 5.0479, 7.5881, 11.4285, 37.1335, 49.0215, 0, 8.6259, 8.9585, 9.1512, 9.2787, 9.4041, 9.5175];

    [Theory]
    [InlineData("van-de-vusse", 0.3)]
    [InlineData("klatt-engell", 0.2)]
    [InlineData("hires", 5.0)]
    public void The_method_is_of_order_two(string name, double span)
    {
        var problem = Catalogue.Find(name);
        var exact = Reference(problem, problem.NominalInitial, problem.NominalParameters, span);
        var errors = new double[3];
        for (var level = 0; level < errors.Length; level++)
        {
            var unit = Plant(name, "", "").TimeUnitS;
            var next = new double[exact.Length];
            Plant(name, "", "", span * unit / (100 << level)).Advance(problem.NominalInitial, [], [], span * unit, next);
            errors[level] = next.Select((v, i) => Math.Abs(v - exact[i]) / (Math.Abs(exact[i]) + 1e-3)).Max();
        }
        output.WriteLine(string.Join(' ', errors.Select(static e => e.ToString("E2"))));
        Assert.InRange(errors[0] / errors[1], 3.5, 4.6);
        Assert.InRange(errors[1] / errors[2], 3.5, 4.6);
    }

    [Theory]
    [InlineData("exothermic-cstr", "Tc,q", "k0,UA", 0.002)]
    [InlineData("klatt-engell", "q,Qk", "k10,kwA", 0.002)]
    [InlineData("klatt-engell", "A0,T0", "", 0.002)]
    [InlineData("van-de-vusse", "", "", 0.002)]
    [InlineData("robertson", "", "k1,k3", 1e-9)]
    [InlineData("penicillin", "F", "mumax,Kp", 0.05)]
    public void Derivatives_are_those_of_the_map(string name, string inputs, string parameters, double share)
    {
        var problem = Catalogue.Find(name);
        var dtS = share * problem.End * Plant(name, inputs, parameters).TimeUnitS;
        var plant = Plant(name, inputs, parameters, dtS / 10.0);
        double[] x = [.. problem.NominalInitial.Select((v, i) => v == 0.0 ? 0.05 * (i + 1) : v)];
        // Where it soon is by itself: its fast mode has no memory of more.
        if (name == "robertson") x[1] = 3e-5;
        double[] u = plant.NominalInputs, p = plant.NominalParameters;
        int n = x.Length, m = u.Length, k = p.Length;
        double[] next = new double[n], a = new double[n * n], b = new double[n * m], e = new double[n * k], alone = new double[n];
        plant.Linearise(x, u, p, dtS, next, a, b, e);
        plant.Advance(x, u, p, dtS, alone);
        Assert.Equal(alone, next);
        OdePlantTests.Compare(u, b, n, (v, y) => plant.Advance(x, v, p, dtS, y));
        OdePlantTests.Compare(p, e, n, (v, y) => plant.Advance(x, u, v, dtS, y));
        // Steps of an absolute size are too long for a state as small as Robertson's second.
        if (name != "robertson") OdePlantTests.Compare(x, a, n, (v, y) => plant.Advance(v, u, p, dtS, y));
        double[] only = new double[n * n], none = [];
        plant.Linearise(x, u, p, dtS, alone, only, none, none);
        Assert.Equal(a, only);
    }

    [Theory]
    [InlineData("penicillin", "F", "mumax")]
    [InlineData("exothermic-cstr", "Tc,q", "k0,UA")]
    public void Lanes_have_the_bits_of_one_at_a_time(string name, string inputs, string parameters) =>
        Plant(name, inputs, parameters, 3.0).Accept<OdePlantTests.LaneCheck, bool>(new OdePlantTests.LaneCheck(false));

    [Fact]
    public void A_mode_that_is_far_too_fast_is_gone_after_one_substep()
    {
        // A -> B at 1e10 times the substep's reach, then B -> C slowly. Without a floor: no fallback may take its place.
        var problem = Catalogue.Find("consecutive");
        var nominal = problem.NominalParameters;
        nominal[0] = 1e10;
        double[] free = [double.NegativeInfinity, double.NegativeInfinity, double.NegativeInfinity], tolerance = [1e-9, 1e-9, 1e-9];
        var n = problem.States.Length;
        var map = new ImplicitPlant<Consecutive>(
            new OdePlant<Consecutive>(new Consecutive(), nominal, [], [], 1.0, 0.01), free[..n], tolerance[..n]);
        double[] next = new double[n], a = new double[n * n];
        var start = problem.NominalInitial;
        map.Linearise(start, [], [], 0.01, next, a, [], []);
        output.WriteLine(string.Join(' ', next));
        Assert.InRange(Math.Abs(next[0]), 0.0, 1e-7 * start[0]);
        Assert.InRange(Math.Abs(a[0]), 0.0, 1e-7);
    }

    [Fact]
    public void Robertsons_kinetics_are_followed_with_substeps_far_above_the_fastest_time_constant()
    {
        var problem = Catalogue.Find("robertson");
        var exact = Reference(problem, problem.NominalInitial, problem.NominalParameters, 400.0);
        var next = new double[3];
        Plant("robertson", "", "", 0.5).Advance(problem.NominalInitial, [], [], 400.0, next);
        output.WriteLine($"{string.Join(' ', next)} for {string.Join(' ', exact)}");
        for (var i = 0; i < 3; i++) Assert.Equal(1.0, next[i] / exact[i], 1e-4);
        Assert.Equal(1.0, next.Sum(), 1e-12);
    }

    [Theory]
    [InlineData(60.0, 1.5e-4)]
    [InlineData(300.0, 1.5e-3)]
    public void A_fed_batch_is_followed_through_the_end_of_its_sugar(double substepS, double tolerance)
    {
        var problem = Penicillin.Problem;
        var plant = Plant("penicillin", "F", "", substepS);
        double[] x = problem.NominalInitial, truth = problem.NominalInitial, next = new double[4], a = new double[16], b = new double[4];
        double least = 0.0, worst = 0.0, worstSlope = 0.0, from = 0.0;
        for (var k = 0; k < Ends.Length; k++)
        {
            var p = problem.NominalParameters;
            p[0] = Fed[k] / 500.0;
            truth = Reference(problem, truth, p, Ends[k] - from);
            const int parts = 10;
            for (var part = 0; part < parts; part++)
            {
                var dtS = (Ends[k] - from) * HourS / parts;
                plant.Linearise(x, [p[0]], [], dtS, next, a, b, []);
                next.CopyTo(x, 0);
                least = Math.Min(least, x[2]);
                // What sugar there was, and what was fed, is the most that can be left.
                worstSlope = Math.Max(worstSlope, Math.Max(Math.Abs(a[10]), Math.Abs(b[2]) / (dtS / HourS * 500.0 / x[3])));
                Assert.All(a, v => Assert.True(double.IsFinite(v)));
            }
            from = Ends[k];
            // By 1 g/L (1 L) and by size; of sugar by 1 g/L alone, which ends within minutes.
            for (var i = 0; i < 4; i++) worst = Math.Max(worst, Math.Abs(x[i] - truth[i]) / (1.0 + (i == 2 ? 0.0 : Math.Abs(truth[i]))));
        }
        output.WriteLine(FormattableString.Invariant($"{x[1] * x[3]:F4} g of {truth[1] * truth[3]:F4}; worst {worst:E2}, least S {least:E1}, slope {worstSlope:F3}"));
        Assert.InRange(least, -1e-9, 0.0);
        Assert.InRange(worst, 0.0, tolerance);
        Assert.Equal(truth[1] * truth[3], x[1] * x[3], 1e-3);
        Assert.InRange(worstSlope, 0.0, 1.01);
    }

    [Theory]
    [InlineData("ekf")]
    [InlineData("ukf")]
    public void A_filter_keeps_a_band_of_sugar_that_makes_sense_alone_and_among_others(string kind)
    {
        var problem = Penicillin.Problem;
        var settings = EstimatorJson.Parse($$"""
            {
              "kind": "{{kind}}", "period-s": 3600, "process-noise": { "X": 3e-4, "P": 1e-4, "S": 3e-4, "V": 2e-5 },
              "initial-sd": { "X": 0.1, "P": 0.01, "S": 0.05, "V": 0.01 }, "estimate": { "mumax": { "sd": 0.011, "walk": 5e-6 } },
              "sensors": { "X": { "noise": 0.2 }, "P": { "noise": 0.05 }, "V": { "noise": 0.01 } }
            }
            """);
        var estimator = Estimator.Create(Plant("penicillin", "F", "mumax", 300.0), settings);
        var memory = estimator.Start(0.0, inputs: [Feed(0.0)]);
        double[][] others = [estimator.Start(0.0, inputs: [Feed(0.0)]), estimator.Start(0.0, inputs: [Feed(0.0)]), estimator.Start(0.0, inputs: [Feed(0.0)])];
        double[] truth = problem.NominalInitial;
        var (worst, off) = (0.0, 0.0);
        for (var hour = 1; hour <= 60; hour++)
        {
            var p = problem.NominalParameters;
            p[0] = Feed(hour - 1.0);
            truth = Reference(problem, truth, p, 1.0);
            var timeS = hour * HourS;
            // A fixed error to and fro in place of noise.
            var sign = hour % 2 == 0 ? 1.0 : -1.0;
            var input = new EstimatorInput(
                timeS, [Feed(hour)],
                [new(0, timeS, truth[0] + (0.2 * sign)), new(1, timeS, truth[1] - (0.05 * sign)), new(2, timeS, truth[3] + (0.01 * sign))]);
            var estimate = estimator.Step(ref memory, input);
            estimator.StepMany(others, [input, input, input]);
            Assert.All(others, other => Assert.Equal(memory, other));
            worst = Math.Max(worst, estimate.Sd[2]);
            off = Math.Max(off, Math.Abs(estimate.Mean[2] - truth[2]));
        }
        output.WriteLine(FormattableString.Invariant($"largest sd of S {worst:F3} g/L, largest error {off:F3} g/L"));
        Assert.InRange(worst, 0.0, 1.0);
        Assert.InRange(off, 0.0, 0.5);
    }

    [Fact]
    public void A_state_below_zero_keeps_what_it_lacks_and_a_slope()
    {
        var plant = Plant("penicillin", "F", "", 60.0);
        double[] next = new double[4], at = new double[4], a = new double[16];
        plant.Linearise([20.0, 3.0, -0.5, 8.0], [0.02], [], HourS, next, a, [], []);
        plant.Advance([20.0, 3.0, 0.0, 8.0], [0.02], [], HourS, at);
        Assert.Equal(at[2] - 0.5, next[2], 12);
        Assert.Equal(at[0], next[0]);
        Assert.Equal(1.0, a[10]);
    }

    [Fact]
    public void What_has_no_solution_is_not_a_number()
    {
        double[] next = new double[4], a = new double[16], b = new double[4];
        Plant("penicillin", "F", "", 60.0).Linearise([20.0, 3.0, 0.1, 0.0], [0.02], [], HourS, next, a, b, []);
        Assert.All(next.Concat(a).Concat(b), v => Assert.True(double.IsNaN(v)));
    }

    [Fact]
    public void The_method_is_named_in_json()
    {
        const string explicitly = """{"benchmark":"penicillin","inputs":["F"],"substep-s":20,"method":"rk4"}""";
        var plain = PlantModels.Create(explicitly.Replace(",\"method\":\"rk4\"", "", StringComparison.Ordinal));
        Assert.Equal(plain.Key, PlantModels.Create(explicitly).Key);
        var other = PlantModels.Create(explicitly.Replace("rk4", "implicit", StringComparison.Ordinal));
        Assert.NotEqual(plain.Key, other.Key);
        Assert.IsType<PlantModel<ImplicitPlant<Penicillin>>>(other);
        var error = Assert.Throws<PlantException>(() => PlantModels.Create(explicitly.Replace("rk4", "euler", StringComparison.Ordinal)));
        Assert.Contains("model.method is \"euler\"; rk4 or implicit would be right", error.Message, StringComparison.Ordinal);
    }

    private static PlantModel Plant(string name, string inputs, string parameters, double substepS = 0.0) => PlantModel.Of(
        Catalogue.Find(name), Split(inputs), Split(parameters), substepS, method: PlantMethod.Implicit);

    private static double Feed(double hour) => Fed[Array.FindIndex(Ends, end => end > hour)] / 500.0;

    private static string[] Split(string names) => names.Split(',', StringSplitOptions.RemoveEmptyEntries);

    private static double[] Reference(OdeProblem problem, double[] initial, double[] parameters, double span) => problem.Solve(new OdeRequest
    {
        Initial = initial,
        Parameters = parameters,
        Start = 0.0,
        Times = [span],
        Method = OdeMethod.Rodas5P,
        Options = problem.DefaultOptions with { RelativeTolerance = 1e-10 },
    }).End.ToArray();
}
