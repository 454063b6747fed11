using Athanor.Compute.Ode;
using Athanor.Compute.Problems;
using Athanor.Compute.Reactors.Flowsheets;
using Athanor.Compute.Thermo;

namespace Athanor.Compute.Tests.Reactors.Flowsheets;

public sealed class GasTests
{
    /// <summary>2 CO2 → 2 CO + O2 by the first rate, nothing by the second. It stays above 1,000 K, where the polynomials' two halves meet
    /// with a jump of some 1e-4 J/mol.</summary>
    private static UnitProblem Batch(bool constantPressure)
    {
        var spec = new FlowsheetSpec
        {
            Name = "gas",
            Species = [new("CO2", "mol/m^3"), new("CO", "mol/m^3"), new("O2", "mol/m^3")],
            Stoichiometry = [-2, 2, 1, 0, 0, 0],
            Gas = [NasaTable.Find("CO2"), NasaTable.Find("CO"), NasaTable.Find("O2")],
            Units =
            [
                new TankSpec("bomb", 2)
                {
                    Initial = [8, 1, 1],
                    Isothermal = false,
                    Temperature = Signal.Constant(1800),
                    ConstantPressure = constantPressure,
                },
            ],
        };
        return Flowsheet.Problem(spec, new TestRates(5e-4, 500, 0), TestRates.Names(5e-4, 500, 0));
    }

    [Fact]
    public void A_bomb_keeps_its_internal_energy_and_its_atoms()
    {
        var problem = Batch(constantPressure: false);
        var options = new OdeOptions { RelativeTolerance = 1e-13, AbsoluteTolerance = 1e-13 };
        var trajectory = problem.Solve(new OdeRequest { Times = [0, 5, 20, 60], Options = options });
        double Energy(ReadOnlySpan<double> y)
        {
            var sum = 0.0;
            for (var i = 0; i < 3; i++) sum += y[i] * (problem.Spec.Gas!.Value[i].Enthalpy(y[3]) - (NasaSpecies.GasConstant * y[3]));
            return sum;
        }
        var start = Energy(trajectory.At(0));
        for (var row = 1; row < 4; row++)
        {
            var y = trajectory.At(row);
            Assert.Equal(9.0, y[0] + y[1], 9e-10);
            Assert.Equal(19.0, (2 * y[0]) + y[1] + (2 * y[2]), 19e-10);
            Assert.Equal(start, Energy(y), 1e-10 * Math.Abs(start));
        }
        Assert.True(trajectory.End[3] < 1700, "taking CO2 apart cools");
    }

    [Fact]
    public void A_batch_at_constant_pressure_keeps_enthalpy_pressure_and_atoms()
    {
        var problem = Batch(constantPressure: true);
        var options = new OdeOptions { RelativeTolerance = 1e-13, AbsoluteTolerance = 1e-13 };
        var trajectory = problem.Solve(new OdeRequest { Times = [0, 5, 20, 60], Options = options });
        double Enthalpy(ReadOnlySpan<double> y)
        {
            var sum = 0.0;
            for (var i = 0; i < 3; i++) sum += y[i] * y[4] * problem.Spec.Gas!.Value[i].Enthalpy(y[3]);
            return sum;
        }
        var (enthalpy, pressure) = (Enthalpy(trajectory.At(0)), IdealGas.Pressure(10, 1800));
        for (var row = 1; row < 4; row++)
        {
            var y = trajectory.At(row);
            Assert.Equal(pressure, IdealGas.Pressure(y[0] + y[1] + y[2], y[3]), 1e-10 * pressure);
            Assert.Equal(18.0, (y[0] + y[1]) * y[4], 18e-10);
            Assert.Equal(enthalpy, Enthalpy(y), 1e-10 * Math.Abs(enthalpy));
        }
        Assert.True(Math.Abs(trajectory.End[4] - 2.0) > 0.05);
    }
}
