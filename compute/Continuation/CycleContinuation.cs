using System.Collections.Immutable;
using System.Numerics;
using Athanor.Compute.SteadyStates;

namespace Athanor.Compute.Continuation;

/// <summary>
/// Follows the limit cycles from a Hopf point by pseudo-arclength in (u, ln T, p). The first orbit is predicted along the eigenvector,
/// u = x + ε Re(q e^{2πiτ}); steps are taken as on branches of steady states (Newton converges, the tangent turns little), and the mesh is
/// adapted after each. The logarithm of the period is the unknown because at a homoclinic end T grows without bound while p and the
/// orbit's shape settle: steps along ln T reach any period in few steps.
/// Special points: p turns (fold of cycles), a real multiplier passes -1 (period doubling), a complex pair leaves the unit circle (torus);
/// bracketed by halving the step.
/// </summary>
internal sealed class CycleContinuation(
    ScaledField field, BifurcationRequest request, HopfSystem.Point hopf, List<SpecialPoint> special, int hopfIndex, int index)
{
    private const double LargestTurn = 0.96;
    private const double FirstStep = 0.005;
    private const double MaximumStep = 0.05;

    private const double MinimumStep = 1e-6;

    private readonly int _n = field.Dimension;
    private readonly CycleSystem _system = new(field, request.CycleIntervals);
    private readonly double _firstLogPeriod = Math.Log(2.0 * Math.PI / hopf.Frequency);

    /// <summary>Special points along the cycles.</summary>
    public List<SpecialPoint> Found { get; } = [];

    public CycleBranch Run(Action<double> progress, CancellationToken cancellation)
    {
        var cycles = ImmutableArray.CreateBuilder<Cycle>();
        var orbit = Birth();
        Cycle? cycle = null;
        var step = FirstStep;
        while (cycles.Count < request.MaximumCycles)
        {
            cancellation.ThrowIfCancellationRequested();
            var ahead = Step(orbit, step, cancellation);
            var turned = ahead is { } a && cycle is not null && Turn(orbit, a.Orbit) < LargestTurn;
            if (ahead is null || turned)
            {
                step *= 0.5;
                if (step >= MinimumStep) continue;
                return Finish(cycles, CycleEnd.StepTooSmall, orbit);
            }
            var (next, iterations) = ahead.Value;
            if (cycle is not null && Vanishes(orbit, next)) return Finish(cycles, CycleEnd.Hopf, orbit);
            if (next.P is < 0.0 or > 1.0)
            {
                var bound = next.P < 0.0 ? 0.0 : 1.0;
                if (AtBound(orbit, next, bound, cancellation) is { } last)
                {
                    orbit = last;
                    cycles.Add(Describe(last));
                }
                return Finish(cycles, CycleEnd.RangeEnd, orbit);
            }
            var described = Describe(next);
            if (cycle is not null) Locate(orbit, cycle, described, next, step, cancellation);
            cycles.Add(described);
            cycle = described;
            progress(Math.Max((double)cycles.Count / request.MaximumCycles,
                (next.LogPeriod - _firstLogPeriod) / Math.Log(request.MaximumPeriodFactor)));
            if (Outside(described)) return Finish(cycles, CycleEnd.LeftBox, next);
            if (InfinitePeriod(cycles, next) is { } ended) return ended;
            orbit = Adapted(next);
            if (iterations <= 4) step = Math.Min(MaximumStep, step * 1.3);
            else if (iterations > 6) step *= 0.7;
        }
        return Finish(cycles, CycleEnd.PointLimit, orbit);
    }

    private Orbit Birth()
    {
        var intervals = request.CycleIntervals;
        var mesh = new double[intervals + 1];
        for (var j = 0; j <= intervals; j++) mesh[j] = j / (double)intervals;
        var points = (intervals * Collocation.Degree) + 1;
        double[] profile = new double[points * _n], tangent = new double[points * _n];
        for (var k = 0; k < points; k++)
        {
            var (sin, cos) = Math.SinCos(2.0 * Math.PI * k / (points - 1));
            for (var i = 0; i < _n; i++)
            {
                profile[(k * _n) + i] = hopf.X[i];
                tangent[(k * _n) + i] = (hopf.A[i] * cos) - (hopf.B[i] * sin);
            }
        }
        var values = Collocation.AtGauss(mesh, tangent, _n, slope: false);
        var norm = Math.Sqrt(Collocation.Product(mesh, values, values, _n));
        for (var i = 0; i < tangent.Length; i++) tangent[i] /= norm;
        return new Orbit
        {
            Mesh = mesh,
            Profile = profile,
            LogPeriod = _firstLogPeriod,
            P = hopf.X[_n],
            TangentProfile = tangent,
            TangentLogPeriod = 0.0,
            TangentP = 0.0,
            ReferenceSlope = Collocation.AtGauss(mesh, tangent, _n, slope: true),
        };
    }

    private (Orbit Orbit, int Iterations)? Step(Orbit from, double length, CancellationToken cancellation)
    {
        var profile = new double[from.Profile.Length];
        for (var i = 0; i < profile.Length; i++) profile[i] = from.Profile[i] + (length * from.TangentProfile[i]);
        return _system.Correct(
            from, profile, from.LogPeriod + (length * from.TangentLogPeriod), from.P + (length * from.TangentP), fixedP: false,
            cancellation);
    }

    /// <summary>Cosine of the angle between the tangents of two orbits on one mesh.</summary>
    private double Turn(Orbit a, Orbit b)
    {
        var u = Collocation.AtGauss(a.Mesh, a.TangentProfile, _n, slope: false);
        var v = Collocation.AtGauss(a.Mesh, b.TangentProfile, _n, slope: false);
        return Collocation.Product(a.Mesh, u, v, _n) + (a.TangentLogPeriod * b.TangentLogPeriod) + (a.TangentP * b.TangentP);
    }

    /// <summary>Whether the branch has passed a Hopf point: the orbit, about its mean, has changed sides.</summary>
    private bool Vanishes(Orbit from, Orbit next)
    {
        double[] a = Centred(from), b = Centred(next);
        return Collocation.Product(from.Mesh, a, b, _n) < 0.0;
    }

    private double[] Centred(Orbit orbit)
    {
        var values = Collocation.AtGauss(orbit.Mesh, orbit.Profile, _n, slope: false);
        var mean = new double[_n];
        for (var j = 0; j + 1 < orbit.Mesh.Length; j++)
        {
            for (var c = 0; c < Collocation.Degree; c++)
            {
                var weight = (orbit.Mesh[j + 1] - orbit.Mesh[j]) * Collocation.Weights[c];
                for (var i = 0; i < _n; i++) mean[i] += weight * values[(((j * Collocation.Degree) + c) * _n) + i];
            }
        }
        for (var i = 0; i < values.Length; i++) values[i] -= mean[i % _n];
        return values;
    }

    private Orbit Adapted(Orbit orbit)
    {
        var mesh = Collocation.Adapt(orbit.Mesh, orbit.Profile, _n);
        var profile = Collocation.Move(orbit.Mesh, orbit.Profile, mesh, _n);
        return new Orbit
        {
            Mesh = mesh,
            Profile = profile,
            LogPeriod = orbit.LogPeriod,
            P = orbit.P,
            TangentProfile = Collocation.Move(orbit.Mesh, orbit.TangentProfile, mesh, _n),
            TangentLogPeriod = orbit.TangentLogPeriod,
            TangentP = orbit.TangentP,
            ReferenceSlope = Collocation.AtGauss(mesh, profile, _n, slope: true),
            Transfers = orbit.Transfers,
        };
    }

    private Orbit? AtBound(Orbit from, Orbit next, double bound, CancellationToken cancellation)
    {
        var share = (bound - from.P) / (next.P - from.P);
        var profile = new double[from.Profile.Length];
        for (var i = 0; i < profile.Length; i++) profile[i] = from.Profile[i] + (share * (next.Profile[i] - from.Profile[i]));
        var logPeriod = from.LogPeriod + (share * (next.LogPeriod - from.LogPeriod));
        return _system.Correct(from, profile, logPeriod, bound, fixedP: true, cancellation)?.Orbit;
    }

    private void Locate(Orbit from, Cycle before, Cycle after, Orbit next, double step, CancellationToken cancellation)
    {
        if (from.TangentP * next.TangentP < 0)
            Bracket(SpecialPointKind.CycleFold, from, step, (o, _) => o.TangentP * from.TangentP < 0, cancellation);
        if (Beyond(before) % 2 != Beyond(after) % 2)
            Bracket(SpecialPointKind.PeriodDoubling, from, step, (_, c) => Beyond(c) % 2 != Beyond(before) % 2, cancellation);
        if (Pairs(before) != Pairs(after))
            Bracket(SpecialPointKind.Torus, from, step, (_, c) => Pairs(c) != Pairs(before), cancellation);
    }

    /// <summary>How many multipliers lie below -1.</summary>
    private static int Beyond(Cycle cycle) => cycle.Multipliers.Count(m => m.Imaginary == 0 && m.Real < -1.0);

    /// <summary>How many complex pairs lie outside the unit circle.</summary>
    private static int Pairs(Cycle cycle) => cycle.Multipliers.Count(m => m.Imaginary > 0 && Complex.Abs(m) > 1.0);

    private void Bracket(SpecialPointKind kind, Orbit from, double step, Func<Orbit, Cycle, bool> passed, CancellationToken cancellation)
    {
        double low = 0.0, high = step;
        (Orbit Orbit, Cycle Cycle)? best = null;
        for (var k = 0; k < 22; k++)
        {
            var middle = 0.5 * (low + high);
            if (Step(from, middle, cancellation) is not { } trial) break;
            var cycle = Describe(trial.Orbit);
            if (passed(trial.Orbit, cycle))
            {
                high = middle;
                best = (trial.Orbit, cycle);
            }
            else
            {
                low = middle;
            }
        }
        if (best is not { } found) return;
        if (kind == SpecialPointKind.Torus && !found.Cycle.Multipliers.Any(m => m.Imaginary > 0 && Math.Abs(Complex.Abs(m) - 1.0) < 1e-3))
            return;
        Found.Add(new SpecialPoint(
            kind, found.Cycle.Parameter, HighestPoint(found.Orbit), index, 0.0, found.Cycle.Period, 0.0, high - low < 1e-5 * step));
    }

    private ImmutableArray<double> HighestPoint(Orbit orbit)
    {
        var best = 0;
        for (var k = 0; k < orbit.Profile.Length; k += _n)
        {
            if (orbit.Profile[k] > orbit.Profile[best]) best = k;
        }
        return [.. field.ToState(orbit.Profile.AsSpan(best, _n))];
    }

    private Cycle Describe(Orbit orbit)
    {
        var (minimum, maximum) = Extremes(orbit);
        var (multipliers, error) = Floquet.Multipliers(orbit.Transfers, _n);
        var period = Math.Exp(orbit.LogPeriod);
        var values = ImmutableArray.CreateBuilder<double>(orbit.Mesh.Length * _n);
        for (var j = 0; j < orbit.Mesh.Length; j++)
            values.AddRange(field.ToState(orbit.Profile.AsSpan(j * Collocation.Degree * _n, _n)));
        return new Cycle(
            field.ToParameter(orbit.P), period, [.. field.ToState(minimum)], [.. field.ToState(maximum)], [.. multipliers], error,
            multipliers.Length == _n - 1 && Array.TrueForAll(multipliers, m => Complex.Abs(m) < 1.0),
            [.. orbit.Mesh.Select(t => t * period)],
            values.MoveToImmutable());
    }

    /// <summary>Least and largest value of each state: of twelve points an interval, and of the parabola through the three around the
    /// best one.</summary>
    private (double[] Minimum, double[] Maximum) Extremes(Orbit orbit)
    {
        const int points = 12;
        var intervals = orbit.Mesh.Length - 1;
        var values = new double[((intervals * points) + 1) * _n];
        for (var j = 0; j < intervals; j++)
        {
            for (var k = 0; k <= points; k++)
            {
                var at = orbit.Mesh[j] + ((orbit.Mesh[j + 1] - orbit.Mesh[j]) * k / points);
                Collocation.Evaluate(orbit.Mesh, orbit.Profile, at, values.AsSpan(((j * points) + k) * _n, _n));
            }
        }
        double[] minimum = new double[_n], maximum = new double[_n];
        var count = intervals * points;
        for (var i = 0; i < _n; i++)
        {
            int lowest = 0, highest = 0;
            for (var k = 1; k < count; k++)
            {
                if (values[(k * _n) + i] < values[(lowest * _n) + i]) lowest = k;
                if (values[(k * _n) + i] > values[(highest * _n) + i]) highest = k;
            }
            minimum[i] = Vertex(lowest, i);
            maximum[i] = Vertex(highest, i);
        }
        return (minimum, maximum);

        double Vertex(int k, int i)
        {
            var middle = values[(k * _n) + i];
            // On the joint of two intervals the points are not even; the point itself is near enough.
            if (k % points == 0) return middle;
            double left = values[((k - 1) * _n) + i], right = values[((k + 1) * _n) + i], bend = left - (2.0 * middle) + right;
            return bend == 0.0 ? middle : middle - ((right - left) * (right - left) / (8.0 * bend));
        }
    }

    private bool Outside(Cycle cycle)
    {
        for (var i = 0; i < _n; i++)
        {
            var slack = 1e-3 * (request.Upper[i] - request.Lower[i]);
            if (cycle.Minimum[i] < request.Lower[i] - slack || cycle.Maximum[i] > request.Upper[i] + slack) return true;
        }
        return false;
    }

    private CycleBranch Finish(ImmutableArray<Cycle>.Builder cycles, CycleEnd end, Orbit last)
    {
        var parameter = field.ToParameter(last.P);
        ImmutableArray<double>? state = null;
        if (end == CycleEnd.Hopf)
        {
            var width = Math.Abs(request.To - request.From);
            var nearest = special.Where((s, i) => s.Kind == SpecialPointKind.Hopf && (i != hopfIndex || cycles.Count > 20))
                .OrderBy(s => Math.Abs(s.Parameter - parameter)).FirstOrDefault();
            if (nearest is not null && Math.Abs(nearest.Parameter - parameter) < 0.02 * width)
                (parameter, state) = (nearest.Parameter, nearest.State);
        }
        return new CycleBranch(index, hopfIndex, cycles.ToImmutable(), end, parameter, state);
    }

    /// <summary>
    /// Whether the family has come as near to an infinite period as it is followed, and to what. The orbit waits at its slowest point. If
    /// a saddle is there, the end is homoclinic: p approaches its last value as e^{-λ T} with the saddle's smallest unstable eigenvalue λ,
    /// which tells how far it has still to go. If there is none but a fold of steady states is near, the orbit passes the place
    /// where they will appear: a saddle-node on the cycle.
    /// </summary>
    private CycleBranch? InfinitePeriod(ImmutableArray<Cycle>.Builder cycles, Orbit orbit)
    {
        var growth = orbit.LogPeriod - _firstLogPeriod;
        var limit = growth > Math.Log(request.MaximumPeriodFactor);
        if (growth < Math.Log(4.0) || cycles.Count < 3) return null;
        var near = SlowestPoint(orbit);
        var x = (double[])near.Clone();
        if (new EquilibriumCurve(field).CorrectAtParameter(x) > 0 && Apart(x, near) < 0.02)
        {
            var eigenvalues = Stability.Eigenvalues(field, x.AsSpan(0, _n), x[_n]);
            var unstable = eigenvalues.LastOrDefault(e => e.Real > 0);
            if (unstable.Real > 0 && eigenvalues[^1].Real < 0)
            {
                Cycle last = cycles[^1], before = cycles[^2];
                var decay = Math.Exp(Math.Min(700.0, unstable.Real * (last.Period - before.Period))) - 1.0;
                var rest = (last.Parameter - before.Parameter) / decay;
                if (limit || Math.Abs(rest) < 1e-7 * Math.Abs(request.To - request.From))
                    return End(CycleEnd.Homoclinic, last.Parameter + rest, [.. field.ToState(x.AsSpan(0, _n))]);
            }
        }
        if (!limit) return null;
        var fold = special.Find(s => s.Kind == SpecialPointKind.Fold
            && Math.Abs(field.FromParameter(s.Parameter) - orbit.P) < 0.01 && Apart(field.FromState(s.State.AsSpan()), near) < 0.1);
        return fold is null
            ? End(CycleEnd.PeriodLimit, field.ToParameter(orbit.P), null)
            : End(CycleEnd.SaddleNodeOnCycle, fold.Parameter, fold.State);

        CycleBranch End(CycleEnd end, double parameter, ImmutableArray<double>? state) =>
            new(index, hopfIndex, cycles.ToImmutable(), end, parameter, state);
    }

    /// <summary>(x, p) where f is smallest along the orbit.</summary>
    private double[] SlowestPoint(Orbit orbit)
    {
        var f = new double[_n];
        var slowest = 0;
        var least = double.PositiveInfinity;
        for (var k = 0; k < orbit.Profile.Length; k += _n)
        {
            field.Rhs(orbit.Profile.AsSpan(k, _n), orbit.P, f);
            var speed = f.Sum(v => v * v);
            if (speed >= least) continue;
            least = speed;
            slowest = k;
        }
        var x = new double[_n + 1];
        orbit.Profile.AsSpan(slowest, _n).CopyTo(x);
        x[_n] = orbit.P;
        return x;
    }

    private double Apart(double[] a, double[] b)
    {
        var distance = 0.0;
        for (var i = 0; i < _n; i++) distance = Math.Max(distance, Math.Abs(a[i] - b[i]));
        return distance;
    }
}
