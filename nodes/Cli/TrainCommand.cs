using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using Athanor.Actors;
using Athanor.Compute.Kernels;
using Athanor.Compute.Uncertainty;
using Athanor.Hosting.Runtime;
using Athanor.Nodes.Data;
using Athanor.Protocol;
using Athanor.Protocol.Training;

namespace Athanor.Nodes.Cli;

/// <summary><c>train</c>: starts the training run that a file describes (<see cref="Training.RunCommand"/>), or one of a perceptron on a table by
/// flags, and waits for it.</summary>
internal static class TrainCommand
{
    private static readonly Argument<string> Id = new("what")
    {
        Description = "A training file (docs/guides/train.md); or, for a perceptron described by flags, the run's id.",
        HelpName = "FILE.hocon|ID",
    };

    private static readonly Option<string?> Run = new("--run") { Description = "With a file: the run's id (default: the file's 'name').", HelpName = "ID" };

    private static readonly Option<string?> Spec = new("--spec")
    {
        Description = "A HOCON file with data, targets, hidden, steps, segment-steps, batch, learning-rate, weight-decay, seed; flags override it.",
        HelpName = "FILE",
    };

    private static readonly Option<string?> Data = new("--data")
    {
        Description = "A CSV file of numbers with a header; every column but the targets is an input.",
        HelpName = "FILE",
    };

    private static readonly Option<string?> Targets = new("--targets") { Description = "The columns to predict, with commas.", HelpName = "COLUMNS" };

    private static readonly Option<string?> Hidden = new("--hidden")
    {
        Description = "Widths of the hidden layers, with commas (default: 32,32).",
        HelpName = "WIDTHS",
    };

    private static readonly Option<long?> Steps = new("--steps") { Description = "Adam steps in all (default: 5000).", HelpName = "N" };

    private static readonly Option<int?> Workers = new("--workers")
    {
        Description = "With a file: processes that share each step's logical ranks; they change no weight (default: the file's 'workers', or 1).",
        HelpName = "N",
    };

    private static readonly Option<long?> SegmentSteps = new("--segment-steps")
    {
        Description = "Steps from checkpoint to checkpoint (default: 1000).",
        HelpName = "N",
    };

    private static readonly Option<int?> Batch = new("--batch") { Description = "Rows of a mini-batch (default: 32).", HelpName = "N" };

    private static readonly Option<double?> LearningRate = new("--learning-rate")
    {
        Description = "At the start; falls to 0 as half a cosine (default: 0.01).",
        HelpName = "RATE",
    };

    private static readonly Option<double?> WeightDecay = new("--weight-decay") { Description = "Decoupled (default: 0).", HelpName = "RATE" };

    private static readonly Option<ulong?> Seed = new("--seed") { Description = "The same seed gives the same weights bit by bit (default: 1).", HelpName = "N" };

    private static readonly Option<bool> NoWait = new("--no-wait") { Description = "Return when the run is started; it goes on while a node runs." };

    public static Command Create()
    {
        var train = Cli.Command(
            "train", "Trains a model on data, in segments with checkpoints, and waits until it is finished. The same command again goes on.",
            "train examples/airfoil.hocon", "train examples/tanks.hocon --workers 2", "train examples/airfoil.hocon --seed 7 --run airfoil-7",
            "train airfoil --data data/tabular/airfoil_self_noise_centred.csv --targets spl_dB_c --hidden 48,48 --steps 10000",
            "train airfoil --spec airfoil.hocon --seed 7 --json",
            "train airfoil --spec airfoil.hocon --gateway https://athanor.example:7443 --key-file train.key --tenant plant-a");
        train.Arguments.Add(Id);
        Option[] options = [Run, Spec, Data, Targets, Hidden, Steps, SegmentSteps, Batch, LearningRate, WeightDecay, Seed, Workers, NoWait, Cli.Tenant];
        foreach (var option in options) train.Options.Add(option);
        RemoteOptions.AddTo(train);
        train.SetAction(Train);
        return train;
    }

