using Athanor.Actors;
using Athanor.Compute.Evolution;
using Athanor.Compute.Numerics;
using Athanor.Compute.Trust;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Slots;
using Athanor.Nodes.Local;
using Athanor.Nodes.Peers;
using Athanor.Protocol;
using Athanor.Protocol.Evolution;

namespace Nodes.Tests.Peers;

/// <summary>A node with its gateway in a directory of its own, with slots as processes of the real program.</summary>
internal sealed class PeerHost : IAsyncDisposable
{
    private readonly NodeHost _node;

    private PeerHost(NodeHost node, string directory) => (_node, Directory) = (node, directory);

    public string Directory { get; }

    public HostedCluster Cluster => _node.Cluster;

    public IClusterClient Client => _node.Cluster.Client;

    public Uri Url => _node.Gateway!.Url;

    public string Pin => _node.Gateway!.Info.CertificateSha256;

    public static async Task<PeerHost> Start(long quota = 1 << 30)
    {
        var directory = System.IO.Directory.CreateTempSubdirectory("athanor-peers-").FullName;
        var options = new AthanorOptions { StateDirectory = directory, Gateway = new GatewayOptions { Port = 0, PeerQuotaBytes = quota } };
        var program = Path.Combine(AppContext.BaseDirectory, "athanor.dll");
        var parts = new ClusterParts { SlotLaunch = new SlotLaunch("dotnet", [program, "slot"]) };
        return new PeerHost(await NodeHost.Start(options, EmbeddedRole.Full, gateway: true, parts: parts), directory);
    }

    public async ValueTask DisposeAsync()
    {
        await _node.DisposeAsync();
        System.IO.Directory.Delete(Directory, recursive: true);
    }

    public PeerProcesses Peers() => PeerProcesses.Of(Directory);

    public PeerClient ClientOf(string name, PeerKey key, HttpClient? http = null) =>
        new(http ?? PeerClient.Connect(Url, Pin), key, name, TimeProvider.System);

    /// <summary>A small population over a synthetic table; the same but for its peers and silence in every test.</summary>
    public async Task<EntityAddress> Begin(string id, int candidates, TimeSpan silence, params string[] peers)
    {
        var population = EntityAddress.Of("evolution", id);
        Assert.Equal(new Done(), await Client.Ask(population, new StartPopulation(Spec(await Client.PutBlob(Table()), candidates, silence, peers))));
        return population;
    }

    /// <summary>A synthetic table of two inputs and a target.</summary>
    public static byte[] Table()
    {
        var random = new Philox(1);
        var rows = new List<double[]>();
        for (var i = 0; i < 300; i++)
        {
            var (a, b) = (random.NextDouble(-1, 1), random.NextDouble(-1, 1));
            rows.Add([a, b, 3 * a * b + b]);
        }
        return EvaluationTable.ToBytes(rows);
    }

    public static PopulationSpec Spec(string blob, int candidates, TimeSpan silence, string[] peers) =>
        new(7, candidates, 4, 6, new SearchSpaceSpec(2, [2, 4, 8, 16], [0.004, 0.016], [16, 32]), new TableSpec(blob, 2, 200, 100),
            new ScheduleSpec(3, 150), new NumericClass(GenomeTraining.Precision, GenomeTraining.DeviceClass, GenomeTraining.KernelSet),
            [.. peers], 1, silence, 3, 500);

    public async Task<PopulationView> Show(EntityAddress population) => (PopulationView)await Client.Query(population, new ShowPopulation());

    public async Task<PopulationView> Finished(EntityAddress population)
    {
        var view = await Show(population);
        await Until(
            async () => (view = await Show(population)).Phase is PopulationPhase.Finished or PopulationPhase.Failed,
            () => $"{population} is not finished: phase {view.Phase}, {view.Applied.Length} applied, barred {string.Join(", ", view.Barred)}");
        Assert.Equal("", view.Failure);
        return view;
    }

    /// <summary>Waits for a condition; after two minutes it says what did not occur.</summary>
    public static async Task Until(Func<Task<bool>> condition, Func<string> otherwise)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (!await condition())
        {
            if (TimeProvider.System.GetElapsedTime(began) > TimeSpan.FromMinutes(2)) Assert.Fail(otherwise());
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }
    }

    /// <summary>What must not depend on who computed, when, and who was caught.</summary>
    public static string Outcome(PopulationView view) => string.Join('\n', view.Applied.Select(a =>
        $"{a.Number} [{string.Join(',', a.Parents)}] {string.Join('-', a.Genome.Widths)} {a.Genome.LearningRate:R} {a.Error:R} {a.Parameters}"))
        + $"\n{string.Join(',', view.Archive)}\n{string.Join(',', view.Front)}";
}
