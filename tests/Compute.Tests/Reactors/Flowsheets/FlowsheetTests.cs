using System.Runtime.Intrinsics;
using Athanor.Compute.Benchmarks;
using Athanor.Compute.Numerics;
using Athanor.Compute.Ode;
using Athanor.Compute.Problems;
using Athanor.Compute.Reactors.Flowsheets;

namespace Athanor.Compute.Tests.Reactors.Flowsheets;

public sealed class FlowsheetTests
{
    private static readonly OdeOptions Tight = new() { RelativeTolerance = 1e-11, AbsoluteTolerance = 1e-12 };

    [Fact]
    public void The_Jacobian_of_a_whole_plant_is_the_derivative_of_its_balances()
    {
        var problem = Sheets.Plant();
        var n = problem.States.Length;
        var p = problem.NominalParameters;
        var y = Point(problem, 3);
        var jacobian = new double[n * n];
        foreach (var t in new[] { 0.5, 1.7, 3.0 })
        {
            problem.Jacobian(t, y, p, jacobian);
            double[] plus = new double[n], minus = new double[n];
            for (var j = 0; j < n; j++)
            {
                var h = 1e-6 * y[j];
                problem.Rhs(t, Shifted(y, j, h), p, plus);
                problem.Rhs(t, Shifted(y, j, -h), p, minus);
                for (var i = 0; i < n; i++)
                {
                    var size = Enumerable.Range(0, n).Sum(k => Math.Abs(jacobian[(i * n) + k] * y[k]));
                    Near((plus[i] - minus[i]) / (2 * h), jacobian[(i * n) + j], (3e-7 * size / y[j]) + 1e-10,
                        $"{problem.States[i].Name} by {problem.States[j].Name}");
                }
            }
        }
    }

    [Fact]
    public void The_parameter_derivatives_of_a_whole_plant_are_those_of_its_balances()
    {
        var problem = Sheets.Plant();
        int n = problem.States.Length, m = problem.Parameters.Length;
        var p = problem.NominalParameters;
        var y = Point(problem, 4);
        var derivatives = new double[m * n];
        problem.ParameterDerivatives(1.7, y, p, derivatives);
        double[] plus = new double[n], minus = new double[n], at = new double[n];
        problem.Rhs(1.7, y, p, at);
        for (var k = 0; k < m; k++)
        {
            var size = p[k] == 0 ? 1.0 : Math.Abs(p[k]);
            var h = 1e-6 * size;
            problem.Rhs(1.7, y, Shifted(p, k, h), plus);
            problem.Rhs(1.7, y, Shifted(p, k, -h), minus);
            for (var i = 0; i < n; i++)
            {
                var all = Math.Abs(at[i]) + Enumerable.Range(0, m).Sum(q => Math.Abs(derivatives[(q * n) + i] * p[q]));
                Near((plus[i] - minus[i]) / (2 * h), derivatives[(k * n) + i], (3e-7 * all / size) + 1e-10,
                    $"{problem.States[i].Name} by {problem.Parameters[k].Name}");
            }
        }
    }

    [Fact]
    public void Lanes_of_a_whole_plant_give_the_bits_of_the_scalar_code()
    {
        var spec = Sheets.Plant().Spec;
        var rates = new TestRates(7.2e10, 8750, 0.05);
        var plant = Plant.Of(spec, TestRates.Names(7.2e10, 8750, 0.05));
        var stretch = new Stretch(plant.Signals, 1.5);
        var nominal = plant.Parameters.Select(x => x.Value).ToArray();
        var model = new FlowsheetModel<TestRates>(plant, stretch, Sparsity.Of(plant, stretch, rates), rates, nominal);
        Assert.False(model.IsAutonomous);
        int n = plant.States.Count, m = nominal.Length;
        Vector512<double>[] y = new Vector512<double>[n], p = new Vector512<double>[m], dy = new Vector512<double>[n];
        var points = Enumerable.Range(0, 8).Select(lane => Point(Sheets.Plant(), lane)).ToArray();
        var times = Vector512.Create(1.5, 1.55, 1.6, 1.65, 1.7, 1.75, 1.8, 1.85);
        for (var i = 0; i < n; i++) y[i] = Vector512.Create(points.Select(x => x[i]).ToArray());
        for (var k = 0; k < m; k++) p[k] = Vector512.Create(Enumerable.Range(0,
            8).Select(lane => nominal[k] * (1 + (0.01 * lane))).ToArray());
        model.RhsLanes(times, y, p, dy);
        var scalar = new double[n];
        for (var lane = 0; lane < 8; lane++)
        {
            model.With(p.Select(x => x[lane]).ToArray()).Rhs(times[lane], points[lane], scalar);
            for (var i = 0; i < n; i++) Assert.Equal(BitConverter.DoubleToInt64Bits(scalar[i]),
                BitConverter.DoubleToInt64Bits(dy[i][lane]));
        }
    }

