using Athanor.Nodes.Reports;

namespace Athanor.Nodes.Plots;

/// <summary>Builds a <see cref="Plot"/> of lines, points and bands: <c>new LinePlot("Start-up", "time / min", "T / K").Line("tank", t,
/// kelvin)</c>. Axes take their range from the values; the legend lists the names in the order in which they were added.</summary>
/// <param name="xLabel">With the unit, e.g. <c>time / min</c>.</param>
/// <param name="yLabel">With the unit.</param>
internal sealed class LinePlot(string title, string xLabel, string yLabel)
{
    private readonly List<Series> _series = [];

    public bool LogX { get; init; }

    public bool LogY { get; init; }

    public Plot Plot => new(title, xLabel, yLabel, _series) { LogX = LogX, LogY = LogY };

    /// <param name="name">Empty for a line without an entry in the legend.</param>
    /// <param name="colour">One of eight; null takes the next.</param>
    public LinePlot Line(string name, double[] x, double[] y, bool dashed = false, int? colour = null)
    {
        _series.Add(new Series.Line(name, x, y, dashed) { Colour = colour });
        return this;
    }

    public LinePlot Points(string name, double[] x, double[] y, int? colour = null)
    {
        _series.Add(new Series.Points(name, x, y) { Colour = colour });
        return this;
    }

    public LinePlot Band(string name, double[] x, double[] low, double[] high, int? colour = null)
    {
        _series.Add(new Series.Band(name, x, low, high) { Colour = colour });
        return this;
    }

    /// <summary>Writes the plot alone; several go through <see cref="PlotFile.Write"/>.</summary>
    public void Write(string path) => PlotFile.Write(path, [Plot]);
}
