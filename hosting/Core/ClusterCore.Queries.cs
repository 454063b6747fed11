using Athanor.Hosting.Core.State;
using Athanor.Protocol;

namespace Athanor.Hosting.Core;

/// <summary>Queries see committed state only. A consistent one is answered after the store has confirmed that this node is the
/// owner. One that needs numerics waits for them beside the mailbox; they have no effect and are not awaited by the entity.</summary>
internal sealed partial class ClusterCore
{
    /// <summary>One that can be answered at once leaves no trace but its answer.</summary>
    private bool AnswerAtOnce(CoreInput.Query query)
    {
        if (query.Consistent || !_entities.TryGetValue(query.To, out var entity) || entity.Committed is null || !entity.Shard.IsOpen) return false;
        Touch(entity);
        try
        {
            if (NeedsOf(entity, query.Message) is not null) return false;
            Do(new CoreAction.Reply(query.Correlation, AnswerOf(entity, query.Message)));
        }
        catch (Exception error)
        {
            Do(new CoreAction.Refuse(query.Correlation, Refusal.Failed, CouldNotAnswer(entity, query.Message, error), null));
        }
        return true;
    }

    private void TakeQuery(CoreInput.Query query, Ask ask)
    {
        if (RefuseIfNobody(ask) || Admit(ask, query) is not { } shard) return;
        if (!query.Consistent)
        {
            Serve(shard, ask, query.Message);
            return;
        }
        Do(new CoreAction.CheckShard(Expect(outcome =>
        {
            if (ask.Answered) return;
            if (!shard.IsOpen) Refuse(ask, Refusal.Unavailable, "the shard was read anew meanwhile; ask again");
            else if (outcome is not CoreInput.ShardChecked { Row: var row })
                Refuse(ask, Refusal.Unavailable, $"ownership could not be checked: {((CoreInput.StoreFailed)outcome).Reason}");
            else if (row.Owner == _options.Node && row.Epoch == shard.Epoch) Serve(shard, ask, query.Message);
            else
            {
                Refuse(ask, Refusal.NotOwner, $"shard {shard.Number} is owned by {row.Owner ?? "nobody"} now", row.Owner);
                Lose(shard, $"it is in epoch {row.Epoch} now");
            }
        }), shard.Number));
    }

    private void Serve(Shard shard, Ask ask, IQuery query)
    {
        var entity = EntityIn(shard, ask.To);
        if (RefuseIfFaulted(entity, ask)) return;
        Touch(entity);
        if (entity.Committed is not null)
        {
            AnswerQuery(entity, ask, query);
            return;
        }
        (entity.Queries ??= []).Add((ask, query));
        if (entity.Phase == EntityPhase.Unread) Recover(entity);
    }

    private void AnswerQueries(Entity entity)
    {
        foreach (var (ask, query) in entity.Queries ?? []) AnswerQuery(entity, ask, query);
        entity.Queries = null;
    }

    private void AnswerQuery(Entity entity, Ask ask, IQuery query)
    {
        try
        {
            if (NeedsOf(entity, query) is { } request) Calculate(entity, ask, query, request);
            else Answer(ask, AnswerOf(entity, query));
        }
        catch (Exception error)
        {
            Refuse(ask, Refusal.Failed, CouldNotAnswer(entity, query, error));
        }
    }

    private static ICompute? NeedsOf(Entity entity, IQuery query) =>
        query is Describe ? null : entity.Decider!.Needs(entity.Committed!, query);

    private void Calculate(Entity entity, Ask ask, IQuery query, ICompute request)
    {
        var (decider, state) = (entity.Decider!, entity.Committed!);
        Do(new CoreAction.StartCompute(Expect(outcome =>
        {
            if (outcome is not CoreInput.ComputeDone done)
            {
                Refuse(ask, Refusal.Failed, CouldNotAnswer(entity, query, outcome is CoreInput.ComputeThrew threw ? threw.Reason : "it was not started"));
                return;
            }
            try
            {
                Answer(ask, decider.Answer(state, query, done.Result));
            }
            catch (Exception error)
            {
                Refuse(ask, Refusal.Failed, CouldNotAnswer(entity, query, error.Message));
            }
        }), entity.Address, "query", request, _options.AskTimeout, null));
    }

    private IReply AnswerOf(Entity entity, IQuery query)
    {
        var state = _options.Bug == CoreBug.UncommittedShown ? entity.State! : entity.Committed!;
        return query is Describe
            ? new Description(entity.CommittedNumber, Replay.HashOf(_codec, state), _options.ToJson(state))
            : entity.Decider!.Answer(state, query);
    }

    private static string CouldNotAnswer(Entity entity, IQuery query, Exception error) => CouldNotAnswer(entity, query, error.Message);

    private static string CouldNotAnswer(Entity entity, IQuery query, string reason) =>
        $"{entity.Address} could not answer {query.GetType().Name}: {reason}";
}
