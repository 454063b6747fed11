using System.Collections.Immutable;
using Athanor.Compute.SteadyStates;

namespace Athanor.Compute.Continuation;

/// <summary>
/// Bifurcation diagrams in one parameter: steady states are searched at both ends of the range and at some values between, each one found
/// that lies on no branch yet is followed both ways, branches that cross at a branch point are followed too, and from each Hopf point the
/// cycles (Seydel, Practical Bifurcation and Stability Analysis, 2010; Kuznetsov, Elements of Applied Bifurcation Theory, 2004). A branch
/// that meets neither end nor one of the values between (a small isola) is not found.
/// </summary>
public static class Bifurcation
{
    /// <exception cref="ArgumentException">The request does not fit the field.</exception>
    /// <exception cref="NoSteadyStateException">No steady state was found at any of the values searched.</exception>
    public static BifurcationDiagram Compute(
        IVectorField field, BifurcationRequest request, Action<BifurcationProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        request.Check(field.Dimension);
        return new Computation(field, request, progress, cancellation).Run();
    }

    private sealed class Computation(
        IVectorField original, BifurcationRequest request, Action<BifurcationProgress>? progress, CancellationToken cancellation)
    {
        private readonly int _n = original.Dimension;
        private readonly List<EquilibriumBranch> _branches = [];
        private readonly List<SpecialPoint> _special = [];
        private readonly List<(HopfSystem.Point Point, int Special)> _hopf = [];
        private readonly Queue<double[]> _seeds = new();
        private ScaledField _field = null!;
        private EquilibriumContinuation _continuation = null!;

        public BifurcationDiagram Run()
        {
            var (states, searches) = Search();
            _field = new ScaledField(original, Scale(states), request.From, request.To - request.From);
            _continuation = new EquilibriumContinuation(_field, request);
            foreach (var state in states) _seeds.Enqueue(Scaled(state));
            while (_seeds.TryDequeue(out var seed))
            {
                if (_branches.Exists(b => Holds(b, seed))) continue;
                Follow(seed);
            }
            var cycles = ImmutableArray.CreateBuilder<CycleBranch>();
            if (request.Cycles)
            {
                foreach (var (point, special) in _hopf)
                {
                    if (cycles.Any(c => c.EndsAt(_special[special]))) continue;
                    var continuation = new CycleContinuation(_field, request, point, _special, special, cycles.Count);
                    cycles.Add(continuation.Run(Report($"cycles from the Hopf point at {_special[special].Parameter:g8}"), cancellation));
                    _special.AddRange(continuation.Found);
                }
            }
            return new BifurcationDiagram(request.From, request.To, [.. _branches], cycles.ToImmutable(), [.. _special], searches);
        }

        private (List<SteadyState> States, ImmutableArray<string> Statements) Search()
        {
            var values = new List<double> { request.From, request.To };
            for (var k = 1; k <= request.InnerSearches; k++)
                values.Add(request.From + ((request.To - request.From) * k / (request.InnerSearches + 1.0)));
            var states = new List<SteadyState>();
            var statements = ImmutableArray.CreateBuilder<string>();
            var guesses = request.Guesses.Select(g => g.ToArray()).ToList();
            for (var k = 0; k < values.Count; k++)
            {
                progress?.Invoke(new BifurcationProgress($"steady states at {values[k]:g6}", k / (double)values.Count));
                var found = SteadyStateSearch.Find(
                    original, values[k], request.Lower.AsSpan(), request.Upper.AsSpan(), guesses, request.Starts, request.Seed,
                    cancellation);
                states.AddRange(found.States);
                statements.Add(found.Statement);
            }
            if (states.Count == 0)
            {
                throw new NoSteadyStateException(
                    $"No steady state in this box at any of {values.Count} parameter values from {request.From:g9} to {request.To:g9}. "
                    + statements[0]);
            }
            return (states, statements.ToImmutable());
        }

        private double[] Scale(List<SteadyState> states)
        {
            var scale = new double[_n];
            for (var i = 0; i < _n; i++)
            {
                foreach (var state in states) scale[i] = Math.Max(scale[i], Math.Abs(state.State[i]));
                if (scale[i] < 1e-9 * (request.Upper[i] - request.Lower[i])) scale[i] = request.Upper[i] - request.Lower[i];
            }
            return scale;
        }

        private double[] Scaled(SteadyState state)
        {
            var x = new double[_n + 1];
            _field.FromState(state.State.AsSpan()).CopyTo(x, 0);
            x[_n] = _field.FromParameter(state.Parameter);
            return x;
        }

        private void Follow(double[] seed)
        {
            var direction = new double[_n + 1];
            direction[_n] = 1.0;
            if (_continuation.At(seed, direction) is not { } start) return;
            var back = start with { Tangent = Array.ConvertAll(start.Tangent, t => -t), Sign = -start.Sign };
            var index = _branches.Count;
            var report = Report($"branch {index + 1}");
            var forward = _continuation.Follow(start, p => report(p.X[_n]), cancellation);
            EquilibriumContinuation.Way? backward = null;
            if (forward.End != BranchEnd.Closed) backward = _continuation.Follow(back, p => report(p.X[_n]), cancellation);
            var points = new List<EquilibriumContinuation.Point>();
            var events = new List<EquilibriumContinuation.Event>();
            if (backward is not null)
            {
                points.AddRange(Enumerable.Reverse(backward.Points.Skip(1)));
                events.AddRange(Enumerable.Reverse(backward.Events));
            }
            points.AddRange(forward.Points);
            events.AddRange(forward.Events);
            if (points.Count < 2) return;
            _branches.Add(new EquilibriumBranch(
                index, [.. points.Select(Unscaled)], backward?.End ?? BranchEnd.Closed, forward.End));
            foreach (var found in events) Add(found, index);
        }

        private void Add(EquilibriumContinuation.Event found, int branch)
        {
            var state = _field.ToState(found.X.AsSpan(0, _n));
            var parameter = _field.ToParameter(found.X[_n]);
            if (found.Kind == SpecialPointKind.BranchPoint)
            {
                Switch(found);
                // The other branch meets the same point.
                if (_special.Exists(s => s.Kind == found.Kind && Same(s, state, parameter))) return;
            }
            double frequency = 0.0, lyapunov = 0.0;
            if (found.Hopf is { } hopf)
            {
                frequency = hopf.Frequency;
                lyapunov = LyapunovCoefficient.Compute(_field, hopf, _field.Scale);
                _hopf.Add((hopf, _special.Count));
            }
            var period = frequency > 0 ? 2.0 * Math.PI / frequency : 0.0;
            _special.Add(new SpecialPoint(found.Kind, parameter, [.. state], branch, frequency, period, lyapunov, found.Located));
        }

        private bool Same(SpecialPoint point, double[] state, double parameter)
        {
            if (Math.Abs(point.Parameter - parameter) > 1e-4 * Math.Abs(request.To - request.From)) return false;
            for (var i = 0; i < _n; i++)
            {
                if (Math.Abs(point.State[i] - state[i]) > 1e-4 * _field.Scale[i]) return false;
            }
            return true;
        }

        /// <summary>Steps off the branch across its tangent, to both sides; what the correction finds there lies on the other
        /// branch.</summary>
        private void Switch(EquilibriumContinuation.Event found)
        {
            double[] across;
            try
            {
                across = _continuation.Curve.SecondDirection(found.X, found.Tangent);
            }
            catch (ArithmeticException)
            {
                return;
            }
            foreach (var side in (ReadOnlySpan<double>)[1.0, -1.0])
            {
                var x = new double[_n + 1];
                for (var i = 0; i <= _n; i++) x[i] = found.X[i] + (side * request.MaximumStep * across[i]);
                if (_continuation.Curve.Correct(x, across) > 0 && x[_n] is >= 0 and <= 1 && InBox(x)) _seeds.Enqueue(x);
            }
        }

        private bool InBox(double[] x)
        {
            for (var i = 0; i < _n; i++)
            {
                var slack = 1e-6 * (request.Upper[i] - request.Lower[i]);
                if (x[i] * _field.Scale[i] < request.Lower[i] - slack || x[i] * _field.Scale[i] > request.Upper[i] + slack) return false;
            }
            return true;
        }

        /// <summary>Whether a branch passes through a steady state: the foot of the perpendicular to each of its chords nearby is
        /// corrected, in the plane across the chord, to the branch and must meet it. (In a plane of constant p it would not do: there the branch
        /// touches at a fold.)</summary>
        private bool Holds(EquilibriumBranch branch, double[] seed)
        {
            double[] a = new double[_n + 1], chord = new double[_n + 1], x = new double[_n + 1];
            for (var k = 0; k + 1 < branch.Points.Length; k++)
            {
                Chord(branch.Points[k], branch.Points[k + 1], a, chord);
                double length = 0.0, along = 0.0;
                for (var i = 0; i <= _n; i++)
                {
                    length += chord[i] * chord[i];
                    along += chord[i] * (seed[i] - a[i]);
                }
                if (length == 0.0 || along < -1e-3 * length || along > 1.001 * length) continue;
                var near = 0.0;
                for (var i = 0; i <= _n; i++)
                {
                    x[i] = a[i] + (along / length * chord[i]);
                    near = Math.Max(near, Math.Abs(x[i] - seed[i]));
                    chord[i] /= Math.Sqrt(length);
                }
                if (near > request.MaximumStep || _continuation.Curve.Correct(x, chord) < 0) continue;
                var far = 0.0;
                for (var i = 0; i <= _n; i++) far = Math.Max(far, Math.Abs(x[i] - seed[i]));
                if (far < 1e-5) return true;
            }
            return false;
        }

        private void Chord(BranchPoint from, BranchPoint to, double[] start, double[] chord)
        {
            for (var i = 0; i < _n; i++)
            {
                start[i] = from.State[i] / _field.Scale[i];
                chord[i] = (to.State[i] / _field.Scale[i]) - start[i];
            }
            start[_n] = _field.FromParameter(from.Parameter);
            chord[_n] = _field.FromParameter(to.Parameter) - start[_n];
        }

        private BranchPoint Unscaled(EquilibriumContinuation.Point point) => new(
            _field.ToParameter(point.X[_n]), [.. _field.ToState(point.X.AsSpan(0, _n))], [.. point.Eigenvalues], point.Unstable);

        private Action<double> Report(string stage) =>
            share => progress?.Invoke(new BifurcationProgress(stage, Math.Clamp(share, 0.0, 1.0)));
    }
}
