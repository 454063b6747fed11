using System.Collections.Concurrent;
using Athanor.Actors;
using Athanor.Hosting.Blobs;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Core;
using Athanor.Hosting.Journal.Feeds;
using Athanor.Hosting.Journal.Seal;
using Athanor.Hosting.Stores;
using Athanor.Protocol;

namespace Athanor.Hosting.Journal.Care;

/// <summary>What the care of a journal needs from its node.</summary>
public sealed record JournalCareParts
{
    public required IStore Store { get; init; }

    public required IBlobStore Blobs { get; init; }

    public required IReadOnlyList<IDecider> Deciders { get; init; }

    public required MessageRegistry Messages { get; init; }

    public required IMessageCodec Codec { get; init; }

    /// <summary>The node whose shards are cared for.</summary>
    public required string Node { get; init; }

    public required AthanorOptions Options { get; init; }

    public required TimeProvider Time { get; init; }

    public Action<string> Warn { get; init; } = static _ => { };

    public Action<Damage> Damaged { get; init; } = static _ => { };

    /// <summary>Takes the recorded feature level whenever it was read.</summary>
    public Action<int> Level { get; init; } = static _ => { };
}

/// <summary>
/// What a node does for its journal beside everything else: read models follow the feeds, old events are sealed, entities are verified, the
/// feature level is read again. Four loops that share nothing. Each does a bounded piece, waits, and goes on; one that fails says so and tries
/// again at its next turn. None is needed for an answer: while they stand still nothing but they fall behind.
///
/// Only shards that this node owns are projected and sealed, so nodes do not do each other's work; should ownership change in between, the
/// offset or the fence refuses the step.
/// </summary>
public sealed class JournalCare : IAsyncDisposable
{
    private static readonly TimeSpan LevelEvery = TimeSpan.FromSeconds(5);
    private const int MostReported = 1000;

    private readonly JournalCareParts _parts;
    private readonly ProjectionRunner _feeds;
    private readonly Sealer _sealer;
    private readonly JournalVerifier _verifier;
    private readonly ConcurrentDictionary<string, Damage> _damage = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, string> _said = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task[] _loops;

    private JournalCare(JournalCareParts parts)
    {
        _parts = parts;
        _feeds = new ProjectionRunner(parts.Store, Feeds.Projections.All, parts.Messages, parts.Warn);
        _sealer = new Sealer(
            parts.Store, parts.Blobs, parts.Deciders, parts.Codec, parts.Options.Retention, Feeds.Projections.Names);
        _verifier = new JournalVerifier(parts.Store, parts.Blobs, parts.Deciders, parts.Codec);
        _loops =
        [
            Loop("read models", parts.Options.Feeds.Every, Project), Loop("sealing", parts.Options.Retention.Every, Seal),
            Loop("verification", parts.Options.Verification.Every, Verify), Loop("feature level", LevelEvery, ReadLevel),
        ];
    }

    /// <summary>Places found damaged since the start; each once.</summary>
    public IReadOnlyCollection<Damage> Damage => [.. _damage.Values];

    /// <summary>How often every entity has been verified.</summary>
    public long VerifiedRounds => _verifier.Rounds;

    public ProjectionRunner Projections => _feeds;

    public static JournalCare Start(JournalCareParts parts) => new(parts);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(_loops).ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task Loop(string what, TimeSpan every, Func<CancellationToken, Task> turn)
    {
        if (every <= TimeSpan.Zero) return;
        using var timer = new PeriodicTimer(every, _parts.Time);
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token).ConfigureAwait(false))
            {
                try
                {
                    await turn(_stop.Token).ConfigureAwait(false);
                    _said.TryRemove(what, out _);
                }
                catch (Exception e) when (e is not OperationCanceledException)
                {
                    // The same failure is said once until it changes or ends.
                    if (_said.GetValueOrDefault(what) != e.Message) _parts.Warn($"{what}: {e.Message}");
                    _said[what] = e.Message;
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The node ends.
        }
    }

    private async Task<IReadOnlyList<ShardRow>> Owned(CancellationToken cancellation)
    {
        var now = await _parts.Store.Now(cancellation).ConfigureAwait(false);
        return (await _parts.Store.ReadShards(cancellation).ConfigureAwait(false))
            .Where(s => s.Owner == _parts.Node && s.LeaseUntil > now).ToList();
    }

    private async Task Project(CancellationToken cancellation)
    {
        var shards = (await Owned(cancellation).ConfigureAwait(false)).Select(static s => s.Shard).ToList();
        while (shards.Count > 0 && await _feeds.Step(shards, cancellation).ConfigureAwait(false) > 0)
        {
            // Until it has caught up.
        }
    }

    private async Task Seal(CancellationToken cancellation)
    {
        foreach (var row in await Owned(cancellation).ConfigureAwait(false))
            await _sealer.Run(new Fence(row.Shard, row.Owner!, row.Epoch), null, false, cancellation).ConfigureAwait(false);
    }

    private async Task Verify(CancellationToken cancellation)
    {
        foreach (var damage in await _verifier.Next(_parts.Options.Verification.Entities, cancellation).ConfigureAwait(false))
        {
            if (_damage.Count >= MostReported || !_damage.TryAdd(damage.Where, damage)) continue;
            JournalTelemetry.Damaged(damage.Table);
            _parts.Damaged(damage);
        }
    }

    private async Task ReadLevel(CancellationToken cancellation) =>
        _parts.Level((await _parts.Store.ReadCluster(cancellation).ConfigureAwait(false)).FeatureLevel);
}
