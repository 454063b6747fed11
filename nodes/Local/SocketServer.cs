using Athanor.Hosting.Runtime;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Athanor.Nodes.Local;

/// <summary>Serves <see cref="LocalApi"/> on the state directory's Unix socket.</summary>
internal sealed class SocketServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly LocalApi _api;
    private readonly string _path;

    private SocketServer(WebApplication app, LocalApi api, string path)
    {
        _app = app;
        _api = api;
        _path = path;
    }

    /// <inheritdoc cref="LocalApi.Nobody"/>
    public Task Nobody => _api.Nobody;

    public string Path => _path;

    public static async Task<SocketServer> Start(HostedCluster cluster, CancellationToken cancellation)
    {
        var path = SocketPath.Of(cluster.Directory.Root, create: true);
        // A killed process leaves its socket behind; whoever holds the directory's lock knows that nobody listens on it.
        File.Delete(path);
        var builder = HttpHosting.Builder(kestrel =>
        {
            kestrel.ListenUnixSocket(path, listen => listen.Protocols = HttpProtocols.Http1);
            kestrel.Limits.MaxRequestBodySize = cluster.Options.Blobs.MaxBytes;
            kestrel.Limits.MinRequestBodyDataRate = null;
            kestrel.Limits.MinResponseDataRate = null;
        });
        var app = builder.Build();
        app.UseProblems();
        app.UseRouting();
        var api = new LocalApi(cluster);
        api.Map(app);
        await app.StartAsync(cancellation);
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return new SocketServer(app, api, path);
    }

    public async ValueTask DisposeAsync()
    {
        // First the name: nobody new comes in, while those inside are still answered.
        File.Delete(_path);
        _api.EndSessions();
        await _app.StopAsync();
        await _app.DisposeAsync();
    }
}
