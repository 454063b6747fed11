using System.Collections.Concurrent;
using System.Runtime.Intrinsics;
using Athanor.Compute.Neural.Models;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Plants;

/// <summary>
/// A learned model as a plant: its right-hand side by the classical Runge-Kutta method over fixed substeps, with the exact derivatives of
/// that (<see cref="Rk4Flow{TVector, TLanes, TField}"/>). What the model's physics conserve, the map conserves, since the method keeps
/// linear invariants. Where the field never points out of the positive orthant, a substep with a stage outside is taken in two halves, down
/// to 2^-16 of its length, as in the free runs of training; the derivatives are those of the steps that were taken.
/// </summary>
/// <remarks>The struct holds a reference only; scratch memory comes from a pool.</remarks>
public readonly struct NeuralPlantMap : IPlantMap
{
    private const int MostHalvings = 16;

    private readonly NeuralPlant _plant;

    internal NeuralPlantMap(NeuralPlant plant) => _plant = plant;

    public int States => _plant.Positive.Length;

    public int Inputs => _plant.Inputs;

    public int Parameters => _plant.Chosen.Length;

    public bool HasLanes => false;

    public void Advance(ReadOnlySpan<double> x, ReadOnlySpan<double> u, ReadOnlySpan<double> p, double dtS, Span<double> next)
    {
        var slopes = _plant.Rent();
        var field = new NeuralPlantField(slopes, u.ToArray(), _plant.Constants(slopes, p, default), _plant.Positive, [], [], []);
        var (substeps, h) = _plant.Split(dtS);
        x.CopyTo(next);
        for (var step = 0; step < substeps; step++) Advance(ref field, next, h, _plant.Guards && field.Holds(next) ? MostHalvings : 0);
        _plant.Return(slopes);
    }

    public void Linearise(
        ReadOnlySpan<double> x, ReadOnlySpan<double> u, ReadOnlySpan<double> p, double dtS, Span<double> next, Span<double> a, Span<double> b,
        Span<double> e)
    {
        var slopes = _plant.Rent();
        var factors = new double[p.Length];
        var constants = _plant.Constants(slopes, p, factors);
        int n = x.Length, count = constants.Length;
        var field = new NeuralPlantField(
            slopes, u.ToArray(), constants, _plant.Positive, e.IsEmpty ? [] : _plant.Chosen, factors,
            new double[n * ((b.IsEmpty ? 0 : u.Length) + (e.IsEmpty ? 0 : count))]);
        var chain = new Chain(a, b, e, n);
        var (substeps, h) = _plant.Split(dtS);
        x.CopyTo(next);
        chain.Begin();
        for (var step = 0; step < substeps; step++)
            Linearise(ref field, next, h, _plant.Guards && field.Holds(next) ? MostHalvings : 0, ref chain);
        _plant.Return(slopes);
    }

    public void AdvanceLanes(
        ReadOnlySpan<Vector512<double>> x, ReadOnlySpan<Vector512<double>> u, ReadOnlySpan<Vector512<double>> p, Vector512<double> dtS,
        Span<Vector512<double>> next)
    {
        double[] x1 = new double[x.Length], u1 = new double[u.Length], p1 = new double[p.Length], next1 = new double[next.Length];
        for (var lane = 0; lane < Vector512<double>.Count; lane++)
        {
            From(x, lane, x1);
            From(u, lane, u1);
            From(p, lane, p1);
            Advance(x1, u1, p1, dtS[lane], next1);
            Into(next1, lane, next);
        }
    }

    public void LineariseLanes(
        ReadOnlySpan<Vector512<double>> x, ReadOnlySpan<Vector512<double>> u, ReadOnlySpan<Vector512<double>> p, Vector512<double> dtS,
        Span<Vector512<double>> next, Span<Vector512<double>> a, Span<Vector512<double>> b, Span<Vector512<double>> e)
    {
        double[] x1 = new double[x.Length], u1 = new double[u.Length], p1 = new double[p.Length], next1 = new double[next.Length];
        double[] a1 = new double[a.Length], b1 = new double[b.Length], e1 = new double[e.Length];
        for (var lane = 0; lane < Vector512<double>.Count; lane++)
        {
            From(x, lane, x1);
            From(u, lane, u1);
            From(p, lane, p1);
            Linearise(x1, u1, p1, dtS[lane], next1, a1, b1, e1);
            Into(next1, lane, next);
            Into(a1, lane, a);
            Into(b1, lane, b);
            Into(e1, lane, e);
        }
    }

    private static void Advance(ref NeuralPlantField field, Span<double> x, double h, int halvings)
    {
        Span<double> after = stackalloc double[x.Length];
        field.IsInside = true;
        Rk4Flow<double, ScalarLanes<double>, NeuralPlantField>.Advance(ref field, x, h, 1, after);
        if (halvings > 0 && !(field.IsInside && field.Holds(after)))
        {
            Advance(ref field, x, 0.5 * h, halvings - 1);
            Advance(ref field, x, 0.5 * h, halvings - 1);
            return;
        }
        after.CopyTo(x);
    }

    private static void Linearise(ref NeuralPlantField field, Span<double> x, double h, int halvings, scoped ref Chain chain)
    {
        if (halvings > 0)
        {
            // Whether the step must be halved costs less to know than its derivatives.
            Span<double> after = stackalloc double[x.Length];
            field.IsInside = true;
            Rk4Flow<double, ScalarLanes<double>, NeuralPlantField>.Advance(ref field, x, h, 1, after);
            if (!(field.IsInside && field.Holds(after)))
            {
                Linearise(ref field, x, 0.5 * h, halvings - 1, ref chain);
                Linearise(ref field, x, 0.5 * h, halvings - 1, ref chain);
                return;
            }
        }
        Rk4Flow<double, ScalarLanes<double>, NeuralPlantField>.Linearise(ref field, x, h, 1, x, chain.A1, chain.B1, chain.E1);
        chain.Append();
    }

    private static void From(ReadOnlySpan<Vector512<double>> lanes, int lane, double[] values)
    {
        for (var i = 0; i < values.Length; i++) values[i] = lanes[i][lane];
    }

    private static void Into(double[] values, int lane, Span<Vector512<double>> lanes)
    {
        for (var i = 0; i < values.Length; i++) lanes[i] = lanes[i].WithElement(lane, values[i]);
    }

    /// <summary>Derivatives over several steps: A = A1 A, B = A1 B + B1, E = A1 E + E1.</summary>
    private readonly ref struct Chain(Span<double> a, Span<double> b, Span<double> e, int n)
    {
        private readonly Span<double> _a = a, _b = b, _e = e;
        private readonly double[] _column = new double[n];

        public double[] A1 { get; } = new double[a.Length];

        public double[] B1 { get; } = new double[b.Length];

        public double[] E1 { get; } = new double[e.Length];

        public void Begin()
        {
            _a.Clear();
            _b.Clear();
            _e.Clear();
            for (var i = 0; i < n; i++) _a[(i * n) + i] = 1.0;
        }

        public void Append()
        {
            Push(_a, default);
            Push(_b, B1);
            Push(_e, E1);
        }

        private void Push(Span<double> matrix, ReadOnlySpan<double> added)
        {
            var columns = matrix.Length / n;
            for (var c = 0; c < columns; c++)
            {
                for (var i = 0; i < n; i++)
                {
                    var sum = added.IsEmpty ? 0.0 : added[(i * columns) + c];
                    for (var l = 0; l < n; l++) sum = Math.FusedMultiplyAdd(A1[(i * n) + l], matrix[(l * columns) + c], sum);
                    _column[i] = sum;
                }
                for (var i = 0; i < n; i++) matrix[(i * columns) + c] = _column[i];
            }
        }
    }
}

