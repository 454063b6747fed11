using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Athanor.Compute.Kinetics;

namespace Athanor.Compute.Reactors.Flowsheets;

/// <summary>
/// The number that balances are written over. A balance stands once in the source and is compiled for four kinds of number: plain
/// (<see cref="Scalar"/>), eight trajectories (<see cref="Lanes"/>, the same bits as plain), a value with its derivative in eight
/// directions (<see cref="Dual"/>, from which Jacobians and parameter derivatives come, exact to rounding), and the set of states that a
/// value depends on (<see cref="Traced"/>, from which the Jacobian's pattern comes). So no derivative of a balance is written by hand.
/// </summary>
internal interface IReal<TSelf> :
    IAdditionOperators<TSelf, TSelf, TSelf>, ISubtractionOperators<TSelf, TSelf, TSelf>, IMultiplyOperators<TSelf, TSelf, TSelf>,
    IDivisionOperators<TSelf, TSelf, TSelf>, IUnaryNegationOperators<TSelf, TSelf>
    where TSelf : unmanaged, IReal<TSelf>
{
    /// <summary>A constant.</summary>
    static abstract TSelf Of(double value);

    /// <summary><paramref name="below"/> where x &lt; limit, else <paramref name="above"/>.</summary>
    static abstract TSelf Choose(TSelf x, double limit, TSelf below, TSelf above);

    static abstract TSelf Sqrt(TSelf x);

    /// <summary>The limited slope of B. van Leer, Journal of Computational Physics 23 (1977): the harmonic mean 2ab/(a + b) of two
    /// differences of one sign, else 0.</summary>
    static abstract TSelf Slope(TSelf a, TSelf b);

    /// <summary>Rates of all reactions.</summary>
    /// <param name="rates">With the parameters set.</param>
    /// <param name="parameters">The kinetic parameters.</param>
    static abstract void Rates<TRates>(
        in TRates rates, TSelf temperature, ReadOnlySpan<TSelf> concentrations, ReadOnlySpan<TSelf> parameters, Span<TSelf> result)
        where TRates : struct, IRateSet<TRates>;
}

internal readonly struct Scalar(double value) : IReal<Scalar>
{
    public readonly double Value = value;

    public static Scalar Of(double value) => new(value);

    public static Scalar operator +(Scalar a, Scalar b) => new(a.Value + b.Value);

    public static Scalar operator -(Scalar a, Scalar b) => new(a.Value - b.Value);

    public static Scalar operator *(Scalar a, Scalar b) => new(a.Value * b.Value);

    public static Scalar operator /(Scalar a, Scalar b) => new(a.Value / b.Value);

    public static Scalar operator -(Scalar a) => new(-a.Value);

    public static Scalar Choose(Scalar x, double limit, Scalar below, Scalar above) => x.Value < limit ? below : above;

    public static Scalar Sqrt(Scalar x) => new(Math.Sqrt(x.Value));

    public static Scalar Slope(Scalar a, Scalar b) =>
        a.Value * b.Value > 0.0 ? new(2.0 * (a.Value * b.Value) / (a.Value + b.Value)) : default;

    public static void Rates<TRates>(
        in TRates rates, Scalar temperature, ReadOnlySpan<Scalar> concentrations, ReadOnlySpan<Scalar> parameters, Span<Scalar> result)
        where TRates : struct, IRateSet<TRates> =>
        rates.Rates(temperature.Value, MemoryMarshal.Cast<Scalar, double>(concentrations), MemoryMarshal.Cast<Scalar, double>(result));
}

internal readonly struct Lanes(Vector512<double> value) : IReal<Lanes>
{
    public readonly Vector512<double> Value = value;

    public static Lanes Of(double value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes operator +(Lanes a, Lanes b) => new(a.Value + b.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes operator -(Lanes a, Lanes b) => new(a.Value - b.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes operator *(Lanes a, Lanes b) => new(a.Value * b.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes operator /(Lanes a, Lanes b) => new(a.Value / b.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes operator -(Lanes a) => new(-a.Value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes Choose(Lanes x, double limit, Lanes below, Lanes above) =>
        new(Vector512.ConditionalSelect(Vector512.LessThan(x.Value, Vector512.Create(limit)), below.Value, above.Value));

    public static Lanes Sqrt(Lanes x) => new(Vector512.Sqrt(x.Value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes Slope(Lanes a, Lanes b)
    {
        var product = a.Value * b.Value;
        return new(Vector512.ConditionalSelect(
            Vector512.GreaterThan(product, Vector512<double>.Zero), 2.0 * product / (a.Value + b.Value), Vector512<double>.Zero));
    }

    public static void Rates<TRates>(
        in TRates rates, Lanes temperature, ReadOnlySpan<Lanes> concentrations, ReadOnlySpan<Lanes> parameters, Span<Lanes> result)
        where TRates : struct, IRateSet<TRates> =>
        rates.RatesLanes(
            temperature.Value, MemoryMarshal.Cast<Lanes, Vector512<double>>(concentrations),
            MemoryMarshal.Cast<Lanes, Vector512<double>>(parameters), MemoryMarshal.Cast<Lanes, Vector512<double>>(result));
}
