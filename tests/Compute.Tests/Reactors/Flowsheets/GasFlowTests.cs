using System.Runtime.Intrinsics;
using Athanor.Compute.Numerics;
using Athanor.Compute.Ode;
using Athanor.Compute.Problems;
using Athanor.Compute.Reactors.Flowsheets;
using Athanor.Compute.Thermo;
using Xunit.Abstractions;

namespace Athanor.Compute.Tests.Reactors.Flowsheets;

/// <summary>Gases that flow: packed and empty tubes, vessels, recycles.</summary>
public sealed class GasFlowTests(ITestOutputHelper output)
{
    private const double R = NasaSpecies.GasConstant;

    private static readonly OdeOptions Tight = new() { RelativeTolerance = 1e-9, AbsoluteTolerance = 1e-9 };

    private static readonly NasaSpecies[] Gases = [NasaTable.Find("CO2"), NasaTable.Find("CO"), NasaTable.Find("O2")];

    private static readonly GasPathSpec Packed = new(Signal.Constant(2e5)) { Particle = 0.004, Voidage = 0.4 };

    /// <summary>A bed of 2 m and 0.02 m² that begins at its outlet pressure.</summary>
    private static TubeSpec Bed(int cells, double kelvin, GasPathSpec? path = null, bool isothermal = true) => new("bed", 2, 0.02)
    {
        Cells = cells,
        Isothermal = isothermal,
        Temperature = Signal.Constant(kelvin),
        Initial = [2e5 / (R * kelvin), 0, 0],
        Gas = path ?? Packed,
    };

    /// <param name="nu">By default both rates turn CO2 into CO, which keeps the amount: A → B.</param>
    private static UnitProblem Problem(
        UnitSpec[] units, double flow, double k1, double activation = 0, double k2 = 0, double kelvin = 500, double[]? nu = null,
        LinkSpec[]? links = null, Signal? feed = null, NasaSpecies[]? gases = null) => Flowsheet.Problem(
        new FlowsheetSpec
        {
            Name = "gas",
            Species = [new("CO2", "mol/m^3", 1e-6), new("CO", "mol/m^3", 1e-6), new("O2", "mol/m^3", 1e-6)],
            Stoichiometry = [.. nu ?? [-1, 1, 0, 0, 0, 0]],
            Gas = [.. gases ?? Gases],
            Units = [.. units],
            Feeds =
            [
                new("fresh", units[0].Name, feed ?? Signal.Constant(flow), [Signal.Constant(1), Signal.Constant(0), Signal.Constant(0)],
                    Signal.Constant(kelvin)),
            ],
            Links = [.. links ?? []],
        },
        new TestRates(k1, activation, k2), TestRates.Names(k1, activation, k2));

    private static double[] AtRest(UnitProblem problem, double until, OdeOptions? options = null) =>
        problem.Solve(new OdeRequest { Times = [until], Options = options ?? Tight, Method = OdeMethod.Esdirk5 }).End.ToArray();

    private static double Pressure(UnitProblem problem, ReadOnlySpan<double> y, int cell, double kelvin)
    {
        var at = problem.Places[0].First + (cell * problem.Places[0].Width);
        return (y[at] + y[at + 1] + y[at + 2]) * R * kelvin;
    }

