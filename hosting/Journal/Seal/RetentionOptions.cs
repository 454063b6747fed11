using System.Collections.Immutable;
using System.ComponentModel.DataAnnotations;

namespace Athanor.Hosting.Configuration;

/// <summary>A duration that may be nothing, which then means never.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class ZeroIsNeverAttribute : Attribute;

/// <summary>How long events stay in the journal itself, and what becomes of them then.</summary>
public sealed record RetentionOptions
{
    /// <summary>How often the owner of a shard looks for events to seal; 0 never.</summary>
    [ZeroIsNever]
    public TimeSpan Every { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Most events sealed in one run of a shard.</summary>
    [Range(1, 10_000_000)]
    public int MaxEvents { get; init; } = 50_000;

    /// <summary>Most events in one segment.</summary>
    [Range(1, 1_000_000)]
    public int SegmentEvents { get; init; } = 10_000;

    /// <summary>By family; <c>all</c> holds for those that are not named.</summary>
    public ImmutableSortedDictionary<string, FamilyRetention> Families { get; init; } =
        ImmutableSortedDictionary<string, FamilyRetention>.Empty.Add("all", new FamilyRetention());

    public FamilyRetention Of(string family) =>
        Families.GetValueOrDefault(family) ?? Families.GetValueOrDefault("all") ?? new FamilyRetention();
}

public sealed record FamilyRetention
{
    /// <summary>Events younger than this are in the journal itself; older ones are sealed. 0 seals nothing.</summary>
    [ZeroIsNever]
    public TimeSpan Full { get; init; } = TimeSpan.FromDays(365);

    /// <summary>Segments older than this keep only the states at their two ends; 0 keeps the events for ever.</summary>
    [ZeroIsNever]
    public TimeSpan Thin { get; init; }

    /// <summary>Segments older than this keep only hashes; 0 keeps the states for ever.</summary>
    [ZeroIsNever]
    public TimeSpan Drop { get; init; }
}
