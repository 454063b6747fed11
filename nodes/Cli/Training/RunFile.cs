using System.Collections.Immutable;
using Athanor.Actors.Training;
using Athanor.Compute.Training;
using Athanor.Hosting.Configuration.Hocon;
using Athanor.Nodes.Data;
using Athanor.Protocol.Training;

namespace Athanor.Nodes.Cli.Training;

/// <summary>Who adds gradients over hosts.</summary>
internal enum GradientSum
{
    /// <summary>We, in a fixed order.</summary>
    Tree,

    /// <summary>c10d's all-reduce.</summary>
    Library,
}

/// <summary>A training file: <c>name</c>, <c>model</c>, <c>loss</c>, <c>data</c>, <c>training</c>, <c>register</c>,
/// <c>start-from</c>; see
/// docs/guides/train.md.</summary>
/// <param name="Name">The run's id.</param>
/// <param name="Spec">Complete; its tables are named by hash.</param>
/// <param name="Tables">The tables' bytes by hash.</param>
/// <param name="StartFrom">The version whose weights training begins with, <c>MODEL@2</c>; null for the seed's.</param>
internal sealed record RunFile(string Name, RunSpec Spec, IReadOnlyDictionary<string, byte[]> Tables, string? StartFrom = null)
{
    /// <summary>The spec that begins with a version's weights.</summary>
    /// <param name="parent">The version's number, if it is of the model that the run registers; else 0.</param>
    /// <exception cref="TrainingException">The weights do not fit the file's model.</exception>
    public RunSpec From(byte[] weights, string hash, int parent)
    {
        RunFileReader.Prove(Spec, Tables, weights);
        return Spec with { Start = hash, Parent = parent > 0 ? parent : null };
    }

    /// <summary>Whether an argument of <c>train</c> means a file and no id.</summary>
    public static bool Is(string argument) =>
        argument.EndsWith(".hocon", StringComparison.OrdinalIgnoreCase) || argument.EndsWith(".conf", StringComparison.OrdinalIgnoreCase);

    /// <exception cref="UserException">Something in it is wrong; the message names file, line and key.</exception>
    public static RunFile Read(string path, ulong? seed = null, long? steps = null)
    {
        if (!File.Exists(path)) throw new UserException($"{path}: there is no such file");
        try
        {
            return new RunFileReader(path, HoconFile.Load(path)).Read(seed, steps);
        }
        catch (Exception e) when (e is HoconException or CsvFormatException)
        {
            throw new UserException(e.Message);
        }
    }
}

/// <summary>Reads one file.</summary>
internal sealed class RunFileReader(string path, HoconObject root)
{
    private readonly Dictionary<string, byte[]> _tables = [];

    public RunFile Read(ulong? seed, long? steps)
    {
        var file = new RunKeys(root, "");
        // A file may describe the unit's twin as well, which 'twins create' reads.
        file.Check("name", "model", "loss", "data", "training", "register", "start-from", "twin");
        var name = file.Text("name", Path.GetFileNameWithoutExtension(path));
        if (!Protocol.EntityAddress.IsValidPart(name)) throw file.Wrong("name", $"is '{name}'; {Cli.NameRule} would be right");
        var model = RunJson.Object(file.Object("model").Value, Table);
        if (file.Has("loss")) model["loss"] = RunJson.Object(file.Object("loss").Value, Table);
        var data = RunJson.Object(file.Object("data").Value, Table);
        var spec = Training(file.Object("training", optional: true), RunJson.Text(model), RunJson.Text(data), seed, steps) with
        {
            Registers = file.Text("register", name),
        };
        if (TrainingDecider.Check(spec) is { } wrong) throw new UserException($"{Line(wrong)}: {wrong}");
        try
        {
            Prove(spec, _tables, null);
        }
        catch (TrainingException e)
        {
            throw new UserException($"{Line(e.Message)}: {e.Message}");
        }
        return new RunFile(name, spec, _tables, file.Has("start-from") ? file.Text("start-from", "") : null);
    }

