using System.Collections.Concurrent;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Transport;
using Hosting.Tests.Sqlite;
using Microsoft.Extensions.Logging;

namespace Hosting.Tests.Transport;

/// <summary>Nodes of one test and the links between them.</summary>
internal interface ITestNetwork : IAsyncDisposable
{
    /// <summary>Starts a node and gives back where it listens.</summary>
    Task<string> Start(string node, INodeDoor door);

    /// <summary>The calls of a node.</summary>
    INodeLink LinkOf(string node);
}

/// <summary>Real sockets, with or without certificates of an authority of the test's own.</summary>
internal sealed class HttpNetwork(bool certificates, TransportOptions? options = null) : ITestNetwork
{
    private readonly TransportOptions _options = (options ?? new TransportOptions()) with { Port = 0 };
    private readonly ConcurrentQueue<IAsyncDisposable> _parts = new();
    private DevelopmentAuthority? _authority;

    public TemporaryDirectory Directory { get; } = new();

    public RecordingLog Log { get; } = new();

    public DevelopmentAuthority Authority => _authority ??= MakeAuthority("Athanor test authority");

    public async Task<string> Start(string node, INodeDoor door) => await Start(node, door, OptionsOf(node));

    public async Task<string> Start(string node, INodeDoor door, TransportOptions of)
    {
        var server = await NodeServer.Start(of, node, door, Identities(node, of), TimeProvider.System, Log, CancellationToken.None);
        _parts.Enqueue(server);
        return server.Address;
    }

    public INodeLink LinkOf(string node) => LinkOf(node, OptionsOf(node));

    public NodeLink LinkOf(string node, TransportOptions of)
    {
        var link = new NodeLink(of, node, Identities(node, of), TimeProvider.System, Log);
        _parts.Enqueue(link);
        return link;
    }

    public TransportOptions OptionsOf(string node) =>
        certificates ? With(Authority.Issue(CertificateUse.Node, node, TimeSpan.FromDays(1))) : _options;

    public TransportOptions With(IssuedCertificate files) => _options with
    {
        Certificate = files.CertificatePath,
        Key = files.KeyPath,
        Authority = Authority.CertificatePath,
        ReloadEvery = TimeSpan.FromMilliseconds(1),
    };

    public DevelopmentAuthority MakeAuthority(string name) =>
        DevelopmentAuthority.Create(Directory.File(name.Replace(' ', '-')), name, TimeProvider.System);

    public async ValueTask DisposeAsync()
    {
        foreach (var part in _parts.Reverse()) await part.DisposeAsync();
        _authority?.Dispose();
        Directory.Dispose();
    }

    private TransportIdentities Identities(string node, TransportOptions of) =>
        TransportIdentities.Open(of, node, TimeProvider.System, Log);
}

/// <summary>Lines of a log, and the wait for one.</summary>
internal sealed class RecordingLog : ILogger
{
    private readonly Lock _gate = new();
    private readonly List<string> _lines = [];
    private TaskCompletionSource _more = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public IReadOnlyList<string> Lines
    {
        get
        {
            lock (_gate) return [.. _lines];
        }
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        lock (_gate)
        {
            _lines.Add($"{logLevel}: {formatter(state, exception)}");
            _more.TrySetResult();
        }
    }

    /// <summary>Waits for a line with that text.</summary>
    public async Task<string> Until(string text)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20), TimeProvider.System);
        while (true)
        {
            Task more;
            lock (_gate)
            {
                if (_lines.Find(line => line.Contains(text, StringComparison.Ordinal)) is { } found) return found;
                if (_more.Task.IsCompleted) _more = new(TaskCreationOptions.RunContinuationsAsynchronously);
                more = _more.Task;
            }
            try
            {
                await more.WaitAsync(limit.Token);
            }
            catch (OperationCanceledException)
            {
                Assert.Fail($"no line of the log says '{text}':\n{string.Join('\n', Lines)}");
            }
        }
    }
}
