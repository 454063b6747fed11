using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Athanor.Actors.Evolution;
using Athanor.Actors.Peers;
using Athanor.Compute.Numerics;
using Athanor.Compute.Trust;
using Athanor.Protocol;
using Athanor.Protocol.Evolution;
using Athanor.Protocol.Peers;

namespace Athanor.Actors.Tests.Evolution;

/// <summary>How a peer of the test behaves.</summary>
public enum Conduct
{
    Honest,

    /// <summary>Every claim has a better score and forged states.</summary>
    Forges,

    /// <summary>Computes honestly and claims a perfect score: only the last leaf is forged.</summary>
    PoisonedBest,

    /// <summary>Forges one segment in the middle, and computes on from there.</summary>
    SkipsMiddle,

    /// <summary>Audits without computing: reports a made-up state.</summary>
    LazyVerifier,

    /// <summary>Takes work and never answers.</summary>
    Silent,
}

/// <summary>
/// A population with its peers' entities and simulated peers that sign with real keys. Messages, results and timers are delivered one by
/// one in an order drawn from a seed, tells between two entities in their own order; timers only when nothing else is left, or early if
/// asked for. What a training comes to is a function of its spec, so that what is honest is known.
/// </summary>
internal sealed class PopulationWorld
{
    public static readonly EntityAddress Population = EntityAddress.Of("evolution", "test");

    private readonly PopulationDecider _populations = new();
    private readonly PeerDecider _peers = new();
    private readonly Dictionary<string, PeerKey> _keys = [];
    private readonly Dictionary<string, Conduct> _conduct = [];
    private readonly Dictionary<EntityAddress, IState> _states = [];
    private readonly Dictionary<EntityAddress, long> _numbers = [];
    private readonly List<(EntityAddress To, ICommand Command, string Lane)> _messages = [];
    private readonly Dictionary<string, Effect.Dispatch> _work = [];
    private readonly SortedDictionary<string, Effect.SetTimer> _timers = new(StringComparer.Ordinal);
    private readonly byte[] _secret;
    private readonly double _earlyTimers;
    private Philox _random;
    private DateTimeOffset _now = DateTimeOffset.UnixEpoch;

    public PopulationWorld(PopulationSpec spec, IReadOnlyDictionary<string, Conduct> conduct, ulong seed, double earlyTimers = 0, string secret = "s")
    {
        _random = new Philox(seed);
        _earlyTimers = earlyTimers;
        _secret = Encoding.UTF8.GetBytes(secret);
        foreach (var peer in spec.Peers)
        {
            _keys[peer] = PeerKey.Create();
            _conduct[peer] = conduct.GetValueOrDefault(peer, Conduct.Honest);
        }
        Post(Population, new StartPopulation(spec), "client");
        foreach (var peer in spec.Peers)
        {
            var key = _keys[peer].PublicKey;
            var proof = _keys[peer].Sign(new EnrolmentStatement(peer, key, "cpu").CanonicalBytes());
            Post(EntityAddress.Of("peers", peer), new EnrolPeer(key, "cpu", proof), peer);
        }
    }

    public PopulationState State => (PopulationState)StateOf(Population);

    public PopulationView View => (PopulationView)_populations.Answer(State, new ShowPopulation());

    public List<IReply> Replies { get; } = [];

    public List<(EntityAddress Entity, IEvent Event)> Journal { get; } = [];

    /// <summary>Work of the population that is out, by name.</summary>
    public IReadOnlyDictionary<string, Effect.Dispatch> Work => _work;

    public PeerState Peer(string name) => (PeerState)StateOf(EntityAddress.Of("peers", name));

    public PeerKey Key(string peer) => _keys[peer];

    public void Post(EntityAddress to, ICommand command, string lane = "test") => _messages.Add((to, command, lane));

    public static PopulationSpec Spec(int candidates = 24, int window = 4, int extraSegments = 0, params string[] peers) => new(
        11, candidates, window, 6, new SearchSpaceSpec(2, [2, 4, 8, 16], [0.001, 0.01], [16, 32]),
        new TableSpec(new string('a', 64), 3, 100, 50), new ScheduleSpec(4, 10), new NumericClass("float32", "cpu", "test.1"),
        peers.Length == 0 ? ["anna", "boris", "chen", "dora"] : [.. peers], extraSegments, TimeSpan.FromSeconds(20), 12, 1000);

    /// <summary>Runs until the population is finished, or throws saying what did not occur.</summary>
    public PopulationWorld Run(int limit = 20_000)
    {
        for (var i = 0; State.Phase is not (PopulationPhase.Finished or PopulationPhase.Failed); i++)
        {
            if (i == limit || !Step())
                throw new InvalidOperationException($"not finished after {i} steps: applied {State.Applied}, phase {State.Phase}");
        }
        while (_messages.Count > 0) Step();
        return this;
    }

    /// <summary>Delivers one thing; false if there is nothing.</summary>
    public bool Step()
    {
        // Of each lane (a sender to one entity) only the first message may be next.
        var heads = _messages.GroupBy(m => (m.To, m.Lane)).Select(g => g.First()).ToArray();
        var works = _work.Values.Where(Answers).OrderBy(w => w.Name, StringComparer.Ordinal).ToArray();
        var early = _timers.Count > 0 && _random.NextDouble() < _earlyTimers;
        if (!early && heads.Length + works.Length > 0)
        {
            var pick = _random.NextBelow(heads.Length + works.Length);
            if (pick < heads.Length)
            {
                _messages.Remove(heads[pick]);
                Deliver(heads[pick].To, heads[pick].Command);
            }
            else
            {
                var work = works[pick - heads.Length];
                _work.Remove(work.Name);
                Deliver(Population, new WorkCompleted(work.Name, Do(work), []));
            }
            return true;
        }
        if (_timers.Count == 0) return false;
        var timer = early ? _timers.Values.ElementAt(_random.NextBelow(_timers.Count)) : _timers.Values.OrderBy(t => t.Due).First();
        _timers.Remove(timer.Name);
        if (timer.Due > _now) _now = timer.Due;
        Deliver(Population, timer.Command);
        return true;
    }