    [Fact]
    public void A_cooled_tank_is_the_exothermic_benchmark()
    {
        var problem = Sheets.Problem(
            Sheets.Of(
                [
                    new TankSpec("tank", 100)
                    {
                        Initial = [0.5, 0, 0],
                        Isothermal = false,
                        Temperature = Signal.Constant(350),
                        Cooling = new CoolingSpec(5e4, Signal.Constant(305)),
                    },
                ],
                [Sheets.Feed("tank", 100, 1)]),
            k2: 0);
        var end = problem.Solve(new OdeRequest { Options = Tight, Times = [10] }).End;
        var reference = ExothermicCstr.Problem.Solve(new OdeRequest { Options = Tight, Times = [10] }).End;
        Assert.Equal(reference[0], end[0], 1e-8);
        Assert.Equal(reference[1], end[3], 1e-6);
    }

    /// <summary>Without exchange the enthalpy c·dH/(rho cp) + T of an adiabatic batch is constant, and so is the sum of the species.</summary>
    [Fact]
    public void An_adiabatic_batch_warms_by_the_heat_of_reaction_and_keeps_mass_and_energy()
    {
        var problem = Sheets.Problem(
            Sheets.Of([new TankSpec("batch", 5) { Initial = [1, 0, 0], Isothermal = false, Temperature = Signal.Constant(340) }],
                end: 400));
        var trajectory = problem.Solve(new OdeRequest { Method = OdeMethod.Rodas4 });
        for (var row = 0; row < trajectory.Times.Length; row++)
        {
            var y = trajectory.At(row);
            Assert.Equal(1.0, y[0] + y[1] + y[2], 1e-10);
            var heat = ((5e4 * (y[1] + y[2])) + (2e4 * y[2])) / 239.0;
            Assert.Equal(340.0, y[3] - heat, 340 * 1e-10);
        }
        Assert.Equal(340 + (7e4 / 239.0), trajectory.End[3], 1e-3);
    }

    [Fact]
    public void A_semi_batch_fills_by_its_feed_and_loses_nothing()
    {
        var problem = Sheets.Problem(
            Sheets.Of(
                [new TankSpec("kettle", 10) { Initial = [0.2, 0, 0], Temperature = Signal.Constant(330), Outflow = Signal.Constant(0) }],
                [
                    new("feed", "kettle", Signal.Steps(2, (3, 0.5)), [Signal.Constant(1), Signal.Constant(0.1), Signal.Constant(0)],
                        Signal.Constant(330)),
                ]));
        var trajectory = problem.Solve(new OdeRequest { Options = Tight });
        for (var row = 0; row < trajectory.Times.Length; row++)
        {
            var t = trajectory.Times[row];
            var fed = t < 3 ? 2 * t : 6 + (0.5 * (t - 3));
            var y = trajectory.At(row);
            Assert.Equal(10 + fed, y[3], 1e-10 * y[3]);
            Assert.Equal(2 + (1.1 * fed), (y[0] + y[1] + y[2]) * y[3], 1e-10 * (2 + (1.1 * fed)));
        }
    }

    /// <summary>At rest, what enters a plant with a recycle leaves it: species by stoichiometry, heat by the enthalpies.</summary>
    [Fact]
    public void A_plant_with_a_recycle_keeps_mass_and_energy_at_rest()
    {
        var problem = Sheets.Problem(
            Sheets.Of(
                [
                    new TankSpec("tank", 100) { Isothermal = false, Temperature = Signal.Constant(330) },
                    new TubeSpec("tube", 1, 20) { Cells = 6, Isothermal = false, Temperature = Signal.Constant(330), Dispersion = 0.02 },
                ],
                [Sheets.Feed("tank", 50, 1, 320)], [new("tank", "tube"), new("tube", "tank", 0.4)]));
        var end = problem.Solve(new OdeRequest
        {
            Times = [80],
            Options = Tight with { RelativeTolerance = 1e-9 },
            Method = OdeMethod.Tsit5
        }).End;
        var outlet = end[problem.Outlets[4]..];
        Assert.Equal(50.0, problem.Outflow(1, 0, problem.NominalParameters) * 0.6, 1e-10);
        Assert.Equal(50.0 / 0.6, problem.Outflow(0, 0, problem.NominalParameters), 1e-9);
        Assert.Equal(1.0, outlet[0] + outlet[1] + outlet[2], 1e-10);
        Assert.Equal(320.0, outlet[3] - (((5e4 * (outlet[1] + outlet[2])) + (2e4 * outlet[2])) / 239.0), 320 * 1e-10);
        Assert.True(outlet[1] + outlet[2] > 0.1);
    }