/// <summary>A learned right-hand side for one stretch of time, which remembers whether a stage left the positive orthant.</summary>
/// <param name="u">Controls.</param>
/// <param name="constants">Of the physics.</param>
/// <param name="chosen">Those that derivatives are wanted to; empty for none.</param>
/// <param name="factors">By chosen one, its slope by the plant's parameter.</param>
/// <param name="scratch">[controls and constants, states], as far as derivatives to them are wanted.</param>
internal struct NeuralPlantField(
    FieldSlopes<double> slopes, double[] u, double[] constants, bool[] positive, int[] chosen, double[] factors, double[] scratch)
    : ITangentField<double>
{
    private readonly int _controls = scratch.Length / positive.Length == (chosen.Length == 0 ? 0 : constants.Length) ? 0 : u.Length;

    public bool IsInside { get; set; }

    public readonly int States => positive.Length;

    public readonly int Columns => _controls + chosen.Length;

    /// <summary>Whether a state is one that can be: nothing negative that is positive, nothing infinite.</summary>
    public readonly bool Holds(scoped ReadOnlySpan<double> x)
    {
        for (var i = 0; i < x.Length; i++)
        {
            if ((positive[i] && !(x[i] >= 0.0)) || !double.IsFinite(x[i])) return false;
        }
        return true;
    }

    public void Rhs(scoped ReadOnlySpan<double> y, scoped Span<double> dy)
    {
        IsInside &= Holds(y);
        slopes.Rhs(constants, y, u, dy);
    }

    public void Tangent(
        scoped ReadOnlySpan<double> y, scoped Span<double> dy, scoped Span<double> jacobian, scoped Span<double> derivatives)
    {
        IsInside &= Holds(y);
        var n = y.Length;
        Span<double> ju = scratch.AsSpan(0, n * _controls), jc = scratch.AsSpan(n * _controls);
        slopes.Jacobian(constants, y, u, dy, jacobian, ju, jc);
        ju.CopyTo(derivatives);
        for (var k = 0; k < chosen.Length; k++)
        {
            for (var i = 0; i < n; i++) derivatives[((_controls + k) * n) + i] = factors[k] * jc[(chosen[k] * n) + i];
        }
    }
}

