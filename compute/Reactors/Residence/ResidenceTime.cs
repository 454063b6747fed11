using Athanor.Compute.Ode;
using Athanor.Compute.Reactors.Flowsheets;

namespace Athanor.Compute.Reactors.Residence;

/// <summary>A residence-time distribution measured on a simulated plant, and what theory says of the same plant.</summary>
/// <param name="Times">Of the curves.</param>
/// <param name="Step">F(t): the tracer at the outlet after a step at the inlet, as a share of what it comes to.</param>
/// <param name="Pulse">E(t) = dF/dt, per time: the answer to a pulse.</param>
/// <param name="Mean">∫ (1 - F) dt.</param>
/// <param name="Variance">2 ∫ t (1 - F) dt - mean².</param>
/// <param name="ExactMean">Of the plant's ideal units: stirred tanks, and plug flow with dispersion.</param>
/// <param name="ExactVariance">Likewise.</param>
/// <param name="Remainder">1 - F at the end of the integration: what the moments leave out.</param>
public sealed record ResidenceTimes(
    double[] Times, double[] Step, double[] Pulse, double Mean, double Variance, double ExactMean, double ExactVariance, double Remainder)
{
    /// <summary>N of the equal stirred tanks in series with this mean and variance, mean²/variance.</summary>
    public double TanksInSeries => Mean * Mean / Variance;

    /// <summary>D/(uL) of the tube with closed ends that has this variance, of σ²/τ² = 2/Pe - 2/Pe² (1 - exp(-Pe)); infinite where the
    /// variance is that of one stirred tank or more.</summary>
    public double DispersionNumber => ResidenceTime.DispersionNumber(Variance / (Mean * Mean));
}

/// <summary>Residence-time distributions (P. Danckwerts, Chemical Engineering Science 2, 1953; O. Levenspiel, Chemical Reaction
/// Engineering, 3rd ed. 1999, chapters 11 to 14) of plants of constant flows and volumes.</summary>
public static class ResidenceTime
{
    /// <summary>Puts a step of tracer into a feed and follows it to the outlet of a unit.</summary>
    /// <param name="feed">By name; null for the only one.</param>
    /// <param name="unit">By name; null for the last.</param>
    /// <param name="until">End of the curves; null for five mean residence times. The moments are integrated to ten and more, until 1e-10 is left.</param>
    /// <exception cref="ArgumentException">The plant has no such feed or unit, a flow that changes, or a volume that does.</exception>
    /// <exception cref="OdeException">The tracer could not be followed.</exception>
    public static ResidenceTimes Measure(
        FlowsheetSpec spec, string? feed = null, string? unit = null, double? until = null, int points = 401, CancellationToken cancellation = default)
    {
        var tracer = Tracer(spec, feed);
        var plant = Plant.Of(tracer, []);
        var at = unit is null ? plant.Units.Length - 1 : plant.Index(unit);
        if (at < 0) throw new ArgumentException($"there is no unit '{unit}'; units are {string.Join(", ", spec.Units.Select(u => u.Name))}");
        var theory = Theory(plant, at);
        var end = until ?? 5 * theory.Mean;
        var rates = new NoRates(1);
        var stretch = new Stretch(plant.Signals, 0.0);
        var nominal = plant.Parameters.Select(p => p.Value).ToArray();
        var flow = new FlowsheetModel<NoRates>(plant, stretch, Sparsity.Of(plant, stretch, rates), rates, nominal);
        var model = new Moments(flow, plant.Units[at].Outlet, theory.Share);
        var n = model.Dimension;
        var times = Enumerable.Range(0, points).Select(i => end * i / (points - 1)).ToArray();
        var options = new OdeOptions { RelativeTolerance = 1e-9, AbsoluteTolerance = 1e-12 };
        var start = new double[n];
        var values = new double[points * n];
        Tsit5.Solve(model, 0.0, start, times, values, options);
        var (step, pulse) = (new double[points], new double[points]);
        var slope = new double[n];
        for (var i = 0; i < points; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            var y = values.AsSpan(i * n, n);
            model.Rhs(times[i], y, slope);
            (step[i], pulse[i]) = (y[model.Outlet] / theory.Share, slope[model.Outlet] / theory.Share);
        }
        // On to where nothing is left: the tail of a recycle is long.
        var last = values.AsSpan((points - 1) * n, n).ToArray();
        var time = end;
        var reach = Math.Max(2 * end, 10 * theory.Mean);
        for (; Math.Abs(1 - (last[model.Outlet] / theory.Share)) > 1e-10 && reach < 2000 * theory.Mean; reach *= 2)
        {
            cancellation.ThrowIfCancellationRequested();
            var next = new double[n];
            Tsit5.Solve(model, time, last, [reach], next, options);
            (time, last) = (reach, next);
        }
        var mean = last[n - 2];
        return new ResidenceTimes(
            times, step, pulse, mean, (2 * last[n - 1]) - (mean * mean), theory.Mean, theory.Variance, 1 - (last[model.Outlet] / theory.Share));
    }

