using System.Collections.Immutable;
using Athanor.Compute.Ode;

namespace Athanor.Compute.Problems;

/// <summary>Writes a solution at given times while it looks for events and integrates quadratures.</summary>
internal ref struct WatchedSolve : IOdeObserver
{
    // Nodes and weights of Gauss-Legendre on [0, 1], five points: exact to degree 9, above every continuous extension here.
    private static ReadOnlySpan<double> Nodes =>
        [0.046910077030668, 0.23076534494715845, 0.5, 0.7692346550528415, 0.953089922969332];

    private static ReadOnlySpan<double> Weights =>
        [0.11846344252809454, 0.23931433524968324, 0.28444444444444444, 0.23931433524968324, 0.11846344252809454];

    private const int Parts = 4;

    private readonly ReadOnlySpan<double> _times;
    private readonly ImmutableArray<OdeEvent> _events;
    private readonly ImmutableArray<OdeQuadrature> _quadratures;
    private readonly double[] _before, _totals, _state;
    private readonly double[] _integrals;
    private OutputWriter _writer;

    /// <param name="integrals">Shape (times, quadratures).</param>
    public WatchedSolve(
        double t0, ReadOnlySpan<double> y0, ReadOnlySpan<double> times, Span<double> output, OdeRequest request, double[] integrals)
    {
        _times = times;
        (_events, _quadratures, _integrals) = (request.Events, request.Quadratures, integrals);
        _totals = new double[_quadratures.Length];
        _state = new double[y0.Length];
        _before = new double[_events.Length];
        for (var e = 0; e < _events.Length; e++) _before[e] = Finite(_events[e].Name, _events[e].Root(t0, y0), t0);
        _writer = new OutputWriter(times, output, y0.Length);
        _writer.Start(t0, y0);
    }

    /// <summary>In the order of time.</summary>
    public List<OdeEventHit> Hits { get; } = [];

    /// <summary>Whether a terminal event ended the solve; it is then the last of <see cref="Hits"/>.</summary>
    public bool Ended { get; private set; }

    public readonly int Written => _writer.Written;

    /// <summary>The quadratures up to where the solve is.</summary>
    public readonly ReadOnlySpan<double> Totals => _totals;

    public bool Step(in DenseStep step)
    {
        var found = new List<OdeEventHit>();
        for (var e = 0; e < _events.Length; e++) Look(step, e, found);
        found.Sort((a, b) => a.Time.CompareTo(b.Time));
        var end = step.T1;
        foreach (var hit in found)
        {
            Hits.Add(hit);
            if (!hit.Event.Terminal) continue;
            Ended = true;
            end = hit.Time;
            break;
        }
        var first = _writer.Written;
        _writer.Until(step, end);
        for (var row = first; row < _writer.Written; row++)
        {
            for (var q = 0; q < _totals.Length; q++)
                _integrals[(row * _totals.Length) + q] = _totals[q] + Integral(step, q, _times[row]);
        }
        for (var q = 0; q < _totals.Length; q++) _totals[q] += Integral(step, q, end);
        return !Ended;
    }

    /// <summary>Adds the crossings of an event within a step.</summary>
    private readonly void Look(in DenseStep step, int e, List<OdeEventHit> found)
    {
        var (low, value) = (step.T0, _before[e]);
        for (var part = 1; part <= Parts; part++)
        {
            var high = part == Parts ? step.T1 : step.T0 + ((step.T1 - step.T0) * part / Parts);
            var next = Value(step, e, high);
            var rising = value < 0.0 && next >= 0.0;
            if (rising || (value > 0.0 && next <= 0.0))
            {
                if (_events[e].Direction is EventDirection.Both || _events[e].Direction == EventDirection.Rising == rising)
                {
                    var t = Locate(step, e, low, high, value, next);
                    step.Interpolate(t, _state);
                    found.Add(new OdeEventHit(_events[e], t, [.. t == step.T1 ? step.Y1 : _state], rising));
                }
                // A value of exactly zero belongs to the side it was reached from going through.
                value = rising ? Math.Max(next, double.Epsilon) : Math.Min(next, -double.Epsilon);
            }
            else if (next != 0.0)
            {
                value = next;
            }
            low = high;
        }
        _before[e] = value;
    }

    /// <summary>The crossing between <paramref name="low"/> and <paramref name="high"/>, by the Illinois method with bisection where it
    /// does not halve the interval; the first representable time found at or beyond zero.</summary>
    private readonly double Locate(in DenseStep step, int e, double low, double high, double atLow, double atHigh)
    {
        var rising = atLow < 0.0;
        double left = atLow, right = atHigh;
        for (var i = 0; i < 200 && Math.BitIncrement(low) < high; i++)
        {
            var width = high - low;
            var t = i % 3 == 2 ? low + (0.5 * width) : low + (width * (left / (left - right)));
            if (!(t > low)) t = Math.BitIncrement(low);
            if (!(t < high)) t = Math.BitDecrement(high);
            var value = Value(step, e, t);
            if (rising ? value >= 0.0 : value <= 0.0)
            {
                (high, right) = (t, value);
                if (value == 0.0) break;
                left *= 0.5;
            }
            else
            {
                (low, left) = (t, value);
                right *= 0.5;
            }
        }
        return high;
    }

    private readonly double Value(in DenseStep step, int e, double t)
    {
        if (t == step.T1) return Finite(_events[e].Name, _events[e].Root(t, step.Y1), t);
        step.Interpolate(t, _state);
        return Finite(_events[e].Name, _events[e].Root(t, _state), t);
    }

    private readonly double Integral(in DenseStep step, int q, double to)
    {
        var sum = 0.0;
        for (var i = 0; i < Nodes.Length; i++)
        {
            var t = step.T0 + ((to - step.T0) * Nodes[i]);
            step.Interpolate(t, _state);
            sum += Weights[i] * Finite(_quadratures[q].Name, _quadratures[q].Rate(t, _state), t);
        }
        return sum * (to - step.T0);
    }

    /// <exception cref="ArgumentException">The function gave NaN or infinity.</exception>
    private static double Finite(string name, double value, double t) => double.IsFinite(value)
        ? value
        : throw new ArgumentException(FormattableString.Invariant($"{name} is {value:R} at t = {t:R}"));
}
