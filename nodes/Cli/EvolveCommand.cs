using System.CommandLine;
using System.Globalization;
using Athanor.Actors;
using Athanor.Compute.Evolution;
using Athanor.Hosting.Runtime;
using Athanor.Nodes.Peers;
using Athanor.Protocol;
using Athanor.Protocol.Evolution;

namespace Athanor.Nodes.Cli;

/// <summary><c>evolve</c>: starts a population, and waits for it.</summary>
internal static class EvolveCommand
{
    private static readonly Argument<string> Id = new("id") { Description = "The population's id.", HelpName = "ID" };

    private static readonly Option<string> Data = new("--data")
    {
        Description = "A CSV file of numbers with a header; every column but the target is an input.",
        HelpName = "FILE",
        Required = true,
    };

    private static readonly Option<string> Target = new("--target") { Description = "The column to predict.", HelpName = "COLUMN", Required = true };

    private static readonly Option<string> Peers = new("--peers")
    {
        Description = "Names of the peers to draw evaluators and verifiers from, with commas; the run starts when all are enrolled. "
            + "Without peers the node's own slots do everything.",
        HelpName = "NAMES",
        DefaultValueFactory = _ => "",
    };

    private static readonly Option<int> Candidates = Number("--candidates", "Candidates to breed.", 60);
    private static readonly Option<int> Window = Number("--window", "Candidate n is bred after candidates up to n - WINDOW are applied.", 8);
    private static readonly Option<int> Archive = Number("--archive", "Most parents kept.", 16);
    private static readonly Option<int> Segments = Number("--segments", "Segments of a training; each can be audited.", 4);
    private static readonly Option<int> Steps = Number("--steps", "Adam steps of a segment.", 500);
    private static readonly Option<int> Seed = Number("--seed", "Root seed; the same seed gives the same run.", 1);
    private static readonly Option<int> Silence = Number("--silence", "Seconds after which a silent peer is replaced.", 60);

    private static readonly Option<double> ReferenceError = new("--reference-error")
    {
        Description = "The hypervolume's reference point: validation error in the target's unit.",
        DefaultValueFactory = _ => 10,
    };

    private static readonly Option<bool> NoWait = new("--no-wait")
    {
        Description = "Return when the population is started; it goes on while a node runs.",
    };

    public static Command Create()
    {
        var evolve = Cli.Command(
            "evolve", "Starts a population of networks (error against parameters) on a table, and waits until it is finished.",
            "evolve airfoil --data data/tabular/airfoil_self_noise_centred.csv --target spl_dB_c",
            "evolve airfoil --data t.csv --target y --peers anna,boris,chen --candidates 100 --no-wait",
            "evolve airfoil --data t.csv --target y --tenant plant-a --gateway https://athanor.example:7443 --token-file token");
        evolve.Arguments.Add(Id);
        Option[] options =
            [Data, Target, Peers, Candidates, Window, Archive, Segments, Steps, Seed, Silence, ReferenceError, NoWait, Cli.Tenant];
        foreach (var option in options) evolve.Options.Add(option);
        RemoteOptions.AddTo(evolve);
        evolve.SetAction(Evolve);
        return evolve;
    }

    private static async Task<int> Evolve(ParseResult parsed, CancellationToken cancellation)
    {
        var id = parsed.GetRequiredValue(Id);
        Cli.CheckNames(parsed, id);
        var wait = !parsed.GetValue(NoWait);
        await using var cluster = await CliCluster.Open(parsed, wait ? EmbeddedRole.Full : EmbeddedRole.AppendOnly, cancellation);
        var population = Cli.Address(parsed, cluster, "evolution", id);
        var seed = (ulong)parsed.GetValue(Seed);
        var table = await PopulationTables.Store(
            cluster.Client, population.Tenant, parsed.GetRequiredValue(Data), parsed.GetRequiredValue(Target), seed, 0.7, 0.3, cancellation);
        var spec = new PopulationSpec(
            seed, parsed.GetValue(Candidates), parsed.GetValue(Window), parsed.GetValue(Archive),
            new SearchSpaceSpec(2, [2, 3, 4, 6, 8, 12, 16, 24, 32, 48], [0.002, 0.004, 0.008, 0.016, 0.032], [16, 32, 64]), table,
            new ScheduleSpec(parsed.GetValue(Segments), parsed.GetValue(Steps)),
            new NumericClass(GenomeTraining.Precision, GenomeTraining.DeviceClass, GenomeTraining.KernelSet),
            [.. parsed.GetRequiredValue(Peers).Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)], 1,
            TimeSpan.FromSeconds(parsed.GetValue(Silence)), parsed.GetValue(ReferenceError), 3000);
        if (await cluster.Client.Ask(population, new StartPopulation(spec), cancellation: cancellation) is Rejected rejected)
            throw new UserException($"evolve: {rejected.Reason}");
        if (!wait)
        {
            Console.Out.WriteLine($"{population} is started; 'athanor evolution show {id}' shows it, and it goes on while a node runs.");
            return ExitCodes.Success;
        }
        var view = await Wait(cluster.Client, population, parsed.GetValue(Cli.Json), cancellation);
        if (view.Phase == PopulationPhase.Failed) throw new UserException($"evolve: {view.Failure}", ExitCodes.Failure);
        Print(view, parsed.GetValue(Cli.Json));
        return ExitCodes.Success;
    }

    private static async Task<PopulationView> Wait(IClusterClient client, EntityAddress population, bool quiet, CancellationToken cancellation)
    {
        var said = -1;
        while (true)
        {
            if (await client.Query(population, new ShowPopulation(), cancellation: cancellation) is not PopulationView view)
                throw new UserException($"{population} cannot be read", ExitCodes.Environment);
            if (!quiet && view.Applied.Length != said)
            {
                said = view.Applied.Length;
                var volume = view.Hypervolumes is [.., var last] ? last.ToString("0.0000", CultureInfo.InvariantCulture) : "-";
                Console.Error.WriteLine($"{said} of {view.Spec!.Candidates} candidates, hypervolume {volume}");
            }
            if (view.Phase is PopulationPhase.Finished or PopulationPhase.Failed) return view;
            await Task.Delay(TimeSpan.FromMilliseconds(500), TimeProvider.System, cancellation);
        }
    }

    private static void Print(PopulationView view, bool json)
    {
        var front = view.Front.Select(n => view.Applied.First(a => a.Number == n)).ToArray();
        if (json)
        {
            Cli.PrintJson(new
            {
                candidates = view.Applied.Length,
                hypervolume = view.Hypervolumes[^1],
                front = front.Select(a => new { a.Number, a.Error, a.Parameters, widths = a.Genome.Widths, a.Genome.LearningRate, a.Genome.BatchSize }),
                quarantined = view.Barred.Keys,
            });
            return;
        }
        foreach (var a in front)
        {
            Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"candidate {a.Number,4}  error {a.Error,9:0.0000}  parameters {a.Parameters,6}  widths {string.Join('-', a.Genome.Widths)}"));
        }
        Console.Out.WriteLine(view.Barred.IsEmpty ? "Nobody was quarantined." : $"Quarantined: {string.Join(", ", view.Barred.Keys)}");
    }

    private static Option<int> Number(string name, string description, int value) => new(name)
    {
        Description = description,
        HelpName = "N",
        DefaultValueFactory = _ => value,
    };
}
