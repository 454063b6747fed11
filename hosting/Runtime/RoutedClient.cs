using System.Diagnostics;
using Athanor.Actors;
using Athanor.Hosting.Blobs;
using Athanor.Hosting.Core;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Telemetry;
using Athanor.Protocol;

namespace Athanor.Hosting.Runtime;

/// <summary>How long a client goes on trying.</summary>
/// <param name="Patience">How long answers that say "try again" are tried again.</param>
/// <param name="Deadline">How long an answer is of use.</param>
internal readonly record struct ClientTimes(TimeSpan Patience, TimeSpan Deadline);

/// <summary>
/// The client in a process of the cluster. An ask gets a key if it has none, and answers that say "try again" or "ask another" are tried
/// again under that key, so that the effect is had once: at once at the owner that was named, otherwise after a wait that doubles. Only so
/// long: when the store goes on failing (a full disk), its reason is thrown.
/// </summary>
internal sealed class RoutedClient(
    IRequestRoute route, IStore store, IBlobStore blobs, MessageRegistry registry, ClientTimes times, Func<string?> storeProblem,
    Func<string> slots, string principal, TimeProvider time) : IClusterClient
{
    /// <summary>Owners that are named one after the other without a wait between; more would be a circle.</summary>
    private const int MostHops = 3;

    private static readonly TimeSpan FirstRetry = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan LongestRetry = TimeSpan.FromSeconds(1);

    public Task<IReply> Ask(EntityAddress to, ICommand command, Guid? key = null, CancellationToken cancellation = default) =>
        AskAs(principal, to, command, key, null, cancellation);

    /// <summary>Asks on behalf of somebody whom a door has authenticated.</summary>
    public Task<IReply> AskAs(
        string who, EntityAddress to, ICommand command, Guid? key, string? traceParent, CancellationToken cancellation)
    {
        var kind = registry.KindOf(command);
        var request = new ClientRequest(
            to, command, false, key ?? (command is IRepeatable ? null : Guid.CreateVersion7(time.GetUtcNow())), who, traceParent, IsNew: key is null);
        return AthanorTelemetry.IsTraced ? Traced() : Send(request, kind, cancellation);

        async Task<IReply> Traced()
        {
            using var span = AthanorTelemetry.Start("command", ActivityKind.Server, traceParent, kind);
            return await Send(request with { TraceParent = span?.Id ?? traceParent }, kind, cancellation).ConfigureAwait(false);
        }
    }

    public Task<IReply> Query(EntityAddress to, IQuery query, bool consistent = false, CancellationToken cancellation = default) =>
        Send(new ClientRequest(to, query, consistent, null, principal, null), registry.KindOf(query), cancellation);

    public async Task<IReadOnlyList<EntitySummary>> List(string tenant, string family, CancellationToken cancellation = default)
    {
        var heads = await store.ListEntities(tenant, family, cancellation).ConfigureAwait(false);
        return [.. heads.Where(h => h.EntityNumber > 0).Select(h => new EntitySummary(
            h.Entity, h.EntityNumber, h.Fault is not null ? "faulted" : h.Awaits ? "active" : "idle"))];
    }

    public Task<string> PutBlob(
        ReadOnlyMemory<byte> content, CancellationToken cancellation = default, string tenant = EntityAddress.DefaultTenant) =>
        blobs.PutFor(tenant, content, cancellation);

    public Task<byte[]> GetBlob(string hash, CancellationToken cancellation = default) => blobs.Get(hash, cancellation);

    private async Task<IReply> Send(ClientRequest request, string kind, CancellationToken cancellation)
    {
        var begun = time.GetTimestamp();
        var wait = FirstRetry;
        var hops = 0;
        var outcome = "failed";
        try
        {
            while (true)
            {
                var left = times.Deadline == TimeSpan.MaxValue ? TimeSpan.MaxValue : times.Deadline - time.GetElapsedTime(begun);
                var answer = left > TimeSpan.Zero
                    ? await route.Try(request, left, cancellation).ConfigureAwait(false)
                    : new Answer(null, Refusal.TimedOut, "its time was up after other attempts");
                if (Settled(answer, request) is { } reply)
                {
                    outcome = reply is Rejected ? "rejected" : "answered";
                    return reply;
                }
                // From the second time on the store is asked what became of the key.
                if (request.IsNew) request = request with { IsNew = false };
                if (answer is { Why: Refusal.NotOwner, Owner: not null } && ++hops <= MostHops) continue;
                if (route.Closed) throw new StoreException(answer.Reason);
                if (time.GetElapsedTime(begun) > times.Patience) throw new StoreException(storeProblem() ?? answer.Reason);
                await Task.Delay(wait, time, cancellation).ConfigureAwait(false);
                wait = wait * 2 < LongestRetry ? wait * 2 : LongestRetry;
                hops = 0;
            }
        }
        finally
        {
            AthanorTelemetry.CommandAnswered(kind, outcome, begun, time);
        }
    }

    /// <summary>What the caller gets, or null for an answer that says "try again".</summary>
    private IReply? Settled(in Answer answer, ClientRequest request) => answer.Reply ?? answer.Why switch
    {
        Refusal.Conflict => new Rejected("conflict", answer.Reason),
        Refusal.Invalid => new Rejected("invalid", answer.Reason),
        Refusal.Faulted or Refusal.Failed => new Rejected("unavailable", answer.Reason),
        Refusal.TimedOut => throw new AskTimeoutException($"no answer in time from {request.To}: {answer.Reason}, {slots()}", request.Key),
        _ => null,
    };
}
