namespace Athanor.Nodes.Reports;

/// <summary>A figure of the summary: what, how much, and what it was expected to be.</summary>
/// <param name="Target">What the figure is held to, or empty.</param>
/// <param name="Holds">Whether it does; null for a figure without a target.</param>
public sealed record Figure(string Name, string Value, string Target = "", bool? Holds = null);

/// <summary>Rows of text under column heads; numbers are formatted by the caller.</summary>
public sealed record Table(string Title, IReadOnlyList<string> Columns, IReadOnlyList<IReadOnlyList<string>> Rows);

/// <summary>One section of a report: prose, figures, tables and plots, in the order added.</summary>
public sealed class Section(string title)
{
    private readonly List<object> _parts = [];

    public string Title { get; } = title;

    /// <summary>Strings (paragraphs), <see cref="Figure"/>s, <see cref="Table"/>s and <see cref="Plot"/>s.</summary>
    public IReadOnlyList<object> Parts => _parts;

    public IEnumerable<Figure> Figures => _parts.OfType<Figure>();

    public Section Say(string paragraph)
    {
        _parts.Add(paragraph);
        return this;
    }

    public Section Add(Figure figure)
    {
        _parts.Add(figure);
        return this;
    }

    public Section Add(Table table)
    {
        _parts.Add(table);
        return this;
    }

    public Section Add(Plot plot)
    {
        _parts.Add(plot);
        return this;
    }
}

/// <summary>What a run has to show; written as one self-contained HTML file and as a table in the terminal.</summary>
public sealed class Report(string title)
{
    private readonly List<Section> _sections = [];

    public string Title { get; } = title;

    public IReadOnlyList<Section> Sections => _sections;

    public Section Section(string title)
    {
        var section = new Section(title);
        _sections.Add(section);
        return section;
    }
}
