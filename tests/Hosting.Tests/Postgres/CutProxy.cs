using System.Net;
using System.Net.Sockets;

namespace Hosting.Tests.Postgres;

/// <summary>Stands between a store and its server, and can lose the server's answers: what was asked is done, and nobody hears of it.</summary>
internal sealed class CutProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly int _port;
    private volatile bool _cut;

    public CutProxy(int port)
    {
        _port = port;
        _listener.Start();
        _ = Accept();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>From now on the next answer on each connection is lost, and the connection with it. New connections work.</summary>
    public void Cut() => _cut = true;

    public void Mend() => _cut = false;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
    }

    private async Task Accept()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                _ = Serve(client);
            }
        }
        catch (Exception)
        {
            // Stopped.
        }
    }

    private async Task Serve(TcpClient client)
    {
        using var own = client;
        using var server = new TcpClient();
        try
        {
            await server.ConnectAsync(IPAddress.Loopback, _port, _stop.Token);
            await Task.WhenAny(Copy(client, server, answers: false), Copy(server, client, answers: true));
        }
        catch (Exception)
        {
            // Either side went away.
        }
    }

    private async Task Copy(TcpClient from, TcpClient to, bool answers)
    {
        var buffer = new byte[16384];
        while (true)
        {
            var read = await from.GetStream().ReadAsync(buffer, _stop.Token);
            if (read == 0 || (answers && _cut)) return;
            await to.GetStream().WriteAsync(buffer.AsMemory(0, read), _stop.Token);
        }
    }
}
