using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Athanor.Compute.Linear;
using static Athanor.Compute.Ode.StiffLaneShape;

namespace Athanor.Compute.Ode;

/// <summary>What <see cref="Rodas5PLanes"/> does around the stages of a step: Jacobians and factors before; after, it judges the step,
/// shows it, takes it over, and refills lanes.</summary>
internal partial struct Rodas5PLaneRun<TModel>
    where TModel : struct, IOdeModel<TModel>
{
    private const int Lanes = Rodas5PLanes.Lanes;

    private readonly TModel _model;
    private readonly LaneWork _work;
    private readonly StiffLaneShape _shape;
    private readonly double[] _atol, _y0, _y1, _stages, _matrix;
    private readonly double _rtol, _maxStep;
    private readonly TModel[] _models;
    private readonly int[] _trajectory, _stop;
    private readonly uint[] _alive, _stale, _rows;

    public Rodas5PLaneRun(in TModel model, LaneWork work, StiffLaneShape shape, int groups)
    {
        (_model, _work, _shape) = (model, work, shape);
        var n = shape.Dimension;
        _atol = new double[n];
        work.Options.AbsoluteTo(_atol);
        (_rtol, _maxStep) = (work.Options.RelativeTolerance, work.Options.MaxStep);
        (_y0, _y1, _stages, _matrix) = (new double[n], new double[n], new double[Rodas5P.Stages * n], new double[n * n]);
        _models = new TModel[groups * Lanes];
        (_trajectory, _stop) = (new int[groups * Lanes], new int[groups * Lanes]);
        (_alive, _stale, _rows) = (new uint[groups], new uint[groups], new uint[groups * n]);
    }

    public long AcceptedSteps { get; private set; }

    /// <summary>Steps tried, accepted or not, in lanes with a trajectory.</summary>
    public long TriedSteps { get; private set; }

    /// <summary>Lanes with a trajectory.</summary>
    public int Alive { get; private set; }

    /// <summary>The rows that the factors of a group have exchanged.</summary>
    public readonly ref uint Rows(int group) => ref _rows[group * _shape.Dimension];

    /// <summary>The step to try, the Jacobians and the factors.</summary>
    public readonly void Prepare(ref Vector512<double> c, int group)
    {
        var n = _model.Dimension;
        Vector512<double> t = At(ref c, T), wanted = At(ref c, H), stop = At(ref c, Stop);
        var reached = Vector512.GreaterThanOrEqual(t + (wanted * Vector512.Create(Tsit5.OntoTarget)), stop);
        // Two even steps rather than a long and a tiny one.
        var near = Vector512.GreaterThan(t + (Vector512.Create(1.1) * wanted), stop);
        var left = stop - t;
        var h = Vector512.ConditionalSelect(
            reached, left, Vector512.ConditionalSelect(near, Vector512.Create(0.5) * left, wanted));
        At(ref c, Reached) = reached;
        At(ref c, Step) = h;
        At(ref c, Inverse) = Vector512<double>.One / h;
        var y = MemoryMarshal.CreateReadOnlySpan(ref At(ref c, _shape.Y), n);
        var p = MemoryMarshal.CreateReadOnlySpan(ref At(ref c, ParametersAt), _shape.Parameters);
        _model.RhsLanes(t, y, p, MemoryMarshal.CreateSpan(ref At(ref c, _shape.Start), n));
        if (_stale[group] != 0)
        {
            if (_model.HasLaneJacobian) _model.JacobianLanes(t, y, p, MemoryMarshal.CreateSpan(ref At(ref c, _shape.Jacobian), n * n));
            OneByOne(ref c, group);
            _stale[group] = 0;
        }
        ref var j = ref At(ref c, _shape.Jacobian);
        ref var a = ref At(ref c, _shape.Factors);
        var diagonal = Vector512<double>.One / (h * Vector512.Create(Rodas5P.Gamma));
        for (var i = 0; i < n * n; i++) At(ref a, i) = -At(ref j, i);
        for (var i = 0; i < n; i++) At(ref a, (i * n) + i) += diagonal;
        At(ref c, Sound) = LaneLu.Factor(ref a, ref At(ref c, _shape.Exchanges), ref Rows(group), n);
    }

    /// <summary>What the model has not in lanes, for the lanes whose state is new.</summary>
    private readonly void OneByOne(ref Vector512<double> c, int group)
    {
        var n = _model.Dimension;
        if (_model.HasLaneJacobian && _model.IsAutonomous) return;
        for (var bits = _stale[group] & _alive[group]; bits != 0; bits &= bits - 1)
        {
            var lane = BitOperations.TrailingZeroCount(bits);
            ref readonly var model = ref _models[(group * Lanes) + lane];
            var t = Lane(ref c, T, lane);
            Gather(ref c, _shape.Y, lane, _y0);
            if (!_model.HasLaneJacobian)
            {
                model.Jacobian(t, _y0, _matrix);
                for (var i = 0; i < n * n; i++) Lane(ref c, _shape.Jacobian + i, lane) = _matrix[i];
            }
            if (_model.IsAutonomous) continue;
            model.TimeDerivative(t, _y0, _y1);
            for (var i = 0; i < n; i++) Lane(ref c, _shape.TimeDerivative + i, lane) = _y1[i];
        }
    }

    /// <summary>Judges the step that was tried in the lanes of a group, takes it over where it is accepted, and refills.</summary>
    public void Finish<TObserver>(ref Vector512<double> c, int group, ref TObserver observer)
        where TObserver : struct, IStiffLaneObserver
    {
        var alive = _alive[group];
        Judge(ref c);
        var accepted = Bits(At(ref c, Accepted)) & alive;
        AcceptedSteps += BitOperations.PopCount(accepted);
        TriedSteps += BitOperations.PopCount(alive);
        Show(ref c, group, accepted, ref observer);
        var calm = _work.Switches ? Watch(ref c) & accepted : 0;
        var stuck = Stuck(ref c, alive & ~accepted);
        Advance(ref c);
        _stale[group] |= accepted;
        var ended = 0u;
        for (var bits = Bits(At(ref c, Reached)) & accepted; bits != 0; bits &= bits - 1)
        {
            var lane = BitOperations.TrailingZeroCount(bits);
            var number = (group * Lanes) + lane;
            if (++_stop[number] < _work.Stops.Length) Lane(ref c, Stop, lane) = _work.Stops[_stop[number]];
            else ended |= 1u << lane;
        }
        calm &= ~ended;
        stuck |= StillTooShort(ref c, alive & ~accepted & ~stuck);
        var spent = Bits(Vector512.GreaterThanOrEqual(At(ref c, Steps), At(ref c, Limit))) & alive & ~(ended | calm | stuck);
        var gone = ended | calm | stuck | spent;
        if (gone == 0) return;
        for (var bits = gone; bits != 0; bits &= bits - 1)
        {
            var lane = BitOperations.TrailingZeroCount(bits);
            var own = 1u << lane;
            var trajectory = _trajectory[(group * Lanes) + lane];
            if ((ended & own) != 0) _work.Done();
            else if ((calm & own) != 0) _work.Leave(trajectory, Point(ref c, lane, trajectory));
            else if ((stuck & own) != 0) _work.SolveAlone(trajectory);
            else _work.Fail(trajectory, Spent(ref c, lane));
        }
        Alive -= BitOperations.PopCount(gone);
        _alive[group] = alive & ~gone;
        Refill(ref c, group, gone, ref observer);
    }

    /// <summary>The error, and where the step is accepted. The two forms are those of <see cref="Rodas5PStepper"/>.</summary>
    private readonly void Judge(ref Vector512<double> c)
    {
        var n = _model.Dimension;
        ref var error = ref At(ref c, _shape.K + ((Rodas5P.Stages - 1) * n));
        ref var y = ref At(ref c, _shape.Y);
        ref var next = ref At(ref c, _shape.Next);
        ref var atol = ref MemoryMarshal.GetArrayDataReference(_atol);
        var rtol = Vector512.Create(_rtol);
        var sum = Vector512<double>.Zero;
        for (var i = 0; i < n; i++)
        {
            var size = Vector512.Max(Vector512.Abs(At(ref y, i)), Vector512.Abs(At(ref next, i)));
            var absolute = Vector512.Create(Unsafe.Add(ref atol, i));
            if (n < Tsit5.Wide)
            {
                var scaled = At(ref error, i) / Vector512.FusedMultiplyAdd(rtol, size, absolute);
                sum = Vector512.FusedMultiplyAdd(scaled, scaled, sum);
            }
            else
            {
                var scaled = At(ref error, i) / (absolute + (rtol * size));
                sum += scaled * scaled;
            }
        }
        var norm = Vector512.Sqrt(sum / Vector512.Create((double)n));
        norm = Vector512.ConditionalSelect(At(ref c, Sound), norm, Vector512.Create(double.NaN));
        var accepted = Vector512.LessThanOrEqual(norm, Vector512<double>.One);
        At(ref c, Norm) = norm;
        At(ref c, Accepted) = accepted;
        At(ref c, Reached) &= accepted;
    }

    private readonly Vector512<double> End(ref Vector512<double> c) =>
        Vector512.ConditionalSelect(At(ref c, Reached), At(ref c, Stop), At(ref c, T) + At(ref c, Step));

    private readonly void Show<TObserver>(ref Vector512<double> c, int group, uint accepted, ref TObserver observer)
        where TObserver : struct, IStiffLaneObserver
    {
        var t1 = End(ref c);
        for (var bits = accepted; bits != 0; bits &= bits - 1)
        {
            var lane = BitOperations.TrailingZeroCount(bits);
            var number = (group * Lanes) + lane;
            if (!observer.Wants(number, t1[lane])) continue;
            Gather(ref c, _shape.Y, lane, _y0);
            Gather(ref c, _shape.Next, lane, _y1);
            Gather(ref c, _shape.K, lane, _stages);
            observer.Step(
                number, _trajectory[number], new DenseStep(Lane(ref c, T, lane), t1[lane], _y0, _y1, _stages, DenseKind.Rodas5P));
        }
    }

    /// <summary><see cref="CalmWatch{TSystem, TObserver}"/> in lanes: the lanes that shall leave.</summary>
    private readonly uint Watch(ref Vector512<double> c)
    {
        var n = _model.Dimension;
        var norm = Vector512<double>.Zero;
        for (var i = 0; i < n; i++)
        {
            var sum = Vector512<double>.Zero;
            for (var k = 0; k < n; k++) sum += Vector512.Abs(At(ref c, _shape.Jacobian + (i * n) + k));
            norm = Vector512.Max(norm, sum);
        }
        Vector512<double> length = End(ref c) - At(ref c, T), accepted = At(ref c, Accepted), calm = At(ref c, Calm);
        var harmless = Vector512.LessThan(length * norm, Vector512.Create(CalmWatch.Limit));
        var count = Vector512.ConditionalSelect(harmless, calm + Vector512<double>.One, Vector512<double>.Zero);
        At(ref c, Calm) = Vector512.ConditionalSelect(accepted, count, calm);
        At(ref c, Length) = Vector512.ConditionalSelect(accepted, length, At(ref c, Length));
        var pays = At(ref c, Pays);
        var failed = Vector512.LessThan(length, pays);
        At(ref c, Pays) = Vector512.ConditionalSelect(accepted & ~failed, Vector512<double>.Zero, pays);
        return Bits(failed | Vector512.GreaterThanOrEqual(At(ref c, Calm), At(ref c, CalmWanted)));
    }

    /// <summary>Of rejected lanes those whose Jacobian is not finite.</summary>
    private readonly uint Stuck(ref Vector512<double> c, uint rejected)
    {
        var stuck = 0u;
        for (var bits = rejected; bits != 0; bits &= bits - 1)
        {
            var lane = BitOperations.TrailingZeroCount(bits);
            if (!double.IsNaN(Lane(ref c, Norm, lane))) continue;
            Gather(ref c, _shape.Jacobian, lane, _matrix);
            if (ErrorNorm.NonFinite(_matrix) >= 0) stuck |= 1u << lane;
        }
        return stuck;
    }

    private readonly uint StillTooShort(ref Vector512<double> c, uint rejected)
    {
        var stuck = 0u;
        for (var bits = rejected; bits != 0; bits &= bits - 1)
        {
            var lane = BitOperations.TrailingZeroCount(bits);
            if (ImplicitSolve.TooShort(Lane(ref c, T, lane), Lane(ref c, H, lane))) stuck |= 1u << lane;
        }
        return stuck;
    }

    /// <summary>Takes over accepted steps and sets the next step sizes (the rule of <see cref="PredictiveControl"/>).</summary>
    private readonly void Advance(ref Vector512<double> c)
    {
        const double Exponent = 1.0 / 5;
        var n = _model.Dimension;
        var one = Vector512<double>.One;
        Vector512<double> accepted = At(ref c, Accepted), reached = At(ref c, Reached), step = At(ref c, Step), norm = At(ref c, Norm);
        Vector512<double> lastStep = At(ref c, LastStep), lastError = At(ref c, LastError);
        var least = Vector512.Create(PredictiveControl.SmallestError);
        var error = Vector512.ConditionalSelect(accepted & Vector512.LessThan(norm, least), least, norm);
        var factor = StepControl.Safety * StepControl.Exp2(StepControl.Log2(error) * -Exponent);
        var trend = factor * (step / lastStep) * StepControl.Exp2(StepControl.Log2(lastError / error) * Exponent);
        var foretold = Vector512.GreaterThan(lastStep, Vector512<double>.Zero) & Vector512.LessThan(trend, factor);
        var grow = Vector512.ConditionalSelect(foretold, trend, factor);
        grow = Clamp(grow, Vector512.ConditionalSelect(At(ref c, Rejected), one, Vector512.Create(StepControl.Grow)));
        // NaN and infinity shorten the step most.
        var finite = Vector512.LessThan(norm, Vector512.Create(double.PositiveInfinity));
        var shrink = Vector512.ConditionalSelect(finite, Clamp(factor, one), Vector512.Create(StepControl.Shrink));
        Vector512<double> after = step * grow, wanted = At(ref c, H);
        // A step cut short only to end at a target says nothing about the step that the tolerance allows.
        after = Vector512.ConditionalSelect(
            reached & Vector512.LessThan(step, wanted) & Vector512.LessThan(after, wanted), wanted, after);
        var longest = Vector512.Create(_maxStep);
        after = Vector512.ConditionalSelect(Vector512.LessThan(after, longest), after, longest);
        At(ref c, H) = Vector512.ConditionalSelect(accepted, after, step * shrink);
        var remembered = Vector512.Create(PredictiveControl.SmallestRemembered);
        remembered = Vector512.ConditionalSelect(Vector512.LessThan(error, remembered), remembered, error);
        At(ref c, T) = Vector512.ConditionalSelect(accepted, End(ref c), At(ref c, T));
        At(ref c, LastStep) = Vector512.ConditionalSelect(accepted, step, lastStep);
        At(ref c, LastError) = Vector512.ConditionalSelect(accepted, remembered, lastError);
        At(ref c, Rejected) = ~accepted;
        At(ref c, Steps) += one;
        ref var y = ref At(ref c, _shape.Y);
        for (var i = 0; i < n; i++) At(ref y, i) = Vector512.ConditionalSelect(accepted, At(ref c, _shape.Next + i), At(ref y, i));
    }

    /// <summary>Where a trajectory goes on explicitly.</summary>
    private readonly LanePoint Point(ref Vector512<double> c, int lane, int trajectory)
    {
        var from = _work.Point(trajectory)!;
        var state = new double[_shape.Dimension];
        Gather(ref c, _shape.Y, lane, state);
        // A try that pays has nothing left to pay.
        var failed = Lane(ref c, Pays, lane) > 0.0;
        return new LanePoint(
            Lane(ref c, T, lane), state, failed ? from.Step : Lane(ref c, Length, lane), false, from.Measures.After(failed),
            from.Tried + (int)Lane(ref c, Steps, lane));
    }

    private readonly TooManyStepsException Spent(ref Vector512<double> c, int lane)
    {
        Gather(ref c, _shape.Y, lane, _y0);
        Gather(ref c, _shape.K + ((Rodas5P.Stages - 1) * _shape.Dimension), lane, _y1);
        return new TooManyStepsException(Lane(ref c, T, lane), _work.Options.MaxSteps, ErrorNorm.Worst(_y1, _y0, _rtol, _atol));
    }

    private static void Gather(ref Vector512<double> c, int first, int lane, Span<double> to)
    {
        for (var i = 0; i < to.Length; i++) to[i] = Lane(ref c, first + i, lane);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> Clamp(Vector512<double> x, Vector512<double> high)
    {
        var low = Vector512.Create(StepControl.Shrink);
        x = Vector512.ConditionalSelect(Vector512.LessThan(x, low), low, x);
        return Vector512.ConditionalSelect(Vector512.GreaterThan(x, high), high, x);
    }

    private static uint Bits(Vector512<double> mask) => (uint)Vector512.ExtractMostSignificantBits(mask);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ref Vector512<double> At(ref Vector512<double> first, int i) => ref Unsafe.Add(ref first, i);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ref double Lane(ref Vector512<double> first, int i, int lane) =>
        ref Unsafe.Add(ref Unsafe.As<Vector512<double>, double>(ref Unsafe.Add(ref first, i)), lane);
}
