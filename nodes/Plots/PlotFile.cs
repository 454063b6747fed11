using System.Globalization;
using System.Text;
using Athanor.Nodes.Cli;
using Athanor.Nodes.Reports;
using static System.FormattableString;

namespace Athanor.Nodes.Plots;

/// <summary>Writes plots as one SVG file that stands alone: its own colours on a light ground, panels below or beside each other. Any
/// browser shows it, and documents include it as a picture.</summary>
internal static class PlotFile
{
    private const int Width = 640, Gap = 12;

    private const string Style = """
        svg{--ink:#22262b;--soft:#5d6670;--grid:#e4e2dd;--c0:#2f6db3;--c1:#d2691e;--c2:#3a8f5c;--c3:#a23b72;--c4:#7a6ad0;--c5:#8a6d3b;--c6:#1d9aa0;--c7:#7a7f87}
        text{fill:var(--ink);font:12px system-ui,'DejaVu Sans',
            sans-serif}.t{font-weight:600;font-size:14px}.k{fill:var(--soft);font-size:11.5px}
        .g{stroke:var(--grid)}.f{fill:none;stroke:var(--soft)}.l{fill:none;stroke-width:1.8}.e{stroke-opacity:.45}
        """;

    /// <summary>Writes the panels into a file, two beside each other when there are more than three.</summary>
    /// <exception cref="UserException">The name does not end in .svg, or nothing is to be drawn.</exception>
    public static void Write(string path, IReadOnlyList<Plot> panels)
    {
        CheckName(path);
        if (panels.Count == 0) throw new UserException($"--plot {path}: there is nothing to draw");
        if (Path.GetDirectoryName(path) is { Length: > 0 } folder) Directory.CreateDirectory(folder);
        File.WriteAllText(path, Svg(panels));
    }

    /// <exception cref="UserException">The name does not end in .svg.</exception>
    public static void CheckName(string path)
    {
        if (path.EndsWith(".svg", StringComparison.OrdinalIgnoreCase)) return;
        throw new UserException($"--plot {path}: plots are written as SVG; a name such as {Path.ChangeExtension(path, ".svg")} is needed");
    }

    /// <summary>The file's text.</summary>
    public static string Svg(IReadOnlyList<Plot> panels)
    {
        var columns = panels.Count > 3 ? 2 : 1;
        var body = new StringBuilder();
        var top = Gap;
        for (var first = 0; first < panels.Count; first += columns)
        {
            var tallest = 0;
            for (var i = first; i < Math.Min(first + columns, panels.Count); i++)
            {
                var drawing = SvgPlot.Draw(panels[i]);
                var height = Height(drawing);
                tallest = Math.Max(tallest, height);
                body.Append(drawing.Replace(
                    "<svg ", Invariant($"<svg x='{Gap + ((i - first) * (Width + Gap))}' y='{top}' width='{Width}' height='{height}' "),
                    StringComparison.Ordinal)).Append('\n');
            }
            top += tallest + Gap;
        }
        var wide = (columns * (Width + Gap)) + Gap;
        return Invariant($"<svg xmlns='http://www.w3.org/2000/svg' width='{wide}' height='{top}' viewBox='0 0 {wide} {top}'>\n")
            + $"<style>{Style}</style>\n<rect width='100%' height='100%' fill='#ffffff'/>\n{body}</svg>\n";
    }

    /// <summary>The height in the drawing's own view box, <c>viewBox='0 0 640 H'</c>.</summary>
    private static int Height(string drawing)
    {
        var box = drawing[(drawing.IndexOf("viewBox='", StringComparison.Ordinal) + 9)..];
        return int.Parse(box[..box.IndexOf('\'')].Split(' ')[3], CultureInfo.InvariantCulture);
    }
}