    /// <summary>P² falls in a straight line along an isothermal bed of constant molar flow: p² = 1 - αz, α = 2 β0/P0 (H. S. Fogler,
    /// Elements of Chemical Reaction Engineering, chapter 5.5). A first-order reaction A → B then gives
    /// -ln(1 - X) = k A L·c0/N · 2/(3 αL) (1 - (1 - αL)^3/2).</summary>
    [Fact]
    public void A_packed_bed_with_pressure_drop_converges_to_Fogler_s_closed_form()
    {
        const double Kelvin = 500, Flow = 2.0, Area = 0.02, Length = 2, Rate = 1.5;
        double e = Packed.Voidage, d = Packed.Particle, g = Flow * Gases[0].MolarMass / Area;
        var resistance = (150 * Packed.Viscosity * (1 - e) * (1 - e) / (e * e * e * d * d)) + (1.75 * (1 - e) * g / (e * e * e * d));
        var inlet = Math.Sqrt((2e5 * 2e5) + (2 * resistance * Flow * R * Kelvin / Area * Length));
        double alpha = 1 - (2e5 / inlet * (2e5 / inlet)), c0 = inlet / (R * Kelvin);
        var conversion = 1 - Math.Exp(-Rate * Area * Length * c0 / Flow * 2 / (3 * alpha) * (1 - Math.Pow(1 - alpha, 1.5)));
        var errors = new List<double>();
        foreach (var cells in new[] { 15, 30, 60 })
        {
            var problem = Problem([Bed(cells, Kelvin)], Flow, Rate, gases: [Gases[0], Gases[0], Gases[0]]);
            var end = AtRest(problem, 60);
            var last = end.AsSpan(problem.Outlets[0], 3);
            errors.Add(Math.Abs((last[1] / (last[0] + last[1])) - conversion));
            // In the middle of the first cell.
            var exact = inlet * Math.Sqrt(1 - (alpha * 0.5 / cells));
            Assert.Equal(exact, Pressure(problem, end, 0, Kelvin), 3e-3 * exact * 15 * 15 / (cells * cells));
            Assert.Equal(0.0, last[2], 1e-9);
        }
        output.WriteLine(FormattableString.Invariant(
            $"P0 {inlet:F0} Pa of 2e5 behind, X {conversion:F6}; errors at 15, 30, 60 cells: {string.Join(", ", errors.Select(x => x.ToString("E2", null)))}"));
        Assert.InRange(inlet / 2e5, 1.2, 3);
        Assert.InRange(conversion, 0.3, 0.95);
        Assert.True(errors[2] < 2e-4);
        Assert.True(Math.Log2(errors[1] / errors[2]) > 1.7);
    }

    /// <summary>2 CO2 → 2 CO + O2, adiabatic, with more amount and a lower temperature at the outlet: at rest the tube is the steady
    /// profile of <see cref="TubeProfile"/>.</summary>
    [Fact]
    public void A_bed_at_rest_is_the_steady_profile()
    {
        double[] nu = [-2, 2, 1, 0, 0, 0];
        var problem = Problem([Bed(80, 1500, isothermal: false)], 1.0, 0.5, 4000, 0, 1500, nu);
        var end = AtRest(problem, 400);
        var last = end.AsSpan(problem.Outlets[0], 4);
        // The pressure at the inlet is what the bed needs; the steady profile begins there.
        double first = Pressure(problem, end, 0, end[3]), second = Pressure(problem, end, 1, end[7]);
        var spec = new TubeProfileSpec
        {
            Name = "profile",
            Gas = [.. Gases],
            Stoichiometry = [.. nu],
            Inlet = [1, 0, 0],
            Temperature = 1500,
            Pressure = first + (0.5 * (first - second)),
            Length = 2,
            Area = 0.02,
            Particle = 0.004,
        };
        var profile = TubeProfile.Problem(spec, new TestRates(0.5, 4000, 0), TestRates.Names(0.5, 4000, 0)).Solve(new OdeRequest()).End;
        var flow = profile[0] + profile[1] + profile[2];
        var sum = last[0] + last[1] + last[2];
        for (var i = 0; i < 3; i++) Assert.Equal(profile[i] / flow, last[i] / sum, 5e-4);
        Assert.Equal(profile[3], last[3], 1.0);
        Assert.Equal(2e5, profile[4], 2e5 * 2e-3);
        Assert.True(last[3] < 1480 && last[1] > 0.02 * sum);
    }

