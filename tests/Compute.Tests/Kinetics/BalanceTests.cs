using System.Collections.Immutable;
using Athanor.Compute.Kinetics;
using Athanor.Compute.Kinetics.Text;
using Athanor.Compute.Ode;
using Athanor.Compute.Problems;
using Athanor.Compute.Reactors;

namespace Athanor.Compute.Tests.Kinetics;

public sealed class BalanceTests
{
    private static readonly BalanceText Tank = new()
    {
        Kind = BalanceKind.Cstr,
        Temperature = new(350, "K"),
        HeatCapacity = new(239, "J/(L K)"),
        HeatTransfer = new(5e4, "J/(min K)"),
        Coolant = new(305, "K"),
        Volume = new(100, "L"),
        Flow = new(100, "L/min"),
        Feed = ImmutableSortedDictionary<string, double>.Empty.Add("A", 1.0),
        FeedTemperature = new(350, "K"),
        End = 4.0,
    };

    [Fact]
    public void The_exothermic_tank_as_text_is_the_hand_written_one()
    {
        var model = KineticNetwork.Of(Networks.Exothermic).Balance(Tank);
        var options = new OdeOptions { RelativeTolerance = 1e-10, AbsoluteTolerance = 1e-12 };
        var trajectory = model.Problem.Solve(new() { Times = [1.0, 4.0], Options = options, Method = OdeMethod.Tsit5 });
        var expected = new double[4];
        Tsit5.Solve(new Cstr(305, 350), 0, [0.5, 350], [1.0, 4.0], expected, options);
        for (var i = 0; i < 4; i++) Assert.Equal(1.0, trajectory.Values[i] / expected[i], 1e-8);
    }

    [Fact]
    public void Units_of_the_tank_may_be_others()
    {
        var other = Tank with
        {
            HeatCapacity = new(239e-3, "MJ/(m^3 K)"),
            HeatTransfer = new(5e4 / 60, "W/K"),
            Volume = new(0.1, "m^3"),
            Flow = new(6, "m^3/h"),
            Temperature = new(76.85, "degC"),
            Coolant = new(31.85, "degC"),
        };
        var network = KineticNetwork.Of(Networks.Exothermic);
        double[] a = new double[2], b = new double[2];
        network.Balance(Tank).Compiled.Model.Rhs(0, [0.4, 360], a);
        network.Balance(other).Compiled.Model.Rhs(0, [0.4, 360], b);
        Assert.Equal(a[0], b[0], 1e-13);
        Assert.Equal(a[1], b[1], 1e-10);
        Assert.Equal(350.0, network.Balance(other).Problem.NominalInitial[1], 1e-9);
    }

    [Fact]
    public void A_batch_of_first_order_reactions_in_series_peaks_where_it_must()
    {
        var network = KineticNetwork.Of(Networks.Of("A -> B ; k = 1") with { Reactions = [new("r1", "A -> B ; k = 1"), new("r2", "B -> C ; k = 0.5")] });
        var model = network.Balance(new() { Temperature = new(300, "K") });
        var trajectory = model.Problem.Solve(new() { Times = [Math.Log(2) / 0.5], Options = new() { RelativeTolerance = 1e-10, AbsoluteTolerance = 1e-12 } });
        Assert.Equal(0.5, trajectory.End[1], 1e-9);
    }

    [Fact]
    public void A_reversible_reaction_comes_to_rest_at_the_equilibrium_of_van_t_Hoff()
    {
        var network = KineticNetwork.Of(Networks.Of("A <=> B ; k = 2 ; K = vanthoff(3, -20 [kJ/mol], 298.15)"));
        var model = network.Balance(new() { Temperature = new(330, "K"), End = 50 });
        var end = model.Problem.Solve(new() { Times = [50.0], Options = new() { RelativeTolerance = 1e-10, AbsoluteTolerance = 1e-13 } }).End;
        Assert.Equal(3.0 * Math.Exp(20e3 / 8.31446261815324 * ((1 / 330.0) - (1 / 298.15))), end[1] / end[0], 1e-8);
    }

    [Fact]
    public void An_adiabatic_batch_heats_by_what_has_reacted()
    {
        var network = KineticNetwork.Of(Networks.Exothermic with { Reactions = [new("r", "A -> nothing ; k = 1 ; dH = -50 [kJ/mol]")] });
        var model = network.Balance(new() { Temperature = new(350, "K"), HeatCapacity = new(239, "J/(L K)"), End = 2.0 });
        var end = model.Problem.Solve(new() { Times = [2.0], Options = new() { RelativeTolerance = 1e-10, AbsoluteTolerance = 1e-12 } }).End;
        Assert.Equal(350.0 + (5e4 / 239.0 * (0.5 - end[0])), end[1], 1e-7);
    }

