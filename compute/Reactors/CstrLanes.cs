using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Athanor.Compute.Numerics;
using Athanor.Compute.Ode;

namespace Athanor.Compute.Reactors;

/// <summary>
/// Many trajectories of <see cref="Cstr"/> by <see cref="Tsit5"/>, eight at a time in the lanes of a vector. Every lane has its own time,
/// step size and step control, and takes the next trajectory as soon as its own is done, so no lane waits for another. All arithmetic is
/// lane by lane (the exponential and the controller's powers included), so a trajectory's bits do not depend on its neighbours, its place
/// in the batch, or the width of the machine's registers.
/// </summary>
internal static class CstrLanes
{
    private const int Lanes = 8;

    /// <summary>Runs all trajectories from (startMolPerL, startK) over their trackers' time.</summary>
    /// <param name="coolantK">Coolant temperature by trajectory, K.</param>
    /// <param name="feedK">Feed temperature by trajectory, K.</param>
    /// <param name="trackers">By trajectory; each is shown every point where the temperature turns, and the end.</param>
    /// <exception cref="OdeException">A trajectory could not go on; its number is the component.</exception>
    public static void Run(
        ReadOnlySpan<double> coolantK, ReadOnlySpan<double> feedK, double startMolPerL, double startK, in OdeOptions options,
        Span<RegimeTracker> trackers, CancellationToken cancellation)
    {
        options.Validate();
        var batch = new Batch(options, startMolPerL, startK);
        Span<int> index = stackalloc int[Lanes];
        Span<int> steps = stackalloc int[Lanes];
        var next = 0;
        var alive = 0;
        for (var lane = 0; lane < Lanes; lane++)
        {
            index[lane] = -1;
            batch.Idle(lane);
            if (next < coolantK.Length) Load(ref batch, lane, coolantK, feedK, trackers, index, steps, ref next, ref alive);
        }
        batch.Slopes();
        while (alive > 0)
        {
            cancellation.ThrowIfCancellationRequested();
            batch.Step();
            var refilled = false;
            // Lanes where something happened: a turn of the temperature, the end, or a rejected step.
            for (var events = batch.Events(); events != 0; events &= events - 1)
            {
                var lane = System.Numerics.BitOperations.TrailingZeroCount(events);
                if (index[lane] < 0) continue;
                ref var tracker = ref trackers[index[lane]];
                if (!batch.Accepted(lane))
                {
                    batch.Check(lane, index[lane]);
                    continue;
                }
                if (batch.Turned(lane)) batch.Show(lane, ref tracker);
                if (!batch.AtTarget(lane)) continue;
                tracker.End(batch.Temperature(lane));
                index[lane] = -1;
                alive--;
                batch.Idle(lane);
                if (next < coolantK.Length) Load(ref batch, lane, coolantK, feedK, trackers, index, steps, ref next, ref alive);
                refilled = true;
            }
            batch.Advance();
            if (refilled) batch.Slopes();
            for (var lane = 0; lane < Lanes; lane++)
            {
                if (index[lane] >= 0 && ++steps[lane] > options.MaxSteps)
                    throw new TooManyStepsException(batch.Time(lane), options.MaxSteps, index[lane]);
            }
        }
    }

    private static void Load(
        ref Batch batch, int lane, ReadOnlySpan<double> coolantK, ReadOnlySpan<double> feedK, Span<RegimeTracker> trackers, Span<int> index,
        Span<int> steps, ref int next, ref int alive)
    {
        index[lane] = next;
        steps[lane] = 0;
        alive++;
        batch.Load(lane, coolantK[next], feedK[next], trackers[next].Minutes);
        next++;
    }

    /// <summary>The state of eight lanes. Loads and refills are taken over by <see cref="Advance"/>, after the step they come
    /// with.</summary>
    private struct Batch
    {
        private readonly double _startC, _startT, _rtol, _atol;
        private Vector512<double> _c, _t, _coolant, _feed, _time, _h, _target, _last;
        private Vector512<double> _c1, _t1, _c7, _t7, _nextC, _nextT, _slopeC, _slopeT;
        private Vector512<double> _accepted, _rejectedBefore, _error, _reached, _step;
        private Vector512<double> _loaded;

        public Batch(in OdeOptions options, double startC, double startT)
        {
            (_startC, _startT) = (startC, startT);
            (_rtol, _atol) = (options.RelativeTolerance, options.AbsoluteTolerance);
            (_c, _t) = (Vector512.Create(startC), Vector512.Create(startT));
        }

