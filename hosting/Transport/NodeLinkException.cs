using Athanor.Hosting.Core;

namespace Athanor.Hosting.Transport;

/// <summary>No answer came from another node.</summary>
/// <param name="why"><see cref="Refusal.Unavailable"/>: ask again under the same key. <see cref="Refusal.TimedOut"/>: the deadline
/// passed. <see cref="Refusal.Invalid"/>: asking again changes nothing, such as a body that is too large.</param>
/// <param name="mayHaveRun">Whether the request may have been carried out; false if it never reached the node.</param>
internal sealed class NodeLinkException(Refusal why, bool mayHaveRun, string message, Exception? inner = null) : Exception(message, inner)
{
    public Refusal Why { get; } = why;

    public bool MayHaveRun { get; } = mayHaveRun;

    public NodeAnswer ToAnswer() => new(null, Why, Message);
}
