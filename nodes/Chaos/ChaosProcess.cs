using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Athanor.Nodes.Cli;

namespace Athanor.Nodes.Chaos;

/// <summary>A node's process as the run sees it: asked over its standard streams, killed, stopped, started again.</summary>
internal sealed class ChaosProcess : IAsyncDisposable
{
    private readonly ConcurrentDictionary<long, TaskCompletionSource<string>> _asked = new();
    private readonly string _state;
    private readonly string _log;
    private readonly Func<ProcessStartInfo, ProcessStartInfo> _place;
    private Process? _process;
    private TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _reading = Task.CompletedTask;
    private Task _exit = Task.CompletedTask;
    private long _lastId;

    /// <param name="index">Its place among the nodes.</param>
    /// <param name="address">Where it listens.</param>
    /// <param name="place">Puts its program where it is to run.</param>
    public ChaosProcess(string name, int index, string state, string address, int port, Func<ProcessStartInfo, ProcessStartInfo> place)
    {
        (Name, Index, _state, Address, Port, _place) = (name, index, state, address, port, place);
        _log = Path.Combine(state, $"{name}.log");
    }

    public string Name { get; }

    public int Index { get; }

    public string Address { get; }

    public int Port { get; }

    public bool IsUp => _process is { HasExited: false };

    public bool IsReady => IsUp && _ready.Task.IsCompletedSuccessfully;

    public int Id => _process?.Id ?? 0;

    /// <summary>Processes that ended though nobody ended them.</summary>
    public int Crashes { get; private set; }

    public void Start(string connection)
    {
        var info = _place(SelfProcess.StartInfo(
            ["chaos-node", "--name", Name, "--state", _state, "--address", Address, "--port", Port.ToString(CultureInfo.InvariantCulture)]));
        info.Environment[ChaosNode.DatabaseVariable] = connection;
        // A small heap and few threads: several nodes share this machine with their database.
        info.Environment["DOTNET_gcServer"] = "0";
        info.Environment["TMPDIR"] = ChaosFolder.Temporary(_state);
        _ready = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var process = Process.Start(info) ?? throw new InvalidOperationException("the node's process did not start");
        _process = process;
        _reading = Task.WhenAll(Read(process, _ready), Log(process));
        _exit = process.WaitForExitAsync();
    }

    private async Task Read(Process process, TaskCompletionSource ready)
    {
        while (await process.StandardOutput.ReadLineAsync() is { } line)
        {
            var words = line.Split(' ', 3);
            if (words[0] == "ready") ready.TrySetResult();
            else if (words.Length > 1 && long.TryParse(words[1], CultureInfo.InvariantCulture, out var id) && _asked.TryRemove(id, out var waiter))
                waiter.TrySetResult(line);
        }
        foreach (var id in _asked.Keys)
        {
            if (_asked.TryRemove(id, out var waiter)) waiter.TrySetResult("no 0 the process ended");
        }
    }

    private async Task Log(Process process)
    {
        await using var log = new StreamWriter(_log, append: true);
        while (await process.StandardError.ReadLineAsync() is { } line) await log.WriteLineAsync(line);
    }

    /// <summary>Sends a request and waits for its answer.</summary>
    /// <returns>The rest of the answer after <c>ok ID</c>, or null if it was refused, lost or late.</returns>
    public async Task<string?> Ask(string verb, string rest, TimeSpan patience)
    {
        if (_process is not { } process || !IsUp) return null;
        var id = Interlocked.Increment(ref _lastId);
        var waiter = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        _asked[id] = waiter;
        try
        {
            var line = string.Create(CultureInfo.InvariantCulture, $"{verb} {id} {rest}\n");
            await Write(process, line);
            var answer = await waiter.Task.WaitAsync(patience, TimeProvider.System);
            LastRefusal = answer.StartsWith("no ", StringComparison.Ordinal) ? answer : LastRefusal;
            if (!answer.StartsWith("ok ", StringComparison.Ordinal)) return null;
            return answer.Split(' ', 3).ElementAtOrDefault(2) ?? "";
        }
        catch (Exception e) when (e is TimeoutException or IOException or ObjectDisposedException or InvalidOperationException)
        {
            return null;
        }
        finally
        {
            _asked.TryRemove(id, out _);
        }
    }

    private readonly SemaphoreSlim _writing = new(1);

    public string LastRefusal { get; private set; } = "";

    private async Task Write(Process process, string line)
    {
        if (!await _writing.WaitAsync(TimeSpan.FromSeconds(2))) throw new TimeoutException();
        try
        {
            await process.StandardInput.WriteAsync(line);
            // A stopped process reads nothing; its pipe takes much, and what it does not take is late.
            await process.StandardInput.FlushAsync().WaitAsync(TimeSpan.FromSeconds(2), TimeProvider.System);
        }
        finally
        {
            _writing.Release();
        }
    }

    public Task Ready(TimeSpan patience) => _ready.Task.WaitAsync(patience, TimeProvider.System);

    public async Task Kill()
    {
        if (_process is not { HasExited: false } process) return;
        process.Kill();
        await _exit;
        await _reading;
    }

    /// <summary>Closes its standard input: it hands its shards over, and ends.</summary>
    public async Task Drain(TimeSpan patience)
    {
        if (_process is not { HasExited: false } process) return;
        process.StandardInput.Close();
        try
        {
            await _exit.WaitAsync(patience, TimeProvider.System);
        }
        catch (TimeoutException)
        {
            await Kill();
        }
    }

    /// <summary>Starts it again if it ended by itself.</summary>
    public void Supervise(string connection)
    {
        if (_process is null || IsUp) return;
        Crashes++;
        Start(connection);
    }

    public Task Signal(string name) => Shell.Run("kill", $"-{name}", Id.ToString(CultureInfo.InvariantCulture));

    public async ValueTask DisposeAsync()
    {
        await Kill();
        _process?.Dispose();
        _writing.Dispose();
    }
}

/// <summary>Small programs of the system.</summary>
internal static class Shell
{
    public static async Task<(int Code, string Output)> Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        }) ?? throw new InvalidOperationException($"{program} did not start");
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, await output + await error);
    }

    /// <summary>Whether there is such a program.</summary>
    public static bool Exists(string program) =>
        $"{Environment.GetEnvironmentVariable("PATH")}:/usr/sbin:/sbin".Split(':').Any(folder => folder.Length > 0 && File.Exists(Path.Combine(folder, program)));

    public static string FirstLine(string text) => text.Split('\n').Select(static line => line.Trim()).FirstOrDefault(static line => line.Length > 0) ?? "nothing";

    /// <summary>Ids of the processes whose parent this is, and whose command line holds a word.</summary>
    public static IReadOnlyList<int> Children(int parent, string word)
    {
        var found = new List<int>();
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var id)) continue;
            try
            {
                var stat = File.ReadAllText(Path.Combine(folder, "stat"));
                var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
                if (fields[1] == parent.ToString(CultureInfo.InvariantCulture)
                    && File.ReadAllText(Path.Combine(folder, "cmdline")).Contains(word, StringComparison.Ordinal)) found.Add(id);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It ended while it was looked at.
            }
        }
        return found;
    }
}
