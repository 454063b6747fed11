using System.Text.RegularExpressions;
using System.Xml.Linq;
using Athanor.Nodes.Reports;

namespace Nodes.Tests.Reports;

public sealed class HtmlReportTests
{
    private static Plot Everything() => new("All series <together>", "time / min", "T / K",
    [
        new Series.Line("fit", [0, 1, 2], [300, 310, double.NaN]),
        new Series.Points("measured", [0, 1, 2], [301, 309, 320]),
        new Series.Band("90 % band", [0, 1, 2], [299, 305, 311], [303, 315, 325]),
        new Series.Bars("counts", [0, 1], [300, 310], 0.5),
        new Series.Edges("lineage", [0], [300], [1], [310]),
        new Series.Regions("regime", [0, 1, 0, 1], [300, 300, 310, 310], [0, 1, 1, 0], ["quiet", "burning"]),
        new Series.Coloured("peak", [0, 1], [300, 310], [350, 450], "K"),
    ]);

    [Fact]
    public void A_drawing_is_well_formed_and_its_text_is_escaped()
    {
        var svg = XDocument.Parse(SvgPlot.Draw(Everything()));
        Assert.Contains(svg.Descendants("text"), t => t.Value == "All series <together>");
        Assert.DoesNotContain("NaN", svg.ToString());
    }

    [Fact]
    public void Points_lie_where_their_values_say()
    {
        var svg = XDocument.Parse(SvgPlot.Draw(new Plot("p", "x", "y", [new Series.Points("a", [0, 5, 10], [0, 5, 10])])));
        var x = svg.Descendants("circle").Take(3).Select(c => (double)c.Attribute("cx")!).ToArray();
        var y = svg.Descendants("circle").Take(3).Select(c => (double)c.Attribute("cy")!).ToArray();
        Assert.Equal(x[1] - x[0], x[2] - x[1], 1);
        Assert.True(x[1] > x[0] && y[1] < y[0], "x grows to the right, y grows upwards");
    }

    [Fact]
    public void A_log_axis_spaces_decades_evenly_and_leaves_out_what_has_no_logarithm()
    {
        var plot = new Plot("p", "x", "y", [new Series.Points("a", [1, 10, 100, 0, -3], [1, 1, 1, 1, 1])]) { LogX = true };
        var circles = XDocument.Parse(SvgPlot.Draw(plot)).Descendants("circle").Select(c => (double)c.Attribute("cx")!).SkipLast(1).ToArray();
        Assert.Equal(3, circles.Length);
        Assert.Equal(circles[1] - circles[0], circles[2] - circles[1], 1);
    }

    [Fact]
    public void A_report_needs_nothing_from_outside_and_follows_the_theme()
    {
        var report = new Report("A run");
        report.Section("Kinetics").Say("One & two").Add(new Figure("SSE", "19.872167", "19.872167 ± 1e-5", true)).Add(Everything());
        var html = HtmlReport.Write(report, ["result hash 00ff"]);
        Assert.DoesNotMatch(new Regex("(src|href)=['\"]?(http|//)"), html);
        Assert.DoesNotContain("<script", html);
        Assert.Contains("prefers-color-scheme:dark", html);
        Assert.Contains("One &amp; two", html);
        Assert.Contains("holds", html);
    }
}
