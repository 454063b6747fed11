using Athanor.Compute.Training;

namespace Athanor.Compute.Neural.Models;

/// <summary>A stretch of a record: from row First over so many intervals.</summary>
internal readonly record struct Window(int Record, int First, int Intervals);

/// <summary>
/// Where the steps of the roll-outs lie. Each interval between two rows is cut into equal steps, more where the data show that something is
/// fast; so the grid is a function of the data alone and the gradient is exact for it.
/// </summary>
internal sealed class WindowPlan
{
    private readonly int[][] _first; // by record and row: number of steps before it
    private readonly int[][] _interval; // by record and step: its interval
    private readonly int[][] _substeps;

    public WindowPlan(IReadOnlyList<ProcessRecord> records, int[][] substeps, int length, int stride)
    {
        Records = records;
        _substeps = substeps;
        _first = new int[records.Count][];
        _interval = new int[records.Count][];
        var windows = new List<Window>();
        for (var i = 0; i < records.Count; i++)
        {
            var intervals = records[i].Rows - 1;
            _first[i] = new int[intervals + 1];
            for (var k = 0; k < intervals; k++) _first[i][k + 1] = _first[i][k] + substeps[i][k];
            _interval[i] = [.. Enumerable.Range(0, intervals).SelectMany(k => Enumerable.Repeat(k, substeps[i][k]))];
            var size = Math.Min(length, intervals);
            for (var first = 0; first + size <= intervals; first += stride) windows.Add(new Window(i, first, size));
            // The last rows are in a window too.
            if (windows[^1] is var last && last.Record == i && last.First + size < intervals)
                windows.Add(new Window(i, intervals - size, size));
        }
        Windows = [.. windows];
        if (Windows.Length == 0) throw new TrainingException("no record is long enough for a window");
        MaxSteps = Windows.Max(Steps);
    }

    public IReadOnlyList<ProcessRecord> Records { get; }

    public Window[] Windows { get; }

    public int MaxSteps { get; }

    public int Steps(Window window) => _first[window.Record][window.First + window.Intervals] - _first[window.Record][window.First];

    /// <summary>Step number <paramref name="step"/> of a window: the interval it lies in, its length, and whether it ends the
    /// interval.</summary>
    public (int Interval, double Length, bool Ends) Step(Window window, int step)
    {
        var record = window.Record;
        var at = _first[record][window.First] + step;
        var k = _interval[record][at];
        var times = Records[record].Times;
        return (k, (times[k + 1] - times[k]) / _substeps[record][k], at + 1 == _first[record][k + 1]);
    }
}
