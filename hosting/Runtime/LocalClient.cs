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
    public async Task<IReply> AskAs(
        string who, EntityAddress to, ICommand command, Guid? key, string? traceParent, CancellationToken cancellation)
    {
        var kind = registry.KindOf(command);
        using var span = AthanorTelemetry.Start("command", ActivityKind.Server, traceParent, kind);
        var once = key ?? Guid.CreateVersion7(time.GetUtcNow());
        return await Measured(kind, () => Retried(
            n => new CoreInput.Command(n, to, command, once, who, span?.Id ?? traceParent), to, once, cancellation)).ConfigureAwait(false);
    }

    public Task<IReply> Query(EntityAddress to, IQuery query, bool consistent = false, CancellationToken cancellation = default) => Measured(
        registry.KindOf(query), () => Retried(n => new CoreInput.Query(n, to, query, consistent), to, null, cancellation));

    public async Task<IReadOnlyList<EntitySummary>> List(string tenant, string family, CancellationToken cancellation = default)
    {
        var heads = await store.ListEntities(tenant, family, cancellation).ConfigureAwait(false);
        return [.. heads.Where(h => h.EntityNumber > 0).Select(h => new EntitySummary(
            h.Entity, h.EntityNumber, h.Fault is not null ? "faulted" : h.Awaits ? "active" : "idle"))];
    }

    public Task<string> PutBlob(ReadOnlyMemory<byte> content, CancellationToken cancellation = default) => blobs.Put(content, cancellation);

    public Task<byte[]> GetBlob(string hash, CancellationToken cancellation = default) => blobs.Get(hash, cancellation);

    private async Task<IReply> Measured(string kind, Func<Task<IReply>> call)
    {
        var begun = time.GetTimestamp();
        var outcome = "failed";
        try
        {
            var reply = await call().ConfigureAwait(false);
            outcome = reply is Rejected ? "rejected" : "answered";
            return reply;
        }
        finally
        {
            AthanorTelemetry.CommandAnswered(kind, outcome, time.GetElapsedTime(begun));
        }
    }

    private async Task<IReply> Retried(Func<long, CoreInput> input, EntityAddress to, Guid? key, CancellationToken cancellation)
    {
        var begun = time.GetTimestamp();
        var wait = FirstRetry;
        while (true)
        {
            var answer = await requests.Ask(n => post(input(n)), n => post(new CoreInput.Forget(n)), cancellation).ConfigureAwait(false);
            if (answer.Reply is { } reply) return reply;
            switch (answer.Why)
            {
                case Refusal.Conflict:
                    return new Rejected("conflict", answer.Reason);
                case Refusal.Invalid:
                    return new Rejected("invalid", answer.Reason);
                case Refusal.Faulted or Refusal.Failed:
                    return new Rejected("unavailable", answer.Reason);
                case Refusal.TimedOut:
                    throw new AskTimeoutException($"no answer in time from {to}: {answer.Reason}, {slots()}", key);
                default:
                    if (requests.Closed) throw new StoreException(answer.Reason);
                    if (time.GetElapsedTime(begun) > patience) throw new StoreException(storeProblem() ?? answer.Reason);
                    await Task.Delay(wait, time, cancellation).ConfigureAwait(false);
                    wait = wait * 2 < LongestRetry ? wait * 2 : LongestRetry;
                    break;
            }
        }
    }
}