    /// <summary>D/(uL) with the given σ²/τ², by bisection in Pe.</summary>
    internal static double DispersionNumber(double relative)
    {
        if (!(relative > 0)) return 0.0;
        if (relative >= 1) return double.PositiveInfinity;
        double low = 1e-9, high = 1e12;
        for (var i = 0; i < 200; i++)
        {
            var middle = Math.Sqrt(low * high);
            if (Spread(middle) > relative) low = middle;
            else high = middle;
        }
        return 1 / high;
    }

    /// <summary>σ²/τ² of a tube with closed ends: 2/Pe - 2/Pe² (1 - exp(-Pe)).</summary>
    internal static double Spread(double peclet)
    {
        if (double.IsPositiveInfinity(peclet)) return 0.0;
        // The series where the difference would cancel.
        if (peclet < 1e-3) return 1 - (peclet / 3) + (peclet * peclet / 12);
        return (2 / peclet) - (2 / (peclet * peclet) * (1 - Math.Exp(-peclet)));
    }

    private static FlowsheetSpec Tracer(FlowsheetSpec spec, string? feed)
    {
        if (spec.Gas is not null) throw new ArgumentException($"{spec.Name} is a plant of gases, whose flows follow the pressure; a residence-time distribution needs constant flows");
        if (spec.Feeds.IsDefaultOrEmpty) throw new ArgumentException($"{spec.Name} has no feed; a tracer needs a way in");
        if (feed is null && spec.Feeds.Length > 1)
            throw new ArgumentException($"{spec.Name} has {spec.Feeds.Length} feeds; name one of {string.Join(", ", spec.Feeds.Select(f => f.Name))}");
        var marked = feed ?? spec.Feeds[0].Name;
        if (spec.Feeds.All(f => f.Name != marked))
            throw new ArgumentException($"{spec.Name} has no feed '{marked}'; feeds are {string.Join(", ", spec.Feeds.Select(f => f.Name))}");
        foreach (var f in spec.Feeds)
        {
            if (!f.Flow.IsConstant) throw new ArgumentException($"the flow of feed '{f.Name}' changes with time; a residence-time distribution needs constant flows");
        }
        foreach (var u in spec.Units)
        {
            if (u is TankSpec { Outflow: not null } or TankSpec { ConstantPressure: true })
                throw new ArgumentException($"the volume of unit '{u.Name}' changes; a residence-time distribution needs constant volumes");
        }
        return spec with
        {
            Species = [new SpeciesSpec("tracer", "")],
            Stoichiometry = [],
            Gas = null,
            Units =
            [
                .. spec.Units.Select(u =>
                    u with { Isothermal = true, Cooling = null, Heat = null, Initial = [], Temperature = Signal.Constant(298.15) }),
            ],
            Feeds = [.. spec.Feeds.Select(f => f with { Concentrations = [Signal.Constant(f.Name == marked ? 1.0 : 0.0)] })],
        };
    }

