using System.Diagnostics;
using Athanor.Nodes.Cli;
using Athanor.Nodes.Gateway;

namespace Athanor.Nodes.Peers;

/// <summary>
/// Peers as child processes of this program, for demos and tests. Each is <c>athanor peer join --until-stdin-closes</c>, so that it dies with
/// its parent, however the parent dies; one that dies otherwise is started again. One that was refused for good stays away.
/// </summary>
internal sealed class PeerProcesses(Uri gateway, string pin, string keysDirectory) : IAsyncDisposable
{
    private const int MostDeaths = 20;

    private readonly Dictionary<string, Child> _children = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();
    private int _deaths;

    private sealed record Child(Process Process, string? Misbehaviour, Task Output, Task Errors, Task Exit);

    /// <summary>Peers of the gateway that serves a state directory; their keys are kept under it.</summary>
    /// <exception cref="UserException">No gateway serves it.</exception>
    public static PeerProcesses Of(string stateDirectory)
    {
        var served = GatewayFile.Read(stateDirectory)
            ?? throw new UserException($"no gateway serves {stateDirectory}: start 'athanor node' on it, or serve the gateway in this process");
        return new PeerProcesses(served.Url, served.CertificateSha256, Path.Combine(stateDirectory, "keys"));
    }

    /// <summary>What the peers said last on standard error, for a message when something is wrong.</summary>
    public string LastWords { get; private set; } = "";

    /// <param name="misbehaviour">As <c>--misbehave</c> has it; null for an honest peer.</param>
    public void Start(string name, string? misbehaviour = null)
    {
        List<string> arguments =
        [
            "peer", "join", "--gateway", gateway.ToString(), "--pin", pin, "--name", name,
            "--key", Path.Combine(keysDirectory, $"peer-{name}.pem"), "--until-stdin-closes",
        ];
        if (misbehaviour is not null) arguments.AddRange(["--misbehave", misbehaviour]);
        var start = SelfProcess.StartInfo(arguments);
        // One slot of one thread: the garbage collector and the thread pool need no more of a small machine.
        start.Environment["DOTNET_gcServer"] = "0";
        start.Environment["DOTNET_TieredPGO"] = "0";
        var process = Process.Start(start) ?? throw new InvalidOperationException("the peer process did not start");
        // One wait for all: two waits for one process's Exited event at a time may lose each other's handlers.
        var exit = process.WaitForExitAsync();
        lock (_gate) _children[name] = new Child(process, misbehaviour, Drain(process.StandardOutput), Drain(process.StandardError), exit);
    }

    /// <summary>Starts again what has died without having been refused.</summary>
    /// <exception cref="InvalidOperationException">Peers die again and again; the message has their last words.</exception>
    public void Revive()
    {
        KeyValuePair<string, Child>[] dead;
        lock (_gate) dead = [.. _children.Where(c => c.Value.Process.HasExited && c.Value.Process.ExitCode != ExitCodes.Failure)];
        foreach (var (name, child) in dead)
        {
            if (++_deaths > MostDeaths)
                throw new InvalidOperationException($"peers died {_deaths} times, the last was {name} (exit code {child.Process.ExitCode}): {LastWords}");
            child.Process.Dispose();
            Start(name, child.Misbehaviour);
        }
    }

    /// <summary>Kills a peer as <c>kill -9</c> does.</summary>
    public async Task Kill(string name)
    {
        Child child;
        lock (_gate) child = _children[name];
        child.Process.Kill();
        await child.Exit;
    }

    /// <summary>Waits until a peer has ended, e.g. because it was refused.</summary>
    public Task Ended(string name, CancellationToken cancellation)
    {
        lock (_gate) return _children[name].Exit.WaitAsync(cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        Child[] children;
        lock (_gate)
        {
            children = [.. _children.Values];
            _children.Clear();
        }
        foreach (var child in children)
        {
            try
            {
                child.Process.StandardInput.Close();
            }
            catch (IOException)
            {
                // It is gone already.
            }
        }
        foreach (var child in children)
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(5), TimeProvider.System);
            try
            {
                await child.Exit.WaitAsync(patience.Token);
            }
            catch (OperationCanceledException)
            {
                child.Process.Kill();
            }
            await Task.WhenAll(child.Output, child.Errors);
            child.Process.Dispose();
        }
    }

    private async Task Drain(StreamReader reader)
    {
        while (await reader.ReadLineAsync() is { } line) LastWords = line;
    }
}
