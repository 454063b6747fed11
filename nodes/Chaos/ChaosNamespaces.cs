using System.Diagnostics;
using Athanor.Hosting.Services;
using Athanor.Nodes.Cli;

namespace Athanor.Nodes.Chaos;

/// <summary>
/// Where a run lives: in network, mount, process and IPC namespaces of its own, so that whatever it makes there (addresses, routes, mounted
/// file systems, shared memory, servers, nodes) ends with it, however it ends.
///
/// Two processes: the command that the user started, and the run itself, which is the same program inside the namespaces, below a shell that is
/// their process 1 and reaps what is orphaned. If the command ends, in order or not, the run's standard input ends, and the run
/// stops what it started, deletes its folder and goes. If the run ends, process 1 ends, and the kernel kills all that is left in the
/// namespaces and takes them away. If both are killed, files stay, and the next run deletes them (<see cref="ChaosFolder"/>).
///
/// Root needs nothing more; others need a kernel that lets them make user namespaces (they get the network, but no file system
/// of their own). Where there are no namespaces the run goes on without them and skips the faults that need them, with the reason.
/// </summary>
internal static class ChaosNamespaces
{
    private static readonly TimeSpan EndIn = TimeSpan.FromSeconds(15);

    private static string[] Unshare =>
    [
        "unshare", .. Environment.IsPrivilegedProcess ? Array.Empty<string>() : ["--user", "--map-current-user", "--keep-caps"],
        "--net", "--mount", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc", "--", "sh", "-c",
        """
        mount -t tmpfs tmpfs /dev/shm && ip link set dev lo up || exit 125
        "$@"
        exit $?
        """, "chaos",
    ];

    /// <summary>Installs what is missing while there still is a network, and tries.</summary>
    /// <returns>Why there are no namespaces here; null if there are.</returns>
    public static async Task<string?> Missing(CancellationToken cancellation)
    {
        try
        {
            if (!Shell.Exists("ip")) await ServicePackages.Ensure(ServicePackages.Network, cancellation);
        }
        catch (ServiceException e)
        {
            return $"needs ip of iproute2: {Shell.FirstLine(e.Message)}";
        }
        if (!Shell.Exists("unshare") || !Shell.Exists("nsenter")) return "needs unshare and nsenter of util-linux";
        var (code, words) = await Shell.Run(Unshare[0], [.. Unshare[1..], "true"]);
        return code == 0 ? null : $"no namespaces here: {Shell.FirstLine(words)}";
    }

    /// <summary>Runs this program inside, with its output going where this one's goes.</summary>
    /// <returns>Its exit code.</returns>
    public static async Task<int> Run(IEnumerable<string> arguments, string temporary, CancellationToken cancellation)
    {
        var self = SelfProcess.StartInfo(arguments);
        var start = new ProcessStartInfo(Unshare[0], [.. Unshare[1..], self.FileName, .. self.ArgumentList])
        {
            RedirectStandardInput = true,
            UseShellExecute = false,
        };
        start.Environment["TMPDIR"] = temporary;
        using var process = Process.Start(start) ?? throw new InvalidOperationException("unshare did not start");
        var exit = process.WaitForExitAsync(CancellationToken.None);
        try
        {
            await exit.WaitAsync(cancellation);
        }
        catch (OperationCanceledException)
        {
            process.StandardInput.Close();
            if (await Task.WhenAny(exit, Task.Delay(EndIn, TimeProvider.System, CancellationToken.None)) != exit) process.Kill();
            await exit;
        }
        return process.ExitCode;
    }

    /// <summary>Inside: cancels when the command that started the run is gone.</summary>
    public static CancellationToken WithCommand(CancellationToken cancellation)
    {
        var gone = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        _ = Task.Run(async () =>
        {
            var buffer = new byte[16];
            await using var input = Console.OpenStandardInput();
            while (await input.ReadAsync(buffer, CancellationToken.None) > 0)
            {
                // Nothing is ever sent.
            }
            await gone.CancelAsync();
            await Task.Delay(EndIn, TimeProvider.System, CancellationToken.None);
            Environment.Exit(ExitCodes.Interrupted);
        }, CancellationToken.None);
        return gone.Token;
    }
}
