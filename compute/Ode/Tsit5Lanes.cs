using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Athanor.Compute.Ode;

/// <summary>
/// Many trajectories of one model by <see cref="Tsit5"/>, eight at a time in the lanes of a vector, two vectors in flight so that one's
/// arithmetic hides the other's latency.
/// </summary>
/// <remarks>
/// Every lane has its own time, parameters, step size and step control (the rule of <see cref="StepControl"/>), and takes the next
/// trajectory as soon as its own is done, so no lane waits for another. All arithmetic is lane by lane, elementary functions and the
/// controller's powers included, in the order of the scalar method: a trajectory has the same bits alone or in any batch, in any place of
/// it, on any number of threads and in registers of any width, and they are the bits of <see cref="Tsit5.Solve"/> (for models that keep
/// their promise, see <see cref="ILaneOdeModel"/>).
/// <para>A step: try it in all lanes; show it to the observer where that asks; take it over where it was accepted and set the next step
/// sizes; load new trajectories into lanes that reached the end or failed. A lane without a trajectory has step zero and stays where it
/// is. A trajectory that fails leaves its lane and is handed to <see cref="LaneWork.Fail"/>; the others do not notice.</para>
/// </remarks>
internal static class Tsit5Lanes
{
    public const int Lanes = 8;

    private const int LargestPair = 16;

    /// <summary>Takes trajectories from <paramref name="work"/> until none is left; several threads may do so on the same work.</summary>
    public static void Run<TModel, TObserver>(in TModel model, LaneWork work, ref TObserver observer, CancellationToken cancellation)
        where TModel : struct, ILaneOdeModel
        where TObserver : struct, ILaneObserver
    {
        var n = model.Dimension;
        // Two groups of many states would push each other out of the first cache.
        var groups = work.Count > Lanes && n <= LargestPair ? LaneObservers.Groups : 1;
        var shape = new LaneShape(n, work.ParameterCount);
        // Pinned and aligned to a cache line: a vector across two lines costs twice.
        var memory = GC.AllocateArray<double>((groups * shape.Size * Lanes) + Lanes, pinned: true);
        ref var first = ref Align(memory);
        var run = new LaneRun<TModel>(model, work, shape);
        for (var g = 0; g < groups; g++) run.Start(ref Unsafe.Add(ref first, g * shape.Size), g, ref observer);
        for (var round = 0; run.Alive > 0; round++)
        {
            if ((round & 63) == 0) cancellation.ThrowIfCancellationRequested();
            Try(model, ref first, groups, shape);
            for (var g = 0; g < groups; g++) run.Finish(ref Unsafe.Add(ref first, g * shape.Size), g, ref observer);
        }
        work.Add(new OdeStatistics(run.AcceptedSteps, run.TriedSteps - run.AcceptedSteps, 6 * run.TriedSteps));
    }

    internal static ref Vector512<double> Align(double[] memory)
    {
        ref var start = ref MemoryMarshal.GetArrayDataReference(memory);
        nint address;
        unsafe
        {
            address = (nint)Unsafe.AsPointer(ref start);
        }
        return ref Unsafe.As<double, Vector512<double>>(ref Unsafe.AddByteOffset(ref start, (64 - (address & 63)) & 63));
    }

