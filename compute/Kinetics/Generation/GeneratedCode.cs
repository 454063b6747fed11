using System.ComponentModel;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Athanor.Compute.Linear;
using Athanor.Compute.Ode;

namespace Athanor.Compute.Kinetics.Generation;

/// <summary>What instances of one generated type share.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class GeneratedShared
{
    internal GeneratedShared(RateTable[] tables, SparsePattern? square, RatePattern? rates, int[]? dense = null)
    {
        DensePlaces = dense ?? [];
        Tables = tables;
        SquarePattern = square;
        RatePattern = rates;
    }

    public RateTable[] Tables { get; }

    public SparsePattern? SquarePattern { get; }

    public RatePattern? RatePattern { get; }

    /// <summary>Where each entry of the pattern stands in the dense matrix.</summary>
    public int[] DensePlaces { get; }
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

    /// <inheritdoc cref="Cleared"/>
    public static ref Vector512<double> ClearedLanes(Span<Vector512<double>> span, int count)
    {
        if (span.Length < count) Throw(span.Length, count);
        span[..count].Clear();
        return ref MemoryMarshal.GetReference(span);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ref double Array(double[] array) => ref MemoryMarshal.GetArrayDataReference(array);

    /// <summary>The dense Jacobian of a large model from its sparse one: code as long as theirs takes longer to compile twice than it takes
    /// to copy its results.</summary>
    [SkipLocalsInit]
    public static void Dense<TModel>(
        ref TModel model, double t, ReadOnlySpan<double> y, Span<double> jacobian, GeneratedShared shared, int count)
        where TModel : struct, ISparseOdeModel
    {
        var places = shared.DensePlaces;
        var values = places.Length <= 512 ? stackalloc double[512] : new double[places.Length];
        model.JacobianValues(t, y, values);
        if (jacobian.Length < count) Throw(jacobian.Length, count);
        jacobian[..count].Clear();
        // The places are below the count, by the pattern that both are made of.
        ref var to = ref MemoryMarshal.GetReference(jacobian);
        ref var from = ref MemoryMarshal.GetReference(values);
        for (var i = 0; i < places.Length; i++) Unsafe.Add(ref to, places[i]) = Unsafe.Add(ref from, i);
    }

    public static double[] Parameters(ReadOnlySpan<double> parameters, int count) => parameters.Length == count
        ? parameters.ToArray()
        : throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"there are {count} parameters; {parameters.Length} are given"));

    private static void Throw(int length, int count) =>
        throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"a span has {length} elements; {count} are needed"));
}