        public readonly bool Accepted(int lane) => Is(_accepted, lane);

        public readonly bool AtTarget(int lane) => Is(_reached, lane);

        public readonly double Temperature(int lane) => _nextT[lane];

        public readonly double Time(int lane) => _time[lane];

        public readonly bool Turned(int lane) => _slopeT[lane] * _t7[lane] <= 0.0;

        /// <summary>A lane without a trajectory runs one that nobody looks at.</summary>
        public void Idle(int lane) => Load(lane, 300.0, 350.0, double.MaxValue);

        public void Load(int lane, double coolant, double feed, double target)
        {
            _coolant = _coolant.WithElement(lane, coolant);
            _feed = _feed.WithElement(lane, feed);
            _target = _target.WithElement(lane, target);
            var model = new Cstr(coolant, feed);
            Span<double> y = [_startC, _startT];
            Span<double> slope = stackalloc double[2];
            model.Rhs(0.0, y, slope);
            Set(ref _nextC, lane, _startC);
            Set(ref _nextT, lane, _startT);
            Set(ref _c, lane, _startC);
            Set(ref _t, lane, _startT);
            Set(ref _time, lane, 0.0);
            Set(ref _h, lane, ErrorNorm.FirstStep(y, slope, _rtol, [_atol, _atol], Math.Min(target, 1.0)));
            Set(ref _last, lane, 1.0);
            Set(ref _rejectedBefore, lane, 0.0);
            Set(ref _loaded, lane, BitConverter.Int64BitsToDouble(-1L));
        }

        /// <summary>The slopes at the lanes' states; of a lane that goes on they are the same bits as before.</summary>
        public void Slopes() => Rhs(_c, _t, out _slopeC, out _slopeT);

        /// <summary>Tries one step in every lane.</summary>
        public void Step()
        {
            _loaded = Vector512<double>.Zero;
            var left = _target - _time;
            _reached = Vector512.GreaterThanOrEqual(_h * Vector512.Create(1.0000000001), left);
            _step = Vector512.ConditionalSelect(_reached, left, _h);
            var h = _step;
            (_c1, _t1) = (_slopeC, _slopeT);
            Vector512<double> c1 = _c1, t1 = _t1;
            Rhs(Fma(h, c1 * Tsit5.A21, _c), Fma(h, t1 * Tsit5.A21, _t), out var c2, out var t2);
            Rhs(
                Fma(h, Fma(c2, Tsit5.A32, c1 * Tsit5.A31), _c), Fma(h, Fma(t2, Tsit5.A32, t1 * Tsit5.A31), _t), out var c3, out var t3);
            Rhs(
                Fma(h, Fma(c3, Tsit5.A43, Fma(c2, Tsit5.A42, c1 * Tsit5.A41)), _c),
                Fma(h, Fma(t3, Tsit5.A43, Fma(t2, Tsit5.A42, t1 * Tsit5.A41)), _t), out var c4, out var t4);
            Rhs(
                Fma(h, Fma(c4, Tsit5.A54, Fma(c3, Tsit5.A53, Fma(c2, Tsit5.A52, c1 * Tsit5.A51))), _c),
                Fma(h, Fma(t4, Tsit5.A54, Fma(t3, Tsit5.A53, Fma(t2, Tsit5.A52, t1 * Tsit5.A51))), _t), out var c5, out var t5);
            Rhs(
                Fma(h, Fma(c5, Tsit5.A65, Fma(c4, Tsit5.A64, Fma(c3, Tsit5.A63, Fma(c2, Tsit5.A62, c1 * Tsit5.A61)))), _c),
                Fma(h, Fma(t5, Tsit5.A65, Fma(t4, Tsit5.A64, Fma(t3, Tsit5.A63, Fma(t2, Tsit5.A62, t1 * Tsit5.A61)))), _t),
                out var c6, out var t6);
            _nextC = Fma(
                h, Fma(c6, Tsit5.B6, Fma(c5, Tsit5.B5, Fma(c4, Tsit5.B4, Fma(c3, Tsit5.B3, Fma(c2, Tsit5.B2, c1 * Tsit5.B1))))), _c);
            _nextT = Fma(
                h, Fma(t6, Tsit5.B6, Fma(t5, Tsit5.B5, Fma(t4, Tsit5.B4, Fma(t3, Tsit5.B3, Fma(t2, Tsit5.B2, t1 * Tsit5.B1))))), _t);
            Rhs(_nextC, _nextT, out _c7, out _t7);
            var errorC = Scaled(h * Error(c1, c2, c3, c4, c5, c6, _c7), _c, _nextC);
            var errorT = Scaled(h * Error(t1, t2, t3, t4, t5, t6, _t7), _t, _nextT);
            _error = Vector512.Sqrt((errorC + errorT) * 0.5);
            _accepted = Vector512.LessThanOrEqual(_error, Vector512<double>.One);
            _reached &= _accepted;
        }

