using System.ComponentModel.DataAnnotations;

namespace Athanor.Hosting.Configuration;

/// <summary>How a node goes over its journal in the background.</summary>
public sealed record VerificationOptions
{
    /// <summary>How often a round is made; 0 never.</summary>
    [ZeroIsNever]
    public TimeSpan Every { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Entities verified in one round; the next round goes on behind them.</summary>
    [Range(1, 1_000_000)]
    public int Entities { get; init; } = 50;
}

/// <summary>How read models follow the journal.</summary>
public sealed record FeedOptions
{
    /// <summary>How often read models take what is new; 0 never.</summary>
    [ZeroIsNever]
    public TimeSpan Every { get; init; } = TimeSpan.FromSeconds(1);
}
