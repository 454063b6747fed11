using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text.Json;
using Athanor.Compute.Trust;
using Athanor.Hosting;
using Athanor.Nodes.Access;
using Athanor.Protocol;
using Athanor.Protocol.Evolution;
using Athanor.Protocol.Peers;

namespace Athanor.Nodes.Peers;

/// <summary>The gateway refused.</summary>
/// <param name="status">HTTP status.</param>
internal sealed class PeerRefusedException(HttpStatusCode status, string message) : Exception(message)
{
    public HttpStatusCode Status { get; } = status;
}

/// <summary>A peer's calls to the gateway: each signed by the peer's key, bodies as MessagePack.</summary>
internal sealed class PeerClient(
    HttpClient http, PeerKey key, string name, TimeProvider time, string tenant = EntityAddress.DefaultTenant)
{
    /// <summary>The device class of the deterministic kernels, which is all that peers offer so far.</summary>
    public const string DeviceClass = Compute.Evolution.GenomeTraining.DeviceClass;

    private string _boot = "";

    public string Name => PeerNames.Of(tenant, name);

    /// <summary>A client that trusts exactly one certificate.</summary>
    /// <param name="pin">SHA-256 (hex) of the gateway's certificate (DER); null to trust what the system trusts.</param>
    /// <param name="apiKey">A key with the role peer, which a gateway on another machine wants to see before it enrols anybody.</param>
    public static HttpClient Connect(Uri gateway, string? pin, string? apiKey = null)
    {
        // A redirection would send the API key wherever it points.
        var handler = new SocketsHttpHandler { PooledConnectionLifetime = TimeSpan.FromMinutes(5), AllowAutoRedirect = false };
        if (pin is not null)
        {
            handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, _, _) =>
                certificate is not null
                && CryptographicOperations.FixedTimeEquals(SHA256.HashData(certificate.GetRawCertData()), Convert.FromHexString(pin));
        }
        var http = new HttpClient(handler) { BaseAddress = gateway, Timeout = TimeSpan.FromSeconds(60) };
        if (apiKey is not null) http.DefaultRequestHeaders.Add(Authenticator.KeyHeader, apiKey);
        return http;
    }

    /// <summary>Learns the gateway's session and enrols. The same key under the same name again has no effect.</summary>
    public async Task Enrol(CancellationToken cancellation)
    {
        using var answer = await http.GetAsync($"{PeerRequests.Root}/session", cancellation);
        _boot = Read<GatewaySession>(await Checked(answer, cancellation)).Boot;
        var proof = key.Sign(new EnrolmentStatement(PeerNames.Of(tenant, name), key.PublicKey, DeviceClass).CanonicalBytes());
        await Post("enrol", new Enrolment(name, key.PublicKey, DeviceClass, proof), cancellation);
    }

    public async Task<LeaseAnswer> Lease(int count, TimeSpan wait, CancellationToken cancellation) =>
        Read<LeaseAnswer>(await Post("lease", new LeaseRequest(count, wait), cancellation));

    /// <returns>The tokens that the peer still holds.</returns>
    public async Task<IReadOnlyList<long>> Renew(IEnumerable<long> tokens, CancellationToken cancellation) =>
        Read<Renewal>(await Post("renew", new Renewal([.. tokens]), cancellation)).Tokens;

    /// <summary>Gives work back that the peer will not do.</summary>
    public Task Return(IEnumerable<long> tokens, CancellationToken cancellation) => Post("return", new Renewal([.. tokens]), cancellation);

    public async Task<byte[]> GetBlob(string hash, CancellationToken cancellation)
    {
        var content = await Send(HttpMethod.Get, $"blobs/{hash}", [], cancellation);
        if (Convert.ToHexStringLower(SHA256.HashData(content)) != hash)
            throw new PeerRefusedException(HttpStatusCode.BadGateway, $"the gateway sent other bytes than the blob {hash}");
        return content;
    }

    public async Task<string> PutBlob(ReadOnlyMemory<byte> content, CancellationToken cancellation) =>
        Read<Receipt>(await Send(HttpMethod.Post, "blobs", content.ToArray(), cancellation)).Hash;

    /// <summary>Signs and sends a result.</summary>
    /// <returns>Whether it was the work's first.</returns>
    public async Task<bool> Submit(LeasedWork item, IWorkResult result, IEnumerable<string> blobs, CancellationToken cancellation)
    {
        (string path, IWorkResult signed) = (item.Work, result) switch
        {
            (Evaluate work, EvaluationClaim claim) => (
                "claims", (IWorkResult)(claim with { Signature = key.Sign(Actors.Evolution.EvaluationSpecs.Statement(work.Spec, name, claim)) })),
            (Audit, AuditReport report) => (
                "audits", report with { Signature = key.Sign(Actors.Evolution.EvaluationSpecs.Statement(name, report)) }),
            _ => throw new InvalidOperationException($"{result.GetType().Name} is no result of {item.Work.GetType().Name}"),
        };
        return Read<Receipt>(await Post(path, new PeerResult(item.Token, signed, [.. blobs]), cancellation)).Counted;
    }

    public Task Refuse(long token, string reason, CancellationToken cancellation) => Post("refusals", new PeerRefusal(token, reason), cancellation);

    private Task<byte[]> Post(string path, IMessage body, CancellationToken cancellation) =>
        Send(HttpMethod.Post, path, Families.Messages.EncodeEnvelope(body), cancellation);

    private async Task<byte[]> Send(HttpMethod method, string path, byte[] body, CancellationToken cancellation)
    {
        var full = $"{PeerRequests.Root}/{path}";
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        var nonce = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        var signature = key.Sign(PeerRequests.Statement(_boot, tenant, name, method.Method, full, now, nonce, body));
        using var request = new HttpRequestMessage(method, full);
        request.Headers.Add(PeerRequests.NameHeader, name);
        // None for the default tenant, so that a gateway that knows no others takes it too.
        if (tenant != EntityAddress.DefaultTenant) request.Headers.Add(PeerRequests.TenantHeader, tenant);
        request.Headers.Add(PeerRequests.TimeHeader, now.ToString(CultureInfo.InvariantCulture));
        request.Headers.Add(PeerRequests.NonceHeader, nonce);
        request.Headers.Add(PeerRequests.SignatureHeader, Convert.ToBase64String(signature));
        if (method == HttpMethod.Post)
        {
            request.Content = new ByteArrayContent(body);
            request.Content.Headers.ContentType = new MediaTypeHeaderValue(PeerRequests.ContentType);
        }
        using var answer = await http.SendAsync(request, cancellation);
        return await Checked(answer, cancellation);
    }

    private static async Task<byte[]> Checked(HttpResponseMessage answer, CancellationToken cancellation)
    {
        var content = await answer.Content.ReadAsByteArrayAsync(cancellation);
        if (answer.IsSuccessStatusCode) return content;
        throw new PeerRefusedException(answer.StatusCode, Problem(content) ?? $"the gateway answered {(int)answer.StatusCode}");
    }

    private static string? Problem(byte[] content)
    {
        try
        {
            using var json = JsonDocument.Parse(content);
            var title = json.RootElement.TryGetProperty("title", out var t) ? t.GetString() : null;
            var detail = json.RootElement.TryGetProperty("detail", out var d) ? d.GetString() : null;
            return detail is null ? title : $"{title}: {detail}";
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    private static T Read<T>(byte[] content)
        where T : IMessage => Families.Messages.DecodeEnvelope(content) is T message
            ? message
            : throw new PeerRefusedException(HttpStatusCode.BadGateway, $"the gateway answered with something else than {typeof(T).Name}");
}
