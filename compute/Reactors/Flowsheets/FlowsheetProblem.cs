using System.Collections.Immutable;
using Athanor.Compute.Kinetics;
using Athanor.Compute.Ode;
using Athanor.Compute.Problems;

namespace Athanor.Compute.Reactors.Flowsheets;

/// <summary>A flowsheet as a problem: what commands show of it, and what balances need.</summary>
public abstract class UnitProblem : OdeProblem
{
    /// <summary>The description it was made of.</summary>
    public required FlowsheetSpec Spec { get; init; }

    /// <summary>States worth showing when there are many: what leaves the units.</summary>
    public required ImmutableArray<int> Outlets { get; init; }

    /// <summary>Times at which a feed or control jumps or turns; solves stop there.</summary>
    public required ImmutableArray<double> Breaks { get; init; }

    /// <summary>First state, states of a cell and number of cells of each unit, in the order of the spec.</summary>
    public required ImmutableArray<(int First, int Width, int Cells)> Places { get; init; }

    /// <summary>The flow out of a unit, volume per time.</summary>
    public abstract double Outflow(int unit, double t, ReadOnlySpan<double> parameters);

    /// <summary>What a liquid loses of its pressure along a tube at rest with these flows, Pa; null if the unit has no <see
    /// cref="TubeSpec.Liquid"/>.</summary>
    public abstract double? PressureDrop(int unit, double t, ReadOnlySpan<double> parameters);
}

/// <summary>Makes problems of flowsheets.</summary>
public static class Flowsheet
{
    /// <param name="rates">Of a network whose species and reactions are the flowsheet's, in its order.</param>
    /// <param name="kinetic">Names and units of its parameters.</param>
    /// <exception cref="ArgumentException">The spec cannot be; the message names what is wrong.</exception>
    public static UnitProblem Problem(FlowsheetSpec spec, CompiledRates rates, IReadOnlyList<OdeParameter> kinetic) =>
        rates.Accept(new Maker(spec, kinetic));

    /// <summary>A flowsheet without reactions: mixing and tracers.</summary>
    public static UnitProblem Problem(FlowsheetSpec spec) => Problem(spec, new NoRates(spec.Species.Length), []);

    internal static UnitProblem Problem<TRates>(FlowsheetSpec spec, in TRates rates, IReadOnlyList<OdeParameter> kinetic)
        where TRates : struct, IRateSet<TRates>
    {
        var plant = Plant.Of(spec, kinetic);
        if (rates.SpeciesCount != plant.Species || rates.ReactionCount != plant.Reactions || rates.ParameterCount != kinetic.Count)
        {
            throw new ArgumentException(
                $"the kinetics have {rates.SpeciesCount} species, {rates.ReactionCount} reactions and {rates.ParameterCount} parameters, "
                + $"the flowsheet {plant.Species}, {plant.Reactions} and {kinetic.Count}");
        }
        return new FlowsheetProblem<TRates>(plant, rates)
        {
            Name = spec.Name,
            Title = spec.Title.Length > 0 ? spec.Title : spec.Name,
            Source = spec.Source,
            TimeUnit = spec.TimeUnit,
            End = spec.End,
            States = [.. plant.States],
            Parameters = [.. plant.Parameters],
            Spec = spec,
            Outlets =
            [
                .. plant.Units.SelectMany(u =>
                    Enumerable.Range(u.Outlet, u.Counter ? u.Width - 1 : u.Width)
                        .Concat(new[] { u.Spec is TankSpec || u.Counter ? u.JacketState : -1, u.VolumeState }.Where(s => s >= 0))),
            ],
            Places = [.. plant.Units.Select(u => (u.Offset, u.Width, u.Cells))],
            Breaks = [.. plant.Signals.SelectMany(s => s.Breaks).Distinct().Order()],
        };
    }

    private sealed class Maker(FlowsheetSpec spec, IReadOnlyList<OdeParameter> kinetic) : IRateSetVisitor<UnitProblem>
    {
        public UnitProblem Visit<TRates>(in TRates rates)
            where TRates : struct, IRateSet<TRates> => Problem(spec, rates, kinetic);
    }
}

