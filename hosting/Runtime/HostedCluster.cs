using Athanor.Actors;
using Athanor.Hosting.Blobs;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Core;
using Athanor.Hosting.Journal.Levels;
using Athanor.Hosting.Slots;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Telemetry;
using Athanor.Hosting.Work;
using Athanor.Protocol;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Athanor.Hosting.Runtime;

/// <summary>
/// A whole cluster in this process: the locked state directory, the SQLite store, blobs, the core with its loop, compute threads, and
/// slots.
///
/// Who does what. The core decides; <see cref="CoreLoop"/> steps it on its own thread; <see cref="StoreActions"/>,
/// <see cref="ComputePool"/> and <see cref="WorkLoop"/> carry its actions out and post what came of them. Clients wait in
/// <see cref="RequestTable"/>.
///
/// How it ends. Disposing takes the parts down in the order in which they feed each other: slots stop and give their work back; the core
/// drains (no new requests, commits finish, shards are released); what is then unanswered is refused; compute, store and lock are let go.
/// A drain that takes longer than <c>node.drain-timeout</c> is cut short, which loses nothing: it is then as if the process had been
/// killed, and a killed process loses nothing that it acknowledged.
/// </summary>
public sealed class HostedCluster : IAsyncDisposable
{
    private readonly AthanorOptions _options;
    private readonly NodeGround _ground;
    private readonly IStore _store;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly RequestTable _requests = new();
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly StoreActions _storeActions;
    private readonly ComputePool _compute;
    private readonly CoreLoop _loop;
    private readonly LocalClient _client;
    private readonly IDisposable _gauges;
    private WorkLoop? _work;
    private volatile string? _defect;
    private volatile bool _draining;
    private CoreFigures _figures = new(0, 0, 0);
    private int _disposed;

    private HostedCluster(
        AthanorOptions options, EmbeddedRole role, ClusterParts parts, NodeGround ground, ILogger log)
    {
        _options = options;
        _ground = ground;
        _store = ground.Store;
        _time = parts.Time;
        _log = log;
        Role = role;
        Parts = parts;
        var core = new ClusterCore(CoreOptionsOf(options, role, _store.ShardCount), parts.Deciders, new RegistryCodec(parts.Messages, () => ground.FeatureLevel));
        _loop = new CoreLoop(core, Execute, Look, Broken, _time);
        _storeActions = new StoreActions(_store, options.Node.Name, "", _time, i => _loop.Post(i));
        var handlers = parts.ComputeHandlers.Select(h => h is INeedsKeys keyed ? keyed.WithKeys(ground.KeysPath) : h);
        _compute = new ComputePool(handlers, parts.Messages, options.Compute, i => _loop.Post(i));
        Work = new WorkDesk(_store, parts.Messages, options.Slots.MaxDeaths, MailArrived);
        _client = new LocalClient(
            _requests, _loop.Post, _store, Blobs, parts.Messages, options.Store.Timeout, () => _storeActions.LastFailure,
            () => $"slots {_work?.Busy ?? 0}/{_work?.Slots ?? 0} busy", "local", _time);
        _gauges = AthanorTelemetry.Observe(
            () => _figures.Messages + _loop.Depth, () => _figures.ActiveEntities, () => _work?.Busy ?? 0, () => _work?.Slots ?? 0);
    }

    public EmbeddedRole Role { get; }

    public ClusterParts Parts { get; }

    public IClusterClient Client => _client;

    public IProgressView Progress => _work ?? (IProgressView)NoProgress.Instance;

    public IStore Store => _store;

    public IBlobStore Blobs => _ground.Blobs;

    public IWorkDesk Work { get; }

    public StateDirectory Directory => _ground.Directory;

    /// <summary>Where keys and certificates lie; nodes of one cluster may share it.</summary>
    public string KeysPath => _ground.KeysPath;

    public AthanorOptions Options => _options;

