using System.Runtime.CompilerServices;

namespace Athanor.Compute.Reactors.Flowsheets;

/// <summary>Values of the balances' quantities at one time, and how fast they change.</summary>
internal readonly ref struct BalanceContext<TReal>(Stretch stretch, TReal t, ReadOnlySpan<TReal> parameters)
    where TReal : unmanaged, IReal<TReal>
{
    private readonly Stretch _stretch = stretch;
    private readonly TReal _t = t;

    public ReadOnlySpan<TReal> Parameters { get; } = parameters;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TReal Get(Quantity quantity)
    {
        if (quantity.Parameter >= 0) return Parameters[quantity.Parameter];
        var (origin, value, slope) = _stretch.Pieces[quantity.Signal];
        return slope == 0.0 ? TReal.Of(value) : TReal.Of(value) + (TReal.Of(slope) * (_t - TReal.Of(origin)));
    }

    public TReal Slope(Quantity quantity) => TReal.Of(quantity.Signal < 0 ? 0.0 : _stretch.Pieces[quantity.Signal].Slope);
}