/// <summary>
/// Solves a flowsheet stretch by stretch: from break to break of its signals, each with the solvers' own loop, so that no step and no
/// stage sees both sides of a jump. Sensitivities to parameters are carried on as those of the next stretch's start, those to the start by
/// the chain rule.
/// </summary>
internal sealed class FlowsheetProblem<TRates>(Plant plant, TRates rates) : UnitProblem
    where TRates : struct, IRateSet<TRates>
{
    private readonly Dictionary<double, OdeProblem<FlowsheetModel<TRates>>> _stretches = [];
    private readonly Sparsity _sparsity = Sparsity.Of(plant, new Stretch(plant.Signals, double.NegativeInfinity), rates);
    private readonly Lock _lock = new();

    public override Trajectory Solve(OdeRequest request, CancellationToken cancellation = default)
    {
        var start = request.Start ?? Start;
        var times = request.Times ?? DefaultGrid(start);
        var initial = request.Initial;
        var stretches = Stretches(start, times);
        if (stretches.Count == 1) return stretches[0].Problem.Solve(request with { Start = start, Times = times }, cancellation);
        int n = States.Length, q = request.Quadratures.Length;
        double[] values = new double[times.Length * n], integrals = new double[times.Length * q], carried = new double[q];
        var hits = ImmutableArray.CreateBuilder<OdeEventHit>();
        var statistics = default(OdeStatistics);
        var method = request.Method;
        var rows = 0;
        foreach (var stretch in stretches)
        {
            var asked = stretch.Times(times);
            var part = stretch.Problem.Solve(request with { Start = stretch.From, Initial = initial, Times = asked }, cancellation);
            var count = Math.Min(stretch.Count, part.Times.Length);
            part.Values.AsSpan(0, count * n).CopyTo(values.AsSpan(stretch.First * n));
            for (var k = 0; k < count * q; k++) integrals[(stretch.First * q) + k] = carried[k % q] + part.Quadratures[k];
            for (var k = 0; k < q; k++) carried[k] += part.Quadratures[((part.Times.Length - 1) * q) + k];
            hits.AddRange(part.Events);
            statistics = statistics.Plus(part.Statistics);
            initial = part.End.ToArray();
            method = part.Method;
            rows = stretch.First + count;
            // An event has ended the solve; its time is the last row.
            if (part.Times[^1] < stretch.To)
            {
                double[] until = [.. times[..stretch.First], .. part.Times];
                return new Trajectory(until, [.. values[..(stretch.First * n)], .. part.Values], n, statistics, method)
                {
                    Events = hits.ToImmutable(),
                    Quadratures = [.. integrals[..(rows * q)], .. part.Times.Length > count ? carried : []],
                };
            }
        }
        return new Trajectory(times, values, n, statistics, method) { Events = hits.ToImmutable(), Quadratures = integrals };
    }

    public override SensitivityTrajectory SolveSensitivities(OdeRequest request, CancellationToken cancellation = default)
    {
        var start = request.Start ?? Start;
        var times = request.Times ?? DefaultGrid(start);
        var stretches = Stretches(start, times);
        if (stretches.Count == 1)
            return stretches[0].Problem.SolveSensitivities(request with { Start = start, Times = times }, cancellation);
        int n = States.Length, m = request.SensitivityTo?.Length ?? Parameters.Length;
        double[] values = new double[times.Length * n], byP = new double[times.Length * m * n], byY = new double[times.Length * n * n];
        double[] carriedP = new double[m * n], carriedY = new double[n * n];
        for (var i = 0; i < n; i++) carriedY[(i * n) + i] = 1.0;
        var initial = request.Initial;
        var statistics = default(OdeStatistics);
        SensitivityTrajectory? part = null;
        foreach (var stretch in stretches)
        {
            part = stretch.Problem.SolveSensitivities(
                request with { Start = stretch.From, Initial = initial, Times = stretch.Times(times), StartSensitivities = carriedP }, cancellation);
            var rows = part.Times.Length;
            double[] throughP = new double[rows * m * n], throughY = new double[rows * n * n];
            for (var row = 0; row < rows; row++)
            {
                part.ToParameters.AsSpan(row * m * n, m * n).CopyTo(throughP.AsSpan(row * m * n));
                if (request.ToInitial) Chain(carriedY, part.ToInitial.AsSpan(row * n * n, n * n), throughY.AsSpan(row * n * n, n * n), n);
            }
            part.Values.AsSpan(0, stretch.Count * n).CopyTo(values.AsSpan(stretch.First * n));
            throughP.AsSpan(0, stretch.Count * m * n).CopyTo(byP.AsSpan(stretch.First * m * n));
            throughY.AsSpan(0, stretch.Count * n * n).CopyTo(byY.AsSpan(stretch.First * n * n));
            throughP.AsSpan((rows - 1) * m * n).CopyTo(carriedP);
            throughY.AsSpan((rows - 1) * n * n).CopyTo(carriedY);
            statistics = statistics.Plus(part.Statistics);
            initial = part.End.ToArray();
        }
        return new SensitivityTrajectory(
            times, values, n, statistics, part!.Method, part.Parameters, byP, request.ToInitial ? byY : null);
    }

    public override BatchResult SolveMany(OdeBatch batch, CancellationToken cancellation = default)
    {
        var start = batch.Start ?? Start;
        var times = batch.Times ?? [End];
        var stretches = Stretches(start, times);
        if (stretches.Count == 1) return stretches[0].Problem.SolveMany(batch with { Start = start, Times = times }, cancellation);
        int n = States.Length, p = Parameters.Length;
        var values = new double[(long)batch.Count * times.Length * n];
        double[]? minima = null, maxima = null;
        if (batch.Extremes)
        {
            (minima, maxima) = (new double[batch.Count * n], new double[batch.Count * n]);
            Array.Fill(minima, double.PositiveInfinity);
            Array.Fill(maxima, double.NegativeInfinity);
        }
        var failures = new List<BatchFailure>();
        var statistics = default(OdeStatistics);
        var alive = Enumerable.Range(0, batch.Count).ToArray();
        var initial = batch.Initial;
        var method = batch.Method;
        for (var s = 0; s < stretches.Count && alive.Length > 0; s++)
        {
            var stretch = stretches[s];
            var part = stretch.Problem.SolveMany(
                batch with
                {
                    Count = alive.Length,
                    Start = stretch.From,
                    Times = stretch.Times(times),
                    Initial = initial,
                    Parameters = batch.Parameters is null ? null : [.. alive.SelectMany(i => batch.Parameters.AsSpan(i * p, p).ToArray())],
                    Progress = batch.Progress is null ? null : new Share(batch.Progress, s, stretches.Count, batch.Count),
                },
                cancellation);
            var failed = part.Failures.Select(f => f.Trajectory).ToHashSet();
            failures.AddRange(part.Failures.Select(f => new BatchFailure(alive[f.Trajectory], f.Error)));
            var next = new List<int>();
            var ends = new List<double>();
            for (var k = 0; k < alive.Length; k++)
            {
                var i = alive[k];
                if (failed.Contains(k))
                {
                    values.AsSpan(i * times.Length * n, times.Length * n).Fill(double.NaN);
                    if (minima is not null)
                    {
                        minima.AsSpan(i * n, n).Fill(double.NaN);
                        maxima!.AsSpan(i * n, n).Fill(double.NaN);
                    }
                    continue;
                }
                for (var row = 0; row < stretch.Count; row++)
                    part.At(k, row).CopyTo(values.AsSpan(((i * times.Length) + stretch.First + row) * n));
                for (var c = 0; c < n && minima is not null; c++)
                {
                    minima[(i * n) + c] = Math.Min(minima[(i * n) + c], part.Minima![(k * n) + c]);
                    maxima![(i * n) + c] = Math.Max(maxima[(i * n) + c], part.Maxima![(k * n) + c]);
                }
                next.Add(i);
                ends.AddRange(part.End(k));
            }
            alive = [.. next];
            initial = [.. ends];
            statistics = statistics.Plus(part.Statistics);
            method = part.Method;
        }
        failures.Sort((a, b) => a.Trajectory.CompareTo(b.Trajectory));
        return new BatchResult(batch.Count, times, values, n, minima, maxima, statistics, method, failures);
    }

    public override void Rhs(double t, ReadOnlySpan<double> y, ReadOnlySpan<double> parameters, Span<double> dy) =>
        At(t).Rhs(t, y, parameters, dy);

    public override void Jacobian(double t, ReadOnlySpan<double> y, ReadOnlySpan<double> parameters, Span<double> jacobian) =>
        At(t).Jacobian(t, y, parameters, jacobian);

    public override void ParameterDerivatives(
        double t, ReadOnlySpan<double> y, ReadOnlySpan<double> parameters, Span<double> derivatives) =>
        At(t).ParameterDerivatives(t, y, parameters, derivatives);

    public override double Outflow(int unit, double t, ReadOnlySpan<double> parameters)
    {
        var sum = 0.0;
        for (var f = 0; f < plant.Feeds.Length; f++) sum += plant.FlowShares[unit, f] * Value(plant.Feeds[f].Flow, t, parameters);
        for (var o = 0; o < plant.Outflows.Length; o++)
            sum += plant.FlowShares[unit, plant.Feeds.Length + o] * Value(plant.Outflows[o], t, parameters);
        return sum;
    }

    public override double? PressureDrop(int unit, double t, ReadOnlySpan<double> parameters)
    {
        var place = plant.Units[unit];
        if (place.Spec is not TubeSpec { Liquid: { } path }) return null;
        var area = Value(place.Area, t, parameters);
        var speed = Outflow(unit, t, parameters) / (area * Spec.Seconds);
        return Value(place.Size, t, parameters) * path.PressureGradient(speed, area * Spec.CubicMetres);
    }

    private double Value(Quantity quantity, double t, ReadOnlySpan<double> parameters) =>
        quantity.Parameter >= 0 ? parameters[quantity.Parameter] : plant.Signals[quantity.Signal].At(t);

    /// <summary>dy += carried · ∂y/∂y0, where rows are parameters and columns states.</summary>
    private static void Chain(ReadOnlySpan<double> carried, ReadOnlySpan<double> toInitial, Span<double> result, int n)
    {
        for (var row = 0; row < carried.Length / n; row++)
        {
            for (var k = 0; k < n; k++)
            {
                var factor = carried[(row * n) + k];
                if (factor == 0.0) continue;
                for (var i = 0; i < n; i++) result[(row * n) + i] += factor * toInitial[(k * n) + i];
            }
        }
    }

    private double[] DefaultGrid(double start) =>
        [.. Enumerable.Range(0, DefaultTimes).Select(i => i == DefaultTimes - 1 ? End : start + ((End - start) * i / (DefaultTimes - 1)))];

    /// <summary>The stretches that a solve crosses, with the output times in each.</summary>
    private List<StretchPart> Stretches(double start, double[] times)
    {
        if (times.Length == 0) throw new ArgumentException("no output time is given; at least the end is needed");
        var parts = new List<StretchPart>();
        var from = start;
        var first = 0;
        foreach (var stop in Breaks.Where(b => b > start && b < times[^1]))
        {
            var next = first;
            while (next < times.Length && times[next] <= stop) next++;
            parts.Add(new StretchPart(At(from), from, stop, first, next - first));
            (from, first) = (stop, next);
        }
        parts.Add(new StretchPart(At(from), from, times[^1], first, times.Length - first));
        return parts;
    }

    /// <summary>The problem of the stretch that holds from <paramref name="t"/> on.</summary>
    private OdeProblem<FlowsheetModel<TRates>> At(double t)
    {
        var from = Breaks.LastOrDefault(b => b <= t, double.NegativeInfinity);
        lock (_lock)
        {
            if (_stretches.TryGetValue(from, out var known)) return known;
            var model = new FlowsheetModel<TRates>(plant, new Stretch(plant.Signals, from), _sparsity, rates, NominalParameters);
            return _stretches[from] = new OdeProblem<FlowsheetModel<TRates>>(model)
            {
                Name = Name,
                Title = Title,
                Source = Source,
                TimeUnit = TimeUnit,
                Start = Start,
                End = End,
                States = States,
                Parameters = Parameters,
            };
        }
    }

    private sealed record StretchPart(OdeProblem<FlowsheetModel<TRates>> Problem, double From, double To, int First, int Count)
    {
        /// <summary>The output times in it, and its end.</summary>
        public double[] Times(double[] all)
        {
            var own = all.AsSpan(First, Count);
            return Count > 0 && own[^1] == To ? own.ToArray() : [.. own, To];
        }
    }

    private sealed class Share(IProgress<int> whole, int stretch, int stretches, int count) : IProgress<int>
    {
        public void Report(int value) => whole.Report((int)((((long)stretch * count) + value) / stretches));
    }
}
