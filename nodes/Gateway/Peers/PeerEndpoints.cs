using Athanor.Actors.Evolution;
using Athanor.Hosting;
using Athanor.Hosting.Blobs;
using Athanor.Hosting.Stores;
using Athanor.Nodes.Peers;
using Athanor.Protocol;
using Athanor.Protocol.Evolution;
using Athanor.Protocol.Peers;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Athanor.Nodes.Gateway.Peers;

/// <summary>
/// What peers may do: enrol, lease work of their own pool, read its inputs, upload states, and bring claims and audit reports. A peer never
/// speaks to the store: the gateway leases work rows on its behalf and completes them. A claim is registered with the peer's entity before
/// its work is completed, so that a second, different claim for the same work is noticed and revokes the peer.
/// </summary>
internal sealed class PeerEndpoints : IGatewayModule
{
    private const int MostItems = 64;
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(30);

    public void Map(IEndpointRouteBuilder endpoints, GatewayContext context)
    {
        var authentication = new PeerAuthentication(context.Cluster, context.Time);
        var leases = new PeerLeases(context.Work, context.Store, context.Options, context.Time);
        const string Root = PeerRequests.Root;

        endpoints.MapGet($"{Root}/session", http => Answer(http, new GatewaySession(authentication.Boot, context.Time.GetUtcNow())));

        endpoints.MapPost($"{Root}/enrol", async http =>
        {
            var (peer, body) = await authentication.Read(http.Request, b => Body<Enrolment>(b).PublicKey);
            var enrolment = Body<Enrolment>(body);
            if (enrolment.Name != peer.Id) throw new GatewayException(400, $"the request is by '{peer.Id}' and enrols '{enrolment.Name}'");
            var reply = await context.Cluster.Ask(
                peer, new EnrolPeer(enrolment.PublicKey, enrolment.DeviceClass, enrolment.Proof), cancellation: http.RequestAborted);
            Accepted(reply);
            await leases.Begin(peer, http.RequestAborted);
            await Answer(http, new Receipt(true, ""));
        });

        endpoints.MapPost($"{Root}/lease", async http =>
        {
            var (peer, body) = await authentication.Read(http.Request);
            var request = Body<LeaseRequest>(body);
            if (request.Count is < 1 or > MostItems) throw new GatewayException(400, $"count is {request.Count}; it must be 1 to {MostItems}");
            var wait = request.Wait < TimeSpan.Zero ? TimeSpan.Zero : request.Wait > LongestWait ? LongestWait : request.Wait;
            // A long poll must not hold up the gateway's end.
            var stopping = http.RequestServices.GetService<IHostApplicationLifetime>()?.ApplicationStopping ?? default;
            using var end = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, stopping);
            IReadOnlyList<WorkLease> items;
            try
            {
                items = await leases.Lease(peer, request.Count, wait, end.Token);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                throw new GatewayException(503, "the gateway ends", "come again when it is back") { RetryAfter = TimeSpan.FromSeconds(1) };
            }
            await Answer(http, new LeaseAnswer([.. items.Select(Leased)], leases.Duration));
        });

        endpoints.MapPost($"{Root}/renew", async http =>
        {
            var (peer, body) = await authentication.Read(http.Request);
            await Answer(http, new Renewal([.. await leases.Renew(peer, Body<Renewal>(body).Tokens, http.RequestAborted)]));
        });

        endpoints.MapPost($"{Root}/return", async http =>
        {
            var (peer, body) = await authentication.Read(http.Request);
            foreach (var token in Body<Renewal>(body).Tokens)
            {
                await context.Work.Return(leases.Of(peer, token), null, http.RequestAborted);
                leases.End(token);
            }
            await Answer(http, new Receipt(true, ""));
        });

        endpoints.MapGet($"{Root}/blobs/{{hash}}", async http =>
        {
            var (peer, _) = await authentication.Read(http.Request);
            var hash = (string)http.Request.RouteValues["hash"]!;
            if (!leases.MayRead(peer, hash)) throw new GatewayException(404, "no work that this peer holds reads such a blob");
            http.Response.ContentType = "application/octet-stream";
            await http.Response.Body.WriteAsync(await context.Blobs.Get(hash, http.RequestAborted), http.RequestAborted);
        });

        endpoints.MapPost($"{Root}/blobs", async http =>
        {
            var (peer, body) = await authentication.Read(http.Request);
            leases.CountUpload(peer, body.Length);
            await Answer(http, new Receipt(true, await context.Blobs.PutFor(peer.Tenant, body, http.RequestAborted)));
        });

