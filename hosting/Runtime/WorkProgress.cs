namespace Athanor.Hosting.Runtime;

/// <summary>How far a running work item is, as its slot last said. Kept in memory only.</summary>
/// <param name="WorkId"><c>tenant/family/id/name</c>.</param>
/// <param name="Kind">The spec's kind, e.g. <c>training.segment</c>.</param>
/// <param name="Attempt">From 1.</param>
/// <param name="Done">Fraction in [0, 1].</param>
/// <param name="Note">A few words with the figure that matters.</param>
public sealed record WorkProgress(string WorkId, string Kind, int Attempt, double Done, string Note, DateTimeOffset Started);

/// <summary>What runs now, for progress bars: the same call in process and over the socket.</summary>
public interface IProgressView
{
    /// <summary>The items that slots of this cluster run at this moment, by work id.</summary>
    Task<IReadOnlyList<WorkProgress>> Running(CancellationToken cancellation = default);
}
