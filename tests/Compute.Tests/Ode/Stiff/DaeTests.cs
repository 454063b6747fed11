using Athanor.Compute.Benchmarks;
using Athanor.Compute.Ode;

namespace Athanor.Compute.Tests.Ode.Stiff;

public sealed class DaeTests
{
    private static readonly OdeOptions Tight = new() { RelativeTolerance = 1e-10, AbsoluteTolerance = 1e-12 };

    [Fact]
    public void A_system_with_a_known_solution_is_met_in_its_differential_and_algebraic_parts_by_both_methods()
    {
        double[] times = [0, 0.5, 1, 4];
        double[] rosenbrock = new double[8], esdirk = new double[8];
        // The algebraic start 7 is far off and is made consistent; what is differential stays.
        Rodas5P.Solve(new Decay(1.3), 0, [1, 7], times, rosenbrock, Tight with { HitOutputTimes = true });
        Esdirk5.Solve(new Decay(1.3), 0, [1, 7], times, esdirk, Tight);
        for (var i = 0; i < times.Length; i++)
        {
            var x = 1 / (1 + (1.3 * times[i]));
            foreach (var values in new[] { rosenbrock, esdirk })
            {
                Assert.InRange(values[2 * i], x * (1 - 2e-9), x * (1 + 2e-9));
                Assert.InRange(values[(2 * i) + 1], x * x * (1 - 2e-8), x * x * (1 + 2e-8));
            }
        }
    }

    [Fact]
    public void The_continuous_extension_serves_algebraic_unknowns_too()
    {
        double[] times = [.. Enumerable.Range(1, 50).Select(i => 0.1 * i)];
        foreach (var rtol in new[] { 1e-5, 1e-8 })
        {
            var y = new double[100];
            Rodas5P.Solve(new Decay(1.3), 0, [1, 1], times, y, new OdeOptions { RelativeTolerance = rtol, AbsoluteTolerance = rtol * 1e-3 });
            var error = times.Select((t, i) => Math.Abs((y[(2 * i) + 1] * (1 + (1.3 * t)) * (1 + (1.3 * t))) - 1)).Max();
            Assert.True(error < 2000 * rtol, $"{error:E1} at rtol {rtol:E0}");
        }
    }

    [Fact]
    public void Rodas5P_keeps_its_order_in_both_parts()
    {
        double[] coarse = Fixed(1.0 / 16), fine = Fixed(1.0 / 64);
        var x = 1 / 2.3;
        Assert.InRange(Math.Log2(Math.Abs(coarse[0] - x) / Math.Abs(fine[0] - x)) / 2, 4.5, 6.0);
        Assert.InRange(Math.Log2(Math.Abs(coarse[1] - (x * x)) / Math.Abs(fine[1] - (x * x))) / 2, 4.5, 6.0);

        static double[] Fixed(double h)
        {
            var output = new double[2];
            var options = new OdeOptions { RelativeTolerance = 0.5, AbsoluteTolerance = 0.5, InitialStep = h, MaxStep = h };
            Rodas5P.Solve(new Decay(1.3), 0, [1, 1], [1], output, options);
            return output;
        }
    }

    [Fact]
    public void A_full_singular_mass_matrix_gives_what_the_diagonal_one_gives()
    {
        double[] diagonal = new double[2], full = new double[2];
        Rodas5P.Solve(new Decay(0.7), 0, [1, 1], [2], diagonal, Tight);
        Rodas5P.Solve(new MixedDecay(0.7), 0, [1, 3], [2], full, Tight);
        for (var i = 0; i < 2; i++) Assert.InRange(full[i] / diagonal[i], 1 - 1e-8, 1 + 1e-8);
    }

    [Fact]
    public void Robertson_with_its_balance_in_place_of_an_equation_ends_where_the_differential_form_does()
    {
        var options = new OdeOptions { RelativeTolerance = 1e-9, AbsoluteTolerance = 1e-14 };
        double[] balance = new double[3], esdirk = new double[3];
        Rodas5P.Solve(new RobertsonBalance(), 0, [1, 0, 0], [1e5], balance, options);
        Esdirk5.Solve(new RobertsonBalance(), 0, [1, 0, 0.3], [1e5], esdirk, options);
        double[] reference = [0.01786592114, 7.274751469e-08, 0.9821340061];
        for (var i = 0; i < 3; i++)
        {
            Assert.InRange(balance[i] / reference[i], 1 - 1e-7, 1 + 1e-7);
            Assert.InRange(esdirk[i] / reference[i], 1 - 1e-7, 1 + 1e-7);
        }
        Assert.InRange(balance.Sum(), 1 - 1e-10, 1 + 1e-10);
        Assert.InRange(esdirk.Sum(), 1 - 1e-10, 1 + 1e-10);
    }

    [Fact]
    public void Sensitivities_of_a_system_with_algebraic_unknowns_are_exact_to_the_tolerance()
    {
        var z = new double[4];
        SensitivitySolver.Stiff(new Decay(1.3), false, 0, [1, 1], [], [2], z, Tight);
        const double X = 1 / 3.6;
        Assert.InRange(z[2] / (-2 * X * X), 1 - 1e-8, 1 + 1e-8);
        Assert.InRange(z[3] / (-4 * X * X * X), 1 - 1e-7, 1 + 1e-7);
    }

