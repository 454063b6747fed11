using System.Collections.Immutable;
using Athanor.Actors;
using Athanor.Hosting.Work;
using Athanor.Nodes.Demo;
using Athanor.Protocol;

namespace Nodes.Tests.Demo;

/// <summary>The real deciders and the real work handlers without a host between them: commands are decided at once, and dispatched work
/// is done before the call returns, in reverse order, so that nothing can rest on the order in which parts come in. Each result is told
/// to its entity twice.</summary>
internal sealed class DirectCluster(ImmutableArray<IDecider> deciders, ImmutableArray<IWorkHandler> handlers) : IClusterClient
{
    private readonly Dictionary<EntityAddress, (IState State, long Number)> _entities = [];

    public List<byte[]> Blobs { get; } = [];

    public int Dispatched { get; private set; }

    public Task<IReply> Ask(EntityAddress to, ICommand command, Guid? key = null, CancellationToken cancellation = default)
    {
        var work = new Stack<Effect.Dispatch>();
        var reply = Handle(to, command, work) ?? throw new InvalidOperationException($"{command.GetType().Name} was not answered");
        while (work.TryPop(out var item))
        {
            Dispatched++;
            var handler = handlers.Single(h => h.Handles == item.Spec.GetType());
            var done = new WorkCompleted(item.Name, handler.Run(item.Spec, new Context(item.Seed)), []);
            Handle(to, done, work);
            Handle(to, done, work);
        }
        return Task.FromResult(reply);
    }

    public Task<IReply> Query(EntityAddress to, IQuery query, bool consistent = false, CancellationToken cancellation = default) =>
        Task.FromResult(Decider(to).Answer(Entity(to).State, query));

    public Task<IReadOnlyList<EntitySummary>> List(string tenant, string family, CancellationToken cancellation = default) =>
        Task.FromResult<IReadOnlyList<EntitySummary>>([]);

    public Task<string> PutBlob(
        ReadOnlyMemory<byte> content, CancellationToken cancellation = default, string tenant = EntityAddress.DefaultTenant)
    {
        Blobs.Add(content.ToArray());
        return Task.FromResult(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(content.Span)));
    }

    public Task<byte[]> GetBlob(string hash, CancellationToken cancellation = default) => throw new KeyNotFoundException(hash);

    private IDecider Decider(EntityAddress address) => deciders.Single(d => d.Family == address.Family);

    private (IState State, long Number) Entity(EntityAddress address) =>
        _entities.TryGetValue(address, out var entity) ? entity : (Decider(address).Initial(address), 0);

    private IReply? Handle(EntityAddress to, ICommand command, Stack<Effect.Dispatch> work)
    {
        var decider = Decider(to);
        var (state, number) = Entity(to);
        IReply? reply = null;
        foreach (var effect in decider.Decide(state, command, new DecisionContext(to, DateTimeOffset.UnixEpoch, number + 1)))
        {
            if (effect is Effect.Persist persist) (state, number) = (decider.Apply(state, persist.Event), number + 1);
            else if (effect is Effect.Reply answer) reply = answer.Message;
            else if (effect is Effect.Dispatch dispatch) work.Push(dispatch);
            else throw new InvalidOperationException($"{effect.GetType().Name} is not expected here");
        }
        _entities[to] = (state, number);
        return reply;
    }

    private sealed record Context(ulong Seed) : IWorkContext
    {
        public CancellationToken Cancellation => CancellationToken.None;

        public ReadOnlyMemory<byte> GetBlob(string hash) => throw new KeyNotFoundException(hash);

        public string PutBlob(ReadOnlyMemory<byte> content) => throw new NotSupportedException();

        public void Report(double done, string note) => Assert.InRange(done, 0.0, 1.0);
    }
}

/// <summary>Progress that nobody watches, but whose figures must make sense.</summary>
internal sealed class CheckedProgress : IDemoProgress
{
    public void Advance(string task, double done, double total, string note = "") => Assert.InRange(done, 0, total);
}
