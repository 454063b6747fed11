using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Athanor.Compute.Linear;

namespace Athanor.Compute.Ode;

/// <summary>
/// Many stiff trajectories of one model by <see cref="Rodas5P"/>, eight at a time in the lanes of a vector; for models of up to
/// <see cref="LaneLu.Largest"/> states without a mass matrix.
/// </summary>
/// <remarks>
/// Every lane has its own time, parameters, step size and step control (the rule of <see cref="PredictiveControl"/>), Jacobian, pivots and
/// stops, and takes the next trajectory as soon as its own is done. All arithmetic is lane by lane in the order of
/// <see cref="Rodas5PStepper"/>, whose small and wide forms differ in a few roundings and so do these: a trajectory has the bits of
/// <see cref="Rodas5P.Solve"/> in any place of any batch, on any number of threads and in registers of any width (for models that keep
/// their promise, see <see cref="ILaneOdeModel"/>).
/// <para>A step: Jacobians where the last one was accepted (in lanes if the model has them so, else one by one), factors with pivots of
/// each lane's own, eight stages; then <see cref="Rodas5PLaneRun{TModel}"/> judges it, shows it, takes it over and refills. A lane whose
/// matrix is singular has its step rejected; one that cannot go on hands its trajectory to <see cref="LaneWork.SolveAlone"/>. A lane
/// without a trajectory calculates what nobody looks at.</para>
/// </remarks>
internal static class Rodas5PLanes
{
    public const int Lanes = 8;

    // Two groups of more states would push each other out of the first cache.
    private const int LargestPair = 4;

    /// <summary>Whether a model of so many states can be solved in lanes.</summary>
    public static bool Takes<TModel>(in TModel model)
        where TModel : struct, IStiffOdeModel => model.Dimension is > 0 and <= LaneLu.Largest && model is not IMassOdeModel;

    /// <summary>Takes trajectories from <paramref name="work"/> until none is left; several threads may do so on the same work.</summary>
    public static void Run<TModel, TObserver>(in TModel model, LaneWork work, ref TObserver observer, CancellationToken cancellation)
        where TModel : struct, IOdeModel<TModel>
        where TObserver : struct, IStiffLaneObserver
    {
        var n = model.Dimension;
        var groups = work.Available > Lanes && n <= LargestPair ? 2 : 1;
        var shape = new StiffLaneShape(n, work.ParameterCount);
        var memory = GC.AllocateArray<double>((groups * shape.Size * Lanes) + Lanes, pinned: true);
        ref var first = ref Tsit5Lanes.Align(memory);
        var run = new Rodas5PLaneRun<TModel>(model, work, shape, groups);
        for (var g = 0; g < groups; g++) run.Start(ref Unsafe.Add(ref first, g * shape.Size), g, ref observer);
        for (var round = 0; run.Alive > 0; round++)
        {
            if ((round & 63) == 0) cancellation.ThrowIfCancellationRequested();
            for (var g = 0; g < groups; g++) run.Prepare(ref Unsafe.Add(ref first, g * shape.Size), g);
            for (var s = 0; s < Rodas5P.Stages; s++)
            {
                for (var g = 0; g < groups; g++) Stage(model, ref Unsafe.Add(ref first, g * shape.Size), ref run.Rows(g), s, shape);
            }
            for (var g = 0; g < groups; g++) run.Finish(ref Unsafe.Add(ref first, g * shape.Size), g, ref observer);
        }
        work.Add(
            new OdeStatistics(
                run.AcceptedSteps, run.TriedSteps - run.AcceptedSteps, run.AcceptedSteps + ((Rodas5P.Stages - 1) * run.TriedSteps))
            {
                ImplicitSteps = run.TriedSteps,
            });
    }