    /// <summary>What a key <c>file</c> in the data becomes: the hash of its table, whose bytes are kept.</summary>
    private string Table(HoconValue file, HoconObject around)
    {
        var name = file is HoconScalar scalar ? scalar.Text : throw new UserException($"{file.Origin}: 'file' is no text");
        string[] columns = around.TryGet("columns", out var list) ? RunKeys.Texts(list, "columns") : [];
        var full = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, name);
        if (!File.Exists(full)) throw new UserException($"{file.Origin}: there is no file {full}");
        var csv = CsvTable.Read(full, columns, new CsvOptions { Header = new RunKeys(around, "data.").Flag("header", true) });
        TrainingTable table;
        try
        {
            table = new TrainingTable([.. csv.Names], [.. csv.Names.Select(column => csv[column])]);
        }
        catch (TrainingException e)
        {
            throw new UserException($"{full}: {e.Message}");
        }
        var bytes = table.ToBytes();
        var hash = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(bytes));
        _tables[hash] = bytes;
        return hash;
    }

    private RunSpec Training(RunKeys keys, string model, string data, ulong? seed, long? steps)
    {
        keys.Check(
            "precision", "seed", "batch", "micro-batch", "ranks", "clip-norm", "average", "check-every", "folds", "optimiser", "schedule",
                "stop",
            "guard", "curriculum", "segments", "workers", "all-reduce");
        RunKeys optimiser = keys.Object("optimiser", true), schedule = keys.Object("schedule", true), stop = keys.Object("stop", true);
        RunKeys guard = keys.Object("guard", true), segments = keys.Object("segments", true);
        optimiser.Check("kind", "learning-rate", "momentum", "beta1", "beta2", "epsilon", "weight-decay", "memory");
        var kind = optimiser.OneOf("kind", RunOptimiserKind.Adam);
        var newton = kind == RunOptimiserKind.Lbfgs;
        schedule.Check("kind", "warm-up", "final-rate", "every", "factor");
        stop.Check("steps", "patience", "least-improvement", "target");
        guard.Check("explosion", "plateau", "oscillation", "swing", "reduce", "max-rollbacks");
        segments.Check("steps", "time", "checkpoint-every");
        var usual = new GuardSettings();
        return new RunSpec(
            model, data, [.. _tables.Keys.Order(StringComparer.Ordinal)], Precision(keys),
            seed ?? keys.Number<ulong>("seed", 1),
            new RunOptimiser(
                kind, optimiser.Number("learning-rate", newton ? 1.0 : 1e-3),
                optimiser.Number("momentum", 0.0),
                optimiser.Number("beta1", 0.9), optimiser.Number("beta2", 0.999), optimiser.Number("epsilon", 1e-8),
                optimiser.Number("weight-decay", 0.0),
                newton ? optimiser.Number("memory", new OptimiserSettings(OptimiserKind.Lbfgs, 1.0).Memory) : null),
            new RunSchedule(
                schedule.OneOf("kind", newton ? RunScheduleKind.Constant : RunScheduleKind.Cosine),
                schedule.Number("warm-up", 0L), schedule.Number("final-rate", 0.0),
                schedule.Number("every", 0L), schedule.Number("factor", 0.1)),
            new RunStop(
                steps ?? stop.Number("steps", 5000L), stop.Number("patience", 0), stop.Number("least-improvement", 0.0),
                stop.Number("target", 0.0)),
            new RunGuard(
                guard.Number("explosion", usual.Explosion), guard.Number("plateau", usual.Plateau),
                guard.Number("oscillation", usual.Oscillation), guard.Number("swing", usual.Swing), guard.Number("reduce", usual.Reduce),
                guard.Number("max-rollbacks", usual.MaxRollbacks)),
            keys.Text("batch", "") == "all" ? 0 : keys.Number("batch", newton ? 0 : 32), keys.Number("micro-batch", 0),
            keys.Number("ranks", 1), keys.Number("clip-norm", 0.0),
            keys.Number("average", 0.0), keys.Number("check-every", 100L), Curriculum(keys), keys.Number("folds", 0),
            segments.Number("steps", 0L), segments.Duration("time", TimeSpan.FromSeconds(30)),
            segments.Duration("checkpoint-every", TimeSpan.FromSeconds(2)), "", keys.Number("workers", 1),
            keys.OneOf("all-reduce", GradientSum.Tree) == GradientSum.Library);
    }

    private static ImmutableArray<RunStage> Curriculum(RunKeys keys) => [.. keys.Objects("curriculum").Select(static stage => new RunStage(
        stage.Number<long>("from"),
        stage.Value.Fields.Where(static field => field.Key != "from")
            .ToImmutableSortedDictionary(static field => field.Key, field => stage.Number<double>(field.Key), StringComparer.Ordinal)))];

    /// <summary>Makes the model from its data once, so that what does not fit is told before anything is started.</summary>
    /// <param name="start">Weights to begin with; null for none.</param>
    internal static void Prove(RunSpec spec, IReadOnlyDictionary<string, byte[]> tables, byte[]? start)
    {
        if (spec.Precision == RunPrecision.Double) Make<double>();
        else Make<float>();

        void Make<T>()
            where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T>
        {
            var task = TrainingTasks.Create<T>(
                spec.Model, spec.Data, hash => tables[hash], SplitRequest.OfData, TrainingDecider.AutocastOf(spec.Precision));
            var loop = new TrainingLoop<T>(task, TrainingDecider.LoopSettingsOf(spec), "");
            if (start is not null) loop.StartFrom(start);
        }
    }

    private static RunPrecision Precision(RunKeys keys) => keys.Text("precision", "float64") switch
    {
        "float32" or "float" => RunPrecision.Float,
        "float64" or "double" => RunPrecision.Double,
        "bf16" => RunPrecision.Bf16,
        "fp16" => RunPrecision.Fp16,
        var other => throw keys.Wrong("precision", $"is '{other}'; one of float32, float64, bf16, fp16 would be right"),
    };

    /// <summary>Where the key stands that a message is about; the file where it names none.</summary>
    private string Line(string message)
    {
        string[] words = [.. message.Split(' ', ',', ';', ':').Where(static word => word.Contains('.')
            || word is "loss" or "model" or "data")];
        foreach (var word in words)
        {
            HoconValue? at = root;
            HoconOrigin? line = null;
            foreach (var key in word.Split('.'))
            {
                var name = key is "table" ? "file" : key is "tables" ? "files" : key;
                if (at is not HoconObject inner || !inner.TryGet(name, out var next)) break;
                (line, at) = (inner.KeyOrigin(name), next);
            }
            if (line is not null) return line.ToString()!;
        }
        return path;
    }
}