    [Fact]
    public void A_solve_stops_at_a_jump_and_sees_each_side_alone()
    {
        UnitProblem Tank(Signal flow, double start) => Sheets.Problem(
            Sheets.Of(
                [new TankSpec("tank", 10) { Initial = [start, 0, 0], Temperature = Signal.Constant(330) }],
                [new("feed", "tank", flow, [Signal.Constant(1), Signal.Constant(0), Signal.Constant(0)],
                    Signal.Constant(330))]), k1: 0, k2: 0);
        // Flow 1 until t = 2, then 5: c = 1 - exp(-∫Q/V).
        var jump = Tank(Signal.Steps(1, (2, 5)), 0);
        Assert.Equal(2.0, Assert.Single(jump.Breaks));
        double[] times = [1, 2, 2.5, 4];
        var trajectory = jump.Solve(new OdeRequest { Times = times, Options = Tight });
        for (var row = 0; row < 4; row++)
        {
            var t = times[row];
            Assert.Equal(1 - Math.Exp(-(Math.Min(t, 2) + (5 * Math.Max(t - 2, 0))) / 10), trajectory[row, 0], 1e-11);
        }
        // A short pulse in a long quiet time is not stepped over.
        var pulse = Tank(Signal.Steps(0, (50, 10), (50.1, 0)), 0);
        Assert.Equal(1 - Math.Exp(-0.1), pulse.Solve(new OdeRequest { Times = [100] }).End[0], 1e-6);
        // A ramp turns at two points; the flow between is t - 1.
        var ramp = Tank(Signal.Ramp(0, 3, 1, 4), 0);
        Assert.Equal(1 - Math.Exp(-(4.5 + 3) / 10), ramp.Solve(new OdeRequest { Times = [5], Options = Tight }).End[0], 1e-11);
    }

    /// <summary>c = 1 - exp(-I / V), I the integral of the flow, over a jump of the flow at t = 2: dc/dV = -I / V² exp(-I / V) and
    /// dc/dc0 = exp(-I / V).</summary>
    [Theory]
    [InlineData(OdeMethod.Tsit5)]
    [InlineData(OdeMethod.Esdirk5)]
    public void Sensitivities_of_a_tank_are_exact_on_both_sides_of_a_jump(OdeMethod method)
    {
        var tank = Sheets.Problem(
            Sheets.Of(
                [new TankSpec("tank", 10) { Temperature = Signal.Constant(330) }],
                [new("feed", "tank", Signal.Steps(1, (2, 5)), [Signal.Constant(1), Signal.Constant(0), Signal.Constant(0)],
                    Signal.Constant(330))]), k1: 0, k2: 0);
        double[] times = [1, 2, 2.5, 4];
        var solved = tank.SolveSensitivities(new OdeRequest
        {
            Times = times,
            SensitivityTo = [tank.ParameterIndex("V")],
            ToInitial = true,
            Method = method,
            Options = new OdeOptions { RelativeTolerance = 1e-9, AbsoluteTolerance = 1e-11 },
        });
        for (var row = 0; row < times.Length; row++)
        {
            var integral = Math.Min(times[row], 2) + (5 * Math.Max(times[row] - 2, 0));
            var left = Math.Exp(-integral / 10);
            Assert.Equal(1 - left, solved.Values[row * 3], 1e-8);
            Assert.Equal(-integral / 100 * left, solved.ToParameter(row, 0, 0), 1e-8);
            Assert.Equal(left, solved.ToInitial![row * 9], 1e-8);
            Assert.Equal(0.0, solved.ToInitial![(row * 9) + 1]);
        }
    }

    /// <summary>Over a ramp's start at t = 1 and over a step at t = 2, to the logarithms of the parameters. The differences need a wide
    /// step: a tube's limited slopes have kinks, at which two solves with nearly the same parameter take different steps; with a step
    /// of 1e-4 that alone is 0.5 % of a difference, and of 1e-2 nothing.</summary>
    [Theory]
    [InlineData(0.98, 1.0, 1.05)]
    [InlineData(1.98, 2.0, 2.05)]
    public void Sensitivities_are_carried_across_jumps(double start, double jump, double end)
    {
        var problem = Sheets.Plant();
        double[] times = [jump, end];
        var p = problem.NominalParameters;
        int[] to = [problem.ParameterIndex("k2"), problem.ParameterIndex("tank.UA"), problem.ParameterIndex("side.flow")];
        var exact = problem.SolveSensitivities(new OdeRequest
        {
            Start = start,
            Times = times,
            SensitivityTo = to,
            Logarithmic = true,
            Method = OdeMethod.Tsit5,
            Options = new OdeOptions { RelativeTolerance = 1e-7, AbsoluteTolerance = 1e-8 },
        });
        for (var k = 0; k < to.Length; k++)
        {
            double[] End(double by) => problem.Solve(new OdeRequest
            {
                Start = start,
                Times = times,
                Parameters = Shifted(p, to[k], by * p[to[k]]),
                Options = new OdeOptions { RelativeTolerance = 1e-10, AbsoluteTolerance = 1e-11 },
                Method = OdeMethod.Tsit5,
            }).Values;
            double[] plus = End(1e-2), minus = End(-1e-2);
            for (var row = 0; row < times.Length; row++)
            {
                for (var i = 0; i < problem.States.Length; i++)
                {
                    var at = (row * problem.States.Length) + i;
                    var difference = (plus[at] - minus[at]) / 2e-2;
                    Near(difference, exact.ToParameter(row, k, i), (1e-4 * Math.Abs(difference)) + 1e-6,
                        $"{problem.States[i].Name} by {problem.Parameters[to[k]].Name} at row {row}");
                }
            }
        }
    }

