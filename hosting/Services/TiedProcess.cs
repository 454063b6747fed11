using System.Diagnostics;

namespace Athanor.Hosting.Services;

/// <summary>
/// A server that is a child of this process and does not outlive it. tied.sh stands between the two: it holds the reading end of a pipe
/// from this process, passes signals named on it to the server, and ends the server when the pipe closes, which the kernel does however
/// this process ends. Both run in a session of their own, so that Ctrl-C in a terminal reaches only this process.
/// </summary>
internal sealed class TiedProcess : IAsyncDisposable
{
    private readonly Process _wrapper;
    private readonly string _log;

    private TiedProcess(Process wrapper, int id, string log)
    {
        (_wrapper, ProcessId, _log) = (wrapper, id, log);
        Exited = _wrapper.WaitForExitAsync(CancellationToken.None);
    }

    /// <summary>The server's process id.</summary>
    public int ProcessId { get; }

    /// <summary>Completes when the server has ended.</summary>
    public Task Exited { get; }

    public static async Task<TiedProcess> Start(
        string? user, string log, string? temporary, string endSignal, IReadOnlyList<string> command,
        IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo("setsid")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            WorkingDirectory = "/",
        };
        foreach (var argument in (string[])["sh", "-c", ServicePackages.Script("tied.sh"), "tied.sh", user ?? "", log, temporary ?? "", endSignal, .. command])
            start.ArgumentList.Add(argument);
        foreach (var (name, value) in environment ?? new Dictionary<string, string>()) start.Environment[name] = value;
        var wrapper = ServiceTool.Launch(start);
        var line = await wrapper.StandardOutput.ReadLineAsync(CancellationToken.None);
        if (int.TryParse(line, out var id)) return new TiedProcess(wrapper, id, log);
        wrapper.Dispose();
        throw new ServiceException($"{command[0]} cannot be started; see {log}");
    }

    /// <summary>Sends a signal such as INT, QUIT, KILL, STOP or CONT to the server.</summary>
    public async Task Signal(string name)
    {
        if (Exited.IsCompleted) return;
        try
        {
            await _wrapper.StandardInput.WriteLineAsync(name);
            await _wrapper.StandardInput.FlushAsync(CancellationToken.None);
        }
        catch (IOException)
        {
            // It has just ended.
        }
    }

    /// <summary>Asks the server to end by <paramref name="signal"/>, also if it was stopped, and ends it without a word when it takes longer
    /// than <paramref name="timeout"/>.</summary>
    public async Task End(string signal, TimeSpan timeout, TimeProvider time)
    {
        await Signal("CONT");
        await Signal(signal);
        try
        {
            await Exited.WaitAsync(timeout, time);
        }
        catch (TimeoutException)
        {
            await Signal("KILL");
            await Exited;
        }
        await DisposeAsync();
    }

    /// <summary>The last lines that the server wrote.</summary>
    public string LogTail() => ServiceLog.Tail(_log);

    public async ValueTask DisposeAsync()
    {
        if (!Exited.IsCompleted)
        {
            await Signal("KILL");
            await Exited;
        }
        _wrapper.Dispose();
    }
}
