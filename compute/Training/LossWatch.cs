using System.Collections.Immutable;

namespace Athanor.Compute.Training;

/// <summary>What the guard remembers of the losses between check-points; immutable, so that a rollback is to take the earlier
/// one.</summary>
/// <param name="Recent">The last losses, oldest first.</param>
/// <param name="Best">The lowest loss; infinite before the first.</param>
/// <param name="SinceBest">Check-points since then.</param>
internal sealed record LossWatch(ImmutableArray<double> Recent, double Best, int SinceBest)
{
    /// <summary>Most losses remembered.</summary>
    public const int Kept = 64;

    public static readonly LossWatch Empty = new([], double.PositiveInfinity, 0);

    public LossWatch With(double loss)
    {
        var recent = Recent.Length < Kept ? Recent : Recent.RemoveAt(0);
        return new LossWatch(recent.Add(loss), Math.Min(Best, loss), loss < Best ? 0 : SinceBest + 1);
    }

    /// <summary>What is wrong with a loss that comes next, in a word or two; null if nothing is.</summary>
    public string? Problem(double loss, GuardSettings guard)
    {
        if (!double.IsFinite(loss)) return "not finite";
        if (guard.Explosion > 0.0 && loss > guard.Explosion * Best) return "explosion";
        if (guard.Oscillation > 0 && Swings(loss, guard)) return "oscillation";
        return null;
    }

    /// <summary>Whether the loss has not fallen for long.</summary>
    public bool IsFlat(GuardSettings guard) => guard.Plateau > 0 && SinceBest >= guard.Plateau;

    /// <summary>Up and down by turns, each time far.</summary>
    private bool Swings(double loss, GuardSettings guard)
    {
        var needed = guard.Oscillation;
        if (Recent.Length + 1 < needed) return false;
        var later = loss;
        var direction = 0;
        for (var i = Recent.Length - 1; i > Recent.Length - needed; i--)
        {
            var step = later - Recent[i];
            if (Math.Abs(step) <= guard.Swing * Math.Min(Math.Abs(later), Math.Abs(Recent[i]))) return false;
            if (direction != 0 && Math.Sign(step) == direction) return false;
            (direction, later) = (Math.Sign(step), Recent[i]);
        }
        return true;
    }
}
