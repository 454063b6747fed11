namespace Athanor.Compute.Control;

/// <summary>Asked between pieces of work: once it says so, the controller answers with the best feasible move that it has.</summary>
public interface IDeadline
{
    bool Expired { get; }
}

/// <summary>Deadlines to inject: none, a count of pieces of work (the same in every run), a time.</summary>
public static class Deadline
{
    public static IDeadline None { get; } = new Never();

    /// <summary>Expires when asked for the <paramref name="pieces"/> + first time; 0 is expired at once.</summary>
    public static IDeadline AfterPieces(int pieces) => new Counted(pieces);

    /// <summary>Expires <paramref name="time"/> after this call.</summary>
    public static IDeadline AfterTime(TimeProvider clock, TimeSpan time) => new Timed(clock, time);

    private sealed class Never : IDeadline
    {
        public bool Expired => false;
    }

    private sealed class Counted(int pieces) : IDeadline
    {
        private int _left = pieces;

        public bool Expired => _left <= 0 || --_left < 0;
    }

    private sealed class Timed(TimeProvider clock, TimeSpan time) : IDeadline
    {
        private readonly long _start = clock.GetTimestamp();

        public bool Expired => clock.GetElapsedTime(_start) >= time;
    }
}
