using System.Diagnostics;
using System.Text.Json;
using Xunit.Abstractions;

namespace Cluster.Tests;

/// <summary>Chaos as a user runs it: three node processes over a database of their own, a fixed mix of faults. The nodes' logs and the journal
/// are kept in the folder that a failure names.</summary>
public sealed class ChaosTests(ITestOutputHelper output)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);

    [Fact]
    public async Task Under_a_mix_of_faults_nothing_is_lost_and_nothing_is_doubled()
    {
        string[] faults = ["kill-node", "stop-node", "fail-over", "slow-disk", "cut-database-one-way"];
        var (exit, text, errors) = await NodeProcess.Run(Patience, "chaos", "--rounds", "1", "--seed", "20261121", "--faults", string.Join(',', faults), "--json");
        output.WriteLine(text);
        Assert.True(exit == 0, $"exit code {exit}: {text}{errors}");
        using var json = JsonDocument.Parse(text);
        var root = json.RootElement;
        Assert.Equal(0, root.GetProperty("lost").GetInt64());
        Assert.Equal(0, root.GetProperty("doubled").GetInt64());
        Assert.True(root.GetProperty("acknowledged").GetInt64() > 100);
        foreach (var fault in root.GetProperty("faults").EnumerateArray())
        {
            var chosen = faults.Contains(fault.GetProperty("fault").GetString());
            var why = fault.GetProperty("skipped").GetString();
            Assert.True((fault.GetProperty("injected").GetInt32(), why) is (1, null) or (0, not null), $"{fault}");
            Assert.True(chosen != (why == "not among --faults"), $"{fault}");
        }
    }

    [Fact]
    public async Task Where_there_are_no_namespaces_the_faults_that_need_them_are_skipped_with_the_reason()
    {
        if (!Environment.IsPrivilegedProcess)
        {
            output.WriteLine("skipped: takes root, to give up the right that making namespaces needs");
            return;
        }
        var info = new ProcessStartInfo(
            "setpriv", ["--bounding-set=-sys_admin", "dotnet", NodeProcess.Program, "chaos", "--rounds", "1", "--faults", "cut-node,full-disk"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(info)!;
        var errors = process.StandardError.ReadToEndAsync();
        var text = await process.StandardOutput.ReadToEndAsync().WaitAsync(Patience);
        await process.WaitForExitAsync();
        output.WriteLine(text);
        Assert.True(process.ExitCode == 0, text + await errors);
        Assert.Matches(@"\| cut-node \| 0 \| skipped: no namespaces here: unshare: .+ \|", text);
        Assert.Matches(@"\| full-disk \| 0 \| skipped: no namespaces here: unshare: .+ \|", text);
        Assert.Contains(", 0 lost, 0 doubled", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_that_is_killed_leaves_no_process_no_mount_and_no_folder()
    {
        var folder = Path.Combine(Path.GetTempPath(), $"chaos-killed-{Guid.NewGuid():n}");
        using var run = NodeProcess.Launch("chaos", "--minutes", "5", "--faults", "stop-node,cut-all", "--folder", folder);
        // A node is stopped or cut when the first fault is named.
        var said = "";
        while (await run.StandardOutput.ReadLineAsync().WaitAsync(Soon) is { } line && !line.Contains(" acknowledged ", StringComparison.Ordinal)) said += line + "\n";
        Assert.True(Working(folder).Count >= 4, $"a server and three nodes were to run: {said}");
        run.Kill();
        await run.WaitForExitAsync().WaitAsync(Soon);
        using var timer = new PeriodicTimer(Look);
        using var late = new CancellationTokenSource(Soon);
        while (Working(folder) is { Count: > 0 } || Directory.Exists(folder))
        {
            Assert.False(late.IsCancellationRequested, $"after {Soon.TotalSeconds} s there are {string.Join(", ", Working(folder))} and {folder}");
            await timer.WaitForNextTickAsync(CancellationToken.None);
        }
        Assert.DoesNotContain(folder, await File.ReadAllTextAsync("/proc/self/mounts"), StringComparison.Ordinal);
        foreach (var device in Directory.EnumerateDirectories("/sys/block", "loop*"))
        {
            var file = Path.Combine(device, "loop", "backing_file");
            if (File.Exists(file)) Assert.DoesNotContain(folder, await File.ReadAllTextAsync(file), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_fault_that_is_not_known_is_refused_with_those_that_are()
    {
        var (exit, _, errors) = await NodeProcess.Run("chaos", "--faults", "kill-nodes");
        Assert.Equal(2, exit);
        Assert.Contains("kill-node", errors);
        Assert.Contains("fail-over", errors);
    }

    /// <summary>Command lines of the processes that name a folder.</summary>
    private static List<string> Working(string folder)
    {
        var found = new List<string>();
        foreach (var process in Directory.EnumerateDirectories("/proc").Where(static p => int.TryParse(Path.GetFileName(p), out _)))
        {
            try
            {
                var line = File.ReadAllText(Path.Combine(process, "cmdline")).Replace('\0', ' ');
                if (line.Contains(folder, StringComparison.Ordinal)) found.Add(line);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It ended while it was looked at.
            }
        }
        return found;
    }
}
