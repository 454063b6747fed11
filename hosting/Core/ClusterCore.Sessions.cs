using Athanor.Hosting.Core.State;

namespace Athanor.Hosting.Core;

/// <summary>
/// Order of one client's commands to one entity, when it sends the next before the last is answered. The client numbers them and says which
/// is the oldest without an answer; so an owner that knows nothing of the session yet, after a fail-over, still knows what comes first, and
/// holds later ones back until it has come or their time is up.
/// </summary>
internal sealed partial class ClusterCore
{
    private void EnqueueInOrder(Entity entity, ClientItem item, ClientOrder? order)
    {
        if (order is not { } at || _options.Bug == CoreBug.SessionOrderIgnored)
        {
            Enqueue(entity, item);
            return;
        }
        var sessions = entity.Sessions ??= [];
        if (!sessions.TryGetValue(at.Session, out var session)) sessions.Add(at.Session, session = new ClientSession());
        item.Order = (session, at.Number);
        if (at.Oldest > session.Next) session.Next = at.Oldest;
        if (at.Number > session.Next)
        {
            session.Early[at.Number] = item;
            Touch(entity);
        }
        else
        {
            Enqueue(entity, item);
            if (at.Number == session.Next) session.Next++;
        }
        Release(entity, session);
    }

    /// <summary>A command that came again says anew which is the oldest without an answer.</summary>
    private void Advance(Entity entity, ClientOrder? order)
    {
        if (order is not { } at || entity.Sessions is not { } sessions) return;
        if (!sessions.TryGetValue(at.Session, out var session) || at.Oldest <= session.Next) return;
        session.Next = at.Oldest;
        Release(entity, session);
    }

    /// <summary>Takes the early commands whose turn has come; what lies before it was answered, says the client.</summary>
    private void Release(Entity entity, ClientSession session)
    {
        while (session.Early.Count > 0 && session.Early.First() is { Key: var number, Value: var next } && number <= session.Next)
        {
            session.Early.Remove(number);
            if (number == session.Next) session.Next++;
            Enqueue(entity, next);
        }
    }

    /// <summary>A command is given up before it was begun; those of its session behind it must not be carried out before it comes
    /// again.</summary>
    private void Withdraw(Entity entity, ClientItem item)
    {
        GiveUp(item);
        Wake(entity);
        if (item.Order is not { } order) return;
        if (order.Session.Early.TryGetValue(order.Number, out var early) && ReferenceEquals(early,
            item)) order.Session.Early.Remove(order.Number);
        if (order.Number >= order.Session.Next) return;
        order.Session.Next = order.Number;
        foreach (var later in entity.Mailbox.Concat(entity.Stash ?? []).OfType<ClientItem>())
        {
            if (later.Order is { } place && ReferenceEquals(place.Session, order.Session) && place.Number > order.Number && !later.IsOver)
                RefuseItem(later, Refusal.Unavailable, "an earlier command of the session was not carried out; send both again");
        }
    }
}
