using System.Text.Json;
using Athanor.Hosting.Runtime;
using Athanor.Nodes.Access;
using Athanor.Nodes.Local;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Athanor.Nodes.Gateway;

/// <summary><c>/health</c> for people, <c>/health/live</c> for whoever restarts a process, <c>/health/ready</c> for whoever sends it
/// requests. Live does not depend on the store.</summary>
internal static class HealthEndpoints
{
    public static void Map(IEndpointRouteBuilder routes, Func<ClusterHealth> health)
    {
        routes.MapGet("/health", (HttpContext http) => Write(http, health(), h => h.Live && h.Ready));
        routes.MapGet("/health/live", (HttpContext http) => Write(http, health(), h => h.Live));
        routes.MapGet("/health/ready", (HttpContext http) => Write(http, health(), h => h.Ready));
    }

    internal static Task Write(HttpContext http, ClusterHealth health, Func<ClusterHealth, bool> good)
    {
        http.Response.StatusCode = good(health) ? 200 : 503;
        http.Response.ContentType = "application/json";
        return http.Response.WriteAsync(JsonSerializer.Serialize(health, LocalJson.Options), http.RequestAborted);
    }
}

/// <summary>The same over the network: <c>live</c> and <c>ready</c> say yes or no to anybody, the rest takes the role view.</summary>
internal static class GatewayHealth
{
    public static void Map(IEndpointRouteBuilder routes, Func<ClusterHealth> health)
    {
        routes.MapGet("/health", (HttpContext http) =>
        {
            GatewayAccess.Of(http).Require(Role.View, "see how the cluster is");
            return HealthEndpoints.Write(http, health(), h => h.Live && h.Ready);
        });
        routes.MapGet("/health/live", (HttpContext http) => Say(http, health().Live));
        routes.MapGet("/health/ready", (HttpContext http) => Say(http, health() is { Live: true, Ready: true }));
    }

    private static Task Say(HttpContext http, bool good)
    {
        http.Response.StatusCode = good ? 200 : 503;
        http.Response.ContentType = "text/plain";
        return http.Response.WriteAsync(good ? "yes\n" : "no\n", http.RequestAborted);
    }
}
