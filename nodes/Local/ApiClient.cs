using System.Net.Http.Headers;
using System.Net.Http.Json;
using Athanor.Actors;
using Athanor.Hosting.Journal.Feeds;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;
using Athanor.Nodes.Access;
using Athanor.Nodes.Gateway;
using Athanor.Nodes.Replay;
using Athanor.Protocol;

namespace Athanor.Nodes.Local;

/// <summary>
/// The client's side of <see cref="ClusterApi"/>. Which door it goes through, and what becomes of answers that are no success, is its heirs'
/// business. A command gets its key here, so that it can be asked again under it when a connection breaks.
/// </summary>
internal abstract class ApiClient(MessageRegistry messages, TimeProvider time) : IClusterClient, IProgressView, IDisposable
{
    public async Task<IReply> Ask(EntityAddress to, ICommand command, Guid? key = null, CancellationToken cancellation = default)
    {
        var once = key ?? Guid.CreateVersion7(time.GetUtcNow());
        return await Send($"v1/ask/{to}?key={once}", command, cancellation);
    }

    public Task<IReply> Query(EntityAddress to, IQuery query, bool consistent = false, CancellationToken cancellation = default) =>
        Send($"v1/query/{to}{(consistent ? "?consistent=true" : "")}", query, cancellation);

    public async Task<IReadOnlyList<EntitySummary>> List(string tenant, string family, CancellationToken cancellation = default) =>
        await Get<EntitySummary[]>($"v1/entities/{Uri.EscapeDataString(tenant)}/{Uri.EscapeDataString(family)}", cancellation);

    public async Task<string> PutBlob(
        ReadOnlyMemory<byte> content, CancellationToken cancellation = default, string tenant = EntityAddress.DefaultTenant)
    {
        var path = $"v1/blobs?tenant={Uri.EscapeDataString(tenant)}";
        using var response = await Call(() => new(HttpMethod.Post, path) { Content = new ReadOnlyMemoryContent(content) }, cancellation);
        return await response.Content.ReadAsStringAsync(cancellation);
    }

    public async Task<byte[]> GetBlob(string hash, CancellationToken cancellation = default)
    {
        using var response = await Call(() => new(HttpMethod.Get, $"v1/blobs/{Uri.EscapeDataString(hash)}"), cancellation);
        return await response.Content.ReadAsByteArrayAsync(cancellation);
    }

    public async Task<IReadOnlyList<WorkProgress>> Running(CancellationToken cancellation = default) =>
        await Get<WorkProgress[]>("v1/progress", cancellation);

    public async Task<IReadOnlyList<WorkLine>> Work(WorkStatus? status, CancellationToken cancellation = default) =>
        await Get<WorkLine[]>(status is null ? "v1/work" : $"v1/work?status={status}", cancellation);

    /// <summary>Who the door takes this client for.</summary>
    public Task<WhoLine> Who(CancellationToken cancellation = default) => Get<WhoLine>("v1/whoami", cancellation);

    public Task<ClusterStatus> Cluster(CancellationToken cancellation = default) => Get<ClusterStatus>("v1/cluster", cancellation);

    public async Task AskToDrain(string node, CancellationToken cancellation = default)
    {
        using var response = await Call(() => new(HttpMethod.Post, $"v1/cluster/nodes/{Uri.EscapeDataString(node)}/drain"), cancellation);
    }

    /// <summary>Rebuilds an entity from the journal, beside the journal, and compares it with the live one.</summary>
    public Task<ReplayedEntity> Replay(EntityAddress entity, CancellationToken cancellation = default) =>
        Get<ReplayedEntity>($"v1/replay/{entity}", cancellation);

    /// <summary>Rows of the read model <see cref="EntityList"/>.</summary>
    public async Task<IReadOnlyList<EntityLine>> Entities(string tenant, string? family, int limit, CancellationToken cancellation = default) =>
        await Get<EntityLine[]>(Feed(EntityList.ModelName, tenant, family, limit), cancellation);

    /// <summary>Rows of the read model <see cref="AlarmHistory"/>.</summary>
    public async Task<IReadOnlyList<AlarmLine>> Alarms(string tenant, string? twin, int limit, CancellationToken cancellation = default) =>
        await Get<AlarmLine[]>(Feed(AlarmHistory.ModelName, tenant, twin, limit), cancellation);

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);

    /// <summary>Sends a request and gives back a success; anything else is thrown.</summary>
    /// <param name="request">Makes it, each time that it is sent.</param>
    protected abstract Task<HttpResponseMessage> Call(Func<HttpRequestMessage> request, CancellationToken cancellation);

    /// <summary>What to throw where the answer is a success and not what was asked for.</summary>
    protected abstract Exception Nonsense(string path);

    protected async Task<T> Get<T>(string path, CancellationToken cancellation)
    {
        using var response = await Call(() => new(HttpMethod.Get, path), cancellation);
        try
        {
            return await response.Content.ReadFromJsonAsync<T>(LocalJson.Options, cancellation) ?? throw Nonsense(path);
        }
        catch (Exception e) when (e is System.Text.Json.JsonException or NotSupportedException or InvalidOperationException)
        {
            throw Nonsense(path);
        }
    }

    private static string Feed(string name, string tenant, string? of, int limit) =>
        $"v1/feeds/{name}/{Uri.EscapeDataString(tenant)}?limit={limit}{(of is null ? "" : $"&of={Uri.EscapeDataString(of)}")}";

    private async Task<IReply> Send(string path, IMessage message, CancellationToken cancellation)
    {
        var bytes = messages.EncodeEnvelope(message);
        using var response = await Call(
            () => new(HttpMethod.Post, path)
            {
                Content = new ByteArrayContent(bytes) { Headers = { ContentType = new MediaTypeHeaderValue(ClusterApi.MessagePack) } },
            },
            cancellation);
        if (response.Content.Headers.ContentType?.MediaType != ClusterApi.MessagePack) throw Nonsense(path);
        return (IReply)messages.DecodeEnvelope(await response.Content.ReadAsByteArrayAsync(cancellation));
    }
}
