using System.Runtime.Intrinsics;

namespace Athanor.Compute.Ode;

/// <summary>
/// Notices that an explicit method's step is bounded by stability rather than by accuracy, as DOPRI5 does (E. Hairer, G. Wanner, Solving
/// Ordinary Differential Equations II, IV.2, eq. 2.24): the last two stages of a step are slopes at the same time, so
/// |f(v) - f(w)| / |v - w| estimates the size of the fastest eigenvalue along what the step leaves of it. When h times that is beyond
/// <see cref="Boundary"/> in <see cref="Strikes"/> steps, not interrupted by <see cref="Pardon"/> others in a row, a stiff method is
/// asked what step it would take (see <see cref="AutoSolve"/>), which alone decides.
/// </summary>
/// <remarks>The norms are the error's: every component over its tolerance. A fast component is small in most stiff problems (Robertson's
/// second is 1e-5 of the others), and in plain norms it is not seen beside the errors of the slow ones when tolerances are tight.</remarks>
internal struct StiffnessWatch
{
    /// <summary>Tsit5 is stable on the negative real axis down to -3.51. At tight tolerances what the boundary lets grow holds the step
    /// well inside; a try that does not pay costs little, so the question is asked early.</summary>
    public const double Boundary = 2.0;

    /// <summary>As Hairer and Wanner take them.</summary>
    public const int Strikes = 15, Pardon = 6;

    /// <summary>Explicit steps that must lie ahead for a try to be worth its cost.</summary>
    public const double Ahead = 50.0;

    /// <summary>Explicit steps, tried, after which the stiff method may try one of its own whatever the watch says.</summary>
    public const int Patience = 20_000;

    private int _strikes, _calm;

    public StiffnessWatch()
    {
    }

    /// <summary>Whether a solve is to end where a stiff method shall be tried; otherwise nothing is looked at.</summary>
    public bool Ends { get; init; }

    /// <summary>Strikes that end it; more after every try that did not pay.</summary>
    public int Wanted { get; init; } = Strikes;

    /// <summary>Whether the limit of steps is the user's own, which ends a solve with an error though a stiff method stands by.</summary>
    public bool LimitIsFinal { get; init; }

    /// <summary>Whether the solve ended because the step became too short for the explicit method: then the stiff one must go on.</summary>
    public bool TooShort { get; set; }

    /// <summary>Looks at an accepted step and says whether to end here.</summary>
    /// <param name="left">Time from the step's start to the solve's end.</param>
    /// <param name="k6">Slope at (t + h, <paramref name="u6"/>).</param>
    /// <param name="k7">Slope at (t + h, <paramref name="next"/>).</param>
    /// <param name="atol">As many as states (and padding); a system of blocks has those of the first block and then ones, so that the
    /// others hardly count.</param>
    public bool Look(
        double h, double left, int n, ReadOnlySpan<double> k6, ReadOnlySpan<double> k7, ReadOnlySpan<double> u6, ReadOnlySpan<double> next,
        double rtol, ReadOnlySpan<double> atol)
    {
        if (!Ends) return false;
        var (slopes, states) = Squares(n, k6, k7, u6, next, rtol, atol);
        if (!(states > 0.0)) return false;
        if (h * h * slopes > Boundary * Boundary * states)
        {
            _calm = 0;
            _strikes++;
        }
        else if (++_calm == Pardon)
        {
            _strikes = 0;
        }
        return _strikes >= Wanted && left > h * Ahead;
    }

    /// <summary>The estimate of the fastest rate, per unit of time, from the step that was tried last; 0 where it does not bound a step
    /// h.</summary>
    public static double Rate(
        double h, int n, ReadOnlySpan<double> k6, ReadOnlySpan<double> k7, ReadOnlySpan<double> u6, ReadOnlySpan<double> next, double rtol,
        ReadOnlySpan<double> atol)
    {
        var (slopes, states) = Squares(n, k6, k7, u6, next, rtol, atol);
        var rate = Math.Sqrt(slopes / states);
        return h * rate > Boundary ? rate : 0.0;
    }

    private static (double Slopes, double States) Squares(
        int n, ReadOnlySpan<double> k6, ReadOnlySpan<double> k7, ReadOnlySpan<double> u6, ReadOnlySpan<double> next, double rtol,
        ReadOnlySpan<double> atol)
    {
        double slopes = 0.0, states = 0.0;
        if (n < Tsit5.Wide)
        {
            for (var i = 0; i < n; i++)
            {
                var weight = 1.0 / Math.FusedMultiplyAdd(Math.Abs(next[i]), rtol, atol[i]);
                double slope = (k7[i] - k6[i]) * weight, state = (next[i] - u6[i]) * weight;
                slopes = Math.FusedMultiplyAdd(slope, slope, slopes);
                states = Math.FusedMultiplyAdd(state, state, states);
            }
            return (slopes, states);
        }
        Vector512<double> slopeSums = Vector512<double>.Zero, stateSums = Vector512<double>.Zero, r = Vector512.Create(rtol);
        for (var i = 0; i < k6.Length; i += 8)
        {
            var after = Vector512.Create(next[i..]);
            var weight = Vector512<double>.One / Vector512.FusedMultiplyAdd(Vector512.Abs(after), r, Vector512.Create(atol[i..]));
            var slope = (Vector512.Create(k7[i..]) - Vector512.Create(k6[i..])) * weight;
            var state = (after - Vector512.Create(u6[i..])) * weight;
            slopeSums = Vector512.FusedMultiplyAdd(slope, slope, slopeSums);
            stateSums = Vector512.FusedMultiplyAdd(state, state, stateSums);
        }
        return (ErrorNorm.Tree(slopeSums), ErrorNorm.Tree(stateSums));
    }
}
