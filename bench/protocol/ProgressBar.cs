using System.Diagnostics;

namespace Athanor.Bench.Protocol;

/// <summary>One line on the terminal: what is fitted, how far, how long it takes yet.</summary>
internal sealed class ProgressBar(int total)
{
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private int _done;
    private string _what = "";

    public void Begin(string what) => _what = what;

    public void Step(double loss)
    {
        if (++_done % 50 != 0 || Console.IsErrorRedirected) return;
        var part = Math.Min(1.0, (double)_done / total);
        var left = _clock.Elapsed.TotalSeconds * (1.0 - part) / part;
        Console.Error.Write($"\r[{new string('#', (int)(30 * part)),-30}] {part,4:P0} {_what}, loss {loss:E1}, {left:0} s left      ");
    }

    public void End()
    {
        if (!Console.IsErrorRedirected) Console.Error.Write($"\r{new string(' ', 110)}\r");
    }
}
