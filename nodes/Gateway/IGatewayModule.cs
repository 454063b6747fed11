using Athanor.Actors;
using Athanor.Hosting.Blobs;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;
using Microsoft.AspNetCore.Routing;

namespace Athanor.Nodes.Gateway;

/// <summary>What a module's endpoints work with.</summary>
/// <param name="Store">For lists of work rows; work itself is leased and completed through <paramref name="Work"/>.</param>
/// <param name="StateDirectory">Where keys lie (<c>keys/</c>).</param>
/// <param name="Options">What the configuration grants to peers: quota and lease.</param>
internal sealed record GatewayContext(
    IClusterClient Cluster, IWorkDesk Work, IStore Store, IBlobStore Blobs, string StateDirectory, TimeProvider Time,
    GatewayOptions Options);

/// <summary>A group of the gateway's endpoints. Add one line for it to <see cref="GatewayEndpoints.Modules"/>.</summary>
internal interface IGatewayModule
{
    /// <summary>Maps the endpoints; called once, before the gateway listens. An endpoint that throws <c>GatewayException</c> answers with
    /// its status and a problem-details body.</summary>
    void Map(IEndpointRouteBuilder endpoints, GatewayContext context);
}

/// <summary>A request that is answered with a problem-details body.</summary>
/// <param name="status">HTTP status, e.g. 404.</param>
/// <param name="title">What was wrong, for a person.</param>
/// <param name="detail">What would be right.</param>
internal sealed class GatewayException(int status, string title, string? detail = null) : Exception(title)
{
    public int Status { get; } = status;

    public string? Detail { get; } = detail;

    /// <summary>A stable word for programs.</summary>
    public string Type { get; init; } = "about:blank";

    /// <summary>Sent as Retry-After with 429 and 503.</summary>
    public TimeSpan? RetryAfter { get; init; }
}
