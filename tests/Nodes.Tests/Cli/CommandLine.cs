using System.Globalization;
using Athanor.Nodes.Cli;

namespace Nodes.Tests.Cli;

/// <summary>The command line in this process, with what it prints. Tests that use it are of the collection "console", one at a time.</summary>
internal static class CommandLine
{
    public static async Task<(int Code, string Output)> Invoke(params string[] arguments)
    {
        var (console, text) = (Console.Out, new StringWriter(CultureInfo.InvariantCulture));
        Console.SetOut(text);
        try
        {
            Terminal.SetUp();
            var code = await Root.Create().Parse(arguments).InvokeAsync(new() { EnableDefaultExceptionHandler = false });
            return (code, text.ToString());
        }
        finally
        {
            Console.SetOut(console);
            Terminal.SetUp();
        }
    }

    /// <summary>What a command prints that ends with this code.</summary>
    public static async Task<string> Run(int code, params string[] arguments)
    {
        var (was, output) = await Invoke(arguments);
        Assert.True(was == code, $"{string.Join(' ', arguments)} gave {was}:\n{output}");
        return output;
    }
}
