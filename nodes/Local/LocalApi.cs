using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;
using Athanor.Nodes.Gateway;
using Athanor.Protocol;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Athanor.Nodes.Local;

/// <summary>A work row as lists show it.</summary>
internal sealed record WorkLine(
    string Id, string Kind, string Pool, WorkStatus Status, string? Holder, int Deaths, string? Reason);

/// <summary>Who hosts the cluster.</summary>
internal sealed record HostLine(EmbeddedRole Role, int Process, ClusterHealth Health);

/// <summary>
/// The API of the node's socket. Messages are MessagePack envelopes [kind, version, body] (<c>application/msgpack</c>), lists are JSON,
/// errors are problem details.
/// <code>
/// POST /v1/ask/{tenant}/{family}/{id}?key=UUID             envelope → envelope, after the commit
/// POST /v1/query/{tenant}/{family}/{id}?consistent=true    envelope → envelope
/// GET  /v1/entities/{tenant}/{family}                      list
/// POST /v1/blobs                                           bytes → hash
/// GET  /v1/blobs/{hash}                                    bytes
/// GET  /v1/work?status=parked                              list
/// GET  /v1/progress                                        what slots run now
/// GET  /v1/session                                         open as long as the caller needs the cluster
/// GET  /v1/host, /health, /health/live, /health/ready
/// </code>
/// Who can open the socket is the file system's business: it lies in the state directory, for its owner alone.
/// </summary>
internal sealed class LocalApi(HostedCluster cluster)
{
    public const string MessagePack = "application/msgpack";

    private readonly TaskCompletionSource _stopping = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();
    private int _sessions;
    private TaskCompletionSource _nobody = Completed();

    /// <summary>Completed while no command is connected.</summary>
    public Task Nobody
    {
        get
        {
            lock (_gate) return _nobody.Task;
        }
    }

