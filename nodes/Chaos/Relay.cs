using System.Net;
using System.Net.Sockets;

namespace Athanor.Nodes.Chaos;

/// <summary>
/// A loopback port that passes bytes on to another: a node's way to the database, or the others' way to a node. Cut, it swallows nothing and
/// passes nothing, as a network does that drops packets; healed, what was held goes on unless its connection was given up meanwhile.
/// Retargeted, its connections break, as they do when a service moves to another host.
/// </summary>
internal sealed class Relay : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _closed = new();
    private readonly Lock _lock = new();
    private readonly HashSet<TcpClient> _open = [];
    private TaskCompletionSource _passes = Passing();
    private int _target;

    public Relay(int target)
    {
        _target = target;
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _ = Accept();
    }

    public int Port { get; }

    public bool IsCut => !Volatile.Read(ref _passes).Task.IsCompleted;

    private static TaskCompletionSource Passing()
    {
        var passes = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        passes.SetResult();
        return passes;
    }

    public void Cut() => Volatile.Write(ref _passes, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));

    public void Heal() => Volatile.Read(ref _passes).TrySetResult();

    public void Retarget(int port)
    {
        Volatile.Write(ref _target, port);
        lock (_lock)
        {
            foreach (var client in _open) client.Close();
            _open.Clear();
        }
    }

    private async Task Accept()
    {
        try
        {
            while (true) _ = Serve(await _listener.AcceptTcpClientAsync(_closed.Token));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Closed.
        }
    }

    private async Task Serve(TcpClient from)
    {
        using var to = new TcpClient();
        try
        {
            lock (_lock) _open.Add(from);
            await Volatile.Read(ref _passes).Task.WaitAsync(_closed.Token);
            await to.ConnectAsync(IPAddress.Loopback, Volatile.Read(ref _target), _closed.Token);
            (from.NoDelay, to.NoDelay) = (true, true);
            lock (_lock) _open.Add(to);
            await Task.WhenAny(Copy(from.GetStream(), to.GetStream()), Copy(to.GetStream(), from.GetStream()));
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            // One side is gone; the other learns of it by the closing.
        }
        finally
        {
            lock (_lock)
            {
                _open.Remove(from);
                _open.Remove(to);
            }
            from.Dispose();
        }
    }

    private async Task Copy(NetworkStream from, NetworkStream to)
    {
        var buffer = new byte[16 << 10];
        while (true)
        {
            var read = await from.ReadAsync(buffer, _closed.Token);
            await Volatile.Read(ref _passes).Task.WaitAsync(_closed.Token);
            if (read == 0) return;
            await to.WriteAsync(buffer.AsMemory(0, read), _closed.Token);
        }
    }

    public void Dispose()
    {
        _closed.Cancel();
        _listener.Stop();
        Retarget(0);
        _closed.Dispose();
    }
}
