using Athanor.Actors;
using Athanor.Hosting.Blobs;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Core;
using Athanor.Hosting.Journal.Care;
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
/// A cluster hosted in this process: all of it, over a locked state directory, or one node of many, over a database that they share.
///
/// Who does what. The core decides; <see cref="CoreLoop"/> steps it on its own thread; <see cref="StoreActions"/>,
/// <see cref="ComputePool"/> and <see cref="WorkLoop"/> carry its actions out and post what came of them. Clients wait in
/// <see cref="RequestTable"/>. What differs between one process and many is in <see cref="NodeGround"/>: the store, and the link to others.
///
/// One node of many. It joins under its name (<see cref="Membership"/>), opens its door (<see cref="NodeDoor"/>) and then its core; what it
/// does beside is said by its roles. Clients reach every entity from every node (<see cref="OwnerRoute"/>). After a commit the owners of the
/// mailboxes that it told to are hinted, and the nodes with slots if it offered work; a hint that is lost costs one poll.
///
/// How it ends. Disposing takes the parts down in the order in which they feed each other: slots stop and give their work back; the core
/// drains (no new requests, commits finish, shards are handed over); what is then unanswered is refused; the door closes, and compute, lock
/// and store are let go.
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
    private readonly TaskCompletionSource _told = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly StoreActions _storeActions;
    private readonly ComputePool _compute;
    private readonly CoreLoop _loop;
    private readonly LocalDesk _desk;
    private readonly OwnerTable _owners = new();
    private readonly RoutedClient _client;
    private readonly IDisposable _gauges;
    private WorkLoop? _work;
    private Membership? _membership;
    private IAsyncDisposable? _door;
    private string _address = "";
    private JournalCare? _care;
    private BlobCollector? _collector;
    private volatile string? _defect;
    private volatile bool _draining;
    private volatile bool _started;
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
        var core = new ClusterCore(
            CoreSettings.Of(options, role, _store.ShardCount, parts.FeatureLevel), parts.Deciders,
            new RegistryCodec(parts.Messages, () => ground.FeatureLevel));
        _loop = new CoreLoop(core, Execute, Look, Broken, _time);
        _storeActions = new StoreActions(_store, options.Node.Name, () => _address, _time, i => _loop.Post(i), Seen);
        var handlers = parts.ComputeHandlers.Select(h => h is INeedsKeys keyed ? keyed.WithKeys(ground.KeysPath) : h);
        _compute = new ComputePool(handlers, parts.Messages, options.Compute, i => _loop.Post(i));
        Work = new WorkDesk(_store, parts.Messages, options.Slots.MaxDeaths, MailArrived, options.Messages.MaxBytes);
        _desk = new LocalDesk(_requests, _loop.Post, _store);
        IRequestRoute route = ground.Link is { } link
            ? new OwnerRoute(
                options.Node.Name, _store.ShardCount, _desk, _owners, link, parts.Messages, static _ => Task.CompletedTask, MailArrivedHere)
            : new LocalRoute(_desk);
        var times = ground.Link is null
            ? new ClientTimes(options.Store.Timeout, TimeSpan.MaxValue)
            : new ClientTimes(options.Entities.AskTimeout, options.Entities.AskTimeout);
        _client = new RoutedClient(
            route, _store, Blobs, parts.Messages, times, () => _storeActions.LastFailure,
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

    /// <summary>Completed when somebody told this node to hand everything over and leave. Whoever hosts it then disposes it.</summary>
    public Task ToldToDrain => _told.Task;

    /// <summary>Where other nodes reach this one; empty if there are none.</summary>
    public string Address => _address;

    public ClusterHealth Health
    {
        get
        {
            var stuck = _loop.InStep > TimeSpan.FromSeconds(30);
            var reason = _defect ?? (stuck ? "the core has been in one step for over 30 s"
                : _draining ? "draining"
                : _membership?.Silence is { } silence ? silence
                : _storeActions.LastFailure is { } failure ? $"the last commit failed: {failure}"
                : _ground.Link is null && _figures.OpenShards < _store.ShardCount ? $"{_figures.OpenShards} of {_store.ShardCount} shards are open" : "");
            return new ClusterHealth(
                _defect is null && !stuck, reason == "", reason, _store.ShardCount, _figures.OpenShards, _figures.ActiveEntities,
                _figures.Messages + _loop.Depth, _requests.Count, _work?.Busy ?? 0, _work?.Slots ?? 0)
            {
                DamagedPlaces = _care?.Damage.Count ?? 0,
                Damage = _care?.Damage.FirstOrDefault()?.Where,
            };
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
        var ground = await NodeGround.Open(options, parts.Time, log, cancellation).ConfigureAwait(false);
        return await Start(options, role, parts, ground, log, cancellation).ConfigureAwait(false);
    }

    /// <summary>Hosts on what is given, and lets go of it at the end.</summary>
    internal static async Task<HostedCluster> Start(
        AthanorOptions options, EmbeddedRole role, ClusterParts parts, NodeGround ground, ILogger log, CancellationToken cancellation)
    {
        HostedCluster? cluster = null;
        try
        {
            await ground.Join(parts.Messages, parts.FeatureLevel, cancellation).ConfigureAwait(false);
            cluster = new HostedCluster(options, role, parts, ground, log);
            await cluster.Join(cancellation).ConfigureAwait(false);
            cluster._started = true;
            cluster._loop.Start();
            await cluster.Opened(cancellation).ConfigureAwait(false);
            if (role == EmbeddedRole.Full && options.Node.Roles.Contains(NodeRoles.Compute)) cluster.StartSlots();
            if (role == EmbeddedRole.Full) cluster.StartCare();
            if (role == EmbeddedRole.Full && ground.Blobs is IBlobCare)
                cluster._collector = new BlobCollector(ground.Store, ground.Blobs, options.Blobs, options.Node.Name, log, parts.Time);
            return cluster;
        }
        catch
        {
            if (cluster is not null) await cluster.DisposeAsync().ConfigureAwait(false);
            else await ground.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Takes this node's place among others, or the whole place where there are none.</summary>
    private async Task Join(CancellationToken cancellation)
    {
        if (_ground.Link is not null)
        {
            _membership = await Membership.Join(_options, _store, _time, _log, cancellation).ConfigureAwait(false);
            if (_ground.Listen is { } listen)
            {
                var door = new NodeDoor(_desk, Parts.Messages, _owners, shards => _loop.Post(new CoreInput.MailHint(shards)), () => _work?.Nudge());
                (_address, _door) = await listen(door, cancellation).ConfigureAwait(false);
            }
            _membership.Watch(input => _loop.Post(input));
        }
        // The directory's lock, or that of the name, says that no other process of it lives: what an earlier one had leased is free.
        if (Role == EmbeddedRole.Full) await _store.ReturnWorkOf(_options.Node.Name, cancellation).ConfigureAwait(false);
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
            if (_door is not null) await _door.DisposeAsync().ConfigureAwait(false);
            _loop.Dispose();
            _compute.Dispose();
            _gauges.Dispose();
            _desk.Dispose();
            if (_membership is not null) await _membership.DisposeAsync().ConfigureAwait(false);
            await _ground.DisposeAsync().ConfigureAwait(false);
        }
    }

    private async Task Drain()
    {
        if (_care is not null) await _care.DisposeAsync().ConfigureAwait(false);
        if (_collector is not null) await _collector.DisposeAsync().ConfigureAwait(false);
        if (_work is not null) await _work.DisposeAsync().ConfigureAwait(false);
        if (_started && _loop.Post(new CoreInput.Drain()))
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

    private void StartCare()
    {
        if (_store is not IJournalStore) return;
        _care = JournalCare.Start(new JournalCareParts
        {
            Store = _store,
            Blobs = Blobs,
            Deciders = Parts.Deciders,
            Messages = Parts.Messages,
            Codec = new RegistryCodec(Parts.Messages),
            Node = _options.Node.Name,
            Options = _options,
            Time = _time,
            Warn = text => Log.Note(_log, NoteLevel.Warning, text),
            Damaged = damage => Log.Damage(_log, damage.Table, damage.Where, damage.What),
            Level = level => _ground.FeatureLevel = level,
        });
    }

    private void StartSlots() => _work = new WorkLoop(
        Work, Blobs, Parts.Messages, _options.Node.Name, _options.Slots,
        (Parts.SlotLaunch ?? SlotLaunch.ThisProgram()) with { Torch = _options.Torch, Telemetry = _options.Telemetry }, _log, _time,
        _options.Work.Policy, _address);

    private void Execute(CoreAction action)
    {
        if (_storeActions.TryExecute(action)) return;
        switch (action)
        {
            case CoreAction.Reply a:
                _requests.Finish(a.Correlation, new Answer(a.Message, default, ""));
                break;
            case CoreAction.Refuse a:
                _requests.Finish(a.Correlation, new Answer(null, a.Why, a.Reason, a.Owner));
                break;
            case CoreAction.StartCompute a:
                _compute.Start(a.Id, a.Request, a.TraceParent);
                break;
            case CoreAction.CancelCompute a:
                _compute.Cancel(a.Id);
                break;
            case CoreAction.WorkOffered:
                _work?.Nudge();
                OfferWork();
                break;
            case CoreAction.WorkCancelled a:
                _work?.Cancel(a.WorkIds);
                break;
            case CoreAction.Hint a when a.Node == _options.Node.Name:
                _loop.Post(new CoreInput.MailHint(a.Shards));
                break;
            case CoreAction.Hint a:
                if (_owners.AddressOf(a.Node) is { Length: > 0 } address) _ground.Link?.Hint(a.Node, address, a.Shards);
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
        if (_ground.Link is null ? _figures.OpenShards == _store.ShardCount : core.HasView) _opened.TrySetResult();
    }

    /// <summary>What a reading of the tables showed, beside what the core makes of it.</summary>
    private void Seen(CoreInput.OwnershipRead read, DateTimeOffset before, DateTimeOffset after)
    {
        if (_ground.Link is null) return;
        _owners.Read(read.StoreTime, read.Nodes, read.Shards);
        _membership?.Saw(read.StoreTime, before, after);
        foreach (var node in read.Nodes)
        {
            if (node.Node == _options.Node.Name && node.MustDrain) _told.TrySetResult();
        }
    }

    /// <summary>A message for an entity of this shard came into being elsewhere than in a commit of the core.</summary>
    private void MailArrived(int shard)
    {
        if (_owners.OwnerOf(shard) is { } owner && owner.Node != _options.Node.Name)
        {
            if (owner.Address != "") _ground.Link?.Hint(owner.Node, owner.Address, [shard]);
        }
        else MailArrivedHere(shard);
    }

    private void MailArrivedHere(int shard) => _loop.Post(new CoreInput.MailHint([shard]));

    private void OfferWork()
    {
        if (_ground.Link is not { } link) return;
        foreach (var node in _owners.Computing())
        {
            if (node.Node != _options.Node.Name && node.Address != "") link.Hint(node.Node, node.Address, []);
        }
    }

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
