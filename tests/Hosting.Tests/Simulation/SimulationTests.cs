using System.Diagnostics;
using Xunit.Abstractions;

namespace Hosting.Tests.Simulation;

/// <summary>Three nodes, one store, a hostile world. Set ATHANOR_SEED to run one seed alone, as a failing test says, and ATHANOR_TRACE to a
/// file for what happened in it; ATHANOR_FIRST_SEED and ATHANOR_SEEDS choose others than the usual ones.</summary>
public class SimulationTests(ITestOutputHelper output)
{
    private static readonly int FirstSeed =
        int.TryParse(Environment.GetEnvironmentVariable("ATHANOR_FIRST_SEED"), out var first) ? first : 1;

    private static readonly int Seeds =
        int.TryParse(Environment.GetEnvironmentVariable("ATHANOR_SEEDS"), out var seeds) ? seeds : 200;

    [Fact]
    public void Every_seed_keeps_the_promises()
    {
        var only = Environment.GetEnvironmentVariable("ATHANOR_SEED");
        var range = only is null ? Enumerable.Range(FirstSeed, Seeds) : [int.Parse(only,
            System.Globalization.CultureInfo.InvariantCulture)];
        var clock = Stopwatch.StartNew();
        var events = 0L;
        var runs = 0;
        foreach (var seed in range)
        {
            using var trace = only is not null && Environment.GetEnvironmentVariable("ATHANOR_TRACE") is { } path
                ? File.CreateText(path) : null;
            var world = new World(seed, new SimulationOptions()) { TraceTo = trace };
            RunSeed(world, seed);
            events += world.Events;
            runs++;
        }
        output.WriteLine($"{runs} seeds, {events} events, {clock.Elapsed.TotalSeconds:0.0} s");
    }

    private static string RunSeed(World world, int seed)
    {
        try
        {
            return world.Run();
        }
        catch (Exception error)
        {
            Assert.Fail($"seed {seed}: {error.Message}\nRun it again with ATHANOR_SEED={seed}\n{error}");
            throw;
        }
    }

    [Fact]
    public void The_same_seed_gives_the_same_trace()
    {
        for (var seed = 1; seed <= 5; seed++)
            Assert.Equal(RunSeed(new World(seed, new SimulationOptions()), seed), RunSeed(new World(seed, new SimulationOptions()), seed));
    }

    [Fact]
    public void Another_seed_gives_another_trace() =>
        Assert.NotEqual(RunSeed(new World(1, new SimulationOptions()), 1), RunSeed(new World(2, new SimulationOptions()), 2));
}
