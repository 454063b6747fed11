using System.Numerics;
using Athanor.Compute.Torch;

namespace Athanor.Compute.Training.Distributed;

/// <summary>The fast mode over hosts: the library's own all-reduce. Its order of sums is its own and depends on the number of members, so it
/// promises no bits, but all members get the same ones.</summary>
public sealed class AllReduceExchange<T> : IGradientExchange<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly ProcessGroup _group;
    private readonly double[] _told = new double[2];

    /// <param name="own">First and number of this member's logical ranks.</param>
    public AllReduceExchange(ProcessGroup group, (int First, int Count) own) => (_group, Own) = (group, own);

    public (int First, int Count) Own { get; }

    public bool WantsStop { private get; set; }

    public bool Stop { get; private set; }

    public double Sum(IReadOnlyList<SubtreeSum<T>> own, Span<T> gradient, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        own[0].Gradient.CopyTo(gradient);
        (_told[0], _told[1]) = (own[0].Loss, _group.Rank == 0 && WantsStop ? 1.0 : 0.0);
        for (var i = 1; i < own.Count; i++)
        {
            RankTree.Add(gradient, (ReadOnlySpan<T>)own[i].Gradient);
            _told[0] += own[i].Loss;
        }
        try
        {
            _group.AllReduce(gradient);
            _group.AllReduce(_told.AsSpan());
        }
        catch (TorchException e)
        {
            throw new TimeoutException($"the {_group.Size} members did not come together to add gradients: {e.Message}", e);
        }
        Stop = _told[1] != 0.0;
        return _told[0];
    }

    public void Dispose() => _group.Dispose();
}
