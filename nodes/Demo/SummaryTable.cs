using Spectre.Console;

namespace Athanor.Nodes.Demo;

/// <summary>A report's figures as a table in the terminal.</summary>
internal static class SummaryTable
{
    public static void Print(IAnsiConsole console, IReadOnlyList<DemoSection> sections)
    {
        var table = new Table().Border(TableBorder.Rounded).AddColumn("Figure").AddColumn("Value").AddColumn("Held to").AddColumn("");
        foreach (var section in sections)
        {
            table.AddRow($"[bold]{Markup.Escape(section.Title)}[/]", "", "", "");
            foreach (var f in section.Figures)
            {
                var mark = f.Holds switch { true => "[green]holds[/]", false => "[red]does not hold[/]", null => "" };
                table.AddRow("  " + Markup.Escape(f.Name), Markup.Escape(f.Value), Markup.Escape(f.Target), mark);
            }
        }
        console.Write(table);
    }
}