    /// <summary>Ends the open sessions; their commands see that the host is gone.</summary>
    public void EndSessions() => _stopping.TrySetResult();

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost("/v1/ask/{tenant}/{family}/{id}", Ask);
        routes.MapPost("/v1/query/{tenant}/{family}/{id}", Query);
        routes.MapGet("/v1/entities/{tenant}/{family}", async (HttpContext http) => await Json(http, await cluster.Client.List(
            Route(http, "tenant"), Route(http, "family"), http.RequestAborted)));
        routes.MapPost("/v1/blobs", PutBlob);
        routes.MapGet("/v1/blobs/{hash}", GetBlob);
        routes.MapGet("/v1/work", ListWork);
        routes.MapGet("/v1/progress", async (HttpContext http) => await Json(http, await cluster.Progress.Running(http.RequestAborted)));
        routes.MapGet("/v1/host", (HttpContext http) => Json(http, new HostLine(cluster.Role, Environment.ProcessId, cluster.Health)));
        routes.MapGet("/v1/session", Session);
        HealthEndpoints.Map(routes, () => cluster.Health);
    }

    private async Task Ask(HttpContext http)
    {
        var message = await ReadMessage<ICommand>(http);
        Guid? key = http.Request.Query["key"] is [{ } text]
            ? Guid.TryParse(text, out var parsed) ? parsed : throw new GatewayException(400, $"'{text}' is no UUID", "key is a UUIDv7")
            : null;
        var trace = http.Request.Headers.TraceParent is [{ } header] ? header : null;
        await WriteMessage(http, await cluster.AskAs("local", Address(http), message, key, trace, http.RequestAborted));
    }

    private async Task Query(HttpContext http)
    {
        var message = await ReadMessage<IQuery>(http);
        var consistent = http.Request.Query["consistent"] is ["true"];
        await WriteMessage(http, await cluster.Client.Query(Address(http), message, consistent, http.RequestAborted));
    }

    private async Task PutBlob(HttpContext http)
    {
        if (http.Request.ContentLength is { } announced) CheckBlobSize(announced);
        using var content = new MemoryStream();
        await http.Request.Body.CopyToAsync(content, http.RequestAborted);
        CheckBlobSize(content.Length);
        var hash = await cluster.Blobs.Put(content.GetBuffer().AsMemory(0, (int)content.Length), http.RequestAborted);
        http.Response.ContentType = "text/plain";
        await http.Response.WriteAsync(hash, http.RequestAborted);
    }

    private void CheckBlobSize(long bytes)
    {
        // Content passes through one array.
        var most = Math.Min(cluster.Options.Blobs.MaxBytes, Array.MaxLength);
        if (bytes > most) throw new GatewayException(413, $"a blob of {bytes} bytes is over the limit of {most}", "raise blobs.max, or cut it");
    }

    private async Task GetBlob(HttpContext http)
    {
        var content = await cluster.Blobs.Get(Route(http, "hash"), http.RequestAborted);
        http.Response.ContentType = "application/octet-stream";
        http.Response.ContentLength = content.Length;
        await http.Response.Body.WriteAsync(content, http.RequestAborted);
    }

    private async Task ListWork(HttpContext http)
    {
        WorkStatus? status = http.Request.Query["status"] is [{ } text]
            ? Enum.TryParse<WorkStatus>(text, ignoreCase: true, out var parsed)
                ? parsed
                : throw new GatewayException(400, $"'{text}' is no status", $"one of {string.Join(", ", Enum.GetNames<WorkStatus>())}")
            : null;
        var rows = await cluster.Store.ListWork(status, http.RequestAborted);
        await Json(http, rows.Select(r => new WorkLine(r.Work.Id, r.Work.Spec.Kind, r.Work.Pool, r.Status, r.Holder, r.Deaths, r.Reason)));
    }

    private async Task Session(HttpContext http)
    {
        lock (_gate)
        {
            if (_sessions++ == 0) _nobody = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
        try
        {
            await http.Response.StartAsync(http.RequestAborted);
            await http.Response.Body.FlushAsync(http.RequestAborted);
            await _stopping.Task.WaitAsync(http.RequestAborted);
        }
        catch (OperationCanceledException)
        {
            // The command is done.
        }
        finally
        {
            lock (_gate)
            {
                if (--_sessions == 0) _nobody.TrySetResult();
            }
        }
    }

    private async Task<T> ReadMessage<T>(HttpContext http)
        where T : class, IMessage
    {
        var most = cluster.Options.Messages.MaxBytes;
        using var body = new MemoryStream();
        if (http.Request.ContentLength is { } announced) CheckMessageSize(announced, most);
        await http.Request.Body.CopyToAsync(body, http.RequestAborted);
        CheckMessageSize(body.Length, most);
        var message = cluster.Parts.Messages.DecodeEnvelope(body.GetBuffer().AsSpan(0, (int)body.Length));
        return message as T
            ?? throw new GatewayException(400, $"{cluster.Parts.Messages.KindOf(message)} is no {typeof(T).Name[1..].ToLowerInvariant()}");
    }

    private static void CheckMessageSize(long bytes, int most)
    {
        if (bytes > most)
            throw new GatewayException(413, $"a message of {bytes} bytes is over the limit of {most}", "put what is large into a blob and send its hash");
    }

    private Task WriteMessage(HttpContext http, IMessage message)
    {
        var bytes = cluster.Parts.Messages.EncodeEnvelope(message);
        http.Response.ContentType = MessagePack;
        http.Response.ContentLength = bytes.Length;
        return http.Response.Body.WriteAsync(bytes, http.RequestAborted).AsTask();
    }

    private static Task Json<T>(HttpContext http, T value) => http.Response.WriteAsJsonAsync(value, LocalJson.Options, http.RequestAborted);

    private static string Route(HttpContext http, string name) => (string)http.GetRouteValue(name)!;

    private static EntityAddress Address(HttpContext http)
    {
        var text = $"{Route(http, "tenant")}/{Route(http, "family")}/{Route(http, "id")}";
        return EntityAddress.TryParse(text, out var address)
            ? address
            : throw new GatewayException(400, $"'{text}' is no address", "tenant, family and id are 1 to 128 letters, digits, '.', '_' and '-'");
    }

    private static TaskCompletionSource Completed()
    {
        var source = new TaskCompletionSource();
        source.SetResult();
        return source;
    }
}