        /// <summary>Bit by lane: rejected, turned, or at its target.</summary>
        public readonly uint Events()
        {
            var turned = Vector512.LessThanOrEqual(_slopeT * _t7, Vector512<double>.Zero);
            var shown = Vector512.ExtractMostSignificantBits(turned | _reached);
            return (uint)(shown | Vector512.ExtractMostSignificantBits(~_accepted.AsInt64()));
        }

        /// <summary>Takes over accepted steps and loads, and sets the next step sizes (the rule of <see cref="StepControl"/>).</summary>
        public void Advance()
        {
            var one = Vector512<double>.One;
            var smallest = Vector512.Create(StepControl.SmallestError);
            var error = Vector512.ConditionalSelect(Vector512.GreaterThan(_error, smallest), _error, smallest);
            // Infinity and NaN come out of the power as nonsense and are replaced by the strongest shortening.
            var finite = Vector512.LessThan(error, Vector512.Create(1e100));
            error = Vector512.ConditionalSelect(finite, error, Vector512.Create(1e100));
            var grow = StepControl.Safety * Power(error, -0.7 / 5.0) * Power(_last, 0.4 / 5.0);
            var limit = Vector512.ConditionalSelect(
                Vector512.GreaterThan(_rejectedBefore, Vector512<double>.Zero), one, Vector512.Create(StepControl.Grow));
            grow = Clamp(grow, limit);
            var shrink = Clamp(StepControl.Safety * Power(error, -1.0 / 5.0), one);
            var after = _step * grow;
            // A step cut short only to end at a target says nothing about the step that the tolerance allows.
            after = Vector512.ConditionalSelect(_reached & Vector512.GreaterThan(_h, after), _h, after);
            var h = Vector512.ConditionalSelect(_accepted, after, _step * shrink);
            var moved = Vector512.ConditionalSelect(_reached, _target, _time + _step);
            // A lane loaded after this step keeps what the load has set.
            var take = Vector512.AndNot(_accepted, _loaded);
            _h = Vector512.ConditionalSelect(_loaded, _h, h);
            _c = Vector512.ConditionalSelect(take, _nextC, _c);
            _t = Vector512.ConditionalSelect(take, _nextT, _t);
            _slopeC = Vector512.ConditionalSelect(take, _c7, _slopeC);
            _slopeT = Vector512.ConditionalSelect(take, _t7, _slopeT);
            _time = Vector512.ConditionalSelect(take, moved, _time);
            _last = Vector512.ConditionalSelect(take, error, _last);
            _rejectedBefore = Vector512.ConditionalSelect(_loaded | _accepted, Vector512<double>.Zero, one);
        }

        /// <exception cref="OdeException">The rejected step cannot be made shorter.</exception>
        public readonly void Check(int lane, int trajectory)
        {
            var step = _step[lane];
            if (step > 1e-12) return;
            throw double.IsFinite(_error[lane])
                ? new StepSizeTooSmallException(_time[lane], step, trajectory)
                : new NonFiniteException(_time[lane], trajectory);
        }

        /// <summary>Shows the tracker the extremum of the temperature within the step, by the cubic through its values and
        /// slopes.</summary>
        public readonly void Show(int lane, ref RegimeTracker tracker)
        {
            double h = _step[lane], y0 = _t[lane], y1 = _nextT[lane], m0 = h * _slopeT[lane], m1 = h * _t7[lane];
            // p'(s) = a s^2 + b s + m0 has one root in [0, 1], since the slopes at the ends differ in sign.
            var a = (6.0 * (y0 - y1)) + (3.0 * (m0 + m1));
            var b = (6.0 * (y1 - y0)) - (4.0 * m0) - (2.0 * m1);
            var root = Math.Sqrt(Math.Max((b * b) - (4.0 * a * m0), 0.0));
            var q = -0.5 * (b + (b >= 0 ? root : -root));
            var s = Pick(q == 0.0 ? 0.0 : m0 / q, a == 0.0 ? 2.0 : q / a);
            var value = y0 + (s * (m0 + (s * ((b * 0.5) + (s * (a / 3.0))))));
            tracker.Turn(_time[lane] + (s * h), value);
        }