    public ClusterHealth Health
    {
        get
        {
            var stuck = _loop.InStep > TimeSpan.FromSeconds(30);
            var reason = _defect ?? (stuck ? "the core has been in one step for over 30 s"
                : _draining ? "draining"
                : _storeActions.LastFailure is { } failure ? $"the last commit failed: {failure}"
                : _figures.OpenShards < _store.ShardCount ? $"{_figures.OpenShards} of {_store.ShardCount} shards are open" : "");
            return new ClusterHealth(
                _defect is null && !stuck, reason == "", reason, _store.ShardCount, _figures.OpenShards, _figures.ActiveEntities,
                _figures.Messages + _loop.Depth, _requests.Count, _work?.Busy ?? 0, _work?.Slots ?? 0);
        }
    }

    /// <summary>Opens or makes the state directory and hosts its cluster until disposed.</summary>
    /// <exception cref="StateLockedException">Another process hosts it.</exception>
    /// <exception cref="StoreException">The directory or the store cannot be used; the message is fit for an operator.</exception>
    public static async Task<HostedCluster> Start(
        AthanorOptions options, EmbeddedRole role, ClusterParts? parts = null, ILoggerFactory? logs = null,
        CancellationToken cancellation = default)
    {
        parts ??= new ClusterParts();
        var log = (logs ?? NullLoggerFactory.Instance).CreateLogger("Athanor");
        var ground = await NodeGround.Embedded(options, parts.Time, log, cancellation).ConfigureAwait(false);
        return await Start(options, role, parts, ground, log, cancellation).ConfigureAwait(false);
    }

    /// <summary>Hosts on what is given, and lets go of it at the end.</summary>
    internal static async Task<HostedCluster> Start(
        AthanorOptions options, EmbeddedRole role, ClusterParts parts, NodeGround ground, ILogger log, CancellationToken cancellation)
    {
        HostedCluster? cluster = null;
        try
        {
            await ground.Join(parts.Messages, cancellation).ConfigureAwait(false);
            // The lock says that no other process of this directory lives: what an earlier one had leased is free.
            if (role == EmbeddedRole.Full) await ground.Store.ReturnWorkOf(options.Node.Name, cancellation).ConfigureAwait(false);
            cluster = new HostedCluster(options, role, parts, ground, log);
            cluster._loop.Start();
            await cluster.Opened(cancellation).ConfigureAwait(false);
            if (role == EmbeddedRole.Full) cluster.StartSlots();
            return cluster;
        }
        catch
        {
            if (cluster is not null) await cluster.DisposeAsync().ConfigureAwait(false);
            else await ground.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Asks on behalf of somebody whom a door has authenticated.</summary>
    public Task<IReply> AskAs(
        string principal, EntityAddress to, ICommand command, Guid? key, string? traceParent, CancellationToken cancellation) =>
        _client.AskAs(principal, to, command, key, traceParent, cancellation);

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 1) return;
        _draining = true;
        try
        {
            await Drain().ConfigureAwait(false);
        }
        finally
        {
            _requests.Close("the cluster has ended");
            _loop.Dispose();
            _compute.Dispose();
            _gauges.Dispose();
            await _ground.DisposeAsync().ConfigureAwait(false);
        }
    }

    private async Task Drain()
    {
        if (_work is not null) await _work.DisposeAsync().ConfigureAwait(false);
        if (_loop.Post(new CoreInput.Drain()))
        {
            try
            {
                await _drained.Task.WaitAsync(_options.Node.DrainTimeout, _time).ConfigureAwait(false);
            }
            catch (TimeoutException)
            {
                Log.CutShort(_log, _options.Node.DrainTimeout);
            }
        }
    }

