using System.Collections.Concurrent;
using System.Net;
using Athanor.Hosting.Configuration;
using Athanor.Nodes.Gateway;
using Microsoft.AspNetCore.Http;

namespace Athanor.Nodes.Access;

/// <summary>
/// Finds who sends a request: bearer token, API key (as a bearer, or in <c>X-Api-Key</c>), or client certificate, in this order. A request
/// that brings a credential is judged by it alone: a bad one is refused, and never falls back to another or to being nobody. Without any
/// the sender is anonymous, which has rights only over the loopback address and only if <c>access.anonymous</c> says so. An address that
/// fails too often in a minute waits, so that nobody can try keys at the speed of the network.
/// </summary>
internal sealed class Authenticator
{
    public const string KeyHeader = "X-Api-Key";
    private const int FailuresAllowed = 30;
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(1);

    private readonly AccessOptions _options;
    private readonly AccessFile _file;
    private readonly Tokens _tokens;
    private readonly ClientCertificates _certificates;
    private readonly TimeProvider _time;
    private readonly ConcurrentDictionary<IPAddress, (long Since, int Count)> _failures = new();

    public Authenticator(AccessOptions options, string keysDirectory, TimeProvider time)
    {
        _options = options;
        _time = time;
        _file = new AccessFile(options.List == "" ? Path.Combine(keysDirectory, AccessFile.Name) : options.List);
        _tokens = new Tokens(options.Tokens, keysDirectory, time);
        _certificates = new ClientCertificates(options.ClientAuthority, time);
        // A list that cannot be read is found at the start and not at the first request.
        _file.Read();
    }

    /// <exception cref="GatewayException">401 with the reason, or 429 after too many.</exception>
    public async Task<Principal> Of(HttpContext http)
    {
        var remote = http.Connection.RemoteIpAddress ?? IPAddress.None;
        var now = _time.GetTimestamp();
        if (_failures.TryGetValue(remote, out var failures))
        {
            if (_time.GetElapsedTime(failures.Since, now) > Window) _failures.TryRemove(remote, out _);
            else if (failures.Count >= FailuresAllowed)
                throw new GatewayException(429, "too many bad credentials from this address", "wait a minute") { RetryAfter = Window };
        }
        var (principal, why) = await Find(http, remote);
        if (principal is not null) return principal;
        _failures.AddOrUpdate(remote, (now, 1), (_, old) => (old.Since, old.Count + 1));
        throw new GatewayException(401, why, $"send a bearer token, an API key in {KeyHeader}, or a client certificate");
    }

    private async Task<(Principal? Principal, string Why)> Find(HttpContext http, IPAddress remote)
    {
        var authorization = http.Request.Headers.Authorization;
        if (authorization.Count > 1) return (null, "there is more than one Authorization header");
        if (authorization is [{ } header])
        {
            const string Bearer = "Bearer ";
            if (!header.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase)) return (null, "the Authorization header is not of the scheme Bearer");
            var credential = header[Bearer.Length..].Trim();
            return credential.StartsWith(ApiKey.Prefix, StringComparison.Ordinal) ? Key(credential) : await _tokens.Check(credential, _file.Read());
        }
        if (http.Request.Headers[KeyHeader] is [{ } key]) return Key(key.Trim());
        if (http.Connection.ClientCertificate is { } certificate) return _certificates.Check(certificate, _file.Read());
        if (_options.Anonymous != "none" && IPAddress.IsLoopback(remote))
            return (new Principal("anonymous", [Principal.EveryTenant], Roles.TryParse(_options.Anonymous)!.Value), "");
        return (null, "the request says not who sends it");
    }

    private (Principal? Principal, string Why) Key(string text) => ApiKey.Find(text, _file.Read(), _time.GetUtcNow());
}
