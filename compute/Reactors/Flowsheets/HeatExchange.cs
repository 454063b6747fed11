namespace Athanor.Compute.Reactors.Flowsheets;

/// <summary>
/// What a unit gives to its coolant, and the balance of a jacket.
/// <code>
/// tank  C dTj/dt = F (Tc - Tj) + UA (T - Tj)
/// tube  C/L dTj/dt = -F dTj/dx + Ua A (T - Tj),  Tj = Tc where the coolant enters; x along the tube, or against it
/// </code>
/// F is the coolant's heat capacity flow (J/(s K)), C the jacket's heat capacity, Ua per volume of the tube and A its cross-section. A
/// tube's jacket is cut into the tube's cells and advected as its content is, so what the content loses the coolant gains, to rounding.
/// </summary>
internal static class HeatExchange
{
    /// <summary>UA (Tc - T) + heat of a unit, of a tube's cell per volume; and the jacket's balance where it has one.</summary>
    public static TReal Write<TReal>(
        BalanceContext<TReal> context, ReadOnlySpan<TReal> y, Span<TReal> dy, UnitPlace unit, TReal kelvin, int cell = 0)
        where TReal : unmanaged, IReal<TReal>
    {
        var heat = unit.Heat is { Parameter: -1, Signal: -1 } ? TReal.Of(0.0) : context.Get(unit.Heat);
        if (unit.Spec.Cooling is null) return heat;
        TReal transfer = context.Get(unit.Transfer), coolant = context.Get(unit.Coolant);
        if (unit.JacketState < 0) return heat + (transfer * (coolant - kelvin));
        TReal flow = context.Get(unit.JacketFlow), capacity = context.Get(unit.JacketCapacity);
        var at = unit.JacketState + (cell * unit.Width);
        var jacket = y[at];
        var taken = transfer * (kelvin - jacket);
        if (unit.Spec is not TubeSpec)
        {
            dy[at] = ((flow * (coolant - jacket)) + taken) / capacity;
            return heat - taken;
        }
        var cells = TReal.Of(unit.Cells);
        var position = unit.Counter ? unit.Cells - 1 - cell : cell;
        var volume = context.Get(unit.Area) * context.Get(unit.Size) / cells;
        dy[at] = cells / capacity * ((flow * (Leaving(y, unit, position - 1, coolant) - Leaving(y, unit, position, coolant))) + (taken * volume));
        return heat - taken;
    }

    /// <summary>The coolant's temperature where it leaves a cell, counted from where it enters; before the first cell that at which it
    /// enters.</summary>
    private static TReal Leaving<TReal>(ReadOnlySpan<TReal> y, UnitPlace unit, int position, TReal coolant)
        where TReal : unmanaged, IReal<TReal>
    {
        if (position < 0) return coolant;
        var here = At(y, unit, position);
        if (position == unit.Cells - 1) return here;
        var before = position == 0 ? TReal.Of(2.0) * (here - coolant) : here - At(y, unit, position - 1);
        return here + (TReal.Of(0.5) * TReal.Slope(before, At(y, unit, position + 1) - here));
    }

    private static TReal At<TReal>(ReadOnlySpan<TReal> y, UnitPlace unit, int position)
        where TReal : unmanaged, IReal<TReal> =>
        y[unit.JacketState + ((unit.Counter ? unit.Cells - 1 - position : position) * unit.Width)];
}
