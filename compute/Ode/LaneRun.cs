using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Athanor.Compute.Ode;

/// <summary>What <see cref="Tsit5Lanes"/> does around a step: judges it, shows it, takes it over, and refills lanes.</summary>
internal struct LaneRun<TModel>
    where TModel : struct, ILaneOdeModel
{
    private const int Lanes = Tsit5Lanes.Lanes;

    private readonly TModel _model;
    private readonly LaneWork _work;
    private readonly LaneShape _shape;
    private readonly double[] _atol;
    private readonly double _rtol, _maxStep;
    private readonly int[] _trajectory = new int[LaneObservers.Groups * Lanes];
    private readonly int[] _stop = new int[LaneObservers.Groups * Lanes];
    private readonly uint[] _alive = new uint[LaneObservers.Groups];

    public LaneRun(in TModel model, LaneWork work, LaneShape shape)
    {
        (_model, _work, _shape) = (model, work, shape);
        _atol = new double[shape.Dimension];
        work.Options.AbsoluteTo(_atol);
        (_rtol, _maxStep) = (work.Options.RelativeTolerance, work.Options.MaxStep);
    }

    /// <summary>Steps accepted and tried in lanes with a trajectory.</summary>
    public long AcceptedSteps { get; private set; }

    /// <summary>Steps tried, accepted or not.</summary>
    public long TriedSteps { get; private set; }

    /// <summary>Lanes with a trajectory.</summary>
    public int Alive { get; private set; }

    /// <summary>Loads the first trajectories; lanes for which there are none rest at the first's start.</summary>
    public void Start<TObserver>(ref Vector512<double> c, int group, ref TObserver observer)
        where TObserver : struct, ILaneObserver
    {
        for (var lane = 0; lane < Lanes; lane++) Rest(ref c, lane);
        for (var k = 0; k < _shape.Parameters; k++) At(ref c, LaneShape.ParametersAt + k) = Vector512.Create(_work.Parameter(0, k));
        for (var i = 0; i < _shape.Dimension; i++) At(ref c, _shape.Y + i) = Vector512.Create(_work.Initial(0, i));
        Refill(ref c, group, 0xFF, ref observer);
    }

    /// <summary>Judges the step that was tried in the lanes of a group, takes it over where it is accepted, and refills.</summary>
    public void Finish<TObserver>(ref Vector512<double> c, int group, ref TObserver observer)
        where TObserver : struct, ILaneObserver
    {
        Judge(ref c);
        var alive = _alive[group];
        var step = new LaneStep(ref c, _shape);
        var accepted = At(ref c, LaneShape.Accepted);
        AcceptedSteps += BitOperations.PopCount((uint)Vector512.ExtractMostSignificantBits(accepted) & alive);
        TriedSteps += BitOperations.PopCount(alive);
        var shown = Vector512.ExtractMostSignificantBits(observer.Wants(group, step) & accepted);
        for (var bits = (uint)shown & alive; bits != 0; bits &= bits - 1)
        {
            var lane = BitOperations.TrailingZeroCount(bits);
            observer.Step((group * Lanes) + lane, _trajectory[(group * Lanes) + lane], step);
        }
        var ended = 0u;
        var reached = (uint)Vector512.ExtractMostSignificantBits(At(ref c, LaneShape.Reached)) & alive;
        for (var bits = reached; bits != 0; bits &= bits - 1)
        {
            var lane = BitOperations.TrailingZeroCount(bits);
            var number = (group * Lanes) + lane;
            if (_stop[number] + 1 < _work.Stops.Length) continue;
            observer.End(number, _trajectory[number], step);
            ended |= 1u << lane;
        }
        var stiff = _work.Switches ? Watch(ref c) & alive & ~ended : 0;
        var stuck = Advance(ref c) & alive;
        for (var bits = reached & ~ended; bits != 0; bits &= bits - 1)
        {
            var lane = BitOperations.TrailingZeroCount(bits);
            Lane(ref c, LaneShape.Stop, lane) = _work.Stops[++_stop[(group * Lanes) + lane]];
        }
        var spent = (uint)Vector512.ExtractMostSignificantBits(
            Vector512.GreaterThanOrEqual(At(ref c, LaneShape.Steps), At(ref c, LaneShape.Limit))) & alive & ~ended;
        var failed = stuck | spent | stiff;
        for (var bits = failed; bits != 0; bits &= bits - 1)
        {
            var lane = BitOperations.TrailingZeroCount(bits);
            var own = 1u << lane;
            var number = (group * Lanes) + lane;
            if (_work.Switches && ((stiff | stuck) & own) != 0 | !LimitIsFinal(_trajectory[number]))
            {
                observer.Leave(number, _trajectory[number]);
                _work.Leave(_trajectory[number], Point(ref c, lane, _trajectory[number], (stuck & own) == 0));
            }
            else
            {
                _work.Fail(_trajectory[number], Failure(ref c, lane, (stuck & own) != 0));
            }
        }
        if ((ended | failed) == 0) return;
        for (var bits = ended; bits != 0; bits &= bits - 1) _work.Done();
        Alive -= BitOperations.PopCount(ended | failed);
        _alive[group] = alive & ~(ended | failed);
        Refill(ref c, group, ended | failed, ref observer);
    }

    /// <summary>Scaled error, and where the step is accepted.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly void Judge(ref Vector512<double> c)
    {
        var n = _model.Dimension;
        ref var y = ref At(ref c, _shape.Y);
        ref var k1 = ref At(ref c, _shape.K);
        ref var sums = ref At(ref c, LaneShape.Sums);
        ref var atol = ref MemoryMarshal.GetArrayDataReference(_atol);
        var h = At(ref c, LaneShape.Step);
        var rtol = Vector512.Create(_rtol);
        var wide = n >= Tsit5.Wide;
        var sum = Vector512<double>.Zero;
        for (var i = 0; i < n; i++)
        {
            ref var k = ref At(ref k1, i);
            var e = Fma(At(ref k, 2 * n), Tsit5.E3, Fma(At(ref k, n), Tsit5.E2, k * Tsit5.E1));
            e = Fma(At(ref k, 5 * n), Tsit5.E6, Fma(At(ref k, 4 * n), Tsit5.E5, Fma(At(ref k, 3 * n), Tsit5.E4, e)));
            e = h * Fma(At(ref k, 6 * n), Tsit5.E7, e);
            Vector512<double> before = Vector512.Abs(At(ref y, i)), after = Vector512.Abs(At(ref y, n + i));
            var size = Vector512.ConditionalSelect(Vector512.GreaterThan(after, before), after, before);
            var scaled = e / Vector512.FusedMultiplyAdd(size, rtol, Vector512.Create(Unsafe.Add(ref atol, i)));
            if (!wide) sum += scaled * scaled;
            else At(ref sums, i & 7) = i < 8 ? scaled * scaled : At(ref sums, i & 7) + (scaled * scaled);
        }
        if (wide) sum = Tree(ref sums);
        var square = sum * (1.0 / n);
        var accepted = Vector512.LessThanOrEqual(square, Vector512<double>.One);
        At(ref c, LaneShape.Square) = square;
        At(ref c, LaneShape.Accepted) = accepted;
        At(ref c, LaneShape.Reached) &= accepted;
    }

    /// <summary>Takes over accepted steps and sets the next step sizes (the rule of <see cref="StepControl"/>).</summary>
    /// <returns>Lanes whose step cannot be made shorter.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly uint Advance(ref Vector512<double> c)
    {
        var n = _model.Dimension;
        var one = Vector512<double>.One;
        var smallest = Vector512.Create(StepControl.SmallestSquare);
        var largest = Vector512.Create(StepControl.LargestSquare);
        Vector512<double> accepted = At(ref c, LaneShape.Accepted), reached = At(ref c, LaneShape.Reached), step = At(ref c, LaneShape.Step);
        var square = At(ref c, LaneShape.Square);
        square = Vector512.ConditionalSelect(Vector512.LessThan(square, largest), square, largest); // NaN too
        square = Vector512.ConditionalSelect(Vector512.GreaterThan(square, smallest), square, smallest);
        var error = 0.5 * StepControl.Log2(square);
        var before = At(ref c, LaneShape.Last) * (StepControl.ExplicitBefore / 5.0);
        var grow = StepControl.Safety * StepControl.Exp2(Fma(error, -StepControl.ExplicitNow / 5.0, before));
        var limit = Vector512.ConditionalSelect(At(ref c, LaneShape.Rejected), one, Vector512.Create(StepControl.Grow));
        var after = step * Clamp(grow, limit);
        // A step cut short only to end at a target says nothing about the step that the tolerance allows.
        var wanted = At(ref c, LaneShape.H);
        after = Vector512.ConditionalSelect(reached & Vector512.GreaterThan(wanted, after), wanted, after);
        var longest = Vector512.Create(_maxStep);
        after = Vector512.ConditionalSelect(Vector512.LessThan(after, longest), after, longest);
        var t = At(ref c, LaneShape.T);
        var stuck = 0u;
        if (Vector512.ExtractMostSignificantBits(accepted) != 0xFF)
        {
            var shorter = step * Clamp(StepControl.Safety * StepControl.Exp2(error * (-1.0 / 5.0)), one);
            var end = Vector512.FusedMultiplyAdd(Vector512.Abs(t), Vector512.Create(1.8e-15), Vector512.Create(1e-290));
            stuck = (uint)Vector512.ExtractMostSignificantBits(Vector512.AndNot(~Vector512.GreaterThan(shorter, end), accepted));
            after = Vector512.ConditionalSelect(accepted, after, shorter);
        }
        At(ref c, LaneShape.H) = after;
        var t1 = Vector512.ConditionalSelect(reached, At(ref c, LaneShape.Stop), t + step);
        At(ref c, LaneShape.T) = Vector512.ConditionalSelect(accepted, t1, t);
        if (_work.Switches) At(ref c, LaneShape.LastStep) = Vector512.ConditionalSelect(accepted, t1 - t, At(ref c, LaneShape.LastStep));
        At(ref c, LaneShape.Last) = Vector512.ConditionalSelect(accepted, error, At(ref c, LaneShape.Last));
        At(ref c, LaneShape.Rejected) = ~accepted;
        At(ref c, LaneShape.Steps) += one;
        ref var y = ref At(ref c, _shape.Y);
        ref var k1 = ref At(ref c, _shape.K);
        for (var i = 0; i < n; i++)
        {
            At(ref y, i) = Vector512.ConditionalSelect(accepted, At(ref y, n + i), At(ref y, i));
            At(ref k1, i) = Vector512.ConditionalSelect(accepted, At(ref k1, (6 * n) + i), At(ref k1, i));
        }
        return stuck;
    }

    /// <summary><see cref="StiffnessWatch"/> in lanes: the lanes that it found stiff.</summary>
    private readonly uint Watch(ref Vector512<double> c)
    {
        var n = _model.Dimension;
        var wide = n >= Tsit5.Wide;
        Vector512<double> slopes = Vector512<double>.Zero, states = Vector512<double>.Zero, one = Vector512<double>.One;
        ref var sums = ref At(ref c, LaneShape.Sums);
        for (var i = 0; i < 16; i++) At(ref sums, i) = Vector512<double>.Zero;
        ref var atol = ref MemoryMarshal.GetArrayDataReference(_atol);
        var rtol = Vector512.Create(_rtol);
        for (var i = 0; i < n; i++)
        {
            var next = At(ref c, _shape.Next + i);
            var weight = one / Vector512.FusedMultiplyAdd(Vector512.Abs(next), rtol, Vector512.Create(Unsafe.Add(ref atol, i)));
            var slope = (At(ref c, _shape.K + (6 * n) + i) - At(ref c, _shape.K + (5 * n) + i)) * weight;
            var state = (next - At(ref c, _shape.Argument + i)) * weight;
            if (wide)
            {
                At(ref sums, i & 7) = Vector512.FusedMultiplyAdd(slope, slope, At(ref sums, i & 7));
                At(ref sums, 8 + (i & 7)) = Vector512.FusedMultiplyAdd(state, state, At(ref sums, 8 + (i & 7)));
            }
            else
            {
                slopes = Vector512.FusedMultiplyAdd(slope, slope, slopes);
                states = Vector512.FusedMultiplyAdd(state, state, states);
            }
        }
        if (wide) (slopes, states) = (Tree(ref sums), Tree(ref At(ref sums, 8)));
        Vector512<double> h = At(ref c, LaneShape.Step), strikes = At(ref c, LaneShape.Strikes), calm = At(ref c, LaneShape.Calm);
        var looked = At(ref c, LaneShape.Accepted) & Vector512.GreaterThan(states, Vector512<double>.Zero);
        var strike = Vector512.GreaterThan(h * h * slopes, Vector512.Create(StiffnessWatch.Boundary * StiffnessWatch.Boundary) * states);
        var more = Vector512.ConditionalSelect(strike, Vector512<double>.Zero, calm + one);
        var pardon = Vector512.Equals(more, Vector512.Create((double)StiffnessWatch.Pardon));
        var count = Vector512.ConditionalSelect(strike, strikes + one, Vector512.ConditionalSelect(pardon, Vector512<double>.Zero, strikes));
        At(ref c, LaneShape.Calm) = Vector512.ConditionalSelect(looked, more, calm);
        strikes = Vector512.ConditionalSelect(looked, count, strikes);
        At(ref c, LaneShape.Strikes) = strikes;
        var left = Vector512.Create(_work.Stops[^1]) - At(ref c, LaneShape.T);
        var ahead = looked & Vector512.GreaterThan(left, h * StiffnessWatch.Ahead);
        return (uint)Vector512.ExtractMostSignificantBits(
            ahead & Vector512.GreaterThanOrEqual(strikes, At(ref c, LaneShape.Wanted)));
    }

    private readonly AutoSolve.Measures Measures(int trajectory) => _work.Point(trajectory)?.Measures ?? AutoSolve.Measures.First;

    private readonly int Remaining(int trajectory) => Math.Max(1, _work.Options.MaxSteps - (_work.Point(trajectory)?.Tried ?? 0));

    /// <summary>Whether the limit of steps is the user's own (see <see cref="StiffnessWatch.LimitIsFinal"/>).</summary>
    private readonly bool LimitIsFinal(int trajectory) => Remaining(trajectory) <= Measures(trajectory).Patience;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private readonly LanePoint Point(ref Vector512<double> c, int lane, int trajectory, bool isTry)
    {
        var state = new double[_shape.Dimension];
        for (var i = 0; i < state.Length; i++) state[i] = Lane(ref c, _shape.Y + i, lane);
        return new LanePoint(
            Lane(ref c, LaneShape.T, lane), state, Lane(ref c, LaneShape.LastStep, lane), isTry, Measures(trajectory),
            (_work.Point(trajectory)?.Tried ?? 0) + (int)Lane(ref c, LaneShape.Steps, lane));
    }

    /// <summary>Loads the next trajectories into these lanes. Their slopes come from the same vector code as every step's.</summary>
    private void Refill<TObserver>(ref Vector512<double> c, int group, uint lanes, ref TObserver observer)
        where TObserver : struct, ILaneObserver
    {
        int n = _shape.Dimension, np = _shape.Parameters;
        Span<double> y = stackalloc double[n], slope = stackalloc double[n];
        while (lanes != 0)
        {
            var loaded = 0u;
            for (var bits = lanes; bits != 0; bits &= bits - 1)
            {
                var lane = BitOperations.TrailingZeroCount(bits);
                Rest(ref c, lane);
                var trajectory = _work.Take();
                if (trajectory < 0) continue;
                var number = (group * Lanes) + lane;
                var point = _work.Point(trajectory);
                var start = point?.Time ?? _work.StartTime;
                (_trajectory[number], _stop[number]) = (trajectory, _work.FirstStop(start));
                Alive++;
                loaded |= 1u << lane;
                Lane(ref c, LaneShape.T, lane) = start;
                Lane(ref c, LaneShape.Stop, lane) = _work.Stops[_stop[number]];
                Lane(ref c, LaneShape.Wanted, lane) = Measures(trajectory).Strikes;
                Lane(ref c, LaneShape.Limit, lane) = _work.Switches
                    ? Math.Min(Remaining(trajectory), Measures(trajectory).Patience)
                    : _work.Options.MaxSteps;
                for (var k = 0; k < np; k++) Lane(ref c, LaneShape.ParametersAt + k, lane) = _work.Parameter(trajectory, k);
                for (var i = 0; i < n; i++) Lane(ref c, _shape.Y + i, lane) = point is null ? _work.Initial(trajectory, i) : point.State[i];
                observer.Load(number, trajectory);
            }
            _alive[group] |= loaded;
            if (loaded == 0) return;
            _model.RhsLanes(
                At(ref c, LaneShape.T), MemoryMarshal.CreateReadOnlySpan(ref At(ref c, _shape.Y), n),
                MemoryMarshal.CreateReadOnlySpan(ref At(ref c, LaneShape.ParametersAt), np),
                MemoryMarshal.CreateSpan(ref At(ref c, _shape.Argument), n));
            lanes = 0;
            for (var bits = loaded; bits != 0; bits &= bits - 1)
            {
                var lane = BitOperations.TrailingZeroCount(bits);
                for (var i = 0; i < n; i++)
                {
                    y[i] = Lane(ref c, _shape.Y + i, lane);
                    slope[i] = Lane(ref c, _shape.Argument + i, lane);
                    Lane(ref c, _shape.K + i, lane) = slope[i];
                }
                var trajectory = _trajectory[(group * Lanes) + lane];
                var t = Lane(ref c, LaneShape.T, lane);
                if (ErrorNorm.NonFinite(slope) is >= 0 and var bad)
                {
                    _work.Fail(trajectory, new NonFiniteException(t, bad));
                    Alive--;
                    _alive[group] &= ~(1u << lane);
                    lanes |= 1u << lane;
                    continue;
                }
                var first = _work.Point(trajectory)?.Step ?? _work.Options.InitialStep;
                var h = first > 0
                    ? first
                    : ErrorNorm.FirstStep(y, slope, _rtol, _atol, Math.Min(_work.Stops[^1] - t, _work.LongestFirstStep));
                Lane(ref c, LaneShape.H, lane) = Math.Min(h, _maxStep);
            }
        }
    }

    /// <summary>A lane at rest: its steps have length zero and are accepted.</summary>
    private readonly void Rest(ref Vector512<double> c, int lane)
    {
        Lane(ref c, LaneShape.T, lane) = _work.StartTime;
        Lane(ref c, LaneShape.H, lane) = 0.0;
        Lane(ref c, LaneShape.Stop, lane) = double.PositiveInfinity;
        Lane(ref c, LaneShape.Last, lane) = 0.0;
        Lane(ref c, LaneShape.Rejected, lane) = 0.0;
        Lane(ref c, LaneShape.Steps, lane) = 0.0;
        Lane(ref c, LaneShape.Strikes, lane) = 0.0;
        Lane(ref c, LaneShape.Calm, lane) = 0.0;
        Lane(ref c, LaneShape.LastStep, lane) = 0.0;
        Lane(ref c, LaneShape.Limit, lane) = double.PositiveInfinity;
        for (var k = 0; k < _shape.Parameters; k++) Lane(ref c, LaneShape.ParametersAt + k, lane) = _work.Parameter(0, k);
        for (var i = 0; i < _shape.Dimension; i++)
        {
            Lane(ref c, _shape.Y + i, lane) = _work.Initial(0, i);
            Lane(ref c, _shape.K + i, lane) = 0.0;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private readonly OdeException Failure(ref Vector512<double> c, int lane, bool stuck)
    {
        var n = _shape.Dimension;
        var t = Lane(ref c, LaneShape.T, lane);
        double[] error = new double[n], y = new double[n];
        for (var i = 0; i < n; i++)
        {
            ReadOnlySpan<double> e = [Tsit5.E1, Tsit5.E2, Tsit5.E3, Tsit5.E4, Tsit5.E5, Tsit5.E6, Tsit5.E7];
            for (var s = 0; s < e.Length; s++) error[i] += e[s] * Lane(ref c, _shape.K + (s * n) + i, lane);
            error[i] *= Lane(ref c, LaneShape.Step, lane);
            y[i] = Lane(ref c, _shape.Next + i, lane);
        }
        var worst = ErrorNorm.Worst(error, y, _rtol, _atol);
        if (!stuck) return new TooManyStepsException(t, _work.Options.MaxSteps, worst);
        return Lane(ref c, LaneShape.Square, lane) < double.PositiveInfinity
            ? new StepSizeTooSmallException(t, Lane(ref c, LaneShape.H, lane), worst)
            : new NonFiniteException(t, worst);
    }

    /// <summary>Eight partial sums in the order of <see cref="ErrorNorm.Tree"/>.</summary>
    private static Vector512<double> Tree(ref Vector512<double> sums) =>
        ((sums + At(ref sums, 4)) + (At(ref sums, 2) + At(ref sums, 6))) + ((At(ref sums, 1) + At(ref sums, 5)) + (At(ref sums, 3) + At(ref sums, 7)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> Clamp(Vector512<double> x, Vector512<double> high)
    {
        var low = Vector512.Create(StepControl.Shrink);
        x = Vector512.ConditionalSelect(Vector512.GreaterThan(x, low), x, low);
        return Vector512.ConditionalSelect(Vector512.LessThan(x, high), x, high);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> Fma(Vector512<double> a, double b, Vector512<double> c) =>
        Vector512.FusedMultiplyAdd(a, Vector512.Create(b), c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ref Vector512<double> At(ref Vector512<double> first, int i) => ref Unsafe.Add(ref first, i);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ref double Lane(ref Vector512<double> first, int i, int lane) =>
        ref Unsafe.Add(ref Unsafe.As<Vector512<double>, double>(ref Unsafe.Add(ref first, i)), lane);
}
