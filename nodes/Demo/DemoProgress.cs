using System.Globalization;
using Spectre.Console;

namespace Athanor.Nodes.Demo;

/// <summary>Bars with rate and time left on a terminal; elsewhere a line now and then, so that logs stay short.</summary>
internal sealed class DemoProgress(TimeProvider time, IAnsiConsole console, bool quiet) : IDemoProgress
{
    private static readonly TimeSpan BetweenLines = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Bar> _bars = [];
    private ProgressContext? _live;

    private sealed class Bar(long started)
    {
        public long Started { get; } = started;

        public long? Printed { get; set; }

        public double First { get; set; } = double.NaN;

        public ProgressTask? Task { get; set; }
    }

    /// <summary>Runs one step under its title, with bars where there is a terminal.</summary>
    public async Task Under(string title, Func<Task> step)
    {
        if (quiet)
        {
            await step();
            return;
        }
        if (!console.Profile.Capabilities.Interactive)
        {
            console.WriteLine(title);
            await step();
            return;
        }
        console.MarkupLineInterpolated($"[bold]{title}[/]");
        await console.Progress()
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn())
            .StartAsync(async context =>
            {
                _live = context;
                try
                {
                    await step();
                }
                finally
                {
                    _live = null;
                }
            });
    }

    /// <summary>Says something beside the steps.</summary>
    public void Say(string sentence)
    {
        if (quiet) return;
        lock (_lock) console.WriteLine(sentence);
    }

    public void Advance(string task, double done, double total, string note = "")
    {
        lock (_lock)
        {
            var now = time.GetTimestamp();
            if (!_bars.TryGetValue(task, out var bar)) _bars[task] = bar = new Bar(now);
            // What an earlier run had done does not count towards this run's rate.
            if (double.IsNaN(bar.First)) bar.First = done;
            var seconds = time.GetElapsedTime(bar.Started, now).TotalSeconds;
            var rate = seconds > 0.2 ? (done - bar.First) / seconds : 0;
            var text = Describe(task, done, total, rate, note);
            if (_live is { } live)
            {
                bar.Task ??= live.AddTask(Markup.Escape(task));
                bar.Task.MaxValue = total;
                bar.Task.Value = done;
                bar.Task.Description = Markup.Escape(text);
            }
            else if (!quiet && (done >= total || bar.Printed is not { } last || time.GetElapsedTime(last, now) >= BetweenLines))
            {
                if (done >= total && bar.Printed == long.MaxValue) return;
                bar.Printed = done >= total ? long.MaxValue : now;
                console.WriteLine("  " + text);
            }
        }
    }

    private static string Describe(string task, double done, double total, double rate, string note)
    {
        var invariant = CultureInfo.InvariantCulture;
        var text = string.Create(invariant, $"{task}: {done:0.##} of {total:0.##}");
        if (rate > 0)
        {
            text += string.Create(invariant, $", {rate:G3}/s");
            if (done < total) text += string.Create(invariant, $", {TimeSpan.FromSeconds((total - done) / rate):m\\:ss} left");
        }
        return note.Length > 0 ? $"{text} ({note})" : text;
    }
}