        private static double Pick(double first, double second) =>
            first is >= 0.0 and <= 1.0 ? first : second is >= 0.0 and <= 1.0 ? second : Math.Clamp(first, 0.0, 1.0);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly void Rhs(Vector512<double> c, Vector512<double> t, out Vector512<double> dc, out Vector512<double> dt)
        {
            // Dilution is 100 / 100 per minute.
            var rate = Cstr.FrequencyPerMin * DetMath.Exp(Vector512.Create(-Cstr.ActivationK) / t) * c;
            dc = Vector512<double>.One - c - rate;
            dt = Fma(_coolant - t, Cstr.Cooling, Fma(rate, Cstr.HeatRise, _feed - t));
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly Vector512<double> Scaled(Vector512<double> error, Vector512<double> y, Vector512<double> next)
        {
            Vector512<double> before = Vector512.Abs(y), after = Vector512.Abs(next);
            var size = Vector512.ConditionalSelect(Vector512.GreaterThan(after, before), after, before);
            var scaled = error / Fma(size, _rtol, Vector512.Create(_atol));
            return scaled * scaled;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector512<double> Error(
            Vector512<double> k1, Vector512<double> k2, Vector512<double> k3, Vector512<double> k4, Vector512<double> k5,
            Vector512<double> k6, Vector512<double> k7) =>
            Fma(k7, Tsit5.E7, Fma(k6, Tsit5.E6, Fma(k5, Tsit5.E5, Fma(k4, Tsit5.E4, Fma(k3, Tsit5.E3, Fma(k2, Tsit5.E2, k1 * Tsit5.E1))))));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector512<double> Fma(Vector512<double> a, Vector512<double> b, Vector512<double> c) =>
            Vector512.FusedMultiplyAdd(a, b, c);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector512<double> Fma(Vector512<double> a, double b, Vector512<double> c) =>
            Vector512.FusedMultiplyAdd(a, Vector512.Create(b), c);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector512<double> Clamp(Vector512<double> x, Vector512<double> high)
        {
            var low = Vector512.Create(StepControl.Shrink);
            x = Vector512.ConditionalSelect(Vector512.GreaterThan(x, low), x, low);
            return Vector512.ConditionalSelect(Vector512.LessThan(x, high), x, high);
        }

        /// <summary><see cref="StepControl.Power"/> in lanes.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector512<double> Power(Vector512<double> x, double e)
        {
            var bits = x.AsInt64();
            var exponent = Vector512.ShiftRightArithmetic(bits - Vector512.Create(0x3FE8000000000000), 52);
            var m = (bits - Vector512.ShiftLeft(exponent, 52)).AsDouble();
            var s = (m - Vector512<double>.One) / (m + Vector512<double>.One);
            var q = s * s;
            var series = Fma(q, 0.4121985831111324, Vector512.Create(0.5770780163555854));
            series = Fma(q, series, Vector512.Create(0.9617966939259757));
            series = Fma(q, series, Vector512.Create(2.885390081777927));
            var y = Fma(s, series, Vector512.ConvertToDouble(exponent)) * e;
            var n = Vector512.Floor(y + Vector512.Create(0.5));
            var r = (y - n) * 0.6931471805599453;
            var p = Fma(r, 1.0 / 120.0, Vector512.Create(1.0 / 24.0));
            p = Fma(p, r, Vector512.Create(1.0 / 6.0));
            p = Fma(p, r, Vector512.Create(0.5));
            p = Fma(p, r, Vector512<double>.One);
            p = Fma(p, r, Vector512<double>.One);
            return p * Vector512.ShiftLeft(Vector512.ConvertToInt64(n) + Vector512.Create(1023L), 52).AsDouble();
        }

        private static bool Is(Vector512<double> mask, int lane) => mask.AsInt64()[lane] != 0;

        private static void Set(ref Vector512<double> vector, int lane, double value) => vector = vector.WithElement(lane, value);
    }
}
