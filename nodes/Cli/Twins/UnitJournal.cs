using System.Collections.Immutable;
using System.CommandLine;
using Athanor.Actors;
using Athanor.Hosting;
using Athanor.Hosting.Core;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;
using Athanor.Protocol;
using Athanor.Protocol.Twins.Units;

namespace Athanor.Nodes.Cli.Twins;

/// <summary>
/// A unit rebuilt from the journal alone, as it was after any of its events. The journal is read through a connection of its own that only
/// reads, so beside a running node as well as without one. The whole history is checked on the way (hashes, chain, gaps): what was is
/// shown only if it can be proven. Where retention has given up the beginning, the history begins with the snapshot kept there.
/// </summary>
internal sealed class UnitJournal
{
    private readonly IDecider _decider = Families.Deciders.First(static d => d.Family == "twins");
    private readonly RegistryCodec _codec = new(Families.Messages);
    private readonly EntityAddress _twin;
    private readonly EntityHistory _history;

    private UnitJournal(EntityAddress twin, EntityHistory history) => (_twin, _history) = (twin, history);

    /// <summary>The unit's history after one of its events.</summary>
    /// <param name="Number">Of the entity's event.</param>
    /// <param name="At">When it was written.</param>
    public readonly record struct Moment(IState State, IEvent? Event, long Number, DateTimeOffset At, string By);

    /// <exception cref="UserException">A gateway is named, or the journal knows no such unit.</exception>
    public static async Task<UnitJournal> Open(ParseResult parsed, string id, CancellationToken cancellation)
    {
        if (RemoteOptions.AreGiven(parsed)) throw new UserException("the journal is read beside the node; --state or --config names it, a gateway does not give it out");
        var twin = new EntityAddress(parsed.GetValue(Cli.Tenant) ?? EntityAddress.DefaultTenant, "twins", id);
        await using var end = await JournalEnd.OpenToRead(CliCluster.Options(parsed), cancellation);
        var history = await end.Store.ReadEntity(twin, fromStart: true, cancellation);
        if (history.Head is null) throw new UserException($"there is no {twin}; 'athanor twins list' shows those that are", ExitCodes.Failure);
        var journal = new UnitJournal(twin, history);
        // It refuses what is not whole.
        _ = Hosting.Core.Replay.FromJournal(journal._decider, journal._codec, twin, history);
        return journal;
    }

    /// <summary>All rows that the journal keeps: what was measured, and the estimate after it where one was recorded (the rows of one
    /// command are stepped through together).</summary>
    public static async Task<UnitHistory> History(ParseResult parsed, string id, CancellationToken cancellation)
    {
        const int Every = 16;
        var journal = await Open(parsed, id, cancellation);
        var rows = new SortedDictionary<long, HistoryRow>();
        UnitShape? shape = null;
        string[] signals = [];
        DateTimeOffset? origin = null;
        var (last, taken, events) = (0L, 0L, 0);
        Moment? end = null;
        foreach (var moment in journal.Moments())
        {
            end = moment;
            if (moment.Event is UnitCreated created) signals = Signals(created.Spec);
            if (moment.Event is UnitObserved observed) Observed(observed, moment.State);
            if (moment.Event is StepsSetAside aside) taken -= aside.Count;
            if (moment.Event is UnitStepped && ++events % Every == 0) Gather(moment.State);
        }
        if (end is { } at) Gather(at.State);
        return new UnitHistory(
            shape ?? throw new UserException($"{journal._twin} is no unit twin (made by 'twins create')", ExitCodes.Failure), [.. rows.Values]);

        void Observed(UnitObserved observed, IState state)
        {
            if (signals.Length == 0) signals = Signals(journal.Answer<UnitSpecView>(state, new UnitSpecQuery())!.Spec);
            origin ??= observed.Origin;
            foreach (var row in SampleRows.Unpack(observed.Rows, signals.Length))
            {
                taken++;
                if (origin is not { } zero) continue;
                var values = ImmutableSortedDictionary.CreateBuilder<string, double>(StringComparer.Ordinal);
                for (var i = 0; i < row.Signals.Length; i++) values[signals[row.Signals[i]]] = row.Values[i];
                rows[taken] = new HistoryRow(taken, zero.AddTicks(row.Ticks), values.ToImmutable(), [], []);
            }
        }

        void Gather(IState state)
        {
            if (journal.Answer<UnitHistory>(state, new UnitHistoryQuery(last)) is not { } part) return;
            shape = part.Shape;
            foreach (var row in part.Rows)
            {
                rows[row.Row] = rows.TryGetValue(row.Row, out var known) ? known with { Estimates = row.Estimates, Sds = row.Sds } : row;
                last = row.Row;
            }
        }
    }

    private static string[] Signals(UnitSpec spec) => [.. spec.Sensors.Select(static s => s.Signal), .. spec.Inputs.Select(static i => i.Signal)];

    /// <summary>The unit after each of its events, from the first that is kept.</summary>
    public IEnumerable<Moment> Moments()
    {
        var state = _decider.Initial(_twin);
        if (_history.Begins > 1 && _history.Snapshot is { } snapshot)
        {
            state = (IState)_codec.Decode(snapshot.State);
            yield return new Moment(state, null, snapshot.EntityNumber, DateTimeOffset.MinValue, "");
        }
        foreach (var row in _history.Events)
        {
            var @event = (IEvent)_codec.Decode(row.Event);
            state = _decider.Apply(state, @event);
            yield return new Moment(state, @event, row.EntityNumber, row.Time, row.Principal);
        }
    }

    /// <summary>What the unit would have answered then; null if it knows no such question.</summary>
    public T? Answer<T>(IState state, IQuery query)
        where T : class, IReply => _decider.Answer(state, query) as T;
}
