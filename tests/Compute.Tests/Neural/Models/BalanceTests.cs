using Athanor.Compute.Neural.Models;
using Athanor.Compute.Neural.Models.Protocols;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Tests.Neural.Models;

/// <summary>What holds whatever the net says: shown with weights drawn at random, from starts drawn at random.</summary>
public sealed class BalanceTests
{
    [Theory]
    [InlineData("stoichiometric", 4.0)]
    [InlineData("reactor", 10.0)]
    [InlineData("jacket", 0.05)]
    [InlineData("cascaded-tanks", 60.0)]
    public void With_any_weights_no_concentration_is_negative_and_mass_and_energy_are_kept(string name, double end)
    {
        var (specification, records) = TestModels.Of(name);
        var model = NeuralModel<double>.Of(specification);
        var times = Enumerable.Range(0, 11).Select(k => end * k / 10).ToArray();
        var refused = 0L;
        for (var seed = 0ul; seed < 25; seed++)
        {
            var draws = new Philox(seed, 9);
            var p = new double[model.ParameterCount];
            model.Initialize(p, seed, records);
            for (var i = 0; i < p.Length; i++) p[i] += draws.NextDouble(-1.5, 1.5);
            var start = specification.States.Select((s, i) => s.Positive
                ? i == (int)(seed % 3) ? 0.0 : draws.NextDouble(0.0, 3.0)
                : s.Offset + (s.Scale * draws.NextDouble(-2.0, 2.0))).ToArray();
            var record = new ProcessRecord(times, [.. times.SelectMany(_ => specification.Controls.Select(c => c.Offset))], []);
            var run = model.Predict(p, start, record, 2);
            var broken = run.Violations;
            Assert.True(run.IsFinite, $"seed {seed}");
            Assert.True(broken.Negative == 0, $"seed {seed}: {broken.Negative} of {broken.States} negative, the lowest {broken.Lowest}");
            if (specification.Reactor is { } reactor)
            {
                Assert.True(broken.MassDrift < 1e-11, $"seed {seed}: mass drifts by {broken.MassDrift}");
                if (reactor.Temperature is not null)
                    Assert.True(broken.EnergyDrift < 1e-10, $"seed {seed}: energy drifts by {broken.EnergyDrift}");
            }
            refused += broken.Refused;
        }
        Assert.True(refused > 0, "no step was long enough to need the guard: the test does not reach it");
    }

    [Fact]
    public void A_neural_ODE_breaks_what_the_rate_net_keeps_and_is_seen_to()
    {
        var records = ReactorCase.Batch.Records(1);
        var model = NeuralModel<double>.Of(ModelJson.Normalised(ModelJson.Read(ReactorCase.Batch.Plain), records));
        var p = new double[model.ParameterCount];
        model.Initialize(p, 1, records);
        var broken = model.Predict(p, [1.0, 0.0, 0.0], records[0], 4).Violations;
        Assert.True(broken.MassDrift > 1e-3, $"{broken.MassDrift}");
        Assert.True(broken.Negative > 0 && broken.Lowest < 0.0, $"{broken.Negative}");
    }

    [Fact]
    public void Conserved_combinations_and_heats_of_a_reactor_are_found_from_its_reactions()
    {
        var layout = new ReactorLayout(ModelJson.Read(ReactorCase.KlattEngellReactor.Hybrid));
        var reactor = ReactorCase.KlattEngellReactor;
        var balances = new ReactorBalances(layout, reactor.Rises, reactor.Exchange);
        Assert.Equal(1, balances.MassCount);
        Assert.Equal(2, balances.Count);
        // A + B + C + 2 D, up to a factor.
        double[] Unit(int i) => [.. Enumerable.Range(0, 6).Select(k => k == i ? 1.0 : 0.0)];
        double[] weights = [.. Enumerable.Range(0, 4).Select(i => balances.Value(0, Unit(i)))];
        for (var i = 1; i < 3; i++) Assert.Equal(weights[0], weights[i], 1e-12);
        Assert.Equal(2.0 * weights[0], weights[3], 1e-12);
        // Along the true field the energy changes by its fluxes alone, the rates cancel.
        double[] y = [2.0, 1.0, 120.0, 110.0], dy = new double[4];
        reactor.Problem.Rhs(0.0, y, reactor.Truth, dy);
        double q = 14.19, k1 = -(dy[1] + (q * y[1])), r3 = -(dy[0] - (q * (5.1 - y[0])));
        // dA = q (5.1 - A) - r1 - r3', dB = r1 - r2 - q B with r1/A = r2/B.
        var r1 = -k1 / (1.0 - (y[1] / y[0]));
        var (r2, twice) = (r1 * y[1] / y[0], r3 - r1);
        double[] full = [y[0], y[1], 0.3, 0.2, y[2], y[3]];
        double[] slope = [dy[0], dy[1], r2 - (q * 0.3), (0.5 * twice) - (q * 0.2), dy[2], dy[3]];
        for (var b = 0; b < 2; b++)
            Assert.Equal(balances.Flux(b, full, []), balances.Value(b, slope), 1e-9 * Math.Abs(balances.Value(b, full)) * q);
    }

    [Fact]
    public void The_heat_of_reaction_and_the_wall_are_seen_in_the_data_before_any_training()
    {
        var reactor = ReactorCase.Cstr(300.0);
        var records = reactor.Records(3);
        var specification = ModelJson.Normalised(ModelJson.Read(reactor.Hybrid), records);
        var guess = HeatEstimate.Of(specification, new ReactorLayout(specification), records);
        Assert.InRange(guess[0]!.Value / reactor.Rises[0], 0.7, 1.3);
        Assert.InRange(guess[1]!.Value / reactor.Exchange, 0.7, 1.3);
        // With more unknown rates than species that are seen, only the wall can be told.
        var jacket = ModelJson.Normalised(ModelJson.Read(ReactorCase.KlattEngellReactor.Hybrid), ReactorCase.KlattEngellReactor.Records(3));
        var heats = HeatEstimate.Of(jacket, new ReactorLayout(jacket), ReactorCase.KlattEngellReactor.Records(3));
        Assert.Null(heats[0]);
        Assert.InRange(heats[3]!.Value / ReactorCase.KlattEngellReactor.Exchange, 0.99, 1.01);
    }
}
