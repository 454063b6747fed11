using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Hosting.Tests.Transport;

/// <summary>A wire that can be frozen, as if the process at its end were stopped (the system still takes connections and bytes, nobody
/// answers), or cut, as if it had died.</summary>
internal sealed class TcpProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentBag<Socket> _sockets = [];
    private readonly CancellationTokenSource _ended = new();
    private readonly int _port;
    private volatile TaskCompletionSource? _frozen;

    public TcpProxy(string address)
    {
        _port = int.Parse(address.Split(':')[1], System.Globalization.CultureInfo.InvariantCulture);
        _listener.Start();
        _ = Accept();
    }

    public string Address => _listener.LocalEndpoint.ToString()!;

    public void Freeze() => _frozen = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Cut()
    {
        foreach (var socket in _sockets)
        {
            try
            {
                // A reset, as a killed process leaves it.
                socket.LingerState = new LingerOption(true, 0);
                socket.Close();
            }
            catch (ObjectDisposedException)
            {
                // The pump was first.
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _ended.CancelAsync();
        _frozen?.TrySetCanceled();
        _listener.Stop();
        foreach (var socket in _sockets) socket.Dispose();
    }

    private async Task Accept()
    {
        try
        {
            while (true)
            {
                var near = await _listener.AcceptSocketAsync(_ended.Token);
                var far = new Socket(SocketType.Stream, ProtocolType.Tcp);
                _sockets.Add(near);
                _sockets.Add(far);
                await far.ConnectAsync(IPAddress.Loopback, _port, _ended.Token);
                _ = Pump(near, far);
                _ = Pump(far, near);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task Pump(Socket from, Socket to)
    {
        var buffer = new byte[64 << 10];
        try
        {
            int read;
            while ((read = await from.ReceiveAsync(buffer, _ended.Token)) > 0)
            {
                if (_frozen is { } frozen) await frozen.Task;
                await to.SendAsync(buffer.AsMemory(0, read), _ended.Token);
            }
            to.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            to.Dispose();
        }
    }
}
