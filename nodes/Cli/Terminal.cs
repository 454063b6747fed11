using Spectre.Console;

namespace Athanor.Nodes.Cli;

/// <summary>Where tables and bars go: colours and live bars on a terminal, plain wide text into files and pipes.</summary>
internal static class Terminal
{
    private const int WidthOfPipes = 140;

    public static void SetUp()
    {
        if (!Console.IsOutputRedirected) return;
        var plain = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.No,
            ColorSystem = ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(Console.Out),
        });
        plain.Profile.Width = WidthOfPipes;
        AnsiConsole.Console = plain;
    }
}
