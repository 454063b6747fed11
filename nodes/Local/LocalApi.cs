using Athanor.Hosting.Runtime;
using Athanor.Nodes.Access;
using Athanor.Nodes.Gateway;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Athanor.Nodes.Local;

/// <summary>Who hosts the cluster.</summary>
internal sealed record HostLine(EmbeddedRole Role, int Process, ClusterHealth Health);

/// <summary>
/// What the node's socket offers: the cluster's API (<see cref="ClusterApi"/>), health, and what only commands on this machine need.
/// <code>
/// GET  /v1/session     open as long as the caller needs the cluster
/// GET  /v1/host, /health, /health/live, /health/ready
/// </code>
/// Who can open the socket is the file system's business: it lies in the state directory, for its owner alone.
/// </summary>
internal sealed class LocalApi(HostedCluster cluster)
{
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
        new ClusterApi(cluster, static _ => Principal.Local).Map(routes);
        routes.MapGet("/v1/host", http => http.Response.WriteAsJsonAsync(
            new HostLine(cluster.Role, Environment.ProcessId, cluster.Health), LocalJson.Options, http.RequestAborted));
        routes.MapGet("/v1/session", Session);
        HealthEndpoints.Map(routes, () => cluster.Health);
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

    private static TaskCompletionSource Completed()
    {
        var source = new TaskCompletionSource();
        source.SetResult();
        return source;
    }
}
