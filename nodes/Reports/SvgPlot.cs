using System.Globalization;
using System.Text;
using static System.FormattableString;

namespace Athanor.Nodes.Reports;

/// <summary>Draws a <see cref="Plot"/> as SVG. Colours are CSS variables (--c0 ... --c7, --ink, --grid), so that one drawing reads well
/// in light and in dark.</summary>
internal sealed class SvgPlot
{
    private const int Width = 640, Height = 400, Left = 72, Right = 16, Top = 34, Bottom = 56;
    private const int Palette = 8;

    private readonly StringBuilder _out = new();
    private readonly Plot _plot;
    private readonly Axis _x;
    private readonly Axis _y;
    private readonly List<(string Name, string Mark)> _legend = [];
    private int _colour;

    private SvgPlot(Plot plot)
    {
        _plot = plot;
        _x = Axis.Over(plot.Series.SelectMany(Xs), plot.LogX);
        _y = Axis.Over(plot.Series.SelectMany(Ys), plot.LogY);
    }

    public static string Draw(Plot plot)
    {
        var svg = new SvgPlot(plot);
        svg.Frame();
        foreach (var series in plot.Series) svg.Draw(series);
        var height = svg.Legend();
        return $"<svg viewBox='0 0 {Width} {height}' role='img' aria-label='{Html.Escape(plot.Title)}'>{svg._out}</svg>";
    }

    private static IEnumerable<double> Xs(Series s) => s switch
    {
        Series.Line l => l.X,
        Series.Points p => p.X,
        Series.Band b => b.X,
        Series.Regions r => r.X,
        Series.Coloured c => c.X,
        Series.Bars b => b.X.SelectMany(x => new[] { x - b.Width / 2, x + b.Width / 2 }),
        Series.Edges e => e.X1.Concat(e.X2),
        _ => [],
    };

    private static IEnumerable<double> Ys(Series s) => s switch
    {
        Series.Line l => l.Y,
        Series.Points p => p.Y,
        Series.Band b => b.Low.Concat(b.High),
        Series.Regions r => r.Y,
        Series.Coloured c => c.Y,
        Series.Bars b => b.Height.Append(0),
        Series.Edges e => e.Y1.Concat(e.Y2),
        _ => [],
    };

    private double Px(double x) => Left + (Width - Left - Right) * _x.Place(x);

    private double Py(double y) => Height - Bottom - (Height - Top - Bottom) * _y.Place(y);

    private static string N(double v) => v.ToString("0.##", CultureInfo.InvariantCulture);

    private void Frame()
    {
        _out.Append(Invariant($"<text class='t' x='{Left}' y='18'>{Html.Escape(_plot.Title)}</text>"));
        foreach (var tick in _x.Ticks)
        {
            var x = N(Px(tick));
            _out.Append(Invariant($"<line class='g' x1='{x}' x2='{x}' y1='{Top}' y2='{Height - Bottom}'/>"));
            _out.Append(Invariant($"<text class='k' x='{x}' y='{Height - Bottom + 16}' text-anchor='middle'>{_x.Label(tick)}</text>"));
        }
        foreach (var tick in _y.Ticks)
        {
            var y = N(Py(tick));
            _out.Append(Invariant($"<line class='g' x1='{Left}' x2='{Width - Right}' y1='{y}' y2='{y}'/>"));
            _out.Append(Invariant($"<text class='k' x='{Left - 6}' y='{y}' dy='4' text-anchor='end'>{_y.Label(tick)}</text>"));
        }
        _out.Append(Invariant($"<rect class='f' x='{Left}' y='{Top}' width='{Width - Left - Right}' height='{Height - Top - Bottom}'/>"));
        var middle = (Left + Width - Right) / 2;
        _out.Append(Invariant($"<text class='k' x='{middle}' y='{Height - Bottom + 34}' text-anchor='middle'>{Html.Escape(_plot.XLabel)}</text>"));
        var rise = (Top + Height - Bottom) / 2;
        _out.Append(Invariant(
            $"<text class='k' transform='translate(16 {rise}) rotate(-90)' text-anchor='middle'>{Html.Escape(_plot.YLabel)}</text>"));
    }