    /// <summary>Stage number <paramref name="s"/> from 0 in all lanes of a group; the last leaves the solution in Next.</summary>
    private static void Stage<TModel>(in TModel model, ref Vector512<double> c, ref uint rows, int s, StiffLaneShape shape)
        where TModel : struct, IOdeModel<TModel>
    {
        var n = model.Dimension;
        ref var y = ref At(ref c, shape.Y);
        ref var u = ref At(ref c, shape.Next);
        ref var f = ref At(ref c, shape.Slope);
        ref var k = ref At(ref c, shape.K);
        ref var stage = ref At(ref k, s * n);
        var h = At(ref c, StiffLaneShape.Step);
        if (s == 0)
        {
            for (var i = 0; i < n; i++) At(ref stage, i) = At(ref c, shape.Start + i);
        }
        else
        {
            if (s < 6)
            {
                ref var a = ref MemoryMarshal.GetReference(Rodas5PStepper.A[(s * (s - 1) / 2)..]);
                for (var i = 0; i < n; i++)
                {
                    var sum = At(ref y, i);
                    for (var j = 0; j < s; j++) sum = Fma(Vector512.Create(Unsafe.Add(ref a, j)), At(ref k, (j * n) + i), sum);
                    At(ref u, i) = sum;
                }
            }
            else
            {
                for (var i = 0; i < n; i++) At(ref u, i) += At(ref k, ((s - 1) * n) + i);
            }
            model.RhsLanes(
                At(ref c, StiffLaneShape.T) + (Vector512.Create(Rodas5PStepper.Time[s]) * h),
                MemoryMarshal.CreateReadOnlySpan(ref u, n),
                MemoryMarshal.CreateReadOnlySpan(ref At(ref c, StiffLaneShape.ParametersAt), shape.Parameters),
                MemoryMarshal.CreateSpan(ref f, n));
            ref var b = ref MemoryMarshal.GetReference(Rodas5PStepper.C[(s * (s - 1) / 2)..]);
            var inverse = At(ref c, StiffLaneShape.Inverse);
            var first = Vector512.Create(b);
            for (var i = 0; i < n; i++)
            {
                // The wide form begins its sums at +0, which is seen where the product is -0.
                var sum = n < Tsit5.Wide ? first * At(ref k, i) : Fma(first, At(ref k, i), Vector512<double>.Zero);
                for (var j = 1; j < s; j++) sum = Fma(Vector512.Create(Unsafe.Add(ref b, j)), At(ref k, (j * n) + i), sum);
                At(ref stage, i) = Fma(inverse, sum, At(ref f, i));
            }
        }
        if (s < 5 && !model.IsAutonomous)
        {
            var factor = h * Vector512.Create(Rodas5PStepper.D[s]);
            for (var i = 0; i < n; i++) At(ref stage, i) = Fma(factor, At(ref c, shape.TimeDerivative + i), At(ref stage, i));
        }
        LaneLu.Solve(ref At(ref c, shape.Factors), ref At(ref c, shape.Exchanges), ref rows, ref stage, n);
        if (s != Rodas5P.Stages - 1) return;
        for (var i = 0; i < n; i++) At(ref u, i) += At(ref stage, i);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> Fma(Vector512<double> a, Vector512<double> b, Vector512<double> c) =>
        Vector512.FusedMultiplyAdd(a, b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ref Vector512<double> At(ref Vector512<double> first, int i) => ref Unsafe.Add(ref first, i);
}

/// <summary>Watches stiff trajectories that are solved in lanes; each thread has one of its own.</summary>
internal interface IStiffLaneObserver
{
    /// <summary>A trajectory begins in a lane, or goes on in it (see <see cref="LaneWork.Point"/>).</summary>
    void Load(int lane, int trajectory);

    /// <summary>Whether it wants to be shown an accepted step that ends at t1.</summary>
    bool Wants(int lane, double t1);

    /// <summary>An accepted step that it asked for.</summary>
    void Step(int lane, int trajectory, in DenseStep step);
}

/// <summary>Where the numbers of eight lanes lie, counted in vectors: control, parameters, y, next y, slopes at the start and at a stage,
/// time derivative, eight stages, Jacobian, factors, exchanged rows.</summary>
internal readonly record struct StiffLaneShape(int Dimension, int Parameters)
{
    // Time, wanted step, time to step onto, step tried and its inverse; the error, last accepted step and error of the step control; as
    // masks whether the last try was rejected, this one accepted, whether it ends at the time to step onto, and whether its factors are
    // sound; steps tried and how many may be; harmless steps in a row, how many end a trajectory here, and the least length of a try's
    // first step.
    public const int T = 0, H = 1, Stop = 2, Step = 3, Inverse = 4, Norm = 5, LastStep = 6, LastError = 7, Rejected = 8, Accepted = 9;
    public const int Reached = 10, Sound = 11, Steps = 12, Limit = 13, Calm = 14, CalmWanted = 15, Pays = 16;

    /// <summary>What the last accepted step has moved the time by.</summary>
    public const int Length = 17;

    public const int ParametersAt = 18;

    public int Y => ParametersAt + Parameters;

    public int Next => Y + Dimension;

    public int Start => Next + Dimension;

    public int Slope => Start + Dimension;

    public int TimeDerivative => Slope + Dimension;

    public int K => TimeDerivative + Dimension;

    public int Jacobian => K + (Rodas5P.Stages * Dimension);

    public int Factors => Jacobian + (Dimension * Dimension);

    public int Exchanges => Factors + (Dimension * Dimension);

    public int Size => Exchanges + (Dimension * Dimension);
}
