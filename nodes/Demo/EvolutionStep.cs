using Athanor.Compute.Evolution;
using Athanor.Nodes.Peers;
using Athanor.Protocol;
using Athanor.Protocol.Evolution;

namespace Athanor.Nodes.Demo;

/// <summary>
/// A population of networks evolves over four peer processes that come in through the gateway; one of them cheats. The peers are children of
/// this process and die with it; after a restart they are started again with the same keys, and the population goes on from its journal.
/// </summary>
internal sealed class EvolutionStep : IDemoStep
{
    private const string Bar = "Candidates confirmed and applied";

    private static readonly EntityAddress Population = EntityAddress.Of("evolution", "airfoil");

    /// <summary>Names, and how they cheat.</summary>
    private static readonly (string Name, string? Misbehaviour)[] Peers =
        [("anna", null), ("boris", null), ("chen", "poisoned-best"), ("dora", null)];

    public string Title => "An evolution run";

    public async Task Run(DemoContext context, CancellationToken cancellation)
    {
        var view = await Show(context, cancellation);
        if (view.Phase != PopulationPhase.Finished)
        {
            var spec = await Spec(context, cancellation);
            if (await context.Cluster.Ask(Population, new StartPopulation(spec), cancellation: cancellation) is Rejected refused)
                throw new InvalidOperationException($"the population was refused: {refused.Reason}");
            view = await Evolve(context, cancellation);
        }
        if (view.Phase == PopulationPhase.Failed) throw new InvalidOperationException($"the population failed: {view.Failure}");
        EvolutionReport.AddResults(context.Results, view);
        EvolutionReport.Write(context.Report.Section(Title), view);
    }

    private static async Task<PopulationView> Evolve(DemoContext context, CancellationToken cancellation)
    {
        await using var peers = PeerProcesses.Of(context.StateDirectory);
        foreach (var (name, misbehaviour) in Peers) peers.Start(name, misbehaviour);
        while (true)
        {
            var view = await Show(context, cancellation);
            var note = view.Barred.IsEmpty ? "" : $"caught: {string.Join(", ", view.Barred.Keys)}";
            if (view.Hypervolumes is [.., var volume]) note = $"hypervolume {volume:0.0000} {note}";
            context.Progress.Advance(Bar, view.Applied.Length, view.Spec!.Candidates, note);
            if (view.Phase is PopulationPhase.Finished or PopulationPhase.Failed) return view;
            peers.Revive();
            await Task.Delay(TimeSpan.FromMilliseconds(250), TimeProvider.System, cancellation);
        }
    }

    private static async Task<PopulationView> Show(DemoContext context, CancellationToken cancellation) =>
        await context.Cluster.Query(Population, new ShowPopulation(), cancellation: cancellation) switch
        {
            PopulationView view => view,
            Rejected rejected => throw new InvalidOperationException($"{Population}: {rejected.Reason}"),
            var other => throw new InvalidOperationException($"{Population} answered with {other.GetType().Name}"),
        };

    private static async Task<PopulationSpec> Spec(DemoContext context, CancellationToken cancellation)
    {
        const ulong Seed = 20_261;
        var path = Path.Combine(context.DataDirectory, "tabular", "airfoil_self_noise_centred.csv");
        var table = await PopulationTables.Store(context.Cluster, Population.Tenant, path, "spl_dB_c", Seed, 0.6, 0.2, cancellation);
        var small = context.Small;
        return new PopulationSpec(
            Seed, Candidates: small ? 12 : 96, Window: 8, ArchiveSize: 16,
            new SearchSpaceSpec(2, [2, 3, 4, 6, 8, 12, 16, 24, 32, 48], [0.002, 0.004, 0.008, 0.016, 0.032], [32, 64, 128]),
            table, new ScheduleSpec(Segments: 4, StepsPerSegment: small ? 40 : 2500),
            new NumericClass(GenomeTraining.Precision, GenomeTraining.DeviceClass, GenomeTraining.KernelSet),
            [.. Peers.Select(p => p.Name)], ExtraSegments: 1,
            // Long, because a peer of this demo that dies is started again and gets its work back at once: only a peer that hangs is replaced,
            // and a busy machine must not make the forger look silent.
            Silence: TimeSpan.FromMinutes(2),
            ReferenceError: 7, ReferenceParameters: 3000);
    }
}