    /// <summary>Tries one step in every lane. Stage by stage over all groups, so that the groups' chains of dependent operations
    /// overlap.</summary>
    private static void Try<TModel>(in TModel model, ref Vector512<double> first, int groups, LaneShape shape)
        where TModel : struct, ILaneOdeModel
    {
        var n = model.Dimension;
        int size = shape.Size, np = shape.Parameters;
        for (var g = 0; g < groups; g++)
        {
            ref var c = ref Unsafe.Add(ref first, g * size);
            ref var p = ref Unsafe.Add(ref c, LaneShape.ParametersAt);
            ref var y = ref Unsafe.Add(ref p, np);
            ref var u = ref Unsafe.Add(ref y, 2 * n);
            ref var k1 = ref Unsafe.Add(ref u, n);
            var wanted = At(ref c, LaneShape.H);
            var left = At(ref c, LaneShape.Stop) - At(ref c, LaneShape.T);
            var reached = Vector512.GreaterThanOrEqual(wanted * Vector512.Create(Tsit5.OntoTarget), left);
            var h = Vector512.ConditionalSelect(reached, left, wanted);
            At(ref c, LaneShape.Reached) = reached;
            At(ref c, LaneShape.Step) = h;
            for (var i = 0; i < n; i++) At(ref u, i) = Fma(h, At(ref k1, i) * Tsit5.A21, At(ref y, i));
            model.RhsLanes(Fma(h, Tsit5.C2, At(ref c, LaneShape.T)), In(ref u, n), In(ref p, np), Out(ref k1, n, n));
        }
        for (var g = 0; g < groups; g++)
        {
            ref var c = ref Unsafe.Add(ref first, g * size);
            ref var p = ref Unsafe.Add(ref c, LaneShape.ParametersAt);
            ref var y = ref Unsafe.Add(ref p, np);
            ref var u = ref Unsafe.Add(ref y, 2 * n);
            ref var k1 = ref Unsafe.Add(ref u, n);
            var h = At(ref c, LaneShape.Step);
            for (var i = 0; i < n; i++)
            {
                ref var k = ref At(ref k1, i);
                At(ref u, i) = Fma(h, Fma(At(ref k, n), Tsit5.A32, k * Tsit5.A31), At(ref y, i));
            }
            model.RhsLanes(Fma(h, Tsit5.C3, At(ref c, LaneShape.T)), In(ref u, n), In(ref p, np), Out(ref k1, 2 * n, n));
        }
        for (var g = 0; g < groups; g++)
        {
            ref var c = ref Unsafe.Add(ref first, g * size);
            ref var p = ref Unsafe.Add(ref c, LaneShape.ParametersAt);
            ref var y = ref Unsafe.Add(ref p, np);
            ref var u = ref Unsafe.Add(ref y, 2 * n);
            ref var k1 = ref Unsafe.Add(ref u, n);
            var h = At(ref c, LaneShape.Step);
            for (var i = 0; i < n; i++)
            {
                ref var k = ref At(ref k1, i);
                var sum = Fma(At(ref k, 2 * n), Tsit5.A43, Fma(At(ref k, n), Tsit5.A42, k * Tsit5.A41));
                At(ref u, i) = Fma(h, sum, At(ref y, i));
            }
            model.RhsLanes(Fma(h, Tsit5.C4, At(ref c, LaneShape.T)), In(ref u, n), In(ref p, np), Out(ref k1, 3 * n, n));
        }
        for (var g = 0; g < groups; g++)
        {
            ref var c = ref Unsafe.Add(ref first, g * size);
            ref var p = ref Unsafe.Add(ref c, LaneShape.ParametersAt);
            ref var y = ref Unsafe.Add(ref p, np);
            ref var u = ref Unsafe.Add(ref y, 2 * n);
            ref var k1 = ref Unsafe.Add(ref u, n);
            var h = At(ref c, LaneShape.Step);
            for (var i = 0; i < n; i++)
            {
                ref var k = ref At(ref k1, i);
                var sum = Fma(At(ref k, 2 * n), Tsit5.A53, Fma(At(ref k, n), Tsit5.A52, k * Tsit5.A51));
                At(ref u, i) = Fma(h, Fma(At(ref k, 3 * n), Tsit5.A54, sum), At(ref y, i));
            }
            model.RhsLanes(Fma(h, Tsit5.C5, At(ref c, LaneShape.T)), In(ref u, n), In(ref p, np), Out(ref k1, 4 * n, n));
        }
        for (var g = 0; g < groups; g++)
        {
            ref var c = ref Unsafe.Add(ref first, g * size);
            ref var p = ref Unsafe.Add(ref c, LaneShape.ParametersAt);
            ref var y = ref Unsafe.Add(ref p, np);
            ref var u = ref Unsafe.Add(ref y, 2 * n);
            ref var k1 = ref Unsafe.Add(ref u, n);
            var h = At(ref c, LaneShape.Step);
            for (var i = 0; i < n; i++)
            {
                ref var k = ref At(ref k1, i);
                var sum = Fma(At(ref k, 2 * n), Tsit5.A63, Fma(At(ref k, n), Tsit5.A62, k * Tsit5.A61));
                sum = Fma(At(ref k, 4 * n), Tsit5.A65, Fma(At(ref k, 3 * n), Tsit5.A64, sum));
                At(ref u, i) = Fma(h, sum, At(ref y, i));
            }
            model.RhsLanes(At(ref c, LaneShape.T) + h, In(ref u, n), In(ref p, np), Out(ref k1, 5 * n, n));
        }
        for (var g = 0; g < groups; g++)
        {
            ref var c = ref Unsafe.Add(ref first, g * size);
            ref var p = ref Unsafe.Add(ref c, LaneShape.ParametersAt);
            ref var y = ref Unsafe.Add(ref p, np);
            ref var next = ref Unsafe.Add(ref y, n);
            ref var k1 = ref Unsafe.Add(ref next, 2 * n);
            var h = At(ref c, LaneShape.Step);
            for (var i = 0; i < n; i++)
            {
                ref var k = ref At(ref k1, i);
                var sum = Fma(At(ref k, 2 * n), Tsit5.B3, Fma(At(ref k, n), Tsit5.B2, k * Tsit5.B1));
                sum = Fma(At(ref k, 5 * n), Tsit5.B6, Fma(At(ref k, 4 * n), Tsit5.B5, Fma(At(ref k, 3 * n), Tsit5.B4, sum)));
                At(ref next, i) = Fma(h, sum, At(ref y, i));
            }
            model.RhsLanes(At(ref c, LaneShape.T) + h, In(ref next, n), In(ref p, np), Out(ref k1, 6 * n, n));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ReadOnlySpan<Vector512<double>> In(ref Vector512<double> first, int length) =>
        MemoryMarshal.CreateReadOnlySpan(ref first, length);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Span<Vector512<double>> Out(ref Vector512<double> first, int offset, int length) =>
        MemoryMarshal.CreateSpan(ref Unsafe.Add(ref first, offset), length);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ref Vector512<double> At(ref Vector512<double> first, int i) => ref Unsafe.Add(ref first, i);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> Fma(Vector512<double> a, Vector512<double> b, Vector512<double> c) =>
        Vector512.FusedMultiplyAdd(a, b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> Fma(Vector512<double> a, double b, Vector512<double> c) =>
        Vector512.FusedMultiplyAdd(a, Vector512.Create(b), c);
}

/// <summary>Where the numbers of eight lanes lie, counted in vectors: control, parameters, y, next y, stage argument, seven stages.</summary>
internal readonly record struct LaneShape(int Dimension, int Parameters)
{
    // Time, wanted step, time to step onto, step tried, square of the scaled error and logarithm of the last
    // accepted one, and as masks whether the last try
    // was rejected, this one accepted, and whether it ends at the time to step onto; steps tried; strikes and calm of the stiffness watch.
    public const int T = 0, H = 1, Stop = 2, Step = 3, Square = 4, Last = 5, Rejected = 6, Accepted = 7, Reached = 8, Steps = 9, Strikes = 10;
    public const int Calm = 11;

    /// <summary>Two times eight vectors for partial sums.</summary>
    public const int Sums = 12;

    /// <summary>Last accepted step, most steps that may be tried, strikes that end a trajectory here.</summary>
    public const int LastStep = 28, Limit = 29, Wanted = 30;

    public const int ParametersAt = 32;

    public int Y => ParametersAt + Parameters;

    public int Next => Y + Dimension;

    public int Argument => Next + Dimension;

    public int K => Argument + Dimension;

    public int Size => K + (Tsit5.Stages * Dimension);
}
