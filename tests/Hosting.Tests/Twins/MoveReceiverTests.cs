using Athanor.Hosting.Ingest;
using Athanor.Hosting.Stores;
using Athanor.Protocol;
using Athanor.Protocol.Twins;
using Hosting.Tests.Sqlite;

namespace Hosting.Tests.Twins;

public sealed class MoveReceiverTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly Dictionary<string, double> _actuators = [];
    private readonly ManualTime _time = new();
    private readonly MoveReceiver _receiver;

    public MoveReceiverTests() => _receiver = new MoveReceiver(
        "default", "r-101", [new ReceiverActuator("q", 5, 35, 14)], (name, value) => _actuators[name] = value, _time);

    [Fact]
    public void A_move_is_acted_on_once_and_older_ones_of_any_owner_are_dropped()
    {
        Assert.Equal(MoveVerdict.Taken, _receiver.Take(Move(5, 12, 20)));
        Assert.Equal(20, _actuators["q"]);
        Assert.Equal(MoveVerdict.Older, _receiver.Take(Move(5, 12, 21)));
        Assert.Equal(MoveVerdict.Older, _receiver.Take(Move(5, 11, 21)));
        // A former owner's, which was long on its way, whatever its number.
        Assert.Equal(MoveVerdict.Older, _receiver.Take(Move(4, 99, 21)));
        Assert.Equal(20, _actuators["q"]);
        // The store went back to a backup: its incarnation rose, numbers fell.
        Assert.Equal(MoveVerdict.Taken, _receiver.Take(Move(1, 3, 22, incarnation: 2)));
        Assert.Equal(22, _actuators["q"]);
    }

    [Fact]
    public void An_expired_move_has_no_effect() =>
        Assert.Equal((MoveVerdict.Expired, 0), (_receiver.Take(Move(1, 1, 20, validFor: -1)), _actuators.Count));

    [Fact]
    public void When_the_heartbeat_stops_the_actuators_go_to_their_fallback_and_follow_again_with_the_next_move()
    {
        _receiver.Take(Move(1, 1, 20));
        _time.Advance(TimeSpan.FromSeconds(60));
        Assert.Equal(ReceiverState.Following, _receiver.Tick());
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal((ReceiverState.Fallback, 14.0), (_receiver.Tick(), _actuators["q"]));
        Assert.Equal(MoveVerdict.Taken, _receiver.Take(Move(1, 2, 21, validFor: 120)));
        Assert.Equal((ReceiverState.Following, 21.0), (_receiver.Tick(), _actuators["q"]));
    }

    [Fact]
    public void A_move_without_set_points_gives_the_plant_back_to_the_operator()
    {
        _receiver.Take(Move(1, 1, 20));
        Assert.Equal(MoveVerdict.Taken, _receiver.Take(Move(1, 2, null)));
        _time.Advance(TimeSpan.FromHours(1));
        Assert.Equal((ReceiverState.Local, 20.0), (_receiver.Tick(), _actuators["q"]));
    }

    [Theory]
    [InlineData("q", 36.0)]
    [InlineData("Qk", 10.0)]
    public void Nothing_of_a_move_is_done_if_a_part_of_it_cannot_be(string name, double value) =>
        Assert.Equal((MoveVerdict.Foreign, 0), (_receiver.Take(Move(1, 1, value, name: name)), _actuators.Count));

    [Fact]
    public void What_is_no_move_is_said() =>
        Assert.Throws<FormatException>(() => ReceivedMove.Parse("""{"sequence": 1}"""u8.ToArray()));

    private static ReceivedMove Move(long epoch, long sequence, double? value, long incarnation = 1, double validFor = 60, string name = "q")
    {
        var move = new TwinMoved(
            sequence, value is { } v ? System.Collections.Immutable.ImmutableSortedDictionary<string, double>.Empty.Add(name, v)
                : System.Collections.Immutable.ImmutableSortedDictionary<string, double>.Empty, Start, Start.AddSeconds(validFor));
        var row = new JournalRow(
            0, 1, new Epoch(incarnation, epoch), EntityAddress.Of("twins", "r-101"), 1, default, Start, "system", null, default, default);
        return ReceivedMove.Parse(MovePublisher.Encode(row, move));
    }
}