    [Fact]
    public void A_mass_matrix_of_index_two_is_refused_with_time_and_equation()
    {
        foreach (var solve in new Action[]
        {
            () => Rodas5P.Solve(new IndexTwo(), 0, [0, 1], [1], new double[2], Tight),
            () => Esdirk5.Solve(new IndexTwo(), 0, [0, 1], [1], new double[2], Tight),
        })
        {
            var error = Assert.Throws<HighIndexException>(solve);
            Assert.Equal((0.0, 1), (error.Time, error.Component));
            Assert.Contains("index above 1", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_start_that_cannot_be_made_consistent_is_refused_with_what_the_equation_is_off_by()
    {
        var error = Assert.Throws<InconsistentStartException>(
            () => Rodas5P.Solve(new NoRoot(), 0, [1, 0.5], [1], new double[2], Tight));
        Assert.Equal(1, error.Component);
        Assert.Contains("no consistent start", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Rodas4_says_which_methods_take_a_mass_matrix() => Assert.Contains(
        "Rodas5P",
        Assert.Throws<ArgumentException>(() => Rodas4.Solve(new Decay(1), 0, [1, 1], [1], new double[2], Tight)).Message, StringComparison.Ordinal);

    /// <summary>x' = -p z, 0 = z - x^2: x = 1 / (1 + p t).</summary>
    private readonly struct Decay(double p) : IParametricOdeModel, IMassOdeModel
    {
        public int Dimension => 2;

        public bool IsAutonomous => true;

        public bool HasDiagonalMass => true;

        public int ParameterCount => 1;

        public double Parameter(int index) => p;

        public void Mass(Span<double> mass) => (mass[0], mass[1]) = (1, 0);

        public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy)
        {
            dy[0] = -p * y[1];
            dy[1] = y[1] - (y[0] * y[0]);
        }

        public void Jacobian(double t, ReadOnlySpan<double> y, Span<double> j)
        {
            j[0] = 0;
            j[1] = -p;
            j[2] = -2 * y[0];
            j[3] = 1;
        }

        public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative) => derivative.Clear();

        public void ParameterDerivatives(double t, ReadOnlySpan<double> y, Span<double> d) => (d[0], d[1]) = (-y[1], 0);
    }

    /// <summary>The same with rows mixed: M = [1 0; 2 0], the second row twice the first plus the algebraic one.</summary>
    private readonly struct MixedDecay(double p) : IMassOdeModel
    {
        public int Dimension => 2;

        public bool IsAutonomous => true;

        public bool HasDiagonalMass => false;

        public void Mass(Span<double> mass) => ((ReadOnlySpan<double>)[1, 0, 2, 0]).CopyTo(mass);

        public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy)
        {
            dy[0] = -p * y[1];
            dy[1] = (-2 * p * y[1]) + y[1] - (y[0] * y[0]);
        }

        public void Jacobian(double t, ReadOnlySpan<double> y, Span<double> j)
        {
            j[0] = 0;
            j[1] = -p;
            j[2] = -2 * y[0];
            j[3] = 1 - (2 * p);
        }

        public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative) => derivative.Clear();
    }

    private readonly struct RobertsonBalance : IMassOdeModel
    {
        public int Dimension => 3;

        public bool IsAutonomous => true;

        public bool HasDiagonalMass => true;

        public void Mass(Span<double> mass) => (mass[0], mass[1], mass[2]) = (1, 1, 0);

        public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy)
        {
            new Robertson().Rhs(t, y, dy);
            dy[2] = y[0] + y[1] + y[2] - 1;
        }

        public void Jacobian(double t, ReadOnlySpan<double> y, Span<double> j)
        {
            new Robertson().Jacobian(t, y, j);
            j[6..].Fill(1);
        }

        public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative) => derivative.Clear();
    }

    /// <summary>x' = z, 0 = x - sin t: z is not in the algebraic equation.</summary>
    private readonly struct IndexTwo : IMassOdeModel
    {
        public int Dimension => 2;

        public bool IsAutonomous => false;

        public bool HasDiagonalMass => true;

        public void Mass(Span<double> mass) => (mass[0], mass[1]) = (1, 0);

        public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy)
        {
            dy[0] = y[1];
            dy[1] = y[0] - Math.Sin(t);
        }

        public void Jacobian(double t, ReadOnlySpan<double> y, Span<double> j) => ((ReadOnlySpan<double>)[0, 1, 1, 0]).CopyTo(j);

        public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> d) => (d[0], d[1]) = (0, -Math.Cos(t));
    }

    /// <summary>0 = z^2 + 1 has no solution.</summary>
    private readonly struct NoRoot : IMassOdeModel
    {
        public int Dimension => 2;

        public bool IsAutonomous => true;

        public bool HasDiagonalMass => true;

        public void Mass(Span<double> mass) => (mass[0], mass[1]) = (1, 0);

        public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy) => (dy[0], dy[1]) = (-y[0], (y[1] * y[1]) + 1);

        public void Jacobian(double t, ReadOnlySpan<double> y, Span<double> j) => ((ReadOnlySpan<double>)[-1, 0, 0, 2 * y[1]]).CopyTo(j);

        public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative) => derivative.Clear();
    }
}
