using Athanor.Compute.Ode;
using Athanor.Compute.Problems;
using Athanor.Compute.Reactors.Flowsheets;
using Athanor.Compute.Thermo;

namespace Athanor.Compute.Tests.Reactors.Flowsheets;

public sealed class TubeProfileTests
{
    private static readonly OdeOptions Tight = new() { RelativeTolerance = 1e-12, AbsoluteTolerance = 1e-12 };

    private static TubeProfileSpec Spec { get; } = new()
    {
        Name = "bed",
        Gas = [NasaTable.Find("CO2"), NasaTable.Find("CO"), NasaTable.Find("O2")],
        Stoichiometry = [-2, 2, 1, 0, 0, 0],
        Inlet = [1.0, 0.0, 0.2],
        Temperature = 1500,
        Pressure = 3e5,
        Length = 2,
        Area = 0.02,
        Particle = 0.004,
    };

    /// <summary>Without reaction P dP = -(150 mu (1-e)²/(e³ d²) + 1.75 (1-e) G/(e³ d)) (n R T / A) dz, so P² falls in a straight line.</summary>
    [Fact]
    public void Ergun_s_pressure_drop_of_an_isothermal_gas_has_its_closed_form()
    {
        var spec = Spec with { Isothermal = true };
        var problem = TubeProfile.Problem(spec, new TestRates(0, 0, 0), TestRates.Names(0, 0, 0));
        var end = problem.Solve(new OdeRequest { Options = Tight }).End;
        double e = spec.Voidage, d = spec.Particle, g = ((1.0 * 44.0095e-3) + (0.2 * 31.9988e-3)) / spec.Area;
        var resistance = (150 * spec.Viscosity * (1 - e) * (1 - e) / (e * e * e * d * d)) + (1.75 * (1 - e) * g / (e * e * e * d));
        var exact = Math.Sqrt((3e5 * 3e5) - (2 * resistance * 1.2 * NasaSpecies.GasConstant * 1500 / spec.Area * spec.Length));
        Assert.Equal(exact, end[4], 1e-8 * exact);
        Assert.InRange(end[4], 1e5, 2.999e5);
    }

    [Fact]
    public void An_adiabatic_bed_keeps_enthalpy_and_atoms()
    {
        var problem = TubeProfile.Problem(Spec, new TestRates(0.5, 4000, 0), TestRates.Names(0.5, 4000, 0));
        var trajectory = problem.Solve(new OdeRequest { Options = Tight });
        double Enthalpy(ReadOnlySpan<double> y)
        {
            var sum = 0.0;
            for (var i = 0; i < 3; i++) sum += y[i] * Spec.Gas[i].Enthalpy(y[3]);
            return sum;
        }
        var start = Enthalpy(trajectory.At(0));
        var end = trajectory.End;
        Assert.Equal(start, Enthalpy(end), 1e-10 * Math.Abs(start));
        Assert.Equal(1.0, end[0] + end[1], 1e-10);
        Assert.Equal(2.4, (2 * end[0]) + end[1] + (2 * end[2]), 2.4e-10);
        Assert.True(end[3] < 1490 && end[1] > 0.001);
    }

    [Fact]
    public void Its_Jacobian_and_parameter_derivatives_are_those_of_its_balances()
    {
        var spec = Spec with { Transfer = 3e4, Coolant = 1200 };
        var problem = TubeProfile.Problem(spec, new TestRates(40, 4000, 0.1), TestRates.Names(40, 4000, 0.1));
        double[] y = [0.8, 0.2, 0.3, 1400, 2.8e5], p = problem.NominalParameters;
        int n = 5, m = p.Length;
        double[] jacobian = new double[n * n], byP = new double[m * n], plus = new double[n], minus = new double[n];
        problem.Jacobian(0, y, p, jacobian);
        problem.ParameterDerivatives(0, y, p, byP);
        for (var j = 0; j < n + m; j++)
        {
            var isState = j < n;
            var size = isState ? y[j] : p[j - n];
            var h = 1e-5 * size;
            void Evaluate(double by, double[] result)
            {
                double[] ys = (double[])y.Clone(), ps = (double[])p.Clone();
                if (isState) ys[j] += by;
                else ps[j - n] += by;
                problem.Rhs(0, ys, ps, result);
            }
            Evaluate(h, plus);
            Evaluate(-h, minus);
            for (var i = 0; i < n; i++)
            {
                var derivative = isState ? jacobian[(i * n) + j] : byP[((j - n) * n) + i];
                var difference = (plus[i] - minus[i]) / (2 * h);
                Assert.True(Math.Abs(derivative - difference) <= 1e-6 * (Math.Abs(difference) + (Math.Abs(plus[i]) / size)),
                    $"{i} by {j}: {derivative} and {difference}");
            }
        }
    }
}
