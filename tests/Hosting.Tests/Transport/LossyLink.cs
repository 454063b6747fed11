using System.Collections.Immutable;
using Athanor.Hosting.Core;
using Athanor.Hosting.Transport;

namespace Hosting.Tests.Transport;

/// <summary>A link that loses requests, loses answers, and loses and doubles hints, as a seed says.</summary>
internal sealed class LossyLink(INodeLink inner, int seed) : INodeLink
{
    private readonly Random _random = new(seed);

    public int HintsLost { get; private set; }

    public void Hint(string node, string address, ImmutableArray<int> shards)
    {
        var fate = Draw();
        if (fate == 0)
        {
            HintsLost++;
            return;
        }
        inner.Hint(node, address, shards);
        if (fate == 1) inner.Hint(node, address, shards);
    }

    public async Task<NodeAnswer> Ask(string node, string address, NodeRequest request, CancellationToken cancellation)
    {
        var fate = Draw();
        if (fate == 0) throw new NodeLinkException(Refusal.Unavailable, false, "lost on the way there");
        var answer = await inner.Ask(node, address, request, cancellation);
        if (fate == 1) throw new NodeLinkException(Refusal.Unavailable, true, "lost on the way back");
        return fate == 2 ? await inner.Ask(node, address, request, cancellation) : answer;
    }

    public ValueTask DisposeAsync() => inner.DisposeAsync();

    private int Draw()
    {
        lock (_random) return _random.Next(5);
    }
}
