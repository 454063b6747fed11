using System.Collections.Concurrent;
using System.Collections.Immutable;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Core;
using Athanor.Hosting.Transport;
using Microsoft.Extensions.Logging.Abstractions;

namespace Hosting.Tests.Transport;

/// <summary>Nodes of one process that call each other's doors through the envelopes' bytes: the transport without sockets, for tests of
/// what uses it.</summary>
internal sealed class InProcessNetwork(int maxBody = 4 << 20) : ITestNetwork
{
    private readonly ConcurrentDictionary<string, (string Node, INodeDoor Door)> _doors = new();
    private readonly int _maxBody = maxBody;
    private int _last;

    public Task<string> Start(string node, INodeDoor door)
    {
        var address = $"in-process:{Interlocked.Increment(ref _last)}";
        _doors[address] = (node, door);
        return Task.FromResult(address);
    }

    public INodeLink LinkOf(string node) => new Link(this, node);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private INodeDoor Find(string node, string address)
    {
        if (!_doors.TryGetValue(address, out var found))
            throw new NodeLinkException(Refusal.Unavailable, false, $"node '{node}' at {address} cannot be reached: nobody listens");
        if (found.Node == node) return found.Door;
        throw new NodeLinkException(
            Refusal.Unavailable, false, $"this is node '{found.Node}', not '{node}'; the node table names a wrong address");
    }

    private sealed class Link(InProcessNetwork network, string self) : INodeLink
    {
        private readonly ConcurrentDictionary<string, HintLine> _hints = new();

        public void Hint(string node, string address, ImmutableArray<int> shards) => _hints.GetOrAdd(
            node, name => new HintLine(name, Send, new TransportOptions().HintTimeout, TimeProvider.System, NullLogger.Instance))
            .Add(address, shards);

        public async Task<NodeAnswer> Ask(string node, string address, NodeRequest request, CancellationToken cancellation)
        {
            var bytes = Bounded(NodeEnvelope.Write(request), false);
            var door = network.Find(node, address);
            using var late = new CancellationTokenSource(request.Deadline, TimeProvider.System);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellation);
            try
            {
                var answer = await door.Ask(self, NodeEnvelope.ReadRequest(bytes), either.Token).WaitAsync(either.Token);
                return NodeEnvelope.ReadAnswer(Bounded(NodeEnvelope.Write(answer), true));
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                throw new NodeLinkException(Refusal.TimedOut, true, $"node '{node}' at {address} did not answer within {request.Deadline}");
            }
            catch (Exception e) when (e is not OperationCanceledException and not NodeLinkException)
            {
                return new NodeAnswer(null, Refusal.Unavailable, $"node '{node}' failed at it: {e.Message}");
            }
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;

        private byte[] Bounded(byte[] bytes, bool mayHaveRun) => bytes.Length <= network._maxBody
            ? bytes
            : throw new NodeLinkException(Refusal.Invalid, mayHaveRun, $"{bytes.Length} bytes; max-body is {network._maxBody}");

        private Task Send(string node, string address, int[] shards, CancellationToken cancellation)
        {
            network.Find(node, address).Hinted(self, NodeEnvelope.ReadHint(NodeEnvelope.WriteHint(shards)));
            return Task.CompletedTask;
        }
    }
}
