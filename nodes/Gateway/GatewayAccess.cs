using System.Net;
using System.Threading.RateLimiting;
using Athanor.Hosting.Configuration;
using Athanor.Nodes.Access;
using Athanor.Nodes.Gateway.Peers;
using Athanor.Nodes.Peers;
using Athanor.Protocol;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Athanor.Nodes.Gateway;

/// <summary>
/// The gateway's doorkeeper. Every request but two kinds must show who sends it before anything else happens: <c>/health/live</c> and
/// <c>/health/ready</c>, which say nothing but yes or no, and those of peers, which are signed one by one (enrolling takes a credential with
/// the role peer, unless it comes
/// over the loopback address and is for the tenant <c>default</c>). One principal's requests are limited, so that it cannot crowd out the others.
/// </summary>
internal sealed class GatewayAccess(Authenticator authenticator, GatewayOptions options) : IAsyncDisposable
{
    private static readonly object Key = new();

    private readonly PartitionedRateLimiter<string> _limiter = PartitionedRateLimiter.Create<string, string>(name =>
        RateLimitPartition.GetTokenBucketLimiter(name, _ => new TokenBucketRateLimiterOptions
        {
            TokenLimit = options.RequestsPerSecond,
            TokensPerPeriod = options.RequestsPerSecond,
            ReplenishmentPeriod = TimeSpan.FromSeconds(1),
            QueueLimit = 0,
        }));

    /// <summary>Whom the doorkeeper let in.</summary>
    public static Principal Of(HttpContext http) => (Principal)http.Items[Key]!;

    public void Use(IApplicationBuilder app) => app.Use(async (http, next) =>
    {
        if (NeedsPrincipal(http))
        {
            var principal = await authenticator.Of(http);
            if (http.Request.Path == Enrol)
            {
                principal.Require(Role.Peer, "enrol peers");
                principal.RequireTenant(PeerAuthentication.TenantOf(http.Request));
            }
            using var lease = _limiter.AttemptAcquire(principal.Name);
            if (!lease.IsAcquired)
            {
                throw new GatewayException(429, $"{principal.Name} sends more than {options.RequestsPerSecond} requests a second", "send fewer")
                {
                    RetryAfter = TimeSpan.FromSeconds(1),
                };
            }
            http.Items[Key] = principal;
        }
        await next(http);
    });

    public ValueTask DisposeAsync() => _limiter.DisposeAsync();

    private static readonly PathString Enrol = $"{PeerRequests.Root}/enrol";

    private static bool NeedsPrincipal(HttpContext http)
    {
        var path = http.Request.Path;
        if (path == "/health/live" || path == "/health/ready") return false;
        if (!path.StartsWithSegments(PeerRequests.Root)) return true;
        var near = http.Connection.RemoteIpAddress is { } remote && IPAddress.IsLoopback(remote);
        return path == Enrol && !(near && PeerAuthentication.TenantOf(http.Request) == EntityAddress.DefaultTenant);
    }
}
