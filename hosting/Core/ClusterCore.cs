using Athanor.Actors;

namespace Athanor.Hosting.Core;

public sealed partial class ClusterCore
{
    /// <param name="deciders">One for each family.</param>
    public ClusterCore(CoreOptions options, IEnumerable<IDecider> deciders, IMessageCodec codec)
    {
    }

    /// <summary>When the next <see cref="CoreInput.Tick"/> is wanted, on the clock of <c>now</c>.</summary>
    public TimeSpan NextDue => TimeSpan.Zero;

    /// <param name="now">Monotonic time of this process since any fixed moment.</param>
    public IReadOnlyList<CoreAction> Step(CoreInput input, TimeSpan now) => Step([input], now);

    /// <summary>Several inputs that arrived together, in order; what they lead to shares a commit.</summary>
    public IReadOnlyList<CoreAction> Step(ReadOnlySpan<CoreInput> inputs, TimeSpan now) => throw new NotImplementedException();
}
