using System.Globalization;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Work.Training;
using Athanor.Nodes.Local;
using Athanor.Protocol;
using Athanor.Protocol.Training;

namespace Athanor.Nodes.Cli.Training;

/// <summary>Follows a run until it is over: on a terminal a curve that grows, with rate and time left; into files and pipes a line now and
/// then.</summary>
internal sealed class RunWatch(ClusterConnection cluster, EntityAddress run, bool quiet)
{
    private const int Widest = 78, Narrowest = 30, Height = 10;

    private static readonly TimeSpan Between = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan BetweenLines = TimeSpan.FromSeconds(5);

    private readonly bool _live = !Console.IsErrorRedirected && !Console.IsOutputRedirected;
    private readonly List<(long Step, double Loss)> _train = [], _validation = [];
    private readonly TimeProvider _time = TimeProvider.System;
    private int _part = -1, _drawn, _folds;
    private long _first, _firstAt, _said;
    private bool _started;

    /// <exception cref="UserException">There is no such run.</exception>
    public async Task<RunReading> Wait(CancellationToken cancellation)
    {
        while (true)
        {
            var reading = await RunReading.Of(cluster.Client, run, cancellation)
                ?? throw new UserException($"there is no {run}; 'athanor training list' shows those that are", ExitCodes.Failure);
            var note = await Note(cancellation);
            if (!quiet) Say(reading, note);
            if (reading.IsOver)
            {
                if (_drawn > 0) Console.Error.WriteLine();
                return reading;
            }
            await Task.Delay(Between, _time, cancellation);
        }
    }

    /// <summary>What the segment that is out says.</summary>
    private async Task<RunNote?> Note(CancellationToken cancellation)
    {
        var running = await cluster.Progress.Running(cancellation);
        return running.Where(work => work.WorkId.StartsWith($"{run}/", StringComparison.Ordinal)).Select(static work =>
            RunNote.Parse(work.Note))
            .FirstOrDefault(static note => note is not null);
    }

    private void Say(RunReading reading, RunNote? note)
    {
        if (note is not null && note.Part < reading.Part) note = null;
        var part = note?.Part ?? reading.Part;
        if (part != _part)
        {
            _part = part;
            _started = false;
            _train.Clear();
            _validation.Clear();
        }
        if (note is not null && (_train.Count == 0 || note.Step > _train[^1].Step))
        {
            _train.Add((note.Step, note.Loss));
            if (note.Validation is { } validation) _validation.Add((note.Step, validation));
        }
        var step = Math.Max(note?.Step ?? 0, reading.Step);
        if (!_started && note is not null) (_started, _first, _firstAt) = (true, note.Step, _time.GetTimestamp());
        SayFolds(reading);
        var (place, figures) = Status(reading, part, step, note);
        var status = figures.Length > 0 ? $"{place}, {figures}" : place;
        if (_live) Draw(reading, [place, figures]);
        else if (_said == 0 || reading.IsOver || _time.GetElapsedTime(_said) >= BetweenLines)
        {
            _said = _time.GetTimestamp();
            Console.Error.WriteLine(status);
        }
    }

    /// <summary>What a fold came to, once, above what changes.</summary>
    private void SayFolds(RunReading reading)
    {
        if (reading.View is not { Folds.Folds: { } folds } view) return;
        // Of a run that is over the result says it.
        if (_said == 0 && _drawn == 0 && reading.IsOver) _folds = folds.Length;
        for (; _folds < folds.Length; _folds++)
        {
            var (fold, culture) = (folds[_folds], CultureInfo.InvariantCulture);
            var figures = fold.Figures.Select(f => string.Create(culture, $"{f.Key} {f.Value:G4}"));
            Erase();
            Console.Error.WriteLine(string.Create(
                culture, $"{run}: fold {_folds + 1} of {view.Spec.Folds}, {fold.Step} steps, {string.Join(", ", figures)}"));
        }
    }

    /// <returns>Where it is and how fast; what was measured.</returns>
    private (string Place, string Figures) Status(RunReading reading, int part, long step, RunNote? note)
    {
        var culture = CultureInfo.InvariantCulture;
        var of = reading.PartName(part) is { Length: > 0 } name ? $"{name}, " : "";
        var text = string.Create(culture, $"{run}: {of}step {step} of {reading.Steps}");
        var figures = "";
        if (note is not null) figures = string.Create(culture, $"loss {note.Loss:G4}");
        else if (reading.Train.Count > 0) figures = string.Create(culture, $"loss {reading.Train[^1].Loss:G4}");
        if ((note?.Validation ?? (reading.Validation.Count > 0 ? reading.Validation[^1].Loss : null)) is { } validation)
            figures += string.Create(culture, $", validation {validation:G4}");
        var seconds = _time.GetElapsedTime(_firstAt).TotalSeconds;
        if (_started && seconds > 1.0 && step > _first && !reading.IsOver)
        {
            var rate = (step - _first) / seconds;
            text += string.Create(culture, $", {rate:G3} steps/s, at most {Left((reading.Steps - step) / rate)} left");
        }
        return (reading.Phase == TrainingPhase.Running ? text : $"{text}, {reading.Phase.ToString().ToLowerInvariant()}", figures);
    }

    private void Erase()
    {
        if (_drawn > 0) Console.Error.Write($"\x1b[{_drawn}F\x1b[J");
        _drawn = 0;
    }

    private void Draw(RunReading reading, string[] status)
    {
        // A line that the terminal breaks would be two to go back over.
        var columns = Console.WindowWidth > Narrowest ? Console.WindowWidth - 1 : Widest;
        // What the journal has of this part, and what this command saw of the segment that is out.
        var journal = _part == reading.Part ? reading.Train : [];
        var known = journal.Count > 0 ? journal[^1].Step : 0;
        var checks = _part == reading.Part ? reading.Validation : [];
        var lines = LossCurve.Draw(
            [.. journal, .. _train.Where(p => p.Step > known)], [.. checks, .. _validation.Where(p => p.Step > known)], reading.Steps,
                Math.Min(Widest, columns), Height);
        Erase();
        foreach (var line in lines.Concat(status.Where(static line => line.Length > 0)))
        {
            Console.Error.WriteLine(line.Length <= columns ? line : line[..columns]);
            _drawn++;
        }
    }

    private static string Left(double seconds)
    {
        var culture = CultureInfo.InvariantCulture;
        return seconds switch
        {
            < 90.0 => string.Create(culture, $"{seconds:F0} s"),
            < 5400.0 => string.Create(culture, $"{seconds / 60.0:F0} min"),
            _ => string.Create(culture, $"{seconds / 3600.0:F1} h"),
        };
    }
}