    private static CoreOptions CoreOptionsOf(AthanorOptions o, EmbeddedRole role, int shards) => new()
    {
        Node = o.Node.Name,
        ShardCount = shards,
        Roles = o.Node.Roles.Add(FeatureLevels.Tag()),
        Lease = o.Shards.Lease,
        RenewEvery = o.Shards.RenewEvery,
        LeaseMargin = o.Shards.LeaseMargin,
        ViewEvery = o.Shards.ViewEvery,
        MoveDelay = o.Shards.MoveDelay,
        MoveShare = o.Shards.MoveShare,
        PollEvery = o.Mailbox.PollEvery,
        MailPage = o.Mailbox.Page,
        MailInMemory = o.Mailbox.InMemory,
        Writers = o.Commit.Writers,
        BatchMessages = o.Commit.BatchMessages,
        SnapshotEvery = o.Entities.SnapshotEvery,
        PassivateAfter = o.Entities.PassivateAfter,
        MaxActive = o.Entities.MaxActive,
        MaxRecovering = o.Entities.MaxRecovering,
        Attempts = o.Entities.Attempts,
        RetryAfter = o.Entities.RetryAfter,
        StoreRetry = o.Store.RetryAfter,
        AskTimeout = o.Entities.AskTimeout,
        KeyLifetime = o.Idempotency.Retention,
        KeyAhead = o.Idempotency.MaxAhead,
        Wakes = role == EmbeddedRole.Full,
        ToJson = StateJson.Write,
    };

    private async Task Opened(CancellationToken cancellation)
    {
        var patience = _options.Store.Timeout * 3;
        try
        {
            await _opened.Task.WaitAsync(patience, _time, cancellation).ConfigureAwait(false);
        }
        catch (TimeoutException e)
        {
            throw new StoreException($"{_ground.Directory.Root}: the cluster was not ready within {patience.TotalSeconds:0} s: {Health.Reason}", e);
        }
    }

    private void StartSlots() => _work = new WorkLoop(
        Work, Blobs, Parts.Messages, _options.Node.Name, _options.Slots,
        (Parts.SlotLaunch ?? SlotLaunch.ThisProgram()) with { Torch = _options.Torch, Telemetry = _options.Telemetry }, _log, _time,
        _options.Work.Policy, _options.Transport.Advertise);

    private void Execute(CoreAction action)
    {
        if (_storeActions.TryExecute(action)) return;
        switch (action)
        {
            case CoreAction.Reply a:
                _requests.Finish(a.Correlation, new Answer(a.Message, default, ""));
                break;
            case CoreAction.Refuse a:
                _requests.Finish(a.Correlation, new Answer(null, a.Why, a.Reason));
                break;
            case CoreAction.StartCompute a:
                _compute.Start(a.Id, a.Request, a.TraceParent);
                break;
            case CoreAction.CancelCompute a:
                _compute.Cancel(a.Id);
                break;
            case CoreAction.WorkOffered:
                _work?.Nudge();
                break;
            case CoreAction.WorkCancelled a:
                _work?.Cancel(a.WorkIds);
                break;
            case CoreAction.Hint a when a.Node == _options.Node.Name:
                _loop.Post(new CoreInput.MailHint(a.Shards));
                break;
            case CoreAction.Hint:
                // There is no other node to tell.
                break;
            case CoreAction.Note a:
                Log.Note(_log, a.Level, a.Text);
                break;
            case CoreAction.Drained:
                _drained.TrySetResult();
                break;
            default:
                throw new InvalidOperationException($"no adapter carries out {action.GetType().Name}");
        }
    }

    private void Look(ClusterCore core)
    {
        _requests.Deliver();
        Volatile.Write(ref _figures, new CoreFigures(core.OpenShards, core.ActiveEntities, core.MailboxDepth));
        if (_figures.OpenShards == _store.ShardCount) _opened.TrySetResult();
    }

    private void MailArrived() => _loop.Post(new CoreInput.MailHint([.. Enumerable.Range(0, _store.ShardCount)]));

    private void Broken(Exception e)
    {
        _defect = $"the core failed: {e.Message}";
        Log.Defect(_log, e);
        _requests.Deliver();
        _requests.Close($"{_defect}; what was acknowledged is in the store, restart the process to go on");
        _opened.TrySetException(new StoreException(_defect, e));
        _drained.TrySetResult();
    }

    /// <summary>What the core showed after its last step.</summary>
    private sealed record CoreFigures(int OpenShards, int ActiveEntities, int Messages);

    private sealed class NoProgress : IProgressView
    {
        public static readonly NoProgress Instance = new();

        public Task<IReadOnlyList<WorkProgress>> Running(CancellationToken cancellation = default) =>
            Task.FromResult<IReadOnlyList<WorkProgress>>([]);
    }
}