    private void Draw(Series series)
    {
        switch (series)
        {
            case Series.Line l:
                Path(l.X, l.Y, l.Dashed, Next(l, l.Dashed ? "dash" : "line"));
                break;
            case Series.Points p:
                Dots(p.X, p.Y, Next(p, "dot"));
                break;
            case Series.Band b:
                Area(b, Next(b, "band"));
                break;
            case Series.Regions r:
                Regions(r);
                break;
            case Series.Coloured c:
                Scale(c);
                break;
            case Series.Bars b:
                Bars(b, Next(b, "band"));
                break;
            case Series.Edges e:
                var edge = Next(e, "line");
                for (var i = 0; i < e.X1.Length; i++)
                    _out.Append($"<line class='e' style='stroke:var(--c{edge})' x1='{N(Px(e.X1[i]))}' y1='{N(Py(e.Y1[i]))}' x2='{N(Px(e.X2[i]))}' y2='{N(Py(e.Y2[i]))}'/>");
                break;
        }
    }

    private int Next(Series series, string shape) => Next(series.Name, shape, series.Colour);

    private int Next(string name, string shape, int? fixedColour = null)
    {
        var c = (fixedColour ?? _colour++) % Palette;
        if (name.Length > 0) _legend.Add((name, $"{shape}:var(--c{c})"));
        return c;
    }

    private void Path(double[] x, double[] y, bool dashed, int colour)
    {
        var path = new StringBuilder();
        var pen = false;
        for (var i = 0; i < x.Length; i++)
        {
            double px = Px(x[i]), py = Py(y[i]);
            // A gap in the data is a gap in the line, not a bridge.
            if (!double.IsFinite(px) || !double.IsFinite(py))
            {
                pen = false;
                continue;
            }
            path.Append(pen ? 'L' : 'M').Append(N(px)).Append(' ').Append(N(py));
            pen = true;
        }
        _out.Append($"<path class='l' style='stroke:var(--c{colour})'{(dashed ? " stroke-dasharray='6 4'" : "")} d='{path}'/>");
    }

    private void Dots(double[] x, double[] y, int colour)
    {
        var r = x.Length > 400 ? "1.4" : "2.8";
        _out.Append($"<g style='fill:var(--c{colour})' fill-opacity='{(x.Length > 400 ? "0.6" : "0.9")}'>");
        for (var i = 0; i < x.Length; i++)
        {
            double px = Px(x[i]), py = Py(y[i]);
            if (double.IsFinite(px) && double.IsFinite(py)) _out.Append($"<circle cx='{N(px)}' cy='{N(py)}' r='{r}'/>");
        }
        _out.Append("</g>");
    }

    private void Area(Series.Band b, int colour)
    {
        var path = new StringBuilder();
        for (var i = 0; i < b.X.Length; i++) path.Append(i == 0 ? 'M' : 'L').Append(N(Px(b.X[i]))).Append(' ').Append(N(Py(b.High[i])));
        for (var i = b.X.Length - 1; i >= 0; i--) path.Append('L').Append(N(Px(b.X[i]))).Append(' ').Append(N(Py(b.Low[i])));
        _out.Append($"<path style='fill:var(--c{colour})' fill-opacity='0.22' d='{path}Z'/>");
    }

    private void Regions(Series.Regions r)
    {
        var (w, h) = (Cell(r.X, Px), Cell(r.Y, Py));
        for (var k = 0; k < r.Classes.Length; k++)
        {
            var path = new StringBuilder();
            for (var i = 0; i < r.X.Length; i++)
            {
                if (r.Class[i] == k) path.Append($"M{N(Px(r.X[i]) - w / 2)} {N(Py(r.Y[i]) - h / 2)}h{N(w)}v{N(h)}h-{N(w)}z");
            }
            var c = Next(r.Classes[k], "band");
            _out.Append($"<path style='fill:var(--c{c})' fill-opacity='0.75' d='{path}'/>");
        }
    }

