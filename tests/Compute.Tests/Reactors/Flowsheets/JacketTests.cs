using Athanor.Compute.Ode;
using Athanor.Compute.Problems;
using Athanor.Compute.Reactors.Flowsheets;
using Xunit.Abstractions;

namespace Athanor.Compute.Tests.Reactors.Flowsheets;

/// <summary>Tubes whose coolant has its own balance.</summary>
public sealed class JacketTests(ITestOutputHelper output)
{
    private const double Hot = 360, Cold = 300, Flow = 0.5, Capacity = 239, Coolant = 80, Transfer = 150;

    /// <summary>1 m, 1 m² (so a volume of 1), content 0.5·239 J/(K min), coolant 80.</summary>
    private static UnitProblem Exchanger(int cells, bool counter) => Sheets.Problem(
        Sheets.Of(
            [
                new TubeSpec("tube", 1, 1)
                {
                    Cells = cells,
                    Isothermal = false,
                    Temperature = Signal.Constant(330),
                    Cooling = new CoolingSpec(Transfer, Signal.Constant(Cold), new JacketSpec(50, Signal.Constant(Coolant), 310, counter)),
                },
            ],
            [Sheets.Feed("tube", Flow, 0, Hot)]), k1: 0, activation: 0, k2: 0);

    private static (double Content, double Coolant) AtRest(int cells, bool counter)
    {
        var problem = Exchanger(cells, counter);
        var end = problem.Solve(new OdeRequest
        {
            Times = [60],
            Method = OdeMethod.Tsit5,
            Options = new OdeOptions { RelativeTolerance = 1e-10, AbsoluteTolerance = 1e-10 },
        }).End;
        return (end[problem.Outlets[3]], end[problem.Outlets[4]]);
    }

    /// <summary>The effectiveness of a heat exchanger (W. Kays, A. London, Compact Heat Exchangers): with N = UA/Cmin and C = Cmin/Cmax,
    /// (1 - exp(-N (1 + C)))/(1 + C) in co-current, (1 - exp(-N (1 - C)))/(1 - C exp(-N (1 - C))) in counter-current flow.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_jacket_at_rest_has_the_effectiveness_of_its_heat_exchanger(bool counter)
    {
        const double Content = Flow * Capacity, N = Transfer / Coolant, C = Coolant / Content;
        var effectiveness = counter
            ? (1 - Math.Exp(-N * (1 - C))) / (1 - (C * Math.Exp(-N * (1 - C)))) : (1 - Math.Exp(-N * (1 + C))) / (1 + C);
        var exact = Cold + (effectiveness * (Hot - Cold));
        var errors = new List<double>();
        foreach (var cells in new[] { 10, 20, 40 })
        {
            var (content, coolant) = AtRest(cells, counter);
            errors.Add(Math.Abs(coolant - exact));
            // What the content has lost the coolant has.
            Assert.Equal(Content * (Hot - content), Coolant * (coolant - Cold), 1e-7 * Content * Hot);
        }
        output.WriteLine(FormattableString.Invariant(
            $"coolant leaves at {exact:F4} K; errors with 10, 20, 40 cells: {errors[0]:E2}, {errors[1]:E2}, {errors[2]:E2}"));
        Assert.True(errors[2] < 0.02);
        Assert.True(Math.Log2(errors[1] / errors[2]) > 1.7);
    }

    [Fact]
    public void Content_and_coolant_together_gain_what_enters_less_what_leaves()
    {
        foreach (var counter in new[] { false, true })
        {
            var problem = Exchanger(6, counter);
            var random = new Athanor.Compute.Numerics.Philox(3);
            var y = problem.NominalInitial;
            var dy = new double[y.Length];
            for (var i = 0; i < y.Length; i++) y[i] = problem.States[i].Unit == "K" ? random.NextDouble(300, 400) : 0.0;
            problem.Rhs(0, y, problem.NominalParameters, dy);
            var gained = 0.0;
            for (var k = 0; k < 6; k++) gained += (Capacity * dy[(5 * k) + 3] / 6) + (50 * dy[(5 * k) + 4] / 6);
            var outlet = counter ? y[4] : y[29];
            var entered = (Flow * Capacity * (Hot - y[28])) + (Coolant * (Cold - outlet));
            Assert.Equal(entered, gained, 1e-10 * Flow * Capacity * Hot);
        }
    }

    [Fact]
    public void Its_Jacobian_is_the_derivative_of_its_balances()
    {
        var problem = Exchanger(5, counter: true);
        int n = problem.States.Length;
        var random = new Athanor.Compute.Numerics.Philox(9);
        double[] p = problem.NominalParameters, jacobian = new double[n * n], plus = new double[n], minus = new double[n];
        double[] y = [.. problem.States.Select(s => s.Unit == "K" ? random.NextDouble(300, 380) : random.NextDouble(0.1, 1))];
        problem.Jacobian(0, y, p, jacobian);
        for (var j = 0; j < n; j++)
        {
            double old = y[j], h = 1e-6 * old;
            y[j] = old + h;
            problem.Rhs(0, y, p, plus);
            y[j] = old - h;
            problem.Rhs(0, y, p, minus);
            y[j] = old;
            for (var i = 0; i < n; i++)
            {
                var row = Enumerable.Range(0, n).Sum(k => Math.Abs(jacobian[(i * n) + k] * y[k]));
                Assert.Equal((plus[i] - minus[i]) / (2 * h), jacobian[(i * n) + j], (3e-7 * row / old) + 1e-10);
            }
        }
    }
}
