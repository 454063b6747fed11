using Athanor.Actors;
using Athanor.Protocol;

namespace Athanor.Nodes.Demo;

/// <summary>How the demo's steps speak to entities: a refusal ends the step with its reason, and waiting is asking again.</summary>
internal static class EntityCalls
{
    private static readonly TimeSpan BetweenQueries = TimeSpan.FromMilliseconds(50);

    /// <summary>Sends a command that the entity must accept.</summary>
    /// <exception cref="InvalidOperationException">It was refused; the message says why.</exception>
    public static async Task<IReply> Command(
        this IClusterClient cluster, EntityAddress to, ICommand command, CancellationToken cancellation) =>
        Accepted(to, await cluster.Ask(to, command, cancellation: cancellation));

    /// <summary>Asks until <paramref name="finished"/> says that the answer is the last one.</summary>
    /// <exception cref="InvalidOperationException">The query was refused; the message says why.</exception>
    public static async Task<TReply> Await<TReply>(
        this IClusterClient cluster, EntityAddress to, IQuery query, Func<TReply, bool> finished, CancellationToken cancellation)
        where TReply : class, IReply
    {
        while (true)
        {
            var reply = Accepted(to, await cluster.Query(to, query, cancellation: cancellation)) as TReply
                ?? throw new InvalidOperationException($"{to} answered {query.GetType().Name} with no {typeof(TReply).Name}");
            if (finished(reply)) return reply;
            await Task.Delay(BetweenQueries, TimeProvider.System, cancellation);
        }
    }

    private static IReply Accepted(EntityAddress to, IReply reply) =>
        reply is Rejected rejected ? throw new InvalidOperationException($"{to} refused ({rejected.Code}): {rejected.Reason}") : reply;
}
