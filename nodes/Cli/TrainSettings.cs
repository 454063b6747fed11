using System.Collections.Immutable;
using System.Globalization;
using Athanor.Hosting.Configuration.Hocon;

namespace Athanor.Nodes.Cli;

/// <summary>What <c>train</c> is asked for: the spec file's keys, which are also the flags' names.</summary>
internal sealed record TrainSettings
{
    private static readonly string[] Keys =
        ["data", "targets", "hidden", "steps", "segment-steps", "batch", "learning-rate", "weight-decay", "seed"];

    public string Data { get; init; } = "";

    public ImmutableArray<string> Targets { get; init; } = [];

    public ImmutableArray<int> Hidden { get; init; } = [32, 32];

    public long Steps { get; init; } = 5000;

    public long SegmentSteps { get; init; } = 1000;

    public int Batch { get; init; } = 32;

    public double LearningRate { get; init; } = 0.01;

    public double WeightDecay { get; init; }

    public ulong Seed { get; init; } = 1;

    /// <summary>Reads a HOCON file; <c>data</c> is relative to the file.</summary>
    /// <exception cref="UserException">A key is unknown or a value is not what it must be; the message names file and line.</exception>
    public static TrainSettings Read(string path)
    {
        if (!File.Exists(path)) throw new UserException($"{path}: there is no such file");
        HoconObject spec;
        try
        {
            spec = HoconFile.Load(path);
        }
        catch (HoconException e)
        {
            throw new UserException(e.Message);
        }
        var settings = new TrainSettings();
        foreach (var (key, value) in spec.Fields)
        {
            settings = key switch
            {
                "data" => settings with { Data = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, Text(key, value)) },
                "targets" => settings with { Targets = [.. Items(value).Select(v => Text(key, v))] },
                "hidden" => settings with { Hidden = [.. Items(value).Select(v => Number<int>(key, v))] },
                "steps" => settings with { Steps = Number<long>(key, value) },
                "segment-steps" => settings with { SegmentSteps = Number<long>(key, value) },
                "batch" => settings with { Batch = Number<int>(key, value) },
                "learning-rate" => settings with { LearningRate = Number<double>(key, value) },
                "weight-decay" => settings with { WeightDecay = Number<double>(key, value) },
                "seed" => settings with { Seed = Number<ulong>(key, value) },
                _ => throw new UserException($"{spec.KeyOrigin(key)}: there is no key '{key}'; valid are {string.Join(", ", Keys)}"),
            };
        }
        return settings;
    }

    private static IEnumerable<HoconValue> Items(HoconValue value) => value is HoconArray array ? array.Items : [value];

    private static string Text(string key, HoconValue value) => value is HoconScalar scalar
        ? scalar.Text
        : throw new UserException($"{value.Origin}: '{key}' is no text");

    private static T Number<T>(string key, HoconValue value)
        where T : struct, ISpanParsable<T>
    {
        if (value is HoconScalar scalar && T.TryParse(scalar.Text, CultureInfo.InvariantCulture, out var number)) return number;
        throw new UserException($"{value.Origin}: '{key}' is '{value}'; a number would be right");
    }
}
