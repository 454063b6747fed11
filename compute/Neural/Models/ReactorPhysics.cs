using System.Numerics;

namespace Athanor.Compute.Neural.Models;

/// <summary>
/// A stirred tank whose rate law is unknown: the net gives the rates, everything else is a balance.
/// <code>
/// r_j     = ρ exp(b(net_j(c, T))) Π_{i consumed by j} c_i                      ρ = 1 / timeScale, b(n) = n / √(1 + (n/12)²)
/// dc_i/dt = D (feed_i - c_i) + Σ_j S_ji r_j
/// dT/dt   = D (T_feed - T) + Σ_j a_j r_j + κ (T_jacket - T)        a_j = -ΔH_j / (ρ cp), learned, as κ = UA / (V ρ cp)
/// dTk/dt  = heat + ratio κ (T - Tk)
/// </code>
/// Mass: whatever the net says, every combination of species that the reactions conserve changes by the flows alone. Energy: the heat is
/// the same rates'. Positivity: a rate vanishes with each species it consumes and is bounded by ρ e^12 times them, so the field never
/// points out of the positive orthant, and steps below a bounded length keep to it. No order is assumed: the net sees the concentrations.
/// </summary>
/// <remarks>Exports write these formulas down a second time (<see cref="Exchange.Onnx.OnnxPhysics"/>); OnnxDynamicsTests holds the two
/// together.</remarks>
internal readonly struct ReactorPhysics<T> : IModelPhysics<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>The logarithm of a rate stays within ± this of its typical value.</summary>
    internal const double Bound = 12.0;

    private readonly Normaliser<T> _normaliser;
    private readonly ReactorLayout _layout;
    private readonly T[] _matrix, _feed, _rise;
    private readonly T _rate, _dilution, _feedTemperature, _coolant, _jacketHeat, _ratio;
    private readonly string[] _constants;
    private readonly int _states, _controls;

    public ReactorPhysics(ModelSpecification model)
    {
        _layout = new ReactorLayout(model);
        // The net reads what may decide a rate: observed concentrations and the tank's temperature, not the jacket's.
        _normaliser = new Normaliser<T>(
            model, [.. Enumerable.Range(0, model.States.Length).Where(Read)], false);
        _matrix = [.. _layout.Matrix.Select(T.CreateTruncating)];
        _feed = [.. _layout.Feed.Select(s => T.CreateTruncating(s.Value))];
        _dilution = T.CreateTruncating(_layout.Dilution.Value);
        _feedTemperature = T.CreateTruncating(_layout.FeedTemperature.Value);
        _coolant = T.CreateTruncating(_layout.Coolant?.Value ?? 0.0);
        _jacketHeat = T.CreateTruncating(_layout.JacketHeat.Value);
        _ratio = T.CreateTruncating(_layout.CapacityRatio);
        _rate = T.CreateTruncating(1.0 / model.TimeScale);
        _states = model.States.Length;
        _controls = model.Controls.Length;
        var layout = _layout;
        _rise = [.. Enumerable.Range(0, layout.Reactions).Select(j => layout.Temperature < 0
            ? T.Zero
            : T.CreateTruncating(model.States[layout.Temperature].Scale / model.States[layout.Species[layout.Consumed[j][0]]].Scale))];
        _constants =
        [
            .. layout.Temperature < 0 ? [] : Enumerable.Range(1, layout.Reactions).Select(j => $"rise-{j}"),
            .. layout.Exchanges ? ["exchange"] : Array.Empty<string>(),
        ];

        bool Read(int state) => model.States[state].Observed && model.Reactor!.Jacket != model.States[state].Name;
    }

    public int States => _states;

    public int Controls => _controls;

    public int NetInputs => _normaliser.Width;

    public int NetOutputs => _layout.Reactions;

    public bool KeepsPositive => true;

    public IReadOnlyList<string> Constants => _constants;

    public void InitializeConstants(ModelSpecification model, IReadOnlyList<ProcessRecord> training, Span<T> c)
    {
        // Without a guess: no heat of reaction, a wall as quick as the time scale. κ = ρ c².
        c.Clear();
        if (_layout.Exchanges) c[^1] = T.One;
        var guesses = HeatEstimate.Of(model, _layout, training);
        for (var i = 0; i < c.Length; i++)
        {
            if (guesses[i] is not { } guess) continue;
            if (i < _layout.Reactions) c[i] = T.CreateTruncating(guess) / _rise[i];
            else if (guess > 0.0) c[i] = T.CreateTruncating(Math.Sqrt(guess * model.TimeScale));
        }
    }

    public void Features(ReadOnlySpan<T> x, ReadOnlySpan<T> u, Span<T> z) => _normaliser.Apply(x, u, z);

    public void FeaturesVjp(ReadOnlySpan<T> x, ReadOnlySpan<T> gz, Span<T> gx) => _normaliser.Vjp(gz, gx);

    public void Field(ReadOnlySpan<T> c, ReadOnlySpan<T> x, ReadOnlySpan<T> u, ReadOnlySpan<T> n, Span<T> dx)
    {
        var species = _layout.Species;
        Span<T> rates = stackalloc T[n.Length];
        for (var j = 0; j < rates.Length; j++) rates[j] = Factor(n[j], out _) * Consumed(x, j);
        var dilution = Value(_layout.Dilution, _dilution, u);
        for (var i = 0; i < species.Length; i++)
        {
            var sum = dilution * (Value(_layout.Feed[i], _feed[i], u) - x[species[i]]);
            for (var j = 0; j < rates.Length; j++) sum += _matrix[(j * species.Length) + i] * rates[j];
            dx[species[i]] = sum;
        }
        if (_layout.Temperature is var at && at < 0) return;
        var heat = dilution * (Value(_layout.FeedTemperature, _feedTemperature, u) - x[at]);
        for (var j = 0; j < rates.Length; j++) heat += _rise[j] * c[j] * rates[j];
        if (_layout.Exchanges)
        {
            var flow = _rate * c[rates.Length] * c[rates.Length] * (Beyond(x, u) - x[at]);
            heat += flow;
            if (_layout.Jacket >= 0) dx[_layout.Jacket] = Value(_layout.JacketHeat, _jacketHeat, u) - (_ratio * flow);
        }
        dx[at] = heat;
    }

    public void FieldVjp(
        ReadOnlySpan<T> c, ReadOnlySpan<T> x, ReadOnlySpan<T> u, ReadOnlySpan<T> n, ReadOnlySpan<T> g, Span<T> gx, Span<T> gn, Span<T> gc)
    {
        var species = _layout.Species;
        Span<T> rates = stackalloc T[n.Length];
        Span<T> factors = stackalloc T[n.Length];
        Span<T> slopes = stackalloc T[n.Length];
        Span<T> gr = stackalloc T[n.Length];
        for (var j = 0; j < rates.Length; j++)
        {
            factors[j] = Factor(n[j], out slopes[j]);
            rates[j] = factors[j] * Consumed(x, j);
        }
        gr.Clear();
        gx.Clear();
        var dilution = Value(_layout.Dilution, _dilution, u);
        for (var i = 0; i < species.Length; i++)
        {
            var slope = g[species[i]];
            gx[species[i]] = -dilution * slope;
            for (var j = 0; j < rates.Length; j++) gr[j] += _matrix[(j * species.Length) + i] * slope;
        }
        if (_layout.Temperature is var at && at >= 0)
        {
            var slope = g[at];
            gx[at] -= dilution * slope;
            for (var j = 0; j < rates.Length; j++)
            {
                gr[j] += _rise[j] * c[j] * slope;
                gc[j] += _rise[j] * rates[j] * slope;
            }
            if (_layout.Exchanges)
            {
                var root = c[rates.Length];
                var exchange = _rate * root * root;
                var total = _layout.Jacket >= 0 ? slope - (_ratio * g[_layout.Jacket]) : slope;
                gc[rates.Length] += (_rate * (root + root)) * (Beyond(x, u) - x[at]) * total;
                gx[at] -= exchange * total;
                if (_layout.Jacket >= 0) gx[_layout.Jacket] += exchange * total;
            }
        }
        for (var j = 0; j < rates.Length; j++)
        {
            gn[j] = gr[j] * rates[j] * slopes[j];
            // The product without the factor that is derived by; a division by it would fail at 0.
            var consumed = _layout.Consumed[j];
            foreach (var i in consumed)
            {
                var product = factors[j];
                foreach (var k in consumed)
                {
                    if (k != i) product *= x[species[k]];
                }
                gx[species[i]] += gr[j] * product;
            }
        }
    }

    public void ControlVjp(ReadOnlySpan<T> c, ReadOnlySpan<T> x, ReadOnlySpan<T> u, ReadOnlySpan<T> g, Span<T> gu)
    {
        gu.Clear();
        var (species, at) = (_layout.Species, _layout.Temperature);
        var dilution = Value(_layout.Dilution, _dilution, u);
        for (var i = 0; i < species.Length; i++)
        {
            Add(_layout.Dilution, (Value(_layout.Feed[i], _feed[i], u) - x[species[i]]) * g[species[i]], gu);
            Add(_layout.Feed[i], dilution * g[species[i]], gu);
        }
        if (at < 0) return;
        Add(_layout.Dilution, (Value(_layout.FeedTemperature, _feedTemperature, u) - x[at]) * g[at], gu);
        Add(_layout.FeedTemperature, dilution * g[at], gu);
        if (!_layout.Exchanges) return;
        if (_layout.Jacket >= 0) Add(_layout.JacketHeat, g[_layout.Jacket], gu);
        else Add(_layout.Coolant!.Value, _rate * c[_layout.Reactions] * c[_layout.Reactions] * g[at], gu);

        static void Add(Source source, T slope, Span<T> gu)
        {
            if (source.Control >= 0) gu[source.Control] += slope;
        }
    }

    public void FeaturesControlVjp(ReadOnlySpan<T> gz, Span<T> gu) => _normaliser.ControlVjp(gz, gu);

    public (double C, double Slope) Inverse(double value, int index)
    {
        if (index < _layout.Reactions && _layout.Temperature >= 0)
            return (value / double.CreateTruncating(_rise[index]), 1.0 / double.CreateTruncating(_rise[index]));
        var rate = double.CreateTruncating(_rate);
        var root = Math.Sqrt(value / rate);
        return (root, 0.5 / (rate * root));
    }

    /// <summary>rise-j: a_j, temperature per concentration; exchange: κ, 1/time.</summary>
    public double Constant(ReadOnlySpan<T> c, int index) => double.CreateTruncating(
        index < _layout.Reactions && _layout.Temperature >= 0 ? _rise[index] * c[index] : _rate * c[index] * c[index]);

    private T Consumed(ReadOnlySpan<T> x, int reaction)
    {
        var product = T.One;
        foreach (var i in _layout.Consumed[reaction]) product *= x[_layout.Species[i]];
        return product;
    }

    /// <summary>ρ exp(b(n)), and b'(n).</summary>
    private T Factor(T n, out T slope)
    {
        var part = n * Elementary<T>.Of(1.0 / Bound);
        var inverse = T.One / T.Sqrt(T.One + (part * part));
        slope = inverse * inverse * inverse;
        return _rate * Elementary<T>.Exp(n * inverse);
    }

    private T Beyond(ReadOnlySpan<T> x, ReadOnlySpan<T> u) =>
        _layout.Jacket >= 0 ? x[_layout.Jacket] : Value(_layout.Coolant!.Value, _coolant, u);

    private static T Value(Source source, T value, ReadOnlySpan<T> u) => source.Control < 0 ? value : u[source.Control];
}