    /// <summary>Share of the tracer that the outlet comes to, mean and variance: the units' transfer functions 1 - τ s + m2 s²/2, joined by
    /// the flows, order by order in s.</summary>
    private static (double Share, double Mean, double Variance) Theory(Plant plant, int at)
    {
        var n = plant.Units.Length;
        var flows = new double[n];
        for (var u = 0; u < n; u++)
        {
            for (var f = 0; f < plant.Feeds.Length; f++) flows[u] += plant.FlowShares[u, f] * Constant(plant, plant.Feeds[f].Flow);
            if (!(flows[u] > 0)) throw new ArgumentException($"nothing flows through unit '{plant.Units[u].Spec.Name}'");
        }
        var mixing = new double[n, n];
        var fed = new double[n];
        foreach (var link in plant.Links) mixing[link.To, link.From] += link.Share * flows[link.From] / flows[link.To];
        foreach (var feed in plant.Feeds)
            fed[feed.Unit] += Constant(plant, feed.Flow) * Constant(plant, feed.Concentrations[0]) / flows[feed.Unit];
        double[] tau = new double[n], second = new double[n];
        for (var u = 0; u < n; u++)
        {
            switch (plant.Units[u].Spec)
            {
                case TubeSpec tube:
                    tau[u] = tube.Length * tube.Area / flows[u];
                    var peclet = tube.Dispersion == 0 ? double.PositiveInfinity : flows[u] / tube.Area * tube.Length / tube.Dispersion;
                    second[u] = tau[u] * tau[u] * (1 + Spread(peclet));
                    break;
                case TankSpec tank:
                    tau[u] = tank.Volume / flows[u];
                    second[u] = 2 * tau[u] * tau[u];
                    break;
            }
        }
        // a = in - τ s in + m2/2 s² in, in = W a + b.
        var in0 = Inlet(mixing, new double[n], fed);
        var in1 = Inlet(mixing, [.. in0.Select((x, u) => -tau[u] * x)], new double[n]);
        var in2 = Inlet(mixing, [.. in0.Select((x, u) => (0.5 * second[u] * x) - (tau[u] * in1[u]))], new double[n]);
        var (a0, a1) = (in0[at], in1[at] - (tau[at] * in0[at]));
        var a2 = in2[at] - (tau[at] * in1[at]) + (0.5 * second[at] * in0[at]);
        if (!(a0 > 0)) throw new ArgumentException($"no tracer of the feed comes to unit '{plant.Units[at].Spec.Name}'");
        var mean = -a1 / a0;
        return (a0, mean, (2 * a2 / a0) - (mean * mean));
    }

    /// <summary>What enters each unit: in = W (in + own) + b, where own is what the units add to what passes.</summary>
    private static double[] Inlet(double[,] mixing, double[] own, double[] fed)
    {
        var n = fed.Length;
        var a = new double[n, n];
        var b = new double[n];
        for (var u = 0; u < n; u++)
        {
            b[u] = fed[u];
            for (var v = 0; v < n; v++)
            {
                a[u, v] = (u == v ? 1.0 : 0.0) - mixing[u, v];
                b[u] += mixing[u, v] * own[v];
            }
        }
        for (var k = 0; k < n; k++)
        {
            var pivot = Enumerable.Range(k, n - k).MaxBy(i => Math.Abs(a[i, k]));
            for (var j = 0; j < n; j++) (a[k, j], a[pivot, j]) = (a[pivot, j], a[k, j]);
            (b[k], b[pivot]) = (b[pivot], b[k]);
            for (var i = 0; i < n; i++)
            {
                if (i == k || a[i, k] == 0.0) continue;
                var factor = a[i, k] / a[k, k];
                for (var j = k; j < n; j++) a[i, j] -= factor * a[k, j];
                b[i] -= factor * b[k];
            }
        }
        return [.. b.Select((x, k) => x / a[k, k])];
    }

    private static double Constant(Plant plant, Quantity quantity) =>
        quantity.Parameter >= 0 ? plant.Parameters[quantity.Parameter].Value : plant.Signals[quantity.Signal].First;

    /// <summary>The tracer's balances and, in two more states, ∫ (1 - F) dt and ∫ t (1 - F) dt: moments of the solver's own accuracy.</summary>
    private readonly struct Moments(FlowsheetModel<NoRates> flow, int outlet, double share) : IOdeModel
    {
        private readonly FlowsheetModel<NoRates> _flow = flow;

        public int Outlet => outlet;

        public int Dimension => _flow.Dimension + 2;

        public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy)
        {
            var n = _flow.Dimension;
            _flow.Rhs(t, y[..n], dy[..n]);
            var left = 1 - (y[outlet] / share);
            dy[n] = left;
            dy[n + 1] = t * left;
        }
    }
}