    public void Deliver(EntityAddress to, ICommand command)
    {
        IDecider decider = to.Family == "peers" ? _peers : _populations;
        var state = StateOf(to);
        var number = _numbers.GetValueOrDefault(to);
        _now += TimeSpan.FromMilliseconds(1);
        var effects = decider.Decide(state, command, new DecisionContext(to, _now, number + 1));
        foreach (var effect in effects)
        {
            switch (effect)
            {
                case Effect.Persist e:
                    state = decider.Apply(state, e.Event);
                    Journal.Add((to, e.Event));
                    number++;
                    break;
                case Effect.Reply e:
                    Replies.Add(e.Message);
                    break;
                case Effect.Tell e:
                    Post(e.To, e.Command, to.ToString());
                    break;
                case Effect.StartCompute { Request: Draw draw } e:
                    Post(to, new ComputeCompleted(e.Name, new Drawn(HMACSHA256.HashData(
                        _secret, Encoding.UTF8.GetBytes($"{draw.Population}|{draw.Purpose}|{draw.Data}")))), e.Name);
                    break;
                case Effect.Dispatch e:
                    if (!_work.TryAdd(e.Name, e)) throw new InvalidOperationException($"{e.Name} was dispatched twice");
                    break;
                case Effect.CancelWork e:
                    _work.Remove(e.Name);
                    break;
                case Effect.SetTimer e:
                    _timers[e.Name] = e;
                    break;
                case Effect.CancelTimer e:
                    _timers.Remove(e.Name);
                    break;
            }
        }
        (_states[to], _numbers[to]) = (state, number);
    }

    /// <summary>What an honest training comes to: a function of the spec (less the parents' roots, which name provers).</summary>
    public static (string[] Hashes, double[] Errors) Truth(EvaluationSpec spec)
    {
        var text = $"{spec.Seed}/{EvaluationSpecs.GenomeOf(spec.Genome).Hash()}";
        var parameters = EvaluationSpecs.GenomeOf(spec.Genome).Parameters(spec.Table.Inputs);
        var hashes = Enumerable.Range(0, spec.Schedule.Segments + 1).Select(i => Sha($"{text}/{i}")).ToArray();
        var luck = Convert.ToInt32(hashes[0][..4], 16) / 65536.0;
        return (hashes, [.. Enumerable.Range(0, hashes.Length).Select(i => 2 + luck + 8.0 / (1 + i) + 20.0 / parameters)]);
    }

    /// <summary>A peer's claim under its conduct, signed.</summary>
    public EvaluationClaim Claim(Evaluate work, Conduct conduct, PeerKey? key)
    {
        var (hashes, errors) = Truth(work.Spec);
        switch (conduct)
        {
            case Conduct.Forges:
                for (var i = 1; i < hashes.Length; i++) (hashes[i], errors[i]) = (Sha("forged" + hashes[i]), errors[i] * 0.5);
                break;
            case Conduct.PoisonedBest:
                errors[^1] = 0;
                break;
            case Conduct.SkipsMiddle:
                hashes[2] = Sha("skipped" + hashes[2]);
                break;
        }
        var hash = EvaluationSpecs.Hash(work.Spec);
        var claim = new EvaluationClaim(
            work.WorkId, hash, StateChain.Build(hash, work.Prover, hashes, errors).Root, errors[^1],
            EvaluationSpecs.GenomeOf(work.Spec.Genome).Parameters(work.Spec.Table.Inputs), [.. hashes], [.. errors], []);
        return key is null ? claim : claim with { Signature = key.Sign(EvaluationSpecs.Statement(work.Spec, work.Prover, claim)) };
    }

    public AuditReport Report(Audit work, Conduct conduct, PeerKey? key)
    {
        var (hashes, errors) = Truth(work.Spec);
        var i = work.Segment;
        // From a forged state a replay comes to something that nobody committed to.
        var state = i == 1 || work.StateBefore == hashes[i - 1] ? hashes[i] : Sha("from" + work.StateBefore);
        if (conduct == Conduct.LazyVerifier) state = Sha("lazy" + work.WorkId);
        var report = new AuditReport(work.WorkId, i, i == 1 ? hashes[0] : "", i == 1 ? errors[0] : 0, state, errors[i], []);
        return key is null ? report : report with { Signature = key.Sign(EvaluationSpecs.Statement(work.Verifier, report)) };
    }

    public static string Sha(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    private static string PeerOf(Effect.Dispatch work) => work.Pool == "cpu" ? "" : work.Pool["peer/".Length..];

    private bool Answers(Effect.Dispatch work) => PeerOf(work) is not { Length: > 0 } peer || _conduct[peer] != Conduct.Silent;

    private IWorkResult Do(Effect.Dispatch work)
    {
        var peer = PeerOf(work);
        var conduct = peer.Length == 0 ? Conduct.Honest : _conduct[peer];
        var key = peer.Length == 0 ? null : _keys[peer];
        return work.Spec switch
        {
            Evaluate e => Claim(e, conduct, key),
            Audit a => Report(a, conduct, key),
            _ => throw new InvalidOperationException($"{work.Spec.GetType().Name} is no work of a population"),
        };
    }

    private IState StateOf(EntityAddress entity)
    {
        if (_states.TryGetValue(entity, out var state)) return state;
        return entity.Family == "peers" ? _peers.Initial(entity) : _populations.Initial(entity);
    }
}
