using System.Runtime.Intrinsics;

namespace Athanor.Compute.Ode;

/// <summary>
/// Notices that an explicit method's step is bounded by stability rather than by accuracy, as DOPRI5 does (E. Hairer, G. Wanner, Solving
/// Ordinary Differential Equations II, IV.2, eq. 2.24): the last two stages of a step are slopes at the same time, so
/// |f(v) - f(w)| / |v - w| estimates the size of the fastest eigenvalue along what the step leaves of it. When h times that is beyond
/// <see cref="Boundary"/> in <see cref="Strikes"/> steps, not interrupted by <see cref="Pardon"/> others in a row, the problem is stiff.
/// </summary>
internal struct StiffnessWatch
{
    /// <summary>Tsit5 is stable on the negative real axis down to -3.51.</summary>
    public const double Boundary = 3.2;

    /// <summary>Hairer and Wanner take 15 strikes. An ignition leaves a tank's concentration slaved to its temperature for up to 75 steps,
    /// after which nothing is stiff any more; a problem that stays stiff has thousands, and loses no more by a hundred than some twenty stiff
    /// steps cost.</summary>
    public const int Strikes = 100, Pardon = 6;

    /// <summary>Explicit steps that must lie ahead for another method to be worth its start.</summary>
    public const double Ahead = 150.0;

    /// <summary>Explicit steps, tried, after which the stiff method may try one of its own: tight tolerances can hold steps just within
    /// the boundary for ever.</summary>
    public const int Patience = 20_000;

    private int _strikes, _calm;

    /// <summary>Whether a solve is to end where the problem is found stiff; otherwise the watch only knows the rate.</summary>
    public bool Ends { get; init; }

    /// <summary>Whether another method is to go on from where the solve has ended.</summary>
    public bool HandsOver { get; set; }

    /// <summary>Whether the limit of steps is the user's own, which ends a solve with an error though a stiff method stands by.</summary>
    public bool LimitIsFinal { get; init; }

    /// <summary>Estimate of the fastest rate, per unit of time, from the step that was looked at last; 0 before.</summary>
    public double Rate { get; private set; }

    /// <summary>Looks at an accepted step and says whether to end here.</summary>
    /// <param name="left">Time from the step's start to the solve's end.</param>
    /// <param name="k6">Slope at (t + h, <paramref name="u6"/>).</param>
    /// <param name="k7">Slope at (t + h, <paramref name="next"/>).</param>
    public bool Look(
        double h, double left, int n, ReadOnlySpan<double> k6, ReadOnlySpan<double> k7, ReadOnlySpan<double> u6, ReadOnlySpan<double> next)
    {
        double slopes = 0.0, states = 0.0;
        if (n < Tsit5.Wide)
        {
            for (var i = 0; i < n; i++)
            {
                double slope = k7[i] - k6[i], state = next[i] - u6[i];
                slopes = Math.FusedMultiplyAdd(slope, slope, slopes);
                states = Math.FusedMultiplyAdd(state, state, states);
            }
        }
        else
        {
            Vector512<double> slopeSums = Vector512<double>.Zero, stateSums = Vector512<double>.Zero;
            for (var i = 0; i < k6.Length; i += 8)
            {
                var slope = Vector512.Create(k7[i..]) - Vector512.Create(k6[i..]);
                var state = Vector512.Create(next[i..]) - Vector512.Create(u6[i..]);
                slopeSums = Vector512.FusedMultiplyAdd(slope, slope, slopeSums);
                stateSums = Vector512.FusedMultiplyAdd(state, state, stateSums);
            }
            slopes = ErrorNorm.Tree(slopeSums);
            states = ErrorNorm.Tree(stateSums);
        }
        if (!(states > 0.0)) return false;
        var size = h * h * slopes;
        if (size > Boundary * Boundary * states)
        {
            Rate = Math.Sqrt(slopes / states);
            _calm = 0;
            _strikes++;
        }
        else if (++_calm == Pardon)
        {
            _strikes = 0;
        }
        return HandsOver = Ends && _strikes >= Strikes && left > h * Ahead;
    }
}
