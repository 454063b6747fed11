using System.Diagnostics;
using Athanor.Actors;
using Athanor.Hosting.Blobs;
using Athanor.Hosting.Core;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Telemetry;
using Athanor.Protocol;

namespace Athanor.Hosting.Runtime;

/// <summary>
/// The client in the process that hosts the cluster. An ask gets a key if it has none, and answers that say "try again" are tried again
/// under that key, so that the effect is had once. Only so long: when the store goes on failing (a full disk), its reason is thrown.
/// </summary>
internal sealed class LocalClient(
    RequestTable requests, Func<CoreInput, bool> post, IStore store, IBlobStore blobs, MessageRegistry registry, TimeSpan patience,
    Func<string?> storeProblem, Func<string> slots, string principal, TimeProvider time) : IClusterClient
{
    private static readonly TimeSpan FirstRetry = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan LongestRetry = TimeSpan.FromSeconds(1);

    public Task<IReply> Ask(EntityAddress to, ICommand command, Guid? key = null, CancellationToken cancellation = default) =>
        AskAs(principal, to, command, key, null, cancellation);

    /// <summary>Asks on behalf of somebody whom a door has authenticated.</summary>
    public Task<IReply> AskAs(
        string who, EntityAddress to, ICommand command, Guid? key, string? traceParent, CancellationToken cancellation)
    {
        var kind = registry.KindOf(command);
        var once = key ?? Guid.CreateVersion7(time.GetUtcNow());
        return AthanorTelemetry.IsTraced ? Traced() : Ask(traceParent);

        async Task<IReply> Traced()
        {
            using var span = AthanorTelemetry.Start("command", ActivityKind.Server, traceParent, kind);
            return await Ask(span?.Id ?? traceParent).ConfigureAwait(false);
        }

        Task<IReply> Ask(string? trace)
        {
            var request = requests.Open();
            var input = new CoreInput.Command(request.Number, to, command, once, who, trace, IsNew: key is null);
            return Send(request, input, kind, to, once, cancellation);
        }
    }

    public Task<IReply> Query(EntityAddress to, IQuery query, bool consistent = false, CancellationToken cancellation = default)
    {
        var kind = registry.KindOf(query);
        var request = requests.Open();
        return Send(request, new CoreInput.Query(request.Number, to, query, consistent), kind, to, null, cancellation);
    }

    public async Task<IReadOnlyList<EntitySummary>> List(string tenant, string family, CancellationToken cancellation = default)
    {
        var heads = await store.ListEntities(tenant, family, cancellation).ConfigureAwait(false);
        return [.. heads.Where(h => h.EntityNumber > 0).Select(h => new EntitySummary(
            h.Entity, h.EntityNumber, h.Fault is not null ? "faulted" : h.Awaits ? "active" : "idle"))];
    }

    public Task<string> PutBlob(ReadOnlyMemory<byte> content, CancellationToken cancellation = default) => blobs.Put(content, cancellation);

    public Task<byte[]> GetBlob(string hash, CancellationToken cancellation = default) => blobs.Get(hash, cancellation);

    private async Task<IReply> Send(
        RequestTable.Request request, CoreInput input, string kind, EntityAddress to, Guid? key, CancellationToken cancellation)
    {
        var begun = time.GetTimestamp();
        var wait = FirstRetry;
        var outcome = "failed";
        try
        {
            while (true)
            {
                requests.Posted(request, post(input));
                var answer = await (cancellation.CanBeCanceled
                    ? requests.Cancellable(request, Forget, cancellation)
                    : request.Task).ConfigureAwait(false);
                if (Settled(answer, to, key) is { } reply)
                {
                    outcome = reply is Rejected ? "rejected" : "answered";
                    return reply;
                }
                if (requests.Closed) throw new StoreException(answer.Reason);
                if (time.GetElapsedTime(begun) > patience) throw new StoreException(storeProblem() ?? answer.Reason);
                await Task.Delay(wait, time, cancellation).ConfigureAwait(false);
                wait = wait * 2 < LongestRetry ? wait * 2 : LongestRetry;
                request = requests.Open();
                input = input switch
                {
                    // From the second time on the store is asked what became of the key.
                    CoreInput.Command command => command with { Correlation = request.Number, IsNew = false },
                    CoreInput.Query query => query with { Correlation = request.Number },
                    _ => throw new ArgumentException(input.GetType().Name, nameof(input)),
                };
            }
        }
        finally
        {
            AthanorTelemetry.CommandAnswered(kind, outcome, begun, time);
        }
    }

    private void Forget(long number) => post(new CoreInput.Forget(number));

    /// <summary>What the caller gets, or null for an answer that says "try again".</summary>
    private IReply? Settled(in Answer answer, EntityAddress to, Guid? key) => answer.Reply ?? answer.Why switch
    {
        Refusal.Conflict => new Rejected("conflict", answer.Reason),
        Refusal.Invalid => new Rejected("invalid", answer.Reason),
        Refusal.Faulted or Refusal.Failed => new Rejected("unavailable", answer.Reason),
        Refusal.TimedOut => throw new AskTimeoutException($"no answer in time from {to}: {answer.Reason}, {slots()}", key),
        _ => null,
    };
}
