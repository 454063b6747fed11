using System.Collections.Immutable;

namespace Athanor.Compute.Continuation;

/// <summary>What to compute a bifurcation diagram of, and how finely.</summary>
public sealed record BifurcationRequest
{
    /// <summary>One end of the parameter's range.</summary>
    public required double From { get; init; }

    /// <summary>The other end; may be below <see cref="From"/>.</summary>
    public required double To { get; init; }

    /// <summary>Least value of each state; the search for steady states and the branches stay within.</summary>
    public required ImmutableArray<double> Lower { get; init; }

    /// <summary>Largest value of each state.</summary>
    public required ImmutableArray<double> Upper { get; init; }

    /// <summary>States to start Newton's method from besides the box' own starts (shape: any number of arrays of n).</summary>
    public ImmutableArray<ImmutableArray<double>> Guesses { get; init; } = [];

    /// <summary>At how many even parameter values between the ends steady states are searched too: finds closed branches (isolas) and
    /// others that reach neither end.</summary>
    public int InnerSearches { get; init; } = 3;

    /// <summary>Starts of the search at each of these values.</summary>
    public int Starts { get; init; } = 64;

    public ulong Seed { get; init; } = 1;

    /// <summary>Longest step along a branch, in units of the parameter's range and the states' sizes.</summary>
    public double MaximumStep { get; init; } = 0.01;

    public double MinimumStep { get; init; } = 1e-8;

    /// <summary>Points of a branch in each direction, at most.</summary>
    public int MaximumPoints { get; init; } = 4000;

    /// <summary>Whether the limit cycles born at Hopf points are followed.</summary>
    public bool Cycles { get; init; } = true;

    /// <summary>Mesh intervals of a cycle; each holds four Gauss points.</summary>
    public int CycleIntervals { get; init; } = 40;

    /// <summary>Cycles of a branch, at most.</summary>
    public int MaximumCycles { get; init; } = 400;

    /// <summary>A cycle whose period has grown by this factor since its birth is taken to approach an infinite period.</summary>
    public double MaximumPeriodFactor { get; init; } = 60.0;

    /// <exception cref="ArgumentException">A value is out of range; the message names it.</exception>
    internal void Check(int n)
    {
        if (!double.IsFinite(From) || !double.IsFinite(To) || From == To)
            throw new ArgumentException($"A parameter's range needs two different finite ends, not {From:g} and {To:g}.");
        if (Lower.Length != n || Upper.Length != n)
            throw new ArgumentException($"A box for {n} states has {n} lower and {n} upper bounds, not {Lower.Length} and {Upper.Length}.");
        for (var i = 0; i < n; i++)
        {
            if (!double.IsFinite(Lower[i]) || !double.IsFinite(Upper[i]) || !(Lower[i] < Upper[i]))
                throw new ArgumentException($"State {i + 1} cannot lie between {Lower[i]:g} and {Upper[i]:g}.");
        }
        foreach (var guess in Guesses)
        {
            if (guess.Length != n) throw new ArgumentException($"A guess for {n} states has {n} values, not {guess.Length}.");
        }
        if (!(MaximumStep > 0 && MaximumStep <= 1))
            throw new ArgumentException($"The longest step must lie in (0, 1], not be {MaximumStep:g}.");
        if (!(MinimumStep > 0 && MinimumStep < MaximumStep))
            throw new ArgumentException($"The shortest step must lie in (0, {MaximumStep:g}), not be {MinimumStep:g}.");
        if (Starts < 1) throw new ArgumentException($"A search needs at least one start, not {Starts}.");
        if (CycleIntervals is < 4 or > 1000) throw new ArgumentException($"A cycle's mesh has 4 to 1000 intervals, not {CycleIntervals}.");
        if (!(MaximumPeriodFactor > 1)) throw new ArgumentException($"The period's factor must be above 1, not {MaximumPeriodFactor:g}.");
    }
}