    [Fact]
    public void A_chemostat_as_text_rests_at_the_analytic_state()
    {
        var network = KineticNetwork.Of(new()
        {
            Name = "chemostat",
            Concentration = "g/L",
            Time = "h",
            Species = [new("S", Initial: 10.0), new("X", Initial: 0.5), new("P")],
            Parameters = [new("mumax", 0.5, "1/h"), new("Ks", 0.1, "g/L"), new("Y", 0.5, "g/g"), new("qp", 0.2, "1/h")],
            Reactions = [new("growth", "(1/Y) S -> X ; rate = monod(S, mumax, Ks) X"), new("product", "nothing -> P ; rate = qp X")],
        });
        var model = network.Balance(new()
        {
            Kind = BalanceKind.Cstr,
            Temperature = new(310, "K"),
            Volume = new(1000, "L"),
            Flow = new(100, "L/h"),
            Feed = ImmutableSortedDictionary<string, double>.Empty.Add("S", 20.0),
            End = 400.0,
        });
        var end = model.Problem.Solve(new() { Times = [400.0], Options = new() { RelativeTolerance = 1e-9, AbsoluteTolerance = 1e-12 } }).End;
        Assert.Equal(0.025, end[0], 1e-8);
        Assert.Equal(9.9875, end[1], 1e-6);
        Assert.Equal(19.975, end[2], 1e-5);
    }

    [Fact]
    public void The_net_productions_of_a_network_are_its_stoichiometry_times_its_rates()
    {
        var network = KineticNetwork.Of(Networks.Exothermic with
        {
            Species = [new("A"), new("B")],
            Reactions = [new("r1", "2 A -> B ; k = 3 ; dH = -10 [kJ/mol]"), new("r2", "B -> A ; k = 0.5 ; dH = 4 [kJ/mol]")],
        });
        double[] c = [0.4, 0.3], rates = new double[2], net = new double[3];
        network.Rates(network.Units).Rates.Rates(300, c, rates);
        network.Productions(network.Units).Rates.Rates(300, c, net);
        Assert.Equal([-2.0, 1.0, 1.0, -1.0], network.Stoichiometry([]));
        Assert.Equal((-2 * rates[0]) + rates[1], net[0], 1e-15);
        Assert.Equal(rates[0] - rates[1], net[1], 1e-15);
        Assert.Equal((1e4 * rates[0]) - (4e3 * rates[1]), net[2], 1e-11);
        var si = new double[3];
        network.Productions().Rates.Rates(300, [400, 300], si);
        Assert.Equal(net[0] * 1000 / 60, si[0], 1e-12);
        Assert.Equal(net[2] * 1000 / 60, si[2], 1e-8);
    }

    [Fact]
    public void The_rate_of_each_reaction_can_be_asked_for()
    {
        var text = Networks.Of("A -> B ; k = k1", new ParameterText("k1", 3.0, "1/h")) with
        {
            Species = [new("A", Unit: "mmol/L"), new("B")],
            Reactions = [new("r1", "A -> B ; k = k1"), new("r2", "B -> A ; k = 2 exp(-300/T)")],
        };
        var model = KineticNetwork.Of(text).Balance(new() { Temperature = new(26.85, "degC") });
        var rates = model.ReactionRates([500.0, 0.25], [6.0, 26.85]);
        Assert.Equal(6.0 / 60.0 * 0.5, rates[0], 1e-15);
        Assert.Equal(2.0 * Math.Exp(-1.0) * 0.25, rates[1], 1e-15);
        Assert.Equal("mol/L/min", model.Network.Units.RateUnit);
    }

    [Fact]
    public void A_sum_as_long_as_a_text_may_be_is_compiled_and_a_longer_one_refused()
    {
        string Sum(int terms) => $"A -> B ; rate = 1 ({string.Join('+', Enumerable.Repeat("A", terms))})";
        var rates = new double[1];
        KineticNetwork.Of(Networks.Of(Sum(1900))).Rates(new(Compute.Units.Unit.Parse("mol/L"), Compute.Units.Unit.Parse("min")), CodeForm.Generated)
            .Rates.Rates(300.0, [0.5, 0.0, 0.0], rates);
        Assert.Equal(950.0, rates[0]);
        Assert.Contains("longer than 4000 characters", Networks.Error(Networks.Of(Sum(2100))), StringComparison.Ordinal);
        var nested = $"A -> B ; k = {new string('(', 900)}1{new string(')', 900)}";
        Assert.Contains("nest deeper than 200", Networks.Error(Networks.Of(nested)), StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_wrong_with_a_balance_is_named()
    {
        Says("a cstr needs 'flow' and 'volume'", Tank with { Flow = null });
        Says("there is no species 'Z'; there are A", Tank with { Feed = ImmutableSortedDictionary<string, double>.Empty.Add("Z", 1.0) });
        Says("volume is -1 L; it must be above zero", Tank with { Volume = new(-1, "L") });
        Says("volume is in 'm^2', which is m^2; it must be in m^3", Tank with { Volume = new(1, "m^2") });
        Says("flow is NaN; it must be finite", Tank with { Flow = new(double.NaN, "L/min") });
        Says("'heat-transfer' needs 'coolant' and 'volume'", Tank with { Coolant = null });
        Says("a batch reactor has no flow", Tank with { Kind = BalanceKind.Batch });
        var error = Assert.Throws<KineticsException>(() => KineticNetwork.Of(Networks.Of("A -> B ; k = 1")).Balance(
            new() { Temperature = new(300, "K"), HeatCapacity = new(1, "J/(L K)") }));
        Assert.Contains("needs the enthalpy of reaction 'r'", error.Message, StringComparison.Ordinal);

        static void Says(string text, BalanceText balance) => Assert.Contains(
            text, Assert.Throws<KineticsException>(() => KineticNetwork.Of(Networks.Exothermic).Balance(balance)).Message, StringComparison.Ordinal);
    }
}
