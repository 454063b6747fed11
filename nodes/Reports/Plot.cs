namespace Athanor.Nodes.Reports;

/// <summary>A plot as data; drawn as SVG that follows the reader's light or dark theme.</summary>
/// <param name="XLabel">With the unit, e.g. <c>time / min</c>.</param>
/// <param name="Note">What the reader should see in it.</param>
public sealed record Plot(string Title, string XLabel, string YLabel, IReadOnlyList<Series> Series, string Note = "")
{
    public bool LogX { get; init; }

    public bool LogY { get; init; }
}

/// <summary>One series of a plot.</summary>
public abstract record Series(string Name)
{
    /// <summary>Which of the eight colours; null takes the next one. For points that belong to a line.</summary>
    public int? Colour { get; init; }

    public sealed record Line(string Name, double[] X, double[] Y, bool Dashed = false) : Series(Name);

    public sealed record Points(string Name, double[] X, double[] Y) : Series(Name);

    /// <summary>The area between <paramref name="Low"/> and <paramref name="High"/>, for prediction bands.</summary>
    public sealed record Band(string Name, double[] X, double[] Low, double[] High) : Series(Name);

    /// <summary>Cells of a map, coloured by class; <paramref name="Classes"/> names the classes.</summary>
    public sealed record Regions(string Name, double[] X, double[] Y, int[] Class, string[] Classes) : Series(Name);

    /// <summary>Points coloured by a value on a scale, e.g. peak temperature in K.</summary>
    public sealed record Coloured(string Name, double[] X, double[] Y, double[] Value, string Unit) : Series(Name);

    public sealed record Bars(string Name, double[] X, double[] Height, double Width) : Series(Name);

    /// <summary>Edges between points, for a lineage graph.</summary>
    public sealed record Edges(string Name, double[] X1, double[] Y1, double[] X2, double[] Y2) : Series(Name);
}