    /// <summary>In any state: what all cells gain of atoms and energy is what enters less what leaves.</summary>
    [Fact]
    public void A_bed_far_from_rest_gains_what_enters_less_what_leaves()
    {
        double[] nu = [-2, 2, 1, 0, 0, 0];
        foreach (var path in new[] { Packed with { SolidHeatCapacity = 1e6 }, new GasPathSpec(Signal.Constant(1e5)) { Friction = 0.05 } })
        {
            var tube = Bed(7, 1500, path, isothermal: false) with { Dispersion = 0.01 };
            var problem = Problem([tube], 1.0, 0.5, 4000, 0, 1400, nu);
            int n = problem.States.Length, cells = 7;
            var random = new Philox(5);
            double[] y = new double[n], dy = new double[n];
            for (var k = 0; k < cells; k++)
            {
                for (var i = 0; i < 3; i++) y[(4 * k) + i] = random.NextDouble(2, 9);
                y[(4 * k) + 3] = random.NextDouble(1100, 1600);
            }
            problem.Rhs(0, y, problem.NominalParameters, dy);
            var voidage = path.Particle > 0 ? path.Voidage : 1.0;
            var cell = 0.02 * 2 / cells;
            double carbon = 0, oxygen = 0, energy = 0;
            for (var k = 0; k < cells; k++)
            {
                ReadOnlySpan<double> c = y.AsSpan(4 * k, 3), d = dy.AsSpan(4 * k, 4);
                var kelvin = y[(4 * k) + 3];
                carbon += voidage * cell * (d[0] + d[1]);
                oxygen += voidage * cell * ((2 * d[0]) + d[1] + (2 * d[2]));
                var capacity = path.SolidHeatCapacity;
                for (var i = 0; i < 3; i++)
                {
                    capacity += voidage * c[i] * (Gases[i].HeatCapacity(kelvin) - R);
                    energy += cell * voidage * d[i] * (Gases[i].Enthalpy(kelvin) - (R * kelvin));
                }
                energy += cell * capacity * d[3];
            }
            // The outlet's speed by Ergun or by friction, from the last cell.
            var last = y.AsSpan(4 * (cells - 1), 4).ToArray();
            double total = last[0] + last[1] + last[2], mass = Enumerable.Range(0, 3).Sum(i => last[i] * Gases[i].MolarMass);
            var fall = ((total * R * last[3]) - path.OutletPressure.First) / (1.0 / cells);
            double e = voidage, p = path.Particle, bore = Math.Sqrt(4 * 0.02 / Math.PI);
            var a = p > 0 ? 150 * path.Viscosity * (1 - e) * (1 - e) / (e * e * e * p * p) : 32 * path.Viscosity / (bore * bore);
            var b = mass * (p > 0 ? 1.75 * (1 - e) / (e * e * e * p) : 0.5 * path.Friction / bore);
            var speed = (-a + Math.Sqrt((a * a) + (4 * b * Math.Abs(fall)))) / (2 * b) * Math.Sign(fall);
            var leaves = last.Take(3).Select(c => 0.02 * speed * c).ToArray();
            Assert.Equal(1.0 - leaves[0] - leaves[1], carbon, 1e-10 * Math.Abs(carbon));
            Assert.Equal(2.0 - (2 * leaves[0]) - leaves[1] - (2 * leaves[2]), oxygen, 1e-10 * Math.Abs(oxygen));
            var gained = Gases[0].Enthalpy(1400) - Enumerable.Range(0, 3).Sum(i => leaves[i] * Gases[i].Enthalpy(last[3]));
            Assert.Equal(gained, energy, 1e-10 * Enumerable.Range(0, 3).Sum(i => Math.Abs(leaves[i] * Gases[i].Enthalpy(last[3]))));
        }
    }

