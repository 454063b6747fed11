using System.ComponentModel;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Athanor.Compute.Linear;

namespace Athanor.Compute.Kinetics.Generation;

/// <summary>What instances of one generated type share.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class GeneratedShared
{
    internal GeneratedShared(RateTable[] tables, SparsePattern? square, RatePattern? rates)
    {
        Tables = tables;
        SquarePattern = square;
        RatePattern = rates;
    }

    public RateTable[] Tables { get; }

    public SparsePattern? SquarePattern { get; }

    public RatePattern? RatePattern { get; }
}

/// <summary>What generated code calls besides arithmetic (hence public).</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class GeneratedCode
{
    /// <summary>The first element, once it is sure that there are as many as the code will touch: it has no checks of its own.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ref T Read<T>(ReadOnlySpan<T> span, int count)
    {
        if (span.Length < count) Throw(span.Length, count);
        return ref MemoryMarshal.GetReference(span);
    }

    /// <inheritdoc cref="Read{T}"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ref T Write<T>(Span<T> span, int count)
    {
        if (span.Length < count) Throw(span.Length, count);
        return ref MemoryMarshal.GetReference(span);
    }

    /// <summary>Zeroes the whole and returns the first element.</summary>
    public static ref double Cleared(Span<double> span, int count)
    {
        if (span.Length < count) Throw(span.Length, count);
        span[..count].Clear();
        return ref MemoryMarshal.GetReference(span);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ref double Array(double[] array) => ref MemoryMarshal.GetArrayDataReference(array);

    public static double[] Parameters(ReadOnlySpan<double> parameters, int count) => parameters.Length == count
        ? parameters.ToArray()
        : throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"there are {count} parameters; {parameters.Length} are given"));

    private static void Throw(int length, int count) =>
        throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"a span has {length} elements; {count} are needed"));
}
