using System.Collections.Immutable;
using Athanor.Compute.Numerics;
using Athanor.Compute.Reconciliation;

namespace Compute.Tests.Reconciliation;

/// <summary>Bilinear balances: flows times compositions and temperatures.</summary>
public sealed class StreamNetworkTests
{
    [Fact]
    public void Exact_measurements_are_left_as_they_are_and_give_the_unmeasured_ones()
    {
        var result = Reconciler.Solve(Column(0.0, 1).Problem());
        Assert.Equal(0.0, result.Global, 1e-9);
        Assert.Equal(60.0, result["bottom"].Value, 1e-8);
        Assert.Equal(0.10, result["bottom.x"].Value, 1e-10);
        Assert.Equal(VariableClass.Observable, result["bottom"].Class);
        Assert.Equal(1.15e3, result["duty"].Value, 1e-6);
    }

    [Fact]
    public void Reconciled_values_satisfy_every_balance_and_lose_the_share_of_error_that_redundancy_can_take()
    {
        var truth = Reconciler.Solve(Column(0.0, 1).Problem());
        var (error, count, redundancy) = (0.0, 0, 0);
        for (var seed = 1ul; seed <= 100; seed++)
        {
            var problem = Column(1.0, seed).Problem();
            var result = Reconciler.Solve(problem, 0.999999);
            Assert.All(problem.Residuals([.. result.Variables.Select(v => v.Value)]), f => Assert.Equal(0.0, f, 1e-6));
            for (var j = 0; j < problem.Variables.Length; j++)
            {
                if (problem.Variables[j].Measured is null) continue;
                error += Math.Pow((result.Variables[j].Value - truth.Variables[j].Value) / problem.Variables[j].Deviation, 2);
                count++;
            }
            redundancy += result.Redundancy;
        }
        // Of n squared errors of mean 1 each as many as there are redundant balances go: 1 300 squares, so 4 % is one deviation.
        Assert.Equal(count - redundancy, error, 0.12 * (count - redundancy));
    }

    [Fact]
    public void The_solution_is_the_minimum_of_the_weighted_squares_on_the_balances()
    {
        var problem = Column(1.0, 3).Problem();
        var result = Reconciler.Solve(problem, 0.999999);
        // Stationary: no direction along the balances lowers the sum. Directions are found by reconciling nudged measurements.
        var random = new Philox(11);
        for (var trial = 0; trial < 20; trial++)
        {
            var nudged = problem with
            {
                Variables = [.. problem.Variables.Select(v => v.Measured is null ? v
                    : v with { Measured = v.Measured + (1e-3 * v.Deviation * random.NextNormal()) })],
            };
            var other = Reconciler.Solve(nudged, 0.999999);
            Assert.True(Sum(problem, other) >= Sum(problem, result) - 1e-9);
        }

        static double Sum(BalanceProblem problem, Reconciled at) => problem.Variables.Zip(at.Variables)
            .Sum(p => p.First.Measured is null ? 0.0 : Math.Pow((p.First.Measured.Value - p.Second.Value) / p.First.Deviation, 2));
    }

    [Fact]
    public void A_wrong_analyser_is_found_among_flows_and_temperatures()
    {
        var network = Column(0.3, 8);
        var streams = network.Streams.SetItem(0, network.Streams[0] with
        {
            Properties = network.Streams[0].Properties.SetItem("x", new NetworkValue(0.60, 0.01)),
        });
        // The bottom is measured too: with it the component balance has something to spare.
        streams = streams.SetItem(2, streams[2] with
        {
            Flow = new NetworkValue(60.1, 0.5),
            Properties = streams[2].Properties.SetItem("x", new NetworkValue(0.101, 0.005)),
        });
        var result = Reconciler.Solve((network with { Streams = streams }).Problem());
        Assert.False(result.Consistent);
        var error = Assert.Single(result.Errors);
        Assert.Equal("feed.x", error.Name);
        Assert.Equal(0.60 - 0.42, error.Size, 0.03);
    }

