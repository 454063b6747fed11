using System.Text;

namespace Athanor.Nodes.Reports;

/// <summary>Writes a report as one HTML file that needs nothing else: styles and drawings are inside, scripts there are none.</summary>
internal static class HtmlReport
{
    /// <summary>A longer table is folded until the reader opens it.</summary>
    private const int MostRowsOpen = 16;

    private const string Style = """
        :root{color-scheme:light dark;--bg:#fbfaf8;--card:#fff;--ink:#22262b;--soft:#5d6670;--grid:#e4e2dd;--good:#1a7f4b;--bad:#b3372b;
        --c0:#2f6db3;--c1:#d2691e;--c2:#3a8f5c;--c3:#a23b72;--c4:#7a6ad0;--c5:#8a6d3b;--c6:#1d9aa0;--c7:#7a7f87}
        @media(prefers-color-scheme:dark){:root{--bg:#15181c;--card:#1d2126;--ink:#e6e4df;--soft:#a1a8b0;--grid:#343a41;--good:#5fd39a;--bad:#ff8b7e;
        --c0:#74aef0;--c1:#f0a060;--c2:#74cf98;--c3:#e58ab8;--c4:#aea2f5;--c5:#d0b27a;--c6:#62d0d5;--c7:#aab0b8}}
        *{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--ink);font:16px/1.55 system-ui,sans-serif}
        main{max-width:1080px;margin:0 auto;padding:2rem 1.2rem 4rem}h1{font-size:1.9rem;margin:.2em 0}h2{margin:2.2em 0 .4em;font-size:1.35rem;
        border-bottom:1px solid var(--grid);padding-bottom:.25em}p{max-width:75ch}.soft{color:var(--soft)}
        .plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr));gap:1rem;margin:1rem 0}
        figure{margin:0;background:var(--card);border:1px solid var(--grid);border-radius:10px;padding:.7rem}figcaption{color:var(--soft);font-size:.9rem}
        .scroll{overflow-x:auto}table{border-collapse:collapse;margin:1rem 0;font-size:.94rem;font-variant-numeric:tabular-nums}
        th,td{padding:.3rem .8rem;border-bottom:1px solid var(--grid);text-align:right}th{white-space:nowrap}th:first-child,td:first-child{text-align:left}
        caption,summary{text-align:left;color:var(--soft);padding:.2rem 0}summary{cursor:pointer}.good{color:var(--good)}.bad{color:var(--bad);font-weight:600}
        svg{width:100%;height:auto;display:block}svg text{fill:var(--ink);font:12px system-ui,sans-serif}svg .t{font-weight:600;font-size:14px}
        svg .k{fill:var(--soft);font-size:11.5px}svg .g{stroke:var(--grid)}svg .f{fill:none;stroke:var(--soft)}svg .l{fill:none;stroke-width:1.8}
        svg .e{stroke-opacity:.45}nav a{color:var(--c0);margin-right:1em}code{word-break:break-all}
        """;

    /// <param name="footer">Lines below the report, e.g. the result hash and how to make it again.</param>
    public static string Write(Report report, IReadOnlyList<string> footer)
    {
        var html = new StringBuilder();
        html.Append("<!doctype html><html lang='en'><head><meta charset='utf-8'><meta name='viewport' content='width=device-width,initial-scale=1'>");
        html.Append($"<title>{Html.Escape(report.Title)}</title><style>{Style}</style></head><body><main><h1>{Html.Escape(report.Title)}</h1><nav>");
        for (var i = 0; i < report.Sections.Count; i++) html.Append($"<a href='#s{i}'>{Html.Escape(report.Sections[i].Title)}</a>");
        html.Append("</nav>");
        var figures = report.Sections.SelectMany(s => s.Figures).ToArray();
        if (figures.Length > 0) html.Append("<h2>Summary</h2>").Append(Figures(figures));
        for (var i = 0; i < report.Sections.Count; i++)
        {
            html.Append($"<h2 id='s{i}'>{Html.Escape(report.Sections[i].Title)}</h2>");
            Body(html, report.Sections[i]);
        }
        html.Append("<h2>Reproduce</h2>");
        foreach (var line in footer) html.Append($"<p class='soft'><code>{Html.Escape(line)}</code></p>");
        return html.Append("</main></body></html>").ToString();
    }

    private static void Body(StringBuilder html, Section section)
    {
        var inPlots = false;
        foreach (var part in section.Parts)
        {
            // Figures stand in the summary at the head; plots that follow each other stand side by side.
            if (part is Figure) continue;
            if (part is Plot != inPlots)
            {
                html.Append(inPlots ? "</div>" : "<div class='plots'>");
                inPlots = !inPlots;
            }
            html.Append(part switch
            {
                string text => $"<p>{Html.Escape(text)}</p>",
                Table table => Render(table),
                Plot plot => $"<figure>{SvgPlot.Draw(plot)}<figcaption>{Html.Escape(plot.Note)}</figcaption></figure>",
                _ => throw new NotSupportedException(part.GetType().Name),
            });
        }
        if (inPlots) html.Append("</div>");
    }

    private static string Figures(IReadOnlyList<Figure> figures)
    {
        var html = new StringBuilder("<div class='scroll'><table><tr><th>Figure</th><th>Value</th><th>Held to</th><th></th></tr>");
        foreach (var f in figures)
        {
            var mark = f.Holds switch { true => "<span class='good'>holds</span>", false => "<span class='bad'>does not hold</span>", null => "" };
            html.Append($"<tr><td>{Html.Escape(f.Name)}</td><td>{Html.Escape(f.Value)}</td><td>{Html.Escape(f.Target)}</td><td>{mark}</td></tr>");
        }
        return html.Append("</table></div>").ToString();
    }

    private static string Render(Table table)
    {
        var title = Html.Escape(table.Title);
        if (table.Rows.Count > MostRowsOpen) return $"<details><summary>{title} ({table.Rows.Count} rows)</summary>{Rows(table, "")}</details>";
        return Rows(table, $"<caption>{title}</caption>");
    }

    private static string Rows(Table table, string caption)
    {
        var html = new StringBuilder($"<div class='scroll'><table>{caption}<tr>");
        foreach (var column in table.Columns) html.Append($"<th>{Html.Escape(column)}</th>");
        html.Append("</tr>");
        foreach (var row in table.Rows)
        {
            html.Append("<tr>");
            foreach (var cell in row) html.Append($"<td>{Html.Escape(cell)}</td>");
            html.Append("</tr>");
        }
        return html.Append("</table></div>").ToString();
    }
}
