using Athanor.Compute.Ode;
using Athanor.Compute.Problems;
using Athanor.Compute.Reactors.Flowsheets;
using Xunit.Abstractions;

namespace Athanor.Compute.Tests.Reactors.Flowsheets;

public sealed class TubeTests(ITestOutputHelper output)
{
    /// <summary>A tube of 1 m, 1 m², 0.5 m³/s; A → B with k1 at rest is c_out = exp(-k1 τ), τ = 2 s.</summary>
    private static UnitProblem Tube(int cells, double k1, double dispersion = 0, bool firstOrder = false, double[]? initial = null,
        double flow = 0.5) =>
        Sheets.Problem(
            Sheets.Of(
                [new TubeSpec("tube", 1, 1) { Cells = cells, Dispersion = dispersion, FirstOrder = firstOrder,
                    Initial = [.. initial ?? []] }],
                [Sheets.Feed("tube", flow, 1)]), k1: k1, activation: 0, k2: 0);

    private static double Outlet(UnitProblem problem, double t = 25)
    {
        var options = new OdeOptions { RelativeTolerance = 1e-8, AbsoluteTolerance = 1e-10 };
        return problem.Solve(new OdeRequest { Times = [t], Options = options, Method = OdeMethod.Tsit5 }).End[problem.Outlets[0]];
    }

    [Fact]
    public void A_first_order_reaction_converges_to_the_closed_form_with_second_order()
    {
        var exact = Math.Exp(-2.0);
        var errors = new[] { 20, 40, 80 }.Select(cells => Math.Abs(Outlet(Tube(cells, 1.0)) - exact)).ToArray();
        output.WriteLine(FormattableString.Invariant($"errors at 20, 40, 80 cells: {errors[0]:E2}, {errors[1]:E2}, {errors[2]:E2}"));
        Assert.True(errors[2] < 2e-4);
        Assert.True(Math.Log2(errors[0] / errors[1]) > 1.8 && Math.Log2(errors[1] / errors[2]) > 1.85);
        var upwind = Math.Abs(Outlet(Tube(80, 1.0, firstOrder: true)) - exact);
        Assert.True(upwind > 8 * errors[2], FormattableString.Invariant($"first order {upwind:E2}"));
    }

    /// <summary>P. Danckwerts, Chemical Engineering Science 2 (1953): with a = √(1 + 4 Da/Pe),
    /// c = 4a exp(Pe/2) / ((1 + a)² exp(a Pe/2) - (1 - a)² exp(-a Pe/2)).</summary>
    [Theory]
    [InlineData(2.0)]
    [InlineData(10.0)]
    [InlineData(50.0)]
    public void Dispersion_with_closed_ends_converges_to_Danckwerts_solution(double peclet)
    {
        const double Damkohler = 2.0;
        var a = Math.Sqrt(1 + (4 * Damkohler / peclet));
        var exact = 4 * a * Math.Exp(peclet / 2)
            / (((1 + a) * (1 + a) * Math.Exp(a * peclet / 2)) - ((1 - a) * (1 - a) * Math.Exp(-a * peclet / 2)));
        double coarse = Math.Abs(Outlet(Tube(25, 1.0, 0.5 / peclet)) - exact), fine = Math.Abs(Outlet(Tube(50, 1.0, 0.5 / peclet)) - exact);
        // At Pe = 50 the errors of advection and of the last cell nearly cancel on both grids.
        output.WriteLine(FormattableString.Invariant($"Pe {peclet}: exact {exact:F6}, errors {coarse:E2}, {fine:E2}"));
        Assert.True(fine < 2e-4);
        Assert.True(fine < 0.4 * coarse || fine < 5e-5);
    }

    /// <summary>A smooth front carried half the tube's length: the error in the mean falls with the square of the cells.</summary>
    [Fact]
    public void Smooth_profiles_are_advected_with_second_order()
    {
        double Profile(double z) => 0.5 * (1 - Math.Tanh((z - 0.3) / 0.05));
        double Error(int cells, bool firstOrder)
        {
            var problem = Tube(cells, 0, firstOrder: firstOrder);
            var start = problem.NominalInitial;
            for (var k = 0; k < cells; k++) start[3 * k] = Profile((k + 0.5) / cells);
            var options = new OdeOptions { RelativeTolerance = 1e-9, AbsoluteTolerance = 1e-11 };
            var end = problem.Solve(new OdeRequest { Initial = start, Times = [1.0], Options = options, Method = OdeMethod.Tsit5 }).End;
            var sum = 0.0;
            for (var k = 0; k < cells; k++) sum += Math.Abs(end[3 * k] - Profile(((k + 0.5) / cells) - 0.5));
            return sum / cells;
        }
        double[] errors = [Error(80, false), Error(160, false), Error(320, false)];
        var first = Math.Log2(Error(160, true) / Error(320, true));
        output.WriteLine(FormattableString.Invariant(
            $"errors {errors[0]:E2}, {errors[1]:E2}, {errors[2]:E2}: orders {Math.Log2(errors[0] / errors[1]):F2}, {Math.Log2(errors[1] / errors[2]):F2}; upwind {first:F2}"));
        Assert.True(Math.Log2(errors[1] / errors[2]) > 1.9);
        Assert.True(first < 1.1);
    }