    [Fact]
    public void A_splitter_hands_on_what_it_gets()
    {
        var network = new StreamNetwork("kg/s", [new NetworkProperty("T", "K")],
            [Stream("in", 10.0, ("T", 350.0)), Stream("a", 4.0), Stream("b", null, ("T", 352.0))],
            [new NetworkUnit("tee", true, ["in"], ["a", "b"], [], ImmutableSortedDictionary<string, ImmutableSortedDictionary<string,
                double>>.Empty, false)], []);
        var result = Reconciler.Solve(network.Problem(), 0.999999);
        Assert.Equal(6.0, result["b"].Value, 1e-9);
        Assert.Equal([351.0, 351.0, 351.0], result.Variables.Skip(3).Select(v => Math.Round(v.Value, 9)));
        Assert.Equal(VariableClass.Observable, result["a.T"].Class);
    }

    [Fact]
    public void Mistakes_in_a_network_are_named()
    {
        var good = Column(0.0, 1);
        Refused("there is no stream 'tap'", good with { Units = [good.Units[0] with { Out = ["top", "tap"] }] });
        Refused("there is no balance 'y'", good with { Units = [good.Units[0] with { Free = ["y"] }] });
        Refused("stream loose is in no unit", good with { Streams = good.Streams.Add(Stream("loose", 1.0)) });
        Refused("goes into 2 units", good with { Units = [good.Units[0], good.Units[0] with { Name = "again" }] });
        Refused("there is no variable 'duty'", good with { Variables = [] });

        static void Refused(string expected, StreamNetwork network) =>
            Assert.Contains(expected, Assert.Throws<ReconciliationException>(network.Problem).Message);
    }

    /// <summary>A column: 100 kg/s of 0.42 into 40 of 0.9 and 60 of 0.1, heated by 1150 kW; the bottom's flow and composition and the duty
    /// are not measured.</summary>
    private static StreamNetwork Column(double noise, ulong seed)
    {
        var random = new Philox(seed);
        double Noisy(double value, double deviation) => value + (noise * deviation * random.NextNormal());
        var capacity = ImmutableSortedDictionary<string, double>.Empty.Add("T", 2.0);
        NetworkStream Of(string name, double flow, double x, double t, bool measured) => new(
            name, measured ? new(Noisy(flow, 1.0), 1.0) : NetworkValue.Unmeasured, capacity,
            (measured ? ImmutableSortedDictionary<string, NetworkValue>.Empty.Add("x", new(Noisy(x, 0.01), 0.01))
                : ImmutableSortedDictionary<string, NetworkValue>.Empty)
                .Add("T", new(Noisy(t, 0.5), 0.5)));
        var unit = new NetworkUnit(
            "column", false, ["feed", "reflux-return"], ["top", "bottom", "purge"], [],
            ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, double>>.Empty
                .Add("T", ImmutableSortedDictionary<string, double>.Empty.Add("duty", 1.0)), false);
        // Two small streams of the same kind check the flows: what returns is purged again.
        return new StreamNetwork("kg/s", [new("x", "1"), new("T", "degC")],
            [
                Of("feed", 100, 0.42, 60, true), Of("top", 40, 0.9, 55, true), Of("bottom", 60, 0.1, 72.91666666666667, false),
                Of("reflux-return", 5, 0.9, 40, true), Of("purge", 5, 0.9, 40, true), Of("product", 40, 0.9, 55, true),
            ],
            [unit, new NetworkUnit("drum", false, ["top"], ["product"], [], ImmutableSortedDictionary<string,
                ImmutableSortedDictionary<string, double>>.Empty, false)],
            [new NetworkVariable("duty", "kW", NetworkValue.Unmeasured)]);
    }

    private static NetworkStream Stream(string name, double? flow, params (string Name, double Value)[] properties) => new(
        name, new NetworkValue(flow, 0.1), ImmutableSortedDictionary<string, double>.Empty,
        properties.ToImmutableSortedDictionary(p => p.Name, p => new NetworkValue(p.Value, 0.5), StringComparer.Ordinal));
}