    private static async Task<int> Train(ParseResult parsed, CancellationToken cancellation)
    {
        var id = parsed.GetRequiredValue(Id);
        if (Training.RunFile.Is(id))
        {
            foreach (var option in (Option[])[Spec, Data, Targets, Hidden, SegmentSteps, Batch, LearningRate, WeightDecay])
            {
                if (parsed.GetResult(option) is { Implicit: false }) throw new UserException($"train {id}: {option.Name} goes with an id; a file says it itself");
            }
            return await Training.RunCommand.Train(
                parsed, id, parsed.GetValue(Seed), parsed.GetValue(Steps), parsed.GetValue(Workers), parsed.GetValue(Run), !parsed.GetValue(NoWait), cancellation);
        }
        Cli.CheckNames(parsed, id);
        var settings = Settings(parsed);
        var (table, names, scales) = Read(settings);
        var wait = !parsed.GetValue(NoWait);
        var json = parsed.GetValue(Cli.Json);
        await using var cluster = await CliCluster.Open(parsed, wait ? EmbeddedRole.Full : EmbeddedRole.AppendOnly, cancellation);
        var run = Cli.Address(parsed, cluster, "training", id);
        var data = await cluster.Client.PutBlob(table.ToBytes(), cancellation, run.Tenant);
        var spec = new TrainingSpec(
            "perceptron", [table.Inputs, .. settings.Hidden, table.Outputs], data, table.Inputs, table.Outputs, settings.Seed, settings.Steps,
            settings.SegmentSteps, settings.Batch, settings.LearningRate, 0.0, settings.WeightDecay,
            ImmutableSortedDictionary<string, double>.Empty);
        if (await cluster.Client.Ask(run, new StartTraining(spec), cancellation: cancellation) is Rejected rejected)
            throw new UserException($"train: {rejected.Reason}");
        if (!wait)
        {
            Console.Out.WriteLine($"{run} is started; 'athanor training show {id}' shows it, and it goes on while a node runs.");
            return ExitCodes.Success;
        }
        var view = await Wait(cluster.Client, run, json, cancellation);
        if (view.Final is not { } final) throw new UserException($"train: {run} is {view.Phase.ToString().ToLowerInvariant()}: {view.Reason}", ExitCodes.Failure);
        if (json)
        {
            Cli.PrintJson(new
            {
                run = run.ToString(),
                steps = view.Step,
                loss = view.Losses[^1],
                losses = view.Losses,
                checkpoint = final,
                columns = names.Select((name, i) => new { name, scales[i].Mean, scales[i].Deviation }),
            });
            return ExitCodes.Success;
        }
        var root = Math.Sqrt(view.Losses[^1]);
        Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{run}: {view.Step} steps, last segment's mean squared error {view.Losses[^1]:G4} of standardised targets."));
        for (var i = 0; i < table.Outputs; i++)
        {
            var target = table.Inputs + i;
            Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"  {names[target]}: a training error of {root:G3} deviations is {root * scales[target].Deviation:G4} in the column's unit"));
        }
        Console.Out.WriteLine($"Checkpoint {final}");
        return ExitCodes.Success;
    }

    private static TrainSettings Settings(ParseResult parsed)
    {
        var file = parsed.GetValue(Spec) is { } path ? TrainSettings.Read(path) : new TrainSettings();
        var settings = file with
        {
            Data = parsed.GetValue(Data) ?? file.Data,
            Targets = parsed.GetValue(Targets) is { } targets ? [.. Words(targets)] : file.Targets,
            Hidden = parsed.GetValue(Hidden) is { } hidden ? [.. Words(hidden).Select(Width)] : file.Hidden,
            Steps = parsed.GetValue(Steps) ?? file.Steps,
            SegmentSteps = parsed.GetValue(SegmentSteps) ?? file.SegmentSteps,
            Batch = parsed.GetValue(Batch) ?? file.Batch,
            LearningRate = parsed.GetValue(LearningRate) ?? file.LearningRate,
            WeightDecay = parsed.GetValue(WeightDecay) ?? file.WeightDecay,
            Seed = parsed.GetValue(Seed) ?? file.Seed,
        };
        if (settings.Data.Length == 0) throw new UserException("train: which table? --data FILE, or 'data' in the --spec file");
        if (settings.Targets.IsEmpty) throw new UserException("train: which columns to predict? --targets COLUMNS, or 'targets' in the --spec file");
        return settings;

        static string[] Words(string text) => text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

        static int Width(string word) => int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out var width)
            ? width
            : throw new UserException($"train: --hidden holds '{word}'; widths such as 48,48 would be right");
    }

    /// <summary>The table with every column standardised, and the columns' names with what was done to them: inputs first.</summary>
    private static (SampleTable Table, string[] Names, (double Mean, double Deviation)[] Scales) Read(TrainSettings settings)
    {
        var csv = CsvTable.Read(settings.Data, [], new CsvOptions { MinimumRows = 2 });
        foreach (var target in settings.Targets)
        {
            if (!csv.Names.Contains(target))
                throw new UserException($"{settings.Data}:1: the column '{target}' is missing; the header has {string.Join(", ", csv.Names)}");
        }
        string[] inputs = [.. csv.Names.Where(name => !settings.Targets.Contains(name))];
        if (inputs.Length == 0) throw new UserException($"{settings.Data}: every column is a target; at least one input is needed");
        string[] outputs = [.. settings.Targets];
        var all = Enumerable.Range(0, csv.Rows).ToArray();
        var (x, inputScales) = Standardised(inputs);
        var (y, outputScales) = Standardised(outputs);
        return (new SampleTable(csv.Rows, inputs.Length, outputs.Length, x, y), [.. inputs, .. outputs], [.. inputScales, .. outputScales]);

        (float[] Values, (double, double)[] Scales) Standardised(string[] names)
        {
            var raw = new float[csv.Rows * names.Length];
            for (var c = 0; c < names.Length; c++)
            {
                var column = csv[names[c]];
                for (var row = 0; row < csv.Rows; row++) raw[row * names.Length + c] = (float)column[row];
            }
            var fitted = Standardization.Fit(raw, names.Length, all, []);
            return (fitted.Apply(raw, all), [.. fitted.Means.Zip(fitted.Deviations)]);
        }
    }

    private static async Task<TrainingView> Wait(IClusterClient client, EntityAddress run, bool quiet, CancellationToken cancellation)
    {
        var said = 0;
        while (true)
        {
            if (await client.Query(run, new GetTraining(), cancellation: cancellation) is not TrainingView view)
                throw new UserException($"{run} cannot be read", ExitCodes.Environment);
            if (!quiet && view.Losses.Length > said)
            {
                said = view.Losses.Length;
                Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"step {view.Step} of {view.Spec!.TotalSteps}, loss {view.Losses[^1]:G4}"));
            }
            if (view.Phase is not (TrainingPhase.Running or TrainingPhase.NotStarted)) return view;
            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, cancellation);
        }
    }
}