    [Fact]
    public void A_batch_of_trajectories_crosses_jumps_as_each_alone()
    {
        var problem = Sheets.Plant();
        var m = problem.Parameters.Length;
        var parameters = new double[5 * m];
        for (var i = 0; i < 5; i++)
        {
            problem.NominalParameters.CopyTo(parameters, i * m);
            parameters[(i * m) + problem.ParameterIndex("k2")] = 0.02 * (i + 1);
        }
        double[] times = [1, 2, 3.5];
        var batch = problem.SolveMany(new OdeBatch { Count = 5, Parameters = parameters, Times = times, Method = OdeMethod.Tsit5 });
        for (var i = 0; i < 5; i++)
        {
            var alone = problem.Solve(new OdeRequest
            {
                Parameters = parameters.AsSpan(i * m, m).ToArray(),
                Times = times,
                Method = OdeMethod.Tsit5
            });
            for (var row = 0; row < 3; row++)
            {
                for (var s = 0; s < problem.States.Length; s++)
                    Assert.Equal(alone[row, s], batch.At(i, row)[s], 1e-4 * Math.Max(1, Math.Abs(alone[row, s])));
            }
        }
    }

    [Fact]
    public void What_cannot_be_is_refused_by_name_and_value()
    {
        void Refused(string part, Func<FlowsheetSpec> spec) =>
            Assert.Contains(part, Assert.Throws<ArgumentException>(() => Sheets.Problem(spec())).Message, StringComparison.Ordinal);
        Refused("the volume of unit 'tank' is -5", () => Sheets.Of([new TankSpec("tank", -5)]));
        Refused("two units are called 'a'", () => Sheets.Of([new TankSpec("a", 1), new TankSpec("a", 1)]));
        Refused("'feed' goes to 'tnak'", () => Sheets.Of([new TankSpec("tank", 1)], [Sheets.Feed("tnak", 1, 1)]));
        Refused("is isothermal and cannot be cooled",
            () => Sheets.Of([new TankSpec("tank", 1) { Cooling = new(1, Signal.Constant(300)) }]));
        Refused("take 1.2 of its outlet",
            () => Sheets.Of([new TankSpec("a", 1), new TankSpec("b", 1)], [], [new("a", "b", 0.6), new("a", "a", 0.6)]));
        Refused("goes round without leaving",
            () => Sheets.Of([new TankSpec("a", 1), new TankSpec("b", 1)], [Sheets.Feed("a", 1, 1)], [new("a", "b"), new("b", "a")]));
        Refused("cells; from 3", () => Sheets.Of([new TubeSpec("tube", 1, 1) { Cells = 1 }]));
        Refused("the flow of feed 'feed' is -1", () => Sheets.Of([new TankSpec("tank", 1)], [Sheets.Feed("tank", -1, 1)]));
        Assert.Contains("times must rise", Assert.Throws<ArgumentException>(() => Signal.Steps(1, (2, 1), (1, 2))).Message,
            StringComparison.Ordinal);
    }

    private static double[] Point(OdeProblem problem, int trial)
    {
        var random = new Philox(7, (ulong)trial);
        return [.. problem.States.Select(s => s.Unit == "K" ? random.NextDouble(300,
            380) : s.Name.EndsWith('V') ? 40.0 : random.NextDouble(0.1, 1.1))];
    }

    private static double[] Shifted(double[] values, int index, double by)
    {
        var shifted = (double[])values.Clone();
        shifted[index] += by;
        return shifted;
    }

    private static void Near(double expected, double actual, double tolerance, string what) => Assert.True(
        Math.Abs(expected - actual) <= tolerance, FormattableString.Invariant($"{what}: {actual:R} by the model, {expected:R} by differences, tolerance {tolerance:G2}"));
}