/// <summary>What a map over a learned model has: the model, its weights, how time is cut.</summary>
internal sealed class NeuralPlant(
    NeuralModel<double> model, double[] parameters, int[] chosen, double timeUnitS, double substepS, bool guards)
{
    private readonly ConcurrentBag<FieldSlopes<double>> _pool = [];
    private readonly double[] _constants = parameters[(model.ParameterCount - model.Constants(parameters).Count)..model.ParameterCount];

    public bool[] Positive { get; } = [.. model.Specification.States.Select(static s => s.Positive)];

    public int Inputs => model.Specification.Controls.Length;

    /// <summary>Positions among the physics' numbers of those that are parameters of the plant.</summary>
    public int[] Chosen => chosen;

    public bool Guards => guards;

    public FieldSlopes<double> Rent() => _pool.TryTake(out var slopes) ? slopes : model.Slopes(parameters);

    public void Return(FieldSlopes<double> slopes) => _pool.Add(slopes);

    public (int Substeps, double Step) Split(double dtS)
    {
        // A stretch that is a whole number of substeps but for rounding must not get one more.
        var substeps = Math.Max(1, (int)Math.Ceiling((dtS / substepS) - 1e-9));
        return (substeps, dtS / (timeUnitS * substeps));
    }

    /// <summary>The physics' numbers, those of the plant's parameters in place of the trained ones.</summary>
    /// <param name="factors">By parameter, the number's slope by it; written unless empty.</param>
    public double[] Constants(FieldSlopes<double> slopes, ReadOnlySpan<double> p, Span<double> factors)
    {
        var constants = _constants.ToArray();
        for (var k = 0; k < p.Length; k++)
        {
            (constants[chosen[k]], var slope) = slopes.Inverse(p[k], chosen[k]);
            if (!factors.IsEmpty) factors[k] = slope;
        }
        return constants;
    }
}
