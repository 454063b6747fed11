using Athanor.Actors;
using Athanor.Hosting.Journal.Levels;
using Athanor.Hosting.Slots;
using Athanor.Hosting.Work;
using Athanor.Protocol;

namespace Athanor.Hosting.Runtime;

/// <summary>What a hosted cluster is made of beside its options. The defaults are the six families; tests bring their own.</summary>
public sealed record ClusterParts
{
    public MessageRegistry Messages { get; init; } = Families.Messages;

    public IReadOnlyList<IDecider> Deciders { get; init; } = Families.Deciders;

    public IReadOnlyList<IComputeHandler> ComputeHandlers { get; init; } = Families.ComputeHandlers;

    /// <summary>How slots are started; null for this program with the argument <c>slot</c>.</summary>
    public SlotLaunch? SlotLaunch { get; init; }

    /// <summary>The level whose kinds this program knows; tests pretend to be an older one.</summary>
    internal int FeatureLevel { get; init; } = FeatureLevels.Current;

    public TimeProvider Time { get; init; } = TimeProvider.System;
}
