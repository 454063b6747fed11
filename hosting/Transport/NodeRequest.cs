using Athanor.Hosting.Core;
using Athanor.Hosting.Stores;
using Athanor.Protocol;

namespace Athanor.Hosting.Transport;

/// <summary>A command or a query on its way to the node that owns its entity.</summary>
/// <param name="Message">The command or query as it is stored: kind, version and body.</param>
/// <param name="Consistent">Of a query: the owner checks its ownership with the store before it answers.</param>
/// <param name="Key">The command's idempotency key, a UUIDv7; the same in every attempt.</param>
/// <param name="Principal">Who asks, as the door that authenticated them named them.</param>
/// <param name="TraceParent">W3C traceparent of the span that this is part of.</param>
/// <param name="Deadline">How long the sender waits, from the moment of sending.</param>
/// <param name="Order">For sessions that send a command before the one before it is answered.</param>
internal sealed record NodeRequest(
    EntityAddress To, StoredMessage Message, bool IsQuery, bool Consistent, Guid? Key, string Principal, string? TraceParent,
    TimeSpan Deadline, ClientOrder? Order = null);

/// <summary>A reply, or why there is none and where to ask instead.</summary>
/// <param name="Reply">The reply as it is stored; null if the request was refused.</param>
/// <param name="Why">Null if there is a reply.</param>
/// <param name="OwnerNode">Of <see cref="Refusal.NotOwner"/>: the node to ask, where it is known.</param>
/// <param name="OwnerAddress">Where that node listens, <c>host:port</c>.</param>
internal sealed record NodeAnswer(
    StoredMessage? Reply, Refusal? Why, string Reason, string? OwnerNode = null, string? OwnerAddress = null);
