using System.Text.Json;
using Athanor.Nodes.Cli;
using Athanor.Nodes.Reports;

namespace Athanor.Nodes.Demo;

/// <summary>What a finished demo left in its state directory.</summary>
/// <param name="ResultHash">Covers parameters, weights, archive, lineage and quarantined peers; no times and no counts of attempts.</param>
/// <param name="Seconds">Wall time of each step in the run that finished it, by title.</param>
internal sealed record DemoResult(
    string ResultHash, IReadOnlyDictionary<string, string> Parts, IReadOnlyDictionary<string, double> Seconds,
    IReadOnlyList<DemoSection> Sections, string ReportPath);

internal sealed record DemoSection(string Title, IReadOnlyList<Figure> Figures);

/// <summary>Two small files beside the journal: which demo this directory holds, and what it came to. The journal alone decides how far a
/// demo is; these only keep a small demo from going on as a full one, and a finished one from being shown as unfinished.</summary>
internal sealed class DemoMarker(string stateDirectory)
{
    private static readonly JsonSerializerOptions Options = new() { WriteIndented = true };

    private string SpecPath => Path.Combine(stateDirectory, "demo-spec.json");

    private string ResultPath => Path.Combine(stateDirectory, "demo-result.json");

    private sealed record Spec(bool Small);

    /// <summary>Claims the directory for a small or full demo.</summary>
    /// <exception cref="UserException">It holds the other kind, or something that is no demo.</exception>
    public void Claim(bool small)
    {
        if (Read<Spec>(SpecPath) is { } spec)
        {
            if (spec.Small == small) return;
            throw new UserException(spec.Small
                ? $"{stateDirectory} holds a small demo: add --small to go on with it, or --new to start over"
                : $"{stateDirectory} holds a full demo: leave --small away to go on with it, or add --new to start over");
        }
        if (File.Exists(Path.Combine(stateDirectory, "journal.db")))
            throw new UserException($"{stateDirectory} holds a cluster that is no demo; choose another directory with --state");
        Directory.CreateDirectory(stateDirectory);
        Write(SpecPath, new Spec(small));
    }

    public DemoResult? Finished() => Read<DemoResult>(ResultPath);

    public void Finish(DemoResult result) => Write(ResultPath, result);

    /// <summary>Deletes a demo's directory, and nothing that is not one.</summary>
    public void Clear()
    {
        if (!Directory.Exists(stateDirectory)) return;
        if (!File.Exists(SpecPath) && Directory.EnumerateFileSystemEntries(stateDirectory).Any())
            throw new UserException($"{stateDirectory} is not empty and holds no demo, so --new leaves it alone; choose another with --state");
        Directory.Delete(stateDirectory, recursive: true);
    }

    private static T? Read<T>(string path)
        where T : class
    {
        try
        {
            return File.Exists(path) ? JsonSerializer.Deserialize<T>(File.ReadAllText(path)) : null;
        }
        catch (JsonException e)
        {
            throw new UserException($"{path} is damaged ({e.Message}); delete it, and the demo goes on from its journal");
        }
    }

    private static void Write<T>(string path, T value)
    {
        // Whole or not at all: a crash while writing leaves the old file.
        var fresh = path + ".new";
        using (var file = new FileStream(fresh, FileMode.Create, FileAccess.Write))
        {
            JsonSerializer.Serialize(file, value, Options);
            file.Flush(flushToDisk: true);
        }
        File.Move(fresh, path, overwrite: true);
    }
}