    /// <summary>Gas let into a closed adiabatic vessel: U = U0 + n h(T_in), n by n.</summary>
    [Fact]
    public void A_vessel_that_is_filled_warms_by_the_work_of_what_enters()
    {
        var vessel = new TankSpec("vessel", 2)
        {
            Initial = [10, 0, 5],
            Isothermal = false,
            Temperature = Signal.Constant(1200),
            Outflow = Signal.Constant(0),
        };
        var problem = Problem([vessel], 0, 0, kelvin: 1200, feed: Signal.Steps(2, (3, 5)));
        var end = problem.Solve(new OdeRequest { Times = [5], Options = new() { RelativeTolerance = 1e-12, AbsoluteTolerance = 1e-12 } }).End;
        var entered = (2.0 * 3) + (5.0 * 2);
        Assert.Equal(10 + (entered / 2), end[0], 1e-10 * end[0]);
        double Energy(double co2, double o2, double kelvin) =>
            2 * ((co2 * (Gases[0].Enthalpy(kelvin) - (R * kelvin))) + (o2 * (Gases[2].Enthalpy(kelvin) - (R * kelvin))));
        var expected = Energy(10, 5, 1200) + (entered * Gases[0].Enthalpy(1200));
        Assert.Equal(expected, Energy(end[0], end[2], end[3]), 1e-10 * Math.Abs(expected));
        Assert.True(end[3] > 1240);
    }

    /// <summary>A stirred vessel through which gas flows while it reacts and is heated keeps its pressure; at rest enthalpy and atoms that
    /// enter leave.</summary>
    [Fact]
    public void A_vessel_with_gas_flowing_through_keeps_its_pressure()
    {
        var vessel = new TankSpec("vessel", 0.5) { Initial = [8, 0, 0], Isothermal = false, Temperature = Signal.Constant(1600), Heat = Signal.Ramp(0, 4e4, 2, 6) };
        var problem = Problem([vessel], 1.5, 0.5, 4000, 0, 1600, [-2, 2, 1, 0, 0, 0]);
        var trajectory = problem.Solve(new OdeRequest { Times = [1, 3, 5, 8, 400], Options = new() { RelativeTolerance = 1e-12, AbsoluteTolerance = 1e-12 } });
        for (var row = 0; row < 5; row++)
        {
            var y = trajectory.At(row);
            Assert.Equal(8 * 1600.0, (y[0] + y[1] + y[2]) * y[3], 8 * 1600 * 1e-10);
        }
        var end = trajectory.End;
        // What leaves has the atoms of what enters: one oxygen molecule to two CO.
        Assert.Equal(0.5, end[2] / end[1], 1e-9);
        var leaves = 1.5 / (end[0] + end[1]);
        var heat = leaves * ((end[0] * Gases[0].Enthalpy(end[3])) + (end[1] * Gases[1].Enthalpy(end[3])) + (end[2] * Gases[2].Enthalpy(end[3])));
        Assert.Equal((1.5 * Gases[0].Enthalpy(1600)) + 4e4, heat, 1e-9 * Math.Abs(heat));
        Assert.True(end[1] > 0.5);
    }

