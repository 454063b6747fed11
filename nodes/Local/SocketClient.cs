using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;
using Athanor.Actors;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;
using Athanor.Nodes.Gateway;
using Athanor.Protocol;

namespace Athanor.Nodes.Local;

/// <summary>
/// The client of a cluster that another process hosts, over its socket. A command gets its key here, so that one whose connection broke
/// can be asked again under it: the host may have gone while another takes its place.
/// </summary>
internal sealed class SocketClient : IClusterClient, IProgressView, IDisposable
{
    private readonly HttpClient _http;
    private readonly MessageRegistry _messages;
    private readonly TimeProvider _time;
    private readonly string _path;

    public SocketClient(string socketPath, MessageRegistry messages, TimeProvider time)
    {
        _path = socketPath;
        _messages = messages;
        _time = time;
        var handler = new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancellation) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                try
                {
                    await socket.ConnectAsync(new UnixDomainSocketEndPoint(socketPath), cancellation);
                    return new NetworkStream(socket, ownsSocket: true);
                }
                catch
                {
                    socket.Dispose();
                    throw;
                }
            },
            UseProxy = false,
        };
        // The host times out by itself, with a diagnosis.
        _http = new HttpClient(handler) { BaseAddress = new Uri("http://athanor/"), Timeout = Timeout.InfiniteTimeSpan };
    }

    public async Task<IReply> Ask(EntityAddress to, ICommand command, Guid? key = null, CancellationToken cancellation = default)
    {
        var once = key ?? Guid.CreateVersion7(_time.GetUtcNow());
        return await Send($"v1/ask/{to}?key={once}", command, cancellation);
    }

    public Task<IReply> Query(EntityAddress to, IQuery query, bool consistent = false, CancellationToken cancellation = default) =>
        Send($"v1/query/{to}{(consistent ? "?consistent=true" : "")}", query, cancellation);

    public async Task<IReadOnlyList<EntitySummary>> List(string tenant, string family, CancellationToken cancellation = default) =>
        await Get<EntitySummary[]>($"v1/entities/{Uri.EscapeDataString(tenant)}/{Uri.EscapeDataString(family)}", cancellation);

    public async Task<string> PutBlob(ReadOnlyMemory<byte> content, CancellationToken cancellation = default)
    {
        using var response = await Guard(() => _http.PostAsync("v1/blobs", new ReadOnlyMemoryContent(content), cancellation));
        await Check(response, cancellation);
        return await response.Content.ReadAsStringAsync(cancellation);
    }

    public async Task<byte[]> GetBlob(string hash, CancellationToken cancellation = default)
    {
        using var response = await Guard(() => _http.GetAsync($"v1/blobs/{Uri.EscapeDataString(hash)}", cancellation));
        await Check(response, cancellation);
        return await response.Content.ReadAsByteArrayAsync(cancellation);
    }

    public async Task<IReadOnlyList<WorkProgress>> Running(CancellationToken cancellation = default) =>
        await Get<WorkProgress[]>("v1/progress", cancellation);

    public async Task<IReadOnlyList<WorkLine>> Work(WorkStatus? status, CancellationToken cancellation = default) =>
        await Get<WorkLine[]>(status is null ? "v1/work" : $"v1/work?status={status}", cancellation);

    public Task<HostLine> Host(CancellationToken cancellation = default) => Get<HostLine>("v1/host", cancellation);

    /// <summary>Tells the host that this process needs it, until disposed.</summary>
    public async Task<IDisposable> OpenSession(CancellationToken cancellation)
    {
        var response = await Guard(() => _http.GetAsync("v1/session", HttpCompletionOption.ResponseHeadersRead, cancellation));
        await Check(response, cancellation);
        return response;
    }

    public void Dispose() => _http.Dispose();

    private async Task<IReply> Send(string path, IMessage message, CancellationToken cancellation)
    {
        using var content = new ByteArrayContent(_messages.EncodeEnvelope(message));
        content.Headers.ContentType = new MediaTypeHeaderValue(ClusterApi.MessagePack);
        using var response = await Guard(() => _http.PostAsync(path, content, cancellation));
        await Check(response, cancellation);
        return (IReply)_messages.DecodeEnvelope(await response.Content.ReadAsByteArrayAsync(cancellation));
    }

    private async Task<T> Get<T>(string path, CancellationToken cancellation)
    {
        using var response = await Guard(() => _http.GetAsync(path, cancellation));
        await Check(response, cancellation);
        return await response.Content.ReadFromJsonAsync<T>(LocalJson.Options, cancellation)
            ?? throw new StoreException($"{_path}: the host answered {path} with nothing");
    }

    private async Task<HttpResponseMessage> Guard(Func<Task<HttpResponseMessage>> call)
    {
        try
        {
            return await call();
        }
        catch (HttpRequestException e)
        {
            throw new HostGoneException($"{_path}: the process that hosted the cluster does not answer ({e.Message}); nothing acknowledged "
                + "is lost, run the command again", e);
        }
    }

    private static async Task Check(HttpResponseMessage response, CancellationToken cancellation)
    {
        if (response.IsSuccessStatusCode) return;
        Problem? problem = null;
        if (response.Content.Headers.ContentType?.MediaType == Problem.ContentType)
            problem = JsonSerializer.Deserialize<Problem>(await response.Content.ReadAsStringAsync(cancellation));
        var text = problem is null ? $"the host answered {(int)response.StatusCode} {response.ReasonPhrase}"
            : problem.Detail is null ? problem.Title : $"{problem.Title} ({problem.Detail})";
        throw problem?.Type switch
        {
            "urn:athanor:timeout" => new AskTimeoutException(problem.Title, null),
            "urn:athanor:damage" => new DamageException("host", problem.Title),
            "urn:athanor:not-found" => new KeyNotFoundException(problem.Title),
            _ when response.StatusCode == HttpStatusCode.BadRequest => new ArgumentException(text),
            _ => new StoreException(text),
        };
    }
}

/// <summary>The process that hosted the cluster is gone or does not listen.</summary>
internal sealed class HostGoneException(string message, Exception inner) : StoreException(message, inner);
