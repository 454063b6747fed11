using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Athanor.Nodes.Gateway;

namespace Cluster.Tests;

/// <summary>The built program as a process of its own.</summary>
internal sealed partial class NodeProcess : IAsyncDisposable
{
    public static readonly TimeSpan Long = TimeSpan.FromSeconds(90);

    private readonly Process _process;

    private NodeProcess(Process process, string state)
    {
        _process = process;
        State = state;
    }

    public string State { get; }

    public int Id => _process.Id;

    public GatewayFile Gateway { get; private set; } = null!;

    /// <summary>The built program.</summary>
    public static string Program
    {
        get
        {
            // artifacts/bin/Cluster.Tests/release/ beside artifacts/bin/Athanor.Nodes/release/
            var here = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd('/'));
            var program = Path.Combine(here.Parent!.Parent!.FullName, "Athanor.Nodes", here.Name, "athanor.dll");
            Assert.True(File.Exists(program), $"{program} is not built");
            return program;
        }
    }

    /// <summary>Starts <c>athanor node</c> and returns when it listens.</summary>
    public static Task<NodeProcess> Start(string state) => Start(state, Program);

    /// <summary>Starts <c>athanor node</c> with more arguments.</summary>
    public static Task<NodeProcess> StartWith(string state, params string[] more) => Start(state, Program, more);

    /// <summary>Starts another build's <c>athanor node</c> and returns when it listens.</summary>
    public static async Task<NodeProcess> Start(string state, string program, params string[] more)
    {
        var node = new NodeProcess(Process.Start(StartInfoOf(program, ["node", "--state", state, "--port", "0", "--json", .. more]))!, state);
        var text = "";
        while (await node._process.StandardOutput.ReadLineAsync().WaitAsync(Long) is { } line)
        {
            text += line;
            if (line != "}") continue;
            using var json = JsonDocument.Parse(text);
            node.Gateway = GatewayFile.Read(state)!;
            Assert.Equal(json.RootElement.GetProperty("listening").GetString(), node.Gateway.Url.OriginalString);
            return node;
        }
        throw new InvalidOperationException($"the node ended: {text} {await node._process.StandardError.ReadToEndAsync()}");
    }

    /// <summary>Starts the program with all three streams redirected.</summary>
    public static Process Launch(params string[] arguments) => Process.Start(StartInfo(arguments))!;

    /// <summary>Runs a command of the program to its end.</summary>
    public static Task<(int ExitCode, string Output, string Error)> Run(params string[] arguments) => Run(Long, arguments);

    public static async Task<(int ExitCode, string Output, string Error)> Run(TimeSpan patience, params string[] arguments)
    {
        using var process = Process.Start(StartInfo(arguments))!;
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync().WaitAsync(patience);
        return (process.ExitCode, await output, await error);
    }

    /// <summary>The living slots that it started.</summary>
    public int[] Slots() =>
    [
        .. Process.GetProcesses().Select(static p => p.Id).Where(id =>
            Read($"/proc/{id}/stat") is { } stat && Fields(stat)[1] == Id.ToString(CultureInfo.InvariantCulture) && Fields(stat)[0] != "Z"
            && Read($"/proc/{id}/cmdline")?.TrimEnd('\0').EndsWith("\0slot", StringComparison.Ordinal) == true),
    ];

    public static bool IsZombie(int id) => Read($"/proc/{id}/stat") is not { } stat || Fields(stat)[0] == "Z";

    /// <summary>State, parent, and so on: what follows the name, which may hold anything.</summary>
    private static string[] Fields(string stat) => stat[(stat.LastIndexOf(')') + 2)..].Split(' ');

    private static string? Read(string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>SIGTERM; returns the exit code and what was said after it.</summary>
    public Task<(int ExitCode, string Output)> Terminate() => EndBy(15);

    /// <summary>SIGINT, as Ctrl-C sends it.</summary>
    public Task<(int ExitCode, string Output)> Interrupt() => EndBy(2);

    private async Task<(int ExitCode, string Output)> EndBy(int signal)
    {
        Assert.Equal(0, Kill(_process.Id, signal));
        var output = await _process.StandardOutput.ReadToEndAsync().WaitAsync(Long);
        await _process.WaitForExitAsync().WaitAsync(Long);
        return (_process.ExitCode, output);
    }

    /// <summary>SIGKILL.</summary>
    public async Task KillNow()
    {
        _process.Kill();
        await _process.WaitForExitAsync().WaitAsync(Long);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited) await KillNow();
        _process.Dispose();
    }

    private static ProcessStartInfo StartInfo(params string[] arguments) => StartInfoOf(Program, arguments);

    private static ProcessStartInfo StartInfoOf(string program, params string[] arguments)
    {
        // A shell starts what it puts into the background with SIGINT ignored, and a child inherits that; at a terminal it is not ignored.
        return new ProcessStartInfo("env", ["--default-signal=INT", "dotnet", program, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}

/// <summary>A directory of one test, removed with it.</summary>
internal sealed class TestDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("athanor-cluster-").FullName;

    public string State => System.IO.Path.Combine(Path, "state");

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
