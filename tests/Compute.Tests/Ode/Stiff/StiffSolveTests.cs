using Athanor.Compute.Benchmarks;
using Athanor.Compute.Ode;

namespace Athanor.Compute.Tests.Ode.Stiff;

public sealed class StiffSolveTests
{
    [Theory]
    [InlineData(1e-6)]
    [InlineData(1e-8)]
    [InlineData(1e-10)]
    public void Sensitivities_to_parameters_and_start_of_a_stiff_chain_are_exact_to_the_tolerance(double rtol)
    {
        // A -> B -> C with k1 = 1000, k2 = 1: B = k1 / (k1 - k2) (e^(-k2 t) - e^(-k1 t)).
        const double K1 = 1000, K2 = 1, T = 0.5;
        var z = new double[2 * 5];
        var options = new OdeOptions { RelativeTolerance = rtol, AbsoluteTolerance = rtol * 1e-6 };
        var statistics = SensitivitySolver.Stiff(
            new Chain(K1, K2), false, 0, [1, 0], [0, 0, 0, 0, 1, 0, 0, 1], [T], z, options);
        Assert.True(statistics.Accepted > 0);
        double e2 = Math.Exp(-K2 * T), d = K1 - K2;
        var b = K1 / d * e2;
        AssertClose(b, z[1], 20 * rtol);
        AssertClose(-K2 / (d * d) * e2, z[3], 200 * rtol);
        AssertClose((K1 / (d * d) * e2) - (b * T), z[5], 20 * rtol);
        AssertClose(K1 / d * e2, z[7], 20 * rtol);
        AssertClose(e2, z[9], 20 * rtol);
    }

    [Fact]
    public void Auto_leaves_the_explicit_method_where_it_is_stiff_and_comes_back_where_it_is_not()
    {
        var model = new Fading();
        var options = new OdeOptions { RelativeTolerance = 1e-6, AbsoluteTolerance = 1e-8 };
        var y = new double[2];
        var (statistics, method) = AutoSolve.Write(model, 0, [1], [3, 60], y, options);
        Assert.Equal(AutoMethod.Tsit5, method);
        Assert.InRange(y[0] - Math.Cos(3), -1e-5, 1e-5);
        Assert.InRange(y[1] - Math.Cos(60), -1e-5, 1e-5);
        var alone = Tsit5.Solve(model, 0, [1], [60], new double[1], options);
        Assert.True(2 * statistics.RhsEvaluations < alone.RhsEvaluations, $"{statistics.RhsEvaluations} against {alone.RhsEvaluations}");
        (_, method) = AutoSolve.Write(model, 0, [1], [1], new double[1], options);
        Assert.Equal(AutoMethod.Rodas5P, method);
    }

    [Fact]
    public void Auto_gives_sensitivities_across_the_switch()
    {
        var options = new OdeOptions { RelativeTolerance = 1e-9, AbsoluteTolerance = 1e-14 };
        double[] both = new double[12], stiff = new double[12];
        var (_, method) = AutoSolve.WriteSensitivities(new Robertson(), true, 0, Starts.Robertson, [], [4e3], both, options);
        SensitivitySolver.Stiff(new Robertson(), true, 0, Starts.Robertson, [], [4e3], stiff, options);
        Assert.Equal(AutoMethod.Esdirk5, method);
        for (var i = 0; i < 12; i++) AssertClose(stiff[i], both[i], 1e-6);
    }

