using Athanor.Actors;
using Athanor.Hosting.Core;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Memory;
using Athanor.Protocol;
using Hosting.Tests.Slots;

namespace Hosting.Tests.Core;

/// <summary>One core over a memory store whose calls are answered at once, unless a test holds them back to answer them itself.</summary>
internal sealed class CoreHarness
{
    public static readonly EntityAddress A = EntityAddress.Of(AccountDecider.FamilyName, "a");
    public static readonly EntityAddress B = EntityAddress.Of(AccountDecider.FamilyName, "b");

    public static readonly IMessageCodec Codec = new RegistryCodec(SlotMain.Messages);

    private readonly Queue<CoreInput> _inputs = new();
    private long _correlation;

    public CoreHarness(
        MemoryStore? store = null, VirtualTime? time = null, CoreOptions? options = null, IReadOnlyList<IDecider>? deciders = null)
    {
        Time = time ?? new VirtualTime();
        Store = store ?? new MemoryStore(1, Time);
        Options = options ?? new CoreOptions { Node = "node-a", ShardCount = Store.ShardCount };
        Core = new ClusterCore(Options, deciders ?? Deciders, Codec);
        Give(new CoreInput.Tick());
    }

    public static IReadOnlyList<IDecider> Deciders { get; } = [new AccountDecider()];

    public CoreOptions Options { get; }

    public VirtualTime Time { get; }

    public MemoryStore Store { get; }

    public ClusterCore Core { get; }

    public TimeSpan Now { get; private set; }

    /// <summary>All actions so far.</summary>
    public List<CoreAction> Done { get; } = [];

    /// <summary>Actions that a test wants to answer itself.</summary>
    public Func<CoreAction, bool> Hold { get; set; } = static _ => false;

    public List<CoreAction> Held { get; } = [];

    /// <summary>Answers to requests, by correlation.</summary>
    public Dictionary<long, CoreAction> Answers { get; } = [];

    public int Commits => Done.OfType<CoreAction.Commit>().Count();

    public IEnumerable<string> Notes => Done.OfType<CoreAction.Note>().Select(static note => note.Text);

    public static T Wait<T>(Task<T> task) => task.GetAwaiter().GetResult();

    public void Give(params CoreInput[] inputs)
    {
        Step(inputs);
        while (_inputs.TryDequeue(out var next)) Step([next]);
    }

    private void Step(CoreInput[] inputs)
    {
        foreach (var action in Core.Step(inputs, Now))
        {
            Done.Add(action);
            if (action is CoreAction.Reply reply) Answers.Add(reply.Correlation, reply);
            else if (action is CoreAction.Refuse refuse) Answers.Add(refuse.Correlation, refuse);
            else if (Hold(action)) Held.Add(action);
            else if (Outcome(action) is { } outcome) _inputs.Enqueue(outcome);
        }
    }

    /// <summary>Lets time pass for node and store, ticking when the core wants it.</summary>
    public void Pass(double seconds)
    {
        var until = Now + TimeSpan.FromSeconds(seconds);
        while (Now < until)
        {
            var next = Core.NextDue > Now ? Core.NextDue : Now + TimeSpan.FromMilliseconds(1);
            if (next > until) next = until;
            Time.Now += next - Now;
            Now = next;
            Give(new CoreInput.Tick());
        }
    }

    /// <summary>Lets time pass in one leap, as for a process that was stopped.</summary>
    public void Leap(double seconds)
    {
        Now += TimeSpan.FromSeconds(seconds);
        Time.Now += TimeSpan.FromSeconds(seconds);
    }

