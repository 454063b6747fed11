namespace Athanor.Compute.Numerics;

/// <summary>
/// One vector type and its operations, as a type argument: a kernel written once over it is compiled for 512, 256 and 128 bits and for
/// scalars. Every operation is rounded once, lane by lane, so all widths give the same bits.
/// </summary>
/// <typeparam name="TVector">The vector; the number itself for scalars.</typeparam>
/// <typeparam name="T">float or double.</typeparam>
internal unsafe interface ILanes<TVector, T>
    where T : unmanaged
{
    static abstract int Count { get; }

    static abstract TVector Create(T value);

    static abstract TVector Load(T* from);

    static abstract void Store(TVector value, T* to);

    static abstract TVector Add(TVector a, TVector b);

    static abstract TVector Subtract(TVector a, TVector b);

    static abstract TVector Multiply(TVector a, TVector b);

    static abstract TVector Divide(TVector a, TVector b);

    /// <summary>a b + c, rounded once.</summary>
    static abstract TVector Fma(TVector a, TVector b, TVector c);

    /// <summary>-a b + c, rounded once.</summary>
    static abstract TVector FmaNegated(TVector a, TVector b, TVector c);

    static abstract TVector Abs(TVector a);

    /// <summary>The magnitude (which is not negative) with the sign of another number.</summary>
    static abstract TVector WithSign(TVector magnitude, TVector sign);

    /// <summary>a &lt; b ? then : otherwise, per lane; NaN is less than nothing.</summary>
    static abstract TVector IfLess(TVector a, TVector b, TVector then, TVector otherwise);

    /// <summary>2^n of the integer n in the low bits of n + 1.5 · 2^(mantissa bits); n within the normal exponents.</summary>
    static abstract TVector PowerOfTwo(TVector shifted);

    /// <summary>m 2^n, rounded once also below the normal range, for m in [½, 4) and n as for <see cref="PowerOfTwo"/> but in twice the
    /// range of the normal exponents.</summary>
    static abstract TVector Scale(TVector m, TVector shifted);

    /// <summary>The square tile [Count, Count] at <paramref name="from"/>, mirrored at its diagonal.</summary>
    static abstract void Transpose(T* from, nint fromStride, T* to, nint toStride);
}
