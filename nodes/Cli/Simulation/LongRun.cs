using System.Globalization;

namespace Athanor.Nodes.Cli.Simulation;

/// <summary>Runs a calculation and, once it has taken a second, shows on standard error how far it is: a bar with rate and time left on a
/// terminal, a line every five seconds elsewhere.</summary>
internal sealed class LongRun(string what, string things, long total, TimeProvider time) : IProgress<int>
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1), OnTerminal = TimeSpan.FromMilliseconds(200), InLogs = TimeSpan.FromSeconds(5);

    private int _done;

    /// <summary>Batches report from several threads, not always in order.</summary>
    public void Report(int value)
    {
        for (var seen = Volatile.Read(ref _done); value > seen;)
        {
            var before = Interlocked.CompareExchange(ref _done, value, seen);
            if (before == seen) return;
            seen = before;
        }
    }

    public async Task<T> Run<T>(Func<T> calculation, CancellationToken cancellation)
    {
        var started = time.GetTimestamp();
        var work = Task.Run(calculation, cancellation);
        var live = !Console.IsErrorRedirected;
        var drawn = false;
        var delay = Patience;
        while (await Task.WhenAny(work, Task.Delay(delay, time, CancellationToken.None)) != work)
        {
            delay = live ? OnTerminal : InLogs;
            var line = Line(_done, time.GetElapsedTime(started).TotalSeconds, live ? 30 : 0);
            if (live) Console.Error.Write("\r" + line.PadRight(100));
            else Console.Error.WriteLine(line);
            drawn = true;
        }
        if (drawn && live) Console.Error.Write("\r" + new string(' ', 100) + "\r");
        return await work;
    }

    /// <summary>The line shown after <paramref name="seconds"/> with <paramref name="done"/> of the total.</summary>
    internal string Line(int done, double seconds, int width)
    {
        if (total <= 0) return string.Create(CultureInfo.InvariantCulture, $"{what}: {seconds:F0} s");
        var share = Math.Clamp((double)done / total, 0, 1);
        var full = (int)(share * width);
        var bar = width == 0 ? "" : $"[{new string('#', full)}{new string('.', width - full)}] ";
        var rate = seconds > 0 ? done / seconds : 0;
        var left = done > 0 ? string.Create(CultureInfo.InvariantCulture, $", {(total - done) / rate:F0} s left") : "";
        return string.Create(CultureInfo.InvariantCulture,
            $"{what}: {bar}{100 * share:F0} %, {done:N0} of {total:N0} {things}, {rate:N0} /s{left}");
    }
}
