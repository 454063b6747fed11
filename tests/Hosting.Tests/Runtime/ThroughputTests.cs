using System.Diagnostics;
using Athanor.Hosting.Runtime;
using Hosting.Tests.Sqlite;
using Xunit.Abstractions;
using static Hosting.Tests.Runtime.TestCluster;

namespace Hosting.Tests.Runtime;

public sealed class ThroughputTests(ITestOutputHelper output) : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Asks_in_flight_share_commits()
    {
        const int InFlight = 256;
        const int Each = 40;
        await using var cluster = await Start(_directory.Path, EmbeddedRole.AppendOnly);
        await Task.WhenAll(Enumerable.Range(0, InFlight).Select(i => cluster.Add($"e{i}", 1)));
        var before = await Commits(cluster);
        var begun = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, InFlight).Select(async i =>
        {
            for (var n = 0; n < Each; n++) await cluster.Add($"e{i}", 1);
        }));
        var seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        var commits = await Commits(cluster) - before;
        output.WriteLine($"{InFlight * Each / seconds:F0} persisted asks a second, {commits} shard commits for {InFlight * Each} asks");
        for (var i = 0; i < InFlight; i++) Assert.Equal(Each + 1, (await cluster.Look($"e{i}")).Value);
        // Without sharing it would be one each.
        Assert.True(commits * 3 < InFlight * Each, $"{commits} commits for {InFlight * Each} asks");
    }

    private static async Task<long> Commits(TestCluster cluster) =>
        (await cluster.Cluster.Store.ReadShards(default)).Sum(s => s.LastNumber);
}