    /// <summary>A reaction that cools its gas faster than feed comes: the valve shuts, the pressure falls, energy is kept, and when
    /// reaction has slowed down the pressure comes back.</summary>
    [Fact]
    public void A_vessel_whose_gas_contracts_draws_nothing_back()
    {
        var vessel = new TankSpec("vessel", 0.5) { Initial = [8, 0, 0], Isothermal = false, Temperature = Signal.Constant(1900) };
        var problem = Problem([vessel], 0.5, 300, 10000, 0, 1900, [-2, 2, 1, 0, 0, 0]);
        var options = new OdeOptions { RelativeTolerance = 1e-11, AbsoluteTolerance = 1e-11 };
        var trajectory = problem.Solve(new OdeRequest { Times = [0, 0.05, 200], Options = options });
        double Of(ReadOnlySpan<double> y) => (y[0] + y[1] + y[2]) * R * y[3];
        double Energy(ReadOnlySpan<double> y) =>
            0.5 * ((y[0] * Gases[0].Enthalpy(y[3])) + (y[1] * Gases[1].Enthalpy(y[3])) + (y[2] * Gases[2].Enthalpy(y[3]))) - (0.5 * Of(y));
        double first = Of(trajectory.At(0)), shut = Of(trajectory.At(1));
        output.WriteLine(FormattableString.Invariant($"{first:F0} Pa, {shut:F0} at {trajectory[1, 3]:F0} K, {Of(trajectory.At(2)):F0} at {trajectory[2, 3]:F0} K"));
        Assert.True(shut < 0.97 * first);
        // Until then nothing has left.
        Assert.Equal(4 + (0.5 * 0.05), 0.5 * (trajectory[1, 0] + trajectory[1, 1]), 1e-9);
        var entered = 0.5 * 0.05 * Gases[0].Enthalpy(1900);
        Assert.Equal(Energy(trajectory.At(0)) + entered, Energy(trajectory.At(1)), 1e-9 * Math.Abs(Energy(trajectory.At(0))));
        Assert.Equal(first, Of(trajectory.At(2)), 1e-6 * first);
    }

    [Fact]
    public void Derivatives_of_a_plant_of_gases_are_those_of_its_balances()
    {
        var problem = Recycle();
        int n = problem.States.Length, m = problem.Parameters.Length;
        var random = new Philox(11);
        double[] p = problem.NominalParameters;
        double[] y = [.. problem.States.Select(s => s.Unit == "K" ? random.NextDouble(1100, 1500) : random.NextDouble(3, 9))];
        double[] jacobian = new double[n * n], byP = new double[m * n], plus = new double[n], minus = new double[n];
        problem.Jacobian(0.5, y, p, jacobian);
        problem.ParameterDerivatives(0.5, y, p, byP);
        for (var j = 0; j < n + m; j++)
        {
            var values = j < n ? y : p;
            var at = j < n ? j : j - n;
            double old = values[at], h = 1e-6 * (old == 0 ? 1 : Math.Abs(old));
            values[at] = old + h;
            problem.Rhs(0.5, y, p, plus);
            values[at] = old - h;
            problem.Rhs(0.5, y, p, minus);
            values[at] = old;
            for (var i = 0; i < n; i++)
            {
                var derivative = j < n ? jacobian[(i * n) + j] : byP[(at * n) + i];
                var row = Enumerable.Range(0, n).Sum(k => Math.Abs(jacobian[(i * n) + k] * y[k]));
                Assert.True(Math.Abs(derivative - ((plus[i] - minus[i]) / (2 * h))) <= (3e-7 * row * 1e-6 / h) + (3e-7 * Math.Abs(derivative)),
                    FormattableString.Invariant($"{problem.States[i].Name} by {(j < n ? problem.States[at].Name : problem.Parameters[at].Name)}: {derivative:R} and {(plus[i] - minus[i]) / (2 * h):R}"));
            }
        }
    }

    [Fact]
    public void Lanes_of_a_plant_of_gases_give_the_bits_of_the_scalar_code()
    {
        var spec = Recycle().Spec;
        var rates = new TestRates(0.2, 4000, 0);
        var plant = Plant.Of(spec, TestRates.Names(0.2, 4000, 0));
        var stretch = new Stretch(plant.Signals, 0);
        double[] nominal = [.. plant.Parameters.Select(x => x.Value)];
        var model = new FlowsheetModel<TestRates>(plant, stretch, Sparsity.Of(plant, stretch, rates), rates, nominal);
        int n = plant.States.Count, m = nominal.Length;
        var random = new Philox(21);
        var points = Enumerable.Range(0, 8).Select(_ => plant.States.Select(
            s => s.Unit == "K" ? random.NextDouble(900, 1500) : random.NextDouble(3, 9)).ToArray()).ToArray();
        Vector512<double>[] y = [.. Enumerable.Range(0, n).Select(i => Vector512.Create(points.Select(x => x[i]).ToArray()))];
        Vector512<double>[] p = [.. nominal.Select(Vector512.Create)], dy = new Vector512<double>[n];
        model.RhsLanes(Vector512<double>.Zero, y, p, dy);
        var scalar = new double[n];
        for (var lane = 0; lane < 8; lane++)
        {
            model.Rhs(0, points[lane], scalar);
            for (var i = 0; i < n; i++) Assert.Equal(BitConverter.DoubleToInt64Bits(scalar[i]), BitConverter.DoubleToInt64Bits(dy[i][lane]));
        }
    }

