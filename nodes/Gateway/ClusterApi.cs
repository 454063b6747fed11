using System.Globalization;
using Athanor.Hosting.Blobs;
using Athanor.Hosting.Journal.Feeds;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;
using Athanor.Nodes.Access;
using Athanor.Nodes.Local;
using Athanor.Nodes.Replay;
using Athanor.Protocol;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Athanor.Nodes.Gateway;

/// <summary>A work row as lists show it.</summary>
internal sealed record WorkLine(
    string Id, string Kind, string Pool, WorkStatus Status, string? Holder, int Deaths, string? Reason);

/// <summary>Whom a door takes somebody for.</summary>
internal sealed record WhoLine(string Name, IReadOnlyList<string> Tenants, IReadOnlyList<string> Roles);

/// <summary>
/// The API of a cluster, the same on the node's socket and on the gateway. Messages are MessagePack envelopes [kind, version, body]
/// (<c>application/msgpack</c>) or, for people and scripts, JSON (<see cref="MessageJson"/>); lists are JSON, errors are problem details.
/// <code>
/// POST /v1/ask/{tenant}/{family}/{id}?key=UUID             message → reply, after the commit
/// POST /v1/query/{tenant}/{family}/{id}?consistent=true    message → reply
/// GET  /v1/entities/{tenant}/{family}                      list
/// POST /v1/blobs?tenant=T                                  bytes → hash
/// GET  /v1/blobs/{hash}                                    bytes
/// GET  /v1/work?status=parked                              list
/// GET  /v1/progress                                        what slots run now
/// GET  /v1/feeds/{name}/{tenant}?of=ID&amp;limit=N             rows of a read model
/// GET  /v1/replay/{tenant}/{family}/{id}                   rebuilds an entity from the journal and compares
/// GET  /v1/cluster                                         nodes, shards, work, parked messages
/// POST /v1/cluster/nodes/{node}/drain                      has a node leave
/// GET  /v1/whoami                                          whom the door takes the sender for
/// </code>
/// Each request has a principal, whom its door has found. A principal reaches the entities, work, read models and blobs of its tenants alone,
/// with the commands of its roles (<see cref="Permissions"/>), and the journal records its name. A blob belongs to the tenants that have put
/// it (<see cref="IBlobOwners"/>): for others it is not there, and a command that names it is refused, because whoever may have a blob
/// computed with would learn what is in it. What concerns the cluster as a whole takes the role administer over every tenant.
/// </summary>
/// <param name="cluster">The cluster behind the door.</param>
/// <param name="principalOf">Who sends a request.</param>
internal sealed class ClusterApi(HostedCluster cluster, Func<HttpContext, Principal> principalOf)
{
    public const string MessagePack = "application/msgpack";
    private const int MostRows = 10_000;

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost("/v1/ask/{tenant}/{family}/{id}", Ask);
        routes.MapPost("/v1/query/{tenant}/{family}/{id}", Query);
        routes.MapGet("/v1/entities/{tenant}/{family}", ListEntities);
        routes.MapPost("/v1/blobs", PutBlob);
        routes.MapGet("/v1/blobs/{hash}", GetBlob);
        routes.MapGet("/v1/work", ListWork);
        routes.MapGet("/v1/progress", Progress);
        routes.MapGet("/v1/feeds/{name}/{tenant}", Feed);
        routes.MapGet("/v1/replay/{tenant}/{family}/{id}", Replay);
        routes.MapGet("/v1/cluster", Cluster);
        routes.MapPost("/v1/cluster/nodes/{node}/drain", Drain);
        routes.MapGet("/v1/whoami", WhoAmI);
    }

    private async Task Ask(HttpContext http)
    {
        var principal = principalOf(http);
        var address = Address(http, principal);
        var message = await ReadMessage<ICommand>(http);
        if (principal != Principal.Local) Authorise(principal, cluster.Parts.Messages.KindOf(message));
        await CheckBlobs(principal, address.Tenant, message, http.RequestAborted);
        Guid? key = http.Request.Query["key"] is [{ } text]
            ? Guid.TryParse(text, out var parsed) ? parsed : throw new GatewayException(400, $"'{text}' is no UUID", "key is a UUIDv7")
            : null;
        var trace = http.Request.Headers.TraceParent is [{ } header] ? header : null;
        await WriteMessage(http, await cluster.AskAs(principal.Name, address, message, key, trace, http.RequestAborted));
    }

    /// <summary>Nobody has another tenant's blob computed with, or kept, by naming it.</summary>
    private async Task CheckBlobs(Principal principal, string tenant, ICommand message, CancellationToken cancellation)
    {
        if (principal.Reaches(Principal.EveryTenant)) return;
        if (await cluster.Blobs.ForeignIn(cluster.Parts.Messages.Encode(message), tenant, cancellation) is [var foreign, ..])
            throw NoBlob(foreign, tenant);
    }

    private static GatewayException NoBlob(string hash, string tenant) =>
        new(404, $"the tenant '{tenant}' has no blob {hash}", "put its content first") { Type = "urn:athanor:not-found" };

    private static void Authorise(Principal principal, string kind) => principal.Require(
        Permissions.Of(kind) ?? throw new GatewayException(403, $"{kind} is no command for clients", "entities tell it each other, or the host does"),
        $"send {kind}");

    private async Task Query(HttpContext http)
    {
        var principal = principalOf(http);
        principal.Require(Role.View, "ask what entities know");
        var address = Address(http, principal);
        var message = await ReadMessage<IQuery>(http);
        var consistent = http.Request.Query["consistent"] is ["true"];
        await WriteMessage(http, await cluster.Client.Query(address, message, consistent, http.RequestAborted));
    }

    private async Task ListEntities(HttpContext http)
    {
        var principal = principalOf(http);
        principal.Require(Role.View, "list entities");
        var tenant = Route(http, "tenant");
        principal.RequireTenant(tenant);
        await Json(http, await cluster.Client.List(tenant, Route(http, "family"), http.RequestAborted));
    }

    private async Task PutBlob(HttpContext http)
    {
        var principal = principalOf(http);
        principal.Require(Role.Train, "store blobs");
        var tenant = http.Request.Query["tenant"] is [{ Length: > 0 } named] ? named
            : principal.Tenants is [var only] && only != Principal.EveryTenant ? only : EntityAddress.DefaultTenant;
        if (!EntityAddress.IsValidPart(tenant))
            throw new GatewayException(400, $"'{tenant}' is no tenant", "1 to 128 letters, digits, '.', '_' and '-'");
        principal.RequireTenant(tenant);
        if (http.Request.ContentLength is { } announced) CheckBlobSize(announced);
        using var content = new MemoryStream();
        await http.Request.Body.CopyToAsync(content, http.RequestAborted);
        CheckBlobSize(content.Length);
        var hash = await cluster.Blobs.PutFor(tenant, content.GetBuffer().AsMemory(0, (int)content.Length), http.RequestAborted);
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
        var principal = principalOf(http);
        principal.Require(Role.View, "read blobs");
        var hash = Route(http, "hash");
        if (!await MayRead(principal, hash, http.RequestAborted)) throw NoBlob(hash, string.Join(", ", principal.Tenants));
        var content = await cluster.Blobs.Get(hash, http.RequestAborted);
        http.Response.ContentType = "application/octet-stream";
        http.Response.ContentLength = content.Length;
        await http.Response.Body.WriteAsync(content, http.RequestAborted);
    }

    private async Task<bool> MayRead(Principal principal, string hash, CancellationToken cancellation)
    {
        if (principal.Reaches(Principal.EveryTenant)) return true;
        foreach (var tenant in principal.Tenants)
        {
            if (await cluster.Blobs.BelongsTo(hash, tenant, cancellation)) return true;
        }
        return false;
    }

    private async Task ListWork(HttpContext http)
    {
        var principal = principalOf(http);
        principal.Require(Role.View, "list work");
        WorkStatus? status = http.Request.Query["status"] is [{ } text]
            ? Enum.TryParse<WorkStatus>(text, ignoreCase: true, out var parsed)
                ? parsed
                : throw new GatewayException(400, $"'{text}' is no status", $"one of {string.Join(", ", Enum.GetNames<WorkStatus>())}")
            : null;
        var rows = await cluster.Store.ListWork(status, http.RequestAborted);
        await Json(http, rows.Where(r => principal.Reaches(r.Work.Entity.Tenant)).Select(
            r => new WorkLine(r.Work.Id, r.Work.Spec.Kind, r.Work.Pool, r.Status, r.Holder, r.Deaths, r.Reason)));
    }

    private async Task Progress(HttpContext http)
    {
        var principal = principalOf(http);
        principal.Require(Role.View, "see what runs");
        var running = await cluster.Progress.Running(http.RequestAborted);
        await Json(http, running.Where(p => principal.Reaches(p.WorkId[..p.WorkId.IndexOf('/')])).ToArray());
    }

    private async Task Feed(HttpContext http)
    {
        var principal = principalOf(http);
        principal.Require(Role.View, "read feeds");
        var (name, tenant) = (Route(http, "name"), Route(http, "tenant"));
        principal.RequireTenant(tenant);
        var of = http.Request.Query["of"] is [{ Length: > 0 } one] ? one : null;
        // Both are parts of a range of keys: with a slash in them the range would be another's.
        if (!EntityAddress.IsValidPart(tenant) || of is not null && !EntityAddress.IsValidPart(of))
            throw new GatewayException(400, $"'{of ?? tenant}' is no name", "1 to 128 letters, digits, '.', '_' and '-'");
        var limit = 100;
        if (http.Request.Query["limit"] is [{ } text]
            && !(int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out limit) && limit is > 0 and <= MostRows))
            throw new GatewayException(400, $"limit is '{text}'", $"a whole number from 1 to {MostRows}");
        var runner = new ProjectionRunner(cluster.Store, Projections.All, cluster.Parts.Messages);
        switch (name)
        {
            case EntityList.ModelName:
                await Json(http, await EntityList.Read(runner, tenant, of, limit, http.RequestAborted));
                break;
            case AlarmHistory.ModelName:
                await Json(http, await AlarmHistory.Read(runner, tenant, of, limit, http.RequestAborted));
                break;
            default:
                throw new GatewayException(404, $"there is no read model '{name}'", $"there are {string.Join(" and ", Projections.Names)}");
        }
    }

    private async Task Replay(HttpContext http)
    {
        var principal = principalOf(http);
        principal.Require(Role.View, "replay entities");
        var address = Address(http, principal);
        var run = new ReplayRun(cluster.Store, cluster.Client, new RegistryCodec(cluster.Parts.Messages));
        await Json(http, await run.One(address, http.RequestAborted));
    }

    private async Task Cluster(HttpContext http)
    {
        var principal = principalOf(http);
        principal.Require(Role.View, "see the cluster");
        await Json(http, (await ClusterStatus.Read(cluster.Store, http.RequestAborted)).For(principal));
    }

    private async Task Drain(HttpContext http)
    {
        var principal = principalOf(http);
        principal.Require(Role.Administer, "drain nodes");
        principal.RequireTenant(Principal.EveryTenant);
        if (!NodePlaces.IsCluster(cluster.Options))
            throw new GatewayException(409, "the one node of a state directory drains when it is stopped", "Ctrl-C or SIGTERM");
        var node = Route(http, "node");
        if ((await cluster.Store.ReadNodes(http.RequestAborted)).All(n => n.Node != node)) throw new GatewayException(404, $"there is no node '{node}'");
        await cluster.Store.AskToDrain(node, http.RequestAborted);
        http.Response.StatusCode = StatusCodes.Status202Accepted;
    }

    private Task WhoAmI(HttpContext http)
    {
        var principal = principalOf(http);
        return Json(http, new WhoLine(principal.Name, principal.Tenants, [.. Roles.Names.Where(name => principal.Has(Roles.TryParse(name)!.Value))]));
    }

    private async Task<T> ReadMessage<T>(HttpContext http)
        where T : class, IMessage
    {
        var most = cluster.Options.Messages.MaxBytes;
        using var body = new MemoryStream();
        if (http.Request.ContentLength is { } announced) CheckMessageSize(announced, most);
        await http.Request.Body.CopyToAsync(body, http.RequestAborted);
        CheckMessageSize(body.Length, most);
        var bytes = body.GetBuffer().AsSpan(0, (int)body.Length);
        var messages = cluster.Parts.Messages;
        var message = MessageJson.Is(http.Request.ContentType) ? MessageJson.Read(bytes, messages) : messages.DecodeEnvelope(bytes);
        return message as T ?? throw new GatewayException(400, $"{messages.KindOf(message)} is no {typeof(T).Name[1..].ToLowerInvariant()}");
    }

    private static void CheckMessageSize(long bytes, int most)
    {
        if (bytes > most)
            throw new GatewayException(413, $"a message of {bytes} bytes is over the limit of {most}", "put what is large into a blob and send its hash");
    }

    private Task WriteMessage(HttpContext http, IMessage message)
    {
        var json = MessageJson.Is(http.Request.Headers.Accept is [{ } accept] ? accept : http.Request.ContentType);
        var bytes = json ? MessageJson.Write(message, cluster.Parts.Messages) : cluster.Parts.Messages.EncodeEnvelope(message);
        http.Response.ContentType = json ? MessageJson.ContentType : MessagePack;
        http.Response.ContentLength = bytes.Length;
        return http.Response.Body.WriteAsync(bytes, http.RequestAborted).AsTask();
    }

    private static Task Json<T>(HttpContext http, T value) => http.Response.WriteAsJsonAsync(value, LocalJson.Options, http.RequestAborted);

    private static string Route(HttpContext http, string name) => (string)http.GetRouteValue(name)!;

    private static EntityAddress Address(HttpContext http, Principal principal)
    {
        var text = $"{Route(http, "tenant")}/{Route(http, "family")}/{Route(http, "id")}";
        if (!EntityAddress.TryParse(text, out var address))
            throw new GatewayException(400, $"'{text}' is no address", "tenant, family and id are 1 to 128 letters, digits, '.', '_' and '-'");
        principal.RequireTenant(address.Tenant);
        return address;
    }
}
