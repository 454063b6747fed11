using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Athanor.Compute.Ode;

/// <summary>Watches trajectories that are solved in lanes. Lanes are numbered from 0 to below 8 <see cref="LaneObservers.Groups"/>, eight a
/// group. Each thread has an observer of its own, which must not let one lane's numbers into another's.</summary>
internal interface ILaneObserver
{
    /// <summary>A trajectory begins in a lane.</summary>
    void Load(int lane, int trajectory);

    /// <summary>The lanes of a group (all bits of a lane set) whose step, if it was accepted, it wants to be shown.</summary>
    Vector512<double> Wants(int group, in LaneStep step);

    /// <summary>An accepted step that it asked for.</summary>
    void Step(int lane, int trajectory, in LaneStep step);

    /// <summary>A trajectory leaves its lane before its end, to go on elsewhere; after <see cref="Step"/>, if it asked for that.</summary>
    void Leave(int lane, int trajectory);

    /// <summary>The step that ends a trajectory; after <see cref="Step"/>, if it asked for that.</summary>
    void End(int lane, int trajectory, in LaneStep step);
}

internal static class LaneObservers
{
    /// <summary>Vectors of eight trajectories in flight.</summary>
    public const int Groups = 2;
}

/// <summary>A step tried in eight lanes, accepted in some.</summary>
internal readonly ref struct LaneStep(ref Vector512<double> control, LaneShape shape)
{
    private readonly ref Vector512<double> _control = ref control;

    public int Dimension => shape.Dimension;

    public Vector512<double> T0 => At(LaneShape.T);

    public Vector512<double> T1 => Vector512.ConditionalSelect(At(LaneShape.Reached), At(LaneShape.Stop), At(LaneShape.T) + At(LaneShape.Step));

    /// <summary>Lanes where the step was accepted.</summary>
    public Vector512<double> Accepted => At(LaneShape.Accepted);

    public Vector512<double> Y0(int i) => At(shape.Y + i);

    public Vector512<double> Y1(int i) => At(shape.Next + i);

    /// <summary>Lanes where component <paramref name="i"/> turns within the step: its slope changes sign.</summary>
    public Vector512<double> Turns(int i) =>
        Vector512.LessThanOrEqual(At(shape.K + i) * At(shape.K + (6 * shape.Dimension) + i), Vector512<double>.Zero);

    /// <summary>The extremum of a component that turns within the step, by the cubic through its values and slopes at the ends.</summary>
    public (double Time, double Value) Extremum(int lane, int i)
    {
        double h = Lane(LaneShape.Step, lane), y0 = Lane(shape.Y + i, lane), y1 = Lane(shape.Next + i, lane);
        double m0 = h * Lane(shape.K + i, lane), m1 = h * Lane(shape.K + (6 * shape.Dimension) + i, lane);
        // p'(s) = a s^2 + b s + m0 has one root in [0, 1], since the slopes at the ends differ in sign.
        var a = (6.0 * (y0 - y1)) + (3.0 * (m0 + m1));
        var b = (6.0 * (y1 - y0)) - (4.0 * m0) - (2.0 * m1);
        var root = Math.Sqrt(Math.Max((b * b) - (4.0 * a * m0), 0.0));
        var q = -0.5 * (b + (b >= 0 ? root : -root));
        var s = Pick(q == 0.0 ? 0.0 : m0 / q, a == 0.0 ? 2.0 : q / a);
        var value = y0 + (s * (m0 + (s * ((b * 0.5) + (s * (a / 3.0))))));
        return (Lane(LaneShape.T, lane) + (s * h), value);
    }

    /// <summary>The solution of a lane at <paramref name="t"/> in the step: the bits of <see cref="DenseStep.Interpolate"/>.</summary>
    public void Interpolate(int lane, double t, Span<double> y)
    {
        var t0 = T0[lane];
        var h = T1[lane] - t0;
        var theta = (t - t0) / h;
        for (var i = 0; i < y.Length; i++)
        {
            y[i] = Tsit5.Interpolate(
                theta, h, Lane(shape.Y + i, lane), in LaneReference(shape.K + i, lane), shape.Dimension * Tsit5Lanes.Lanes);
        }
    }

    /// <summary>One component of <see cref="Interpolate(int, double, Span{double})"/>.</summary>
    public double Interpolate(int lane, double t, int i)
    {
        var t0 = T0[lane];
        var h = T1[lane] - t0;
        return Tsit5.Interpolate(
            (t - t0) / h, h, Lane(shape.Y + i, lane), in LaneReference(shape.K + i, lane), shape.Dimension * Tsit5Lanes.Lanes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector512<double> At(int i) => Unsafe.Add(ref _control, i);

    private double Lane(int i, int lane) => LaneReference(i, lane);

    private ref double LaneReference(int i, int lane) =>
        ref Unsafe.Add(ref Unsafe.As<Vector512<double>, double>(ref Unsafe.Add(ref _control, i)), lane);

    private static double Pick(double first, double second) =>
        first is >= 0.0 and <= 1.0 ? first : second is >= 0.0 and <= 1.0 ? second : Math.Clamp(first, 0.0, 1.0);
}
