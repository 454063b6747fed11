using Athanor.Hosting.Core;
using Athanor.Protocol;

namespace Athanor.Hosting.Runtime;

/// <summary>A command or query on its way to whoever owns its entity; the same in every attempt.</summary>
/// <param name="IsNew">The key was made for this attempt: nobody needs to be asked what became of it.</param>
internal sealed record ClientRequest(
    EntityAddress To, IMessage Message, bool Consistent, Guid? Key, string Principal, string? TraceParent, ClientOrder? Order = null,
    bool IsNew = false)
{
    public bool IsQuery => Message is IQuery;

    /// <param name="timeout">When the core answers with a diagnosis; null for its default.</param>
    public CoreInput Input(long number, TimeSpan? timeout) => Message switch
    {
        IQuery query => new CoreInput.Query(number, To, query, Consistent, timeout),
        RepairEntity repair => new CoreInput.Repair(number, To, repair.SkipSnapshot, timeout),
        ICommand command => new CoreInput.Command(number, To, command, Key, Principal, TraceParent, timeout, Order, IsNew),
        _ => throw new ArgumentException($"{Message.GetType().Name} is neither a command nor a query"),
    };
}
