using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;
using Athanor.Protocol;

namespace Athanor.Nodes.Local;

/// <summary>The client of a cluster that another process of this machine hosts, over its socket.</summary>
internal sealed class SocketClient : ApiClient
{
    private readonly HttpClient _http;
    private readonly string _path;

    public SocketClient(string socketPath, MessageRegistry messages, TimeProvider time)
        : base(messages, time)
    {
        _path = socketPath;
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

    public Task<HostLine> Host(CancellationToken cancellation = default) => Get<HostLine>("v1/host", cancellation);

    /// <summary>Tells the host that this process needs it, until disposed.</summary>
    public async Task<IDisposable> OpenSession(CancellationToken cancellation)
    {
        var response = await Guard(() => _http.GetAsync("v1/session", HttpCompletionOption.ResponseHeadersRead, cancellation));
        await Check(response, cancellation);
        return response;
    }

    protected override void Dispose(bool disposing) => _http.Dispose();

    protected override async Task<HttpResponseMessage> Call(Func<HttpRequestMessage> request, CancellationToken cancellation)
    {
        using var sent = request();
        var response = await Guard(() => _http.SendAsync(sent, cancellation));
        if (response.IsSuccessStatusCode) return response;
        using (response) await Check(response, cancellation);
        throw new InvalidOperationException("an answer that is no success was not thrown");
    }

    protected override Exception Nonsense(string path) => new StoreException($"{_path}: the host answered {path} with something else");

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