    public CoreInput? Outcome(CoreAction action) => action switch
    {
        CoreAction.Commit a => new CoreInput.CommitDone(a.Id, [.. Wait(Store.Commit(a.Parts, default))]),
        CoreAction.ReadOwnership a => new CoreInput.OwnershipRead(
            a.Id, Time.Now, [.. Wait(Store.ReadNodes(default))], [.. Wait(Store.ReadShards(default))]),
        CoreAction.RenewNode a => Renewed(a),
        CoreAction.RemoveNode a => Removed(a),
        CoreAction.Claim a => new CoreInput.Claimed(a.Id, Wait(Store.Claim(a.Shard, Options.Node, a.Seen, a.Lease, default))),
        CoreAction.RenewShards a => new CoreInput.ShardsRenewed(a.Id, [.. Wait(Store.RenewShards(Options.Node, a.Shards, a.Lease,
            default))]),
        CoreAction.Release a => Released(a),
        CoreAction.OpenShard a => new CoreInput.ShardOpened(a.Id, Wait(Store.OpenShard(a.Shard, default))),
        CoreAction.CheckShard a => new CoreInput.ShardChecked(a.Id, Wait(Store.ReadShards(default))[a.Shard]),
        CoreAction.ReadEntity a => new CoreInput.EntityRead(a.Id, Wait(Store.ReadEntity(a.Entity, a.FromStart, default))),
        CoreAction.ReadMail a => new CoreInput.MailRead(a.Id, [.. Wait(Store.ReadMail(a.Shards, a.Limit, default))]),
        CoreAction.FindReply a => new CoreInput.ReplyFound(a.Id, Wait(Store.FindReply(a.Tenant, a.Key, default))),
        CoreAction.FindParked a => new CoreInput.ParkedFound(
            a.Id, Wait(Store.ReadParked(default)).FirstOrDefault(row => row.Mail.Shard == a.Shard && row.Mail.Id == a.Row)),
        CoreAction.StartCompute a => new CoreInput.ComputeDone(a.Id, new Squared(((Square)a.Request).Number * ((Square)a.Request).Number)),
        _ => null,
    };

    private CoreInput Renewed(CoreAction.RenewNode a)
    {
        Wait(Store.RenewNode(Options.Node, "", a.Roles, a.Lease, default));
        return new CoreInput.NodeRenewed(a.Id);
    }

    private CoreInput Removed(CoreAction.RemoveNode a)
    {
        Store.RemoveNode(Options.Node, default).GetAwaiter().GetResult();
        return new CoreInput.NodeRemoved(a.Id);
    }

    private CoreInput Released(CoreAction.Release a)
    {
        Store.Release(a.Shard, Options.Node, a.Epoch, default).GetAwaiter().GetResult();
        return new CoreInput.Released(a.Id);
    }

    /// <summary>Answers what was held, as the store would.</summary>
    public void Free()
    {
        Hold = static _ => false;
        var held = Held.ToList();
        Held.Clear();
        foreach (var action in held) Give(Outcome(action)!);
    }

    public Guid NewKey() => Guid.CreateVersion7(Time.Now);

    public CoreInput.Command Command(EntityAddress to, ICommand message, Guid? key = null, ClientOrder? order = null,
        double? timeout = null) =>
        new(++_correlation, to, message, key, "tester", null, timeout is { } s ? TimeSpan.FromSeconds(s) : null, order);

    public long Send(EntityAddress to, ICommand message, Guid? key = null, ClientOrder? order = null, double? timeout = null)
    {
        var command = Command(to, message, key, order, timeout);
        Give(command);
        return command.Correlation;
    }

    public CoreAction? Ask(EntityAddress to, ICommand message, Guid? key = null) => Answers.GetValueOrDefault(Send(to, message, key));

    public CoreAction? Query(EntityAddress to, IQuery query, bool consistent = false)
    {
        Give(new CoreInput.Query(++_correlation, to, query, consistent));
        return Answers.GetValueOrDefault(_correlation);
    }

    public CoreAction? Repair(EntityAddress entity, bool skipSnapshot = false)
    {
        Give(new CoreInput.Repair(++_correlation, entity, skipSnapshot));
        return Answers.GetValueOrDefault(_correlation);
    }

    public CoreAction? Unpark(ParkedRow row)
    {
        Give(new CoreInput.Unpark(++_correlation, row));
        return Answers.GetValueOrDefault(_correlation);
    }

    public long Balance(EntityAddress entity) => ((BalanceIs)((CoreAction.Reply)Query(entity, new GetBalance())!).Message).Balance;

    public List<IEvent> Journal(EntityAddress entity) =>
        Wait(Store.ReadEntity(entity, true, default)).Events.Select(static row => (IEvent)Codec.Decode(row.Event)).ToList();

    /// <summary>Another process of the same node, on the same store, some time after this one was killed.</summary>
    public CoreHarness Restart() => new(Store, Time, Options);

    public static Refusal WhyOf(CoreAction? answer) => Assert.IsType<CoreAction.Refuse>(answer).Why;

    public static T ReplyOf<T>(CoreAction? answer)
        where T : IReply => Assert.IsType<T>(Assert.IsType<CoreAction.Reply>(answer).Message);
}