    private void Scale(Series.Coloured c)
    {
        const int Steps = 24;
        var (low, high) = (c.Value.Where(double.IsFinite).Min(), c.Value.Where(double.IsFinite).Max());
        var (w, h) = (Cell(c.X, Px), Cell(c.Y, Py));
        var paths = new StringBuilder[Steps];
        for (var i = 0; i < c.X.Length; i++)
        {
            if (!double.IsFinite(c.Value[i])) continue;
            var k = high > low ? Math.Min(Steps - 1, (int)(Steps * (c.Value[i] - low) / (high - low))) : 0;
            (paths[k] ??= new StringBuilder()).Append($"M{N(Px(c.X[i]) - w / 2)} {N(Py(c.Y[i]) - h / 2)}h{N(w)}v{N(h)}h-{N(w)}z");
        }
        for (var k = 0; k < Steps; k++)
        {
            if (paths[k] is { } path) _out.Append($"<path fill='{Heat((k + 0.5) / Steps)}' d='{path}'/>");
        }
        _legend.Add((Invariant($"{c.Name} {low:G4} {c.Unit}"), $"band:{Heat(0)}"));
        _legend.Add((Invariant($"{(low + high) / 2:G4}"), $"band:{Heat(0.5)}"));
        _legend.Add((Invariant($"{high:G4} {c.Unit}"), $"band:{Heat(1)}"));
    }

    /// <summary>From dark blue over magenta to yellow: its lightness rises with the value, so it survives printing in grey.</summary>
    private static string Heat(double u) =>
        Invariant($"hsl({(int)(250 + 170 * u) % 360} {70 + 20 * u:0}% {28 + 34 * u:0}%)");

    /// <summary>The smallest distance between neighbours on the screen, a little widened so that cells leave no seams.</summary>
    private static double Cell(double[] values, Func<double, double> place)
    {
        var sorted = values.Select(place).Where(double.IsFinite).Order().ToArray();
        var gap = double.PositiveInfinity;
        for (var i = 1; i < sorted.Length; i++)
        {
            var d = sorted[i] - sorted[i - 1];
            if (d > 1e-6) gap = Math.Min(gap, d);
        }
        return double.IsFinite(gap) ? gap + 0.15 : 6;
    }

    private void Bars(Series.Bars b, int colour)
    {
        for (var i = 0; i < b.X.Length; i++)
        {
            double x1 = Px(b.X[i] - b.Width / 2), x2 = Px(b.X[i] + b.Width / 2), y = Py(b.Height[i]), foot = Py(0);
            _out.Append($"<rect style='fill:var(--c{colour})' fill-opacity='0.75' x='{N(x1)}' y='{N(Math.Min(y, foot))}' width='{N(x2 - x1)}' height='{N(Math.Abs(foot - y))}'/>");
        }
    }

    /// <summary>Names and marks below the axes, in as many lines as they need.</summary>
    /// <returns>The height of the whole drawing.</returns>
    private int Legend()
    {
        double x = Left;
        var y = Height - 6;
        foreach (var (name, mark) in _legend)
        {
            var width = 30 + 6.4 * name.Length;
            if (x > Left && x + width > Width)
            {
                x = Left;
                y += 17;
            }
            var at = mark.IndexOf(':');
            var (shape, colour) = (mark[..at], mark[(at + 1)..]);
            _out.Append(shape switch
            {
                "dot" => $"<circle cx='{N(x + 7)}' cy='{y - 4}' r='3' style='fill:{colour}'/>",
                "band" => $"<rect x='{N(x)}' y='{y - 9}' width='14' height='10' style='fill:{colour}' fill-opacity='0.75'/>",
                _ => $"<line class='l' x1='{N(x)}' x2='{N(x + 14)}' y1='{y - 4}' y2='{y - 4}' style='stroke:{colour}'{(shape == "dash" ? " stroke-dasharray='4 3'" : "")}/>",
            });
            _out.Append($"<text class='k' x='{N(x + 18)}' y='{y}'>{Html.Escape(name)}</text>");
            x += width;
        }
        return y + 8;
    }
}
