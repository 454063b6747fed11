using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace Athanor.Hosting.Stores.Scheduling;

/// <summary>A work row with all that a store knows of it.</summary>
/// <param name="Number">Its place in order of age, and the source number of the message that brings its result.</param>
/// <param name="Attempt">How often it was leased; a gang's generation.</param>
/// <param name="Deaths">Deaths in a row at no further checkpoint.</param>
internal sealed record WorkEntry(
    long Number, WorkRow Row, WorkStatus Status, string? Holder, int Attempt, DateTimeOffset LeaseUntil, int Deaths, string? Reason)
{
    /// <summary>When it was committed, by the store's clock.</summary>
    public DateTimeOffset Created { get; init; }

    /// <summary>A gang that could not gather is left alone until then.</summary>
    public DateTimeOffset PutOffUntil { get; init; }

    public WorkCheckpoint? Checkpoint { get; init; }

    /// <summary>Who has which seat; null unless the row is a gang's and gathers or runs.</summary>
    public GangSeats? Seats { get; init; }

    public bool IsOpen => Status is WorkStatus.Pending or WorkStatus.Leased;

    public bool IsGang => Row.Gang > 1;

    public bool Gathers => Status == WorkStatus.Pending && Seats is not null;

    /// <summary>From when on it may be leased; null if it has ended. A gang that gathers or runs is not for free: its seats are.</summary>
    public DateTimeOffset? FreeAt => !IsOpen ? null
        : Seats is not null ? DateTimeOffset.MaxValue
        : Status == WorkStatus.Leased ? LeaseUntil : PutOffUntil;

    public WorkTurn Turn => new(Number, Row.Entity.Tenant, Row.Priority, Created, Row.Gang);

    public long Token(int rank = 0) => WorkToken.Of(Number, Attempt, rank);

    public WorkLease LeaseOf(string holder) =>
        new(Row, holder, Token(), Attempt, LeaseUntil) { Checkpoint = Checkpoint };

    public WorkLease LeaseOf(int rank)
    {
        var seat = Seats!.Seats[rank];
        return new WorkLease(Row, seat.Holder, Token(rank), Attempt, seat.LeaseUntil)
        {
            Checkpoint = Checkpoint,
            Gang = new GangPlace(rank, Row.Gang, Attempt, [.. Seats.Seats.Select(static s => s.Address)]),
        };
    }

    /// <summary>Back among the pending, without holder and seats.</summary>
    public WorkEntry GivenBack() => this with { Status = WorkStatus.Pending, Holder = null, Seats = null };

    public KeptWork Kept => new(Row, Status, Attempt, Deaths, Reason) { Created = Created, Checkpoint = Checkpoint };

    public WorkEntry Ended(WorkStatus status, string? reason) =>
        this with { Status = status, Holder = null, Seats = null, Reason = reason };

    public WorkView View => new(Row, Status, Holder, Deaths, Reason)
    {
        Created = Created,
        Attempt = Attempt,
        Checkpoint = Checkpoint,
        Members = Seats is null ? [] : [.. Seats.Seats.Select(static s => s.Holder)],
    };
}

/// <summary>Names a row, an attempt (a gang's generation) and a rank in one number, so that whoever holds an older one is known.</summary>
internal static class WorkToken
{
    public const int MaxGang = 1 << RankBits;
    private const int RankBits = 8;
    private const int AttemptBits = 20;

    public static long Of(long number, int attempt, int rank) =>
        (((number << AttemptBits) | (uint)(attempt & ((1 << AttemptBits) - 1))) << RankBits) | (uint)rank;

    public static long NumberOf(long token) => token >> (AttemptBits + RankBits);

    public static int RankOf(long token) => (int)(token & (MaxGang - 1));
}

/// <summary>One slot of a gang. While the gang gathers it is reserved; from then on it is the member's of that rank.</summary>
/// <param name="LeaseUntil">Past this its holder is taken for dead.</param>
/// <param name="Given">Whether its holder has been told that the gang is formed.</param>
/// <param name="Done">Whether the member has finished; it then needs no renewal.</param>
internal sealed record GangSeat(string Holder, string Address, DateTimeOffset LeaseUntil, bool Given = false, bool Done = false);

/// <summary>The seats of a gang.</summary>
/// <param name="GatherUntil">When a gang that is not full gives its seats up.</param>
internal sealed record GangSeats(DateTimeOffset GatherUntil, ImmutableArray<GangSeat> Seats)
{
    public bool IsBroken(DateTimeOffset now) => Seats.Any(seat => !seat.Done && seat.LeaseUntil <= now);

    public GangSeats With(int rank, GangSeat seat) => this with { Seats = Seats.SetItem(rank, seat) };

    /// <summary>As it lies in a column: a line of the time, then one for each seat.</summary>
    public byte[] ToBytes()
    {
        var text = new StringBuilder().Append(CultureInfo.InvariantCulture, $"{GatherUntil.UtcTicks}\n");
        foreach (var s in Seats)
            text.Append(CultureInfo.InvariantCulture, $"{s.LeaseUntil.UtcTicks}\t{(s.Given ? 1 : 0)}\t{(s.Done ? 1 : 0)}\t{s.Holder}\t{s.Address}\n");
        return Encoding.UTF8.GetBytes(text.ToString());
    }

    public static GangSeats Parse(ReadOnlySpan<byte> bytes)
    {
        var lines = Encoding.UTF8.GetString(bytes).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return new GangSeats(Time(lines[0]), [.. lines[1..].Select(static line =>
        {
            var parts = line.Split('\t');
            return new GangSeat(parts[3], parts[4], Time(parts[0]), parts[1] == "1", parts[2] == "1");
        })]);

        static DateTimeOffset Time(string ticks) => new(long.Parse(ticks, CultureInfo.InvariantCulture), TimeSpan.Zero);
    }
}
