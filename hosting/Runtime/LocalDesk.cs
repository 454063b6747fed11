using Athanor.Hosting.Core;
using Athanor.Hosting.Stores;
using Athanor.Protocol;

namespace Athanor.Hosting.Runtime;

/// <summary>Answers requests by the core of this process, in one attempt and without asking anybody else. Clients here and other nodes'
/// doors come together in it.</summary>
internal sealed class LocalDesk(RequestTable requests, Func<CoreInput, bool> post, IStore store) : IDisposable
{
    private readonly SemaphoreSlim _unparking = new(1);

    /// <summary>Whether nothing is answered any more.</summary>
    public bool Closed => requests.Closed;

    public Task<Answer> Ask(ClientRequest request, TimeSpan? timeout, CancellationToken cancellation)
    {
        if (request.Message is Unpark unpark) return Again(unpark, request.To, timeout, cancellation);
        var entry = requests.Open();
        return Wait(entry, request.Input(entry.Number, timeout), cancellation);
    }

    private async Task<Answer> Again(Unpark unpark, EntityAddress to, TimeSpan? timeout, CancellationToken cancellation)
    {
        // One at a time: the row is read, told again and deleted before the next request looks at it, so that none is told twice.
        await _unparking.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            var id = new MailId(unpark.SourceShard, unpark.SourceNumber, unpark.N);
            var rows = await store.ReadParked(cancellation).ConfigureAwait(false);
            if (rows.FirstOrDefault(r => r.Mail.Id == id && r.Mail.To == to) is not { } row)
                return new Answer(new Rejected("not-found", $"no message {id.SourceShard}/{id.SourceNumber}/{id.N} to {to} is parked"), default, "");
            var entry = requests.Open();
            return await Wait(entry, new CoreInput.Unpark(entry.Number, row, timeout), cancellation).ConfigureAwait(false);
        }
        catch (StoreException e)
        {
            return new Answer(null, Refusal.Unavailable, e.Message);
        }
        finally
        {
            _unparking.Release();
        }
    }

    public void Dispose() => _unparking.Dispose();

    private Task<Answer> Wait(RequestTable.Request entry, CoreInput input, CancellationToken cancellation)
    {
        requests.Posted(entry, post(input));
        return cancellation.CanBeCanceled ? requests.Cancellable(entry, n => post(new CoreInput.Forget(n)), cancellation) : entry.Task;
    }
}
