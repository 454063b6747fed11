namespace Athanor.Hosting.Stores.Postgres;

/// <summary>How far this machine's clock is from the server's.</summary>
/// <param name="Ahead">Of the server's clock before this machine's; negative if it is behind.</param>
/// <param name="Uncertain">Half the round trip: the true difference lies within so much of it.</param>
public sealed record ClockSkew(TimeSpan Ahead, TimeSpan Uncertain)
{
    /// <summary>The least that the difference can be.</summary>
    public TimeSpan AtLeast => Ahead.Duration() > Uncertain ? Ahead.Duration() - Uncertain : TimeSpan.Zero;
}

/// <summary>The two clocks. Leases are judged by the server's alone; but a node falls silent by its own, stamps events by it, and its keys
/// carry its time.</summary>
public sealed partial class PostgresStore
{
    private const int SkewTries = 3;

    /// <summary>The difference of the clocks, from the quickest of a few round trips.</summary>
    public async Task<ClockSkew> MeasureSkew(CancellationToken cancellation)
    {
        ClockSkew? best = null;
        for (var i = 0; i < SkewTries; i++)
        {
            var (before, begun) = (_time.GetUtcNow(), _time.GetTimestamp());
            var server = await Now(cancellation).ConfigureAwait(false);
            var half = _time.GetElapsedTime(begun) / 2;
            if (best is null || half < best.Uncertain) best = new ClockSkew(server - (before + half), half);
        }
        return best!;
    }

    /// <summary>Measures, warns beyond <see cref="PostgresStoreOptions.WarnSkew"/>, and refuses beyond
    /// <see cref="PostgresStoreOptions.MaxSkew"/>.</summary>
    /// <exception cref="StoreException">The clocks are too far apart for a node.</exception>
    public async Task<ClockSkew> CheckSkew(CancellationToken cancellation)
    {
        var skew = await MeasureSkew(cancellation).ConfigureAwait(false);
        var text = $"this machine's clock is {skew.Ahead.Duration().TotalSeconds:F1} s {(skew.Ahead > TimeSpan.Zero ? "behind" : "ahead of")} "
            + $"that of {Target} (within {skew.Uncertain.TotalMilliseconds:F0} ms)";
        if (skew.AtLeast > _options.MaxSkew)
        {
            throw new StoreException(
                $"{text}; more than {_options.MaxSkew.TotalSeconds} s keeps a node out: set both clocks, for instance with chrony");
        }
        if (skew.AtLeast > _options.WarnSkew) _options.OnWarning?.Invoke($"{text}; set both clocks before it grows");
        return skew;
    }
}