        endpoints.MapPost($"{Root}/claims", async http =>
        {
            var (peer, body) = await authentication.Read(http.Request);
            var result = Body<PeerResult>(body);
            var lease = leases.Of(peer, result.Token);
            if (Work(lease) is not Evaluate work || result.Result is not EvaluationClaim claim)
                throw new GatewayException(400, $"the lease {result.Token} is not for an evaluation, or the result is no claim");
            await RequireStates(context, peer.Tenant, work, claim, http.RequestAborted);
            Accepted(await context.Cluster.Ask(
                peer, new SubmitClaim(claim.WorkId, Statement(work, peer.Id, claim), claim.Signature), cancellation: http.RequestAborted));
            await Complete(http, context, leases, lease, claim, result.Blobs);
        });

        endpoints.MapPost($"{Root}/audits", async http =>
        {
            var (peer, body) = await authentication.Read(http.Request);
            var result = Body<PeerResult>(body);
            var lease = leases.Of(peer, result.Token);
            if (Work(lease) is not Audit || result.Result is not AuditReport report)
                throw new GatewayException(400, $"the lease {result.Token} is not for an audit, or the result is no report");
            await Complete(http, context, leases, lease, report, []);
        });

        endpoints.MapPost($"{Root}/refusals", async http =>
        {
            var (peer, body) = await authentication.Read(http.Request);
            var refusal = Body<PeerRefusal>(body);
            var reason = $"{peer.Id} refused: {(refusal.Reason.Length > 500 ? refusal.Reason[..500] : refusal.Reason)}";
            var counted = await context.Work.Fail(leases.Of(peer, refusal.Token), reason, http.RequestAborted);
            leases.End(refusal.Token);
            await Answer(http, new Receipt(counted, ""));
        });
    }

    private static async Task Complete(
        HttpContext http, GatewayContext context, PeerLeases leases, WorkLease lease, IWorkResult result, IReadOnlyList<string> blobs)
    {
        var counted = await context.Work.Complete(lease, result, blobs, http.RequestAborted);
        leases.Finish(lease.Token);
        await Answer(http, new Receipt(counted, ""));
    }

    /// <summary>The states that verifiers will start from must be there before the claim is.</summary>
    private static async Task RequireStates(
        GatewayContext context, string tenant, Evaluate work, EvaluationClaim claim, CancellationToken cancellation)
    {
        if (claim.WorkId != work.WorkId) throw new GatewayException(400, $"the claim is for '{claim.WorkId}'", $"the lease is for '{work.WorkId}'");
        for (var i = 1; i < work.Spec.Schedule.Segments && i < claim.StateHashes.Length; i++)
        {
            if (!await context.Blobs.BelongsTo(claim.StateHashes[i], tenant, cancellation))
                throw new GatewayException(409, $"state {i} ({claim.StateHashes[i]}) was not uploaded", $"POST {PeerRequests.Root}/blobs first");
        }
    }

    private static byte[] Statement(Evaluate work, string peer, EvaluationClaim claim)
    {
        try
        {
            return EvaluationSpecs.Statement(work.Spec, peer, claim);
        }
        catch (ArgumentException e)
        {
            throw new GatewayException(400, "the claim has no canonical bytes", e.Message);
        }
    }

    private static void Accepted(IReply reply)
    {
        if (reply is not Rejected rejected) return;
        var status = rejected.Code switch { "forbidden" => 403, "conflict" => 409, "not-found" => 404, "unavailable" => 503, _ => 400 };
        throw new GatewayException(status, rejected.Reason);
    }

    private static IWork Work(WorkLease lease) =>
        (IWork)Families.Messages.Decode(lease.Work.Spec.Kind, lease.Work.Spec.Version, lease.Work.Spec.Body.Span);

    private static LeasedWork Leased(WorkLease lease) =>
        new(lease.Work.Id, lease.Token, Work(lease), lease.Work.Seed, lease.Work.Inputs);

    private static T Body<T>(byte[] body)
        where T : class, IMessage
    {
        try
        {
            if (Families.Messages.DecodeEnvelope(body) is T message) return message;
        }
        catch (Exception e) when (e is MessageFormatException or UnknownKindException)
        {
            throw new GatewayException(400, $"the body is no {typeof(T).Name}", e.Message);
        }
        throw new GatewayException(400, $"the body is another message than {typeof(T).Name}");
    }

    private static async Task Answer(HttpContext http, IMessage message)
    {
        http.Response.ContentType = PeerRequests.ContentType;
        await http.Response.Body.WriteAsync(Families.Messages.EncodeEnvelope(message), http.RequestAborted);
    }
}