    [Fact]
    public void A_Jacobian_that_is_NaN_is_reported_with_time_and_components_by_every_method()
    {
        foreach (var solve in new Action[]
        {
            () => Rodas5P.Solve(new BadJacobian(), 0, [1, 1], [2], new double[2], new OdeOptions()),
            () => Esdirk5.Solve(new BadJacobian(), 0, [1, 1], [2], new double[2], new OdeOptions()),
        })
        {
            var error = Assert.Throws<NonFiniteJacobianException>(solve);
            Assert.Equal((1, 0), (error.Component, error.Column));
            Assert.InRange(error.Time, 0.4, 1.5);
            Assert.Contains("Jacobian is NaN", error.Message, StringComparison.Ordinal);
            Assert.Contains("state T of x", error.Named("state T of x").Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Models_whose_right_hand_side_becomes_NaN_are_reported()
    {
        Assert.Equal(1, Assert.Throws<NonFiniteException>(
            () => Rodas5P.Solve(new Ending(), 0, [1, 1], [2], new double[2], new OdeOptions())).Component);
        Assert.Equal(1, Assert.Throws<NonFiniteException>(
            () => Esdirk5.Solve(new Ending(), 0, [1, 1], [2], new double[2], new OdeOptions())).Component);
    }

    private static void AssertClose(double expected, double actual, double relative) =>
        Assert.True(Math.Abs(actual - expected) <= relative * Math.Abs(expected), $"{actual:R}, not {expected:R}");

    private readonly struct Chain(double k1, double k2) : IParametricOdeModel
    {
        public int Dimension => 2;

        public bool IsAutonomous => true;

        // k1, k2, and the two amounts at the start, which the right-hand side does not see.
        public int ParameterCount => 4;

        public double Parameter(int index) => index == 0 ? k1 : k2;

        public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy) => (dy[0], dy[1]) = (-k1 * y[0], (k1 * y[0]) - (k2 * y[1]));

        public void Jacobian(double t, ReadOnlySpan<double> y, Span<double> j) => ((ReadOnlySpan<double>)[-k1, 0, k1, -k2]).CopyTo(j);

        public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative) => derivative.Clear();

        public void ParameterDerivatives(double t, ReadOnlySpan<double> y, Span<double> d)
        {
            d.Clear();
            (d[0], d[1], d[3]) = (-y[0], y[0], -y[1]);
        }
    }

    /// <summary>y' = -r(t) (y - cos t) - sin t from 1: y = cos t; r falls from 2e4 to nothing.</summary>
    private readonly struct Fading : IStiffOdeModel
    {
        public int Dimension => 1;

        public bool IsAutonomous => false;

        public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy) => dy[0] = (-Rate(t) * (y[0] - Math.Cos(t))) - Math.Sin(t);

        public void Jacobian(double t, ReadOnlySpan<double> y, Span<double> j) => j[0] = -Rate(t);

        public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> d)
        {
            var slope = -8 * Math.Pow(t / 2, 7) / 2 * 2e4 / Math.Pow(1 + Math.Pow(t / 2, 8), 2);
            d[0] = (-slope * (y[0] - Math.Cos(t))) - (Rate(t) * Math.Sin(t)) - Math.Cos(t);
        }

        private static double Rate(double t) => 2e4 / (1 + Math.Pow(t / 2, 8));
    }

    /// <summary>df2/dy1 is NaN from t = 0.5 on.</summary>
    private readonly struct BadJacobian : IStiffOdeModel
    {
        public int Dimension => 2;

        public bool IsAutonomous => true;

        public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy) => (dy[0], dy[1]) = (-y[0], y[0] - y[1]);

        public void Jacobian(double t, ReadOnlySpan<double> y, Span<double> j) =>
            ((ReadOnlySpan<double>)[-1, 0, t < 0.5 ? 1 : double.NaN, -1]).CopyTo(j);

        public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative) => derivative.Clear();
    }

    private readonly struct Ending : IStiffOdeModel
    {
        public int Dimension => 2;

        public bool IsAutonomous => true;

        public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy) => (dy[0], dy[1]) = (-y[0], t < 1 ? -y[1] : double.NaN);

        public void Jacobian(double t, ReadOnlySpan<double> y, Span<double> j) => ((ReadOnlySpan<double>)[-1, 0, 0, -1]).CopyTo(j);

        public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative) => derivative.Clear();
    }
}
