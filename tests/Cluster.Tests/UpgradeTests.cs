using System.Collections.Immutable;
using Athanor.Hosting;
using Athanor.Nodes.Local;
using Athanor.Protocol;
using Athanor.Protocol.Models;
using Xunit.Abstractions;

namespace Cluster.Tests;

/// <summary>The first release's program and this one take turns on one directory, under load and killed on the way, until the operator says
/// that there is no way back.</summary>
public sealed class UpgradeTests(ITestOutputHelper output) : IDisposable
{
    private const int Models = 4;

    private readonly TestDirectory _directory = new();

    /// <summary>Sources of versions that a node acknowledged, by model.</summary>
    private readonly List<string>[] _acknowledged = [.. Enumerable.Range(0, Models).Select(_ => new List<string>())];

    private int _load;

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task A_directory_of_the_first_release_goes_on_under_this_build_and_back_and_loses_nothing()
    {
        var (first, why) = await FirstBuild.Find();
        if (first is null)
        {
            output.WriteLine($"Skipped: {why}.");
            return;
        }
        var mine = NodeProcess.Program;

        await Turn(first, killed: true);
        await Turn(mine, killed: false);
        // Rolled back: the first release opens what this build wrote, and loses nothing of it.
        await Turn(first, killed: false);
        await Turn(mine, killed: true);
        // This build was killed: starting and stopping it once leaves the directory as the first release reads it.
        await Turn(mine, killed: false, calls: 0);
        await Turn(first, killed: true);
        await Turn(mine, killed: false);

        var (exit, text, error) = await NodeProcess.Run("cluster", "feature-level", "--raise", "--state", _directory.State);
        Assert.True(exit == 0, text + error);
        await Turn(mine, killed: false);
        var refused = await Assert.ThrowsAsync<InvalidOperationException>(() => NodeProcess.Start(_directory.State, first));
        Assert.Contains("use the build that wrote it", refused.Message, StringComparison.Ordinal);
        output.WriteLine($"{_acknowledged.Sum(static a => a.Count)} versions acknowledged by two builds in turn, none lost, none doubled.");
    }

    /// <summary>One node's life: what was acknowledged is there, more is added, it ends in order or by SIGKILL with commands under way.</summary>
    private async Task Turn(string program, bool killed, int calls = 60)
    {
        await using var node = await NodeProcess.Start(_directory.State, program);
        using var client = new SocketClient(SocketPath.Of(_directory.State), Families.Messages, TimeProvider.System);
        await Check(client);
        var load = Enumerable.Range(0, Models).Select(m => Load(client, m, calls)).ToArray();
        if (killed)
        {
            await Task.WhenAny(load);
            await node.KillNow();
            await Task.WhenAll(load);
            return;
        }
        await Task.WhenAll(load);
        await Check(client);
        Assert.Equal(0, (await node.Terminate()).ExitCode);
    }

    private async Task Load(SocketClient client, int model, int calls)
    {
        // Models get loads of different lengths, so that a kill meets some of them at work.
        for (var i = 0; i < calls * (model + 1) / Models; i++)
        {
            var source = $"load/{Interlocked.Increment(ref _load)}";
            try
            {
                var add = new AddVersion(
                    source, 0, new string('a', 64), new string('b', 64), ImmutableSortedDictionary<string, double>.Empty.Add("loss", i));
                await client.Ask(Address(model), new RegisterModel("kinetics", "load"), Guid.CreateVersion7());
                Assert.IsType<VersionRecorded>(await client.Ask(Address(model), add, Guid.CreateVersion7()));
                _acknowledged[model].Add(source);
            }
            catch (Exception e) when (e is HostGoneException or Athanor.Hosting.Stores.StoreException or IOException or HttpRequestException)
            {
                // Not acknowledged: it may be there or not.
                return;
            }
        }
    }

    private async Task Check(SocketClient client)
    {
        for (var model = 0; model < Models; model++)
        {
            if (_acknowledged[model].Count == 0) continue;
            var view = Assert.IsType<ModelView>(await client.Query(Address(model), new ModelQuery()));
            var sources = view.Versions.Select(static v => v.Source).ToList();
            Assert.Equal(sources.Count, sources.Distinct().Count());
            Assert.Empty(_acknowledged[model].Except(sources));
        }
    }

    private static EntityAddress Address(int model) => EntityAddress.Of("models", $"m{model}");
}