    [Fact]
    public void A_step_is_advected_without_overshoot()
    {
        var problem = Tube(100, 0);
        var options = new OdeOptions { RelativeTolerance = 1e-9, AbsoluteTolerance = 1e-11 };
        var times = Enumerable.Range(0, 60).Select(i => 0.05 * (i + 1)).ToArray();
        var trajectory = problem.Solve(new OdeRequest { Times = times, Options = options, Method = OdeMethod.Tsit5 });
        var all = Enumerable.Range(0, times.Length).SelectMany(row => Enumerable.Range(0,
            100).Select(k => trajectory[row, 3 * k])).ToArray();
        // What is left is the error of the integration in time, of the size of its tolerance.
        Assert.InRange(all.Max(), 0.99999, 1 + 1e-7);
        Assert.InRange(all.Min(), -1e-7, 1e-3);
        // Monotone along the tube, and sharper than first-order upwind: fewer cells between 5 and 95 %.
        var front = Enumerable.Range(0, 100).Select(k => trajectory[19, 3 * k]).ToArray();
        for (var k = 1; k < 100; k++) Assert.True(front[k] <= front[k - 1] + 1e-7);
        var upwind = Tube(100, 0, firstOrder: true).Solve(new OdeRequest { Times = [1.0], Options = options }).End.ToArray();
        int Width(Func<int, double> at) => Enumerable.Range(0, 100).Count(k => at(k) is > 0.05 and < 0.95);
        Assert.True(Width(k => front[k]) * 2.5 < Width(k => upwind[3 * k]),
            $"{Width(k => front[k])} and {Width(k => upwind[3 * k])} cells");
    }

    /// <summary>The scheme itself makes no new extremum: where a cell is highest among its neighbours it does not rise.</summary>
    [Fact]
    public void A_cell_that_is_highest_among_its_neighbours_does_not_rise()
    {
        var problem = Tube(200, 0);
        var random = new Athanor.Compute.Numerics.Philox(31);
        var y = problem.NominalInitial;
        var dy = new double[y.Length];
        for (var trial = 0; trial < 50; trial++)
        {
            for (var k = 0; k < 200; k++) y[3 * k] = random.NextDouble();
            problem.Rhs(0, y, problem.NominalParameters, dy);
            for (var k = 1; k < 199; k++)
            {
                double before = y[3 * (k - 1)], here = y[3 * k], after = y[3 * (k + 1)];
                if (here >= before && here >= after) Assert.True(dy[3 * k] <= 0, $"cell {k} of trial {trial}, seed 31");
                if (here <= before && here <= after) Assert.True(dy[3 * k] >= 0, $"cell {k} of trial {trial}, seed 31");
            }
        }
    }

    [Fact]
    public void A_tube_without_flow_is_a_batch_in_every_cell()
    {
        var problem = Tube(5, 1.0, initial: [1, 0, 0], flow: 0);
        var end = problem.Solve(new OdeRequest
        {
            Times = [1],
            Options = new OdeOptions { RelativeTolerance = 1e-10, AbsoluteTolerance = 1e-12 }
        }).End;
        for (var k = 0; k < 5; k++) Assert.Equal(Math.Exp(-1), end[3 * k], 1e-9);
    }

    /// <summary>S. Ergun's equation with its groups as numbers: water, 10 L/min through 0.01 m², so 1/60 m/s; particles of 2 mm. And
    /// laminar flow in an empty tube is Hagen's and Poiseuille's 8 mu L Q / (pi r⁴).</summary>
    [Fact]
    public void A_liquid_loses_pressure_by_Ergun_s_equation_or_by_Hagen_and_Poiseuille_s()
    {
        UnitProblem With(LiquidPathSpec path) => Sheets.Problem(
            Sheets.Of([new TubeSpec("tube", 2, 10) { Liquid = path }], [Sheets.Feed("tube", 10, 1)]) with { Seconds = 60, CubicMetres = 1e-3 });
        var packed = With(new LiquidPathSpec(1000) { Particle = 2e-3 });
        const double Speed = 1.0 / 60, Reynolds = Speed * 2e-3 * 1000 / 1e-3;
        // f = 150/Re' + 1.75 with Re' = Re/(1 - e); dP = f rho u² L/d (1 - e)/e³.
        var exact = ((150 * 0.6 / Reynolds) + 1.75) * 1000 * Speed * Speed * 2 / 2e-3 * 0.6 / 0.064;
        Assert.Equal(exact, packed.PressureDrop(0, 0, packed.NominalParameters)!.Value, 1e-9 * exact);
        var empty = With(new LiquidPathSpec(1000) { Viscosity = 0.5, Friction = 0 });
        var poiseuille = 8 * 0.5 * 2 * (0.01 / 60) / (Math.PI * Math.Pow(0.01 / Math.PI, 2));
        Assert.Equal(poiseuille, empty.PressureDrop(0, 0, empty.NominalParameters)!.Value, 1e-9 * poiseuille);
        Assert.Null(Tube(5, 0).PressureDrop(0, 0, Tube(5, 0).NominalParameters));
    }

    /// <summary>An adiabatic tube at rest: T_out = T_in + heat of what has reacted, cell by cell.</summary>
    [Fact]
    public void An_adiabatic_tube_warms_by_the_heat_of_reaction()
    {
        var problem = Sheets.Problem(
            Sheets.Of(
                [new TubeSpec("tube", 1, 1) { Cells = 30, Isothermal = false, Temperature = Signal.Constant(350), Dispersion = 0.01 }],
                [Sheets.Feed("tube", 0.5, 1, 350)]));
        var end = problem.Solve(new OdeRequest
        {
            Times = [16],
            Method = OdeMethod.Tsit5,
            Options = new OdeOptions { RelativeTolerance = 1e-9, AbsoluteTolerance = 1e-11 }
        }).End;
        var outlet = end[problem.Outlets[0]..];
        Assert.Equal(1.0, outlet[0] + outlet[1] + outlet[2], 1e-10);
        Assert.Equal(350.0, outlet[3] - (((5e4 * (outlet[1] + outlet[2])) + (2e4 * outlet[2])) / 239.0), 350 * 1e-10);
        Assert.True(outlet[3] > 500);
    }
}
