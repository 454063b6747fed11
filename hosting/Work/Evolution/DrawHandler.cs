using Athanor.Protocol;
using Athanor.Protocol.Evolution;

namespace Athanor.Hosting.Work.Evolution;

/// <summary>Gives populations their HMACs; see <see cref="PopulationSecret"/>.</summary>
internal sealed class DrawHandler(string? keysDirectory = null) : IComputeHandler, INeedsKeys
{
    private readonly Lock _gate = new();
    private PopulationSecret? _secret;

    public Type Handles => typeof(Draw);

    public IComputeHandler WithKeys(string keysDirectory) => new DrawHandler(keysDirectory);

    public IReadOnlyList<IComputeResult> Run(IReadOnlyList<ICompute> batch, CancellationToken cancellation)
    {
        if (keysDirectory is null) throw new InvalidOperationException("this host has no keys directory; orders and challenges need its secret");
        PopulationSecret secret;
        // Opened when first needed; an error is not remembered, so a file that is put back is found.
        lock (_gate) secret = _secret ??= PopulationSecret.Open(keysDirectory);
        return [.. batch.Cast<Draw>().Select(d => new Drawn(secret.Draw(d.Population, d.Purpose, d.Data)))];
    }
}