    /// <summary>Vessel, bed and a second vessel, a third of whose gas goes back: at rest atoms and enthalpy that enter leave.</summary>
    [Fact]
    public void A_plant_of_gases_with_a_recycle_keeps_atoms_and_enthalpy_at_rest()
    {
        var problem = Recycle();
        var end = AtRest(problem, 300, new() { RelativeTolerance = 1e-12, AbsoluteTolerance = 1e-12 });
        var last = end.AsSpan(problem.Places[2].First, 4);
        Assert.Equal(0.5, last[2] / last[1], 5e-11);
        var leaves = 1.2 / (last[0] + last[1]);
        var enthalpy = 0.0;
        for (var i = 0; i < 3; i++) enthalpy += leaves * last[i] * Gases[i].Enthalpy(last[3]);
        var entered = 1.2 * Gases[0].Enthalpy(1500);
        Assert.Equal(entered, enthalpy, 1e-10 * Math.Abs(entered));
        Assert.True(last[1] > 0.1);
    }

    [Fact]
    public void What_a_plant_of_gases_cannot_be_is_refused_by_name()
    {
        void Refused(string part, Func<UnitProblem> problem) =>
            Assert.Contains(part, Assert.Throws<ArgumentException>(problem).Message, StringComparison.Ordinal);
        Refused("'bed' is a tube of gas; give the pressure behind it", () => Problem([Bed(5, 500) with { Gas = null }], 1, 0));
        Refused("the outlet pressure of unit 'bed' is -1", () => Problem([Bed(5, 500, new(Signal.Constant(-1)))], 1, 0));
        Refused("the void fraction of unit 'bed' is 1.4", () => Problem([Bed(5, 500, Packed with { Voidage = 1.4 })], 1, 0));
        Refused("'bed' holds a gas and starts empty", () => Problem([Bed(5, 500) with { Initial = [] }], 1, 0));
        var vessel = new TankSpec("a", 1) { Initial = [8, 0, 0] };
        Refused("a recycle of gas needs a tube in it", () => Problem([vessel, vessel with { Name = "b" }], 1, 0, links: [new("a", "b"), new("b", "a", 0.5)]));
        Refused("changes its volume with its gas", () => Problem([vessel with { ConstantPressure = true }], 1, 0));
        var liquid = Assert.Throws<ArgumentException>(() => Sheets.Problem(Sheets.Of([Bed(5, 500)])));
        Assert.Contains("only gases take notice of", liquid.Message, StringComparison.Ordinal);
    }

    private static UnitProblem Recycle() => Problem(
        [
            new TankSpec("first", 0.2) { Initial = [20, 0, 0], Isothermal = false, Temperature = Signal.Constant(1500) },
            Bed(5, 1500, Packed with { SolidHeatCapacity = 1e4 }, isothermal: false) with { Dispersion = 1e-3 },
            new TankSpec("second", 0.3) { Initial = [15, 0, 0], Isothermal = false, Temperature = Signal.Constant(1500) },
        ],
        1.2, 0.2, 4000, 0, 1500, [-2, 2, 1, 0, 0, 0], [new("first", "bed"), new("bed", "first", 0.3), new("bed", "second", 0.7)]);
}
