using System.Numerics;

namespace Athanor.Compute.Neural.Models;

/// <summary>
/// Roll-outs of a model over windows and the exact gradient of what they miss the data by: discretise, then optimise. A
/// Runge-Kutta method of fixed steps on the grid of a <see cref="WindowPlan"/>, and its transpose, step by step backwards.
/// </summary>
/// <remarks>Windows go through 32 at a time in the order of their steps, longest first (equal ones in the order of the batch), so that
/// those still under way are the first rows. The parameters' gradient is the sum over steps from the last to the first, stages from the
/// last to the first, rows in this order: the same bits whoever computes it.</remarks>
internal sealed partial class Shooting<T, TPhysics>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
    where TPhysics : struct, IModelPhysics<T>
{
    private const int RowsAtOnce = 32;

    private readonly ModelField<T, TPhysics> _field;
    private readonly WindowPlan _plan;
    private readonly int _states, _controls;
    private readonly int[] _observed, _learned;
    private readonly double[] _start;
    private readonly double _residual, _timeScale;
    private readonly ShootingOptions _options;
    private readonly Tableau? _tableau;
    private readonly int[] _positive;
    private readonly (ReactorBalances Of, int Index, double Weight)[] _balances;
    private readonly StateStart[] _kinds;
    private readonly T[] _scale, _offset, _weight;
    private readonly T[][] _records, _inputs;

    public Shooting(ModelSpecification model, ModelField<T, TPhysics> field, WindowPlan plan, ShootingOptions options)
    {
        _field = field;
        _plan = plan;
        _states = model.States.Length;
        _controls = model.Controls.Length;
        _observed = [.. Enumerable.Range(0, _states).Where(i => model.States[i].Observed)];
        _learned = [.. Enumerable.Range(0, _states).Where(i => model.States[i].Start == StateStart.Learned)];
        _start = [.. model.States.Select(s => s.StartValue)];
        _kinds = [.. model.States.Select(s => s.Start)];
        _scale = [.. model.States.Select(s => T.CreateTruncating(s.Scale))];
        _offset = [.. model.States.Select(s => T.CreateTruncating(s.Offset))];
        _weight = Weights(model, plan, _observed, options);
        _records = [.. plan.Records.Select(r => r.Outputs.Select(T.CreateTruncating).ToArray())];
        _inputs = [.. plan.Records.Select(r => r.Controls.Select(T.CreateTruncating).ToArray())];
        StartsPerWindow = _learned.Length;
        _residual = options.Residual;
        _options = options;
        _tableau = options.Method == FixedStepMethod.Rk4 ? null : Tableau.Of(options.Method);
        _timeScale = model.TimeScale;
        _positive = [.. Enumerable.Range(0, _states).Where(i => model.States[i].Positive)];
        _balances = Balances(model, options);
    }

    /// <summary>Parameters of each window, after the model's: its start, in units of (x - offset) / scale.</summary>
    public int StartsPerWindow { get; }

    public int ParameterCount => _field.ParameterCount + (StartsPerWindow * _plan.Windows.Length);

    public ShootingScratch<T> NewScratch() => new(
        RowsAtOnce, _states, _controls, _plan.MaxSteps, [.. Enumerable.Range(0, StageCount).Select(_ => _field.NewTape(RowsAtOnce))]);

    /// <summary>Measured where a learned state is measured, else its mean.</summary>
    public void InitializeStarts(Span<T> starts)
    {
        for (var w = 0; w < _plan.Windows.Length; w++)
        {
            for (var l = 0; l < _learned.Length; l++)
            {
                var column = Array.IndexOf(_observed, _learned[l]);
                starts[(w * _learned.Length) + l] = column < 0
                    ? T.Zero
                    : (Measured(_plan.Windows[w].Record, _plan.Windows[w].First, column) - _offset[_learned[l]]) / _scale[_learned[l]];
            }
        }
    }

    public double Gradient(ReadOnlySpan<T> p, ReadOnlySpan<int> samples, Span<T> gradient, ShootingScratch<T> s)
    {
        var sum = 0.0;
        for (var from = 0; from < samples.Length; from += RowsAtOnce)
        {
            var rows = Math.Min(RowsAtOnce, samples.Length - from);
            if (RollsOut)
            {
                Arrange(samples.Slice(from, rows), s);
                sum += Forward(p, rows, s);
                Backward(p, rows, gradient, s);
            }
            if (_options.Collocation > 0.0) sum += Collocate(p, samples.Slice(from, rows), gradient, s);
        }
        return sum;
    }

    private void Arrange(ReadOnlySpan<int> samples, ShootingScratch<T> s)
    {
        var order = s.Order.AsSpan(0, samples.Length);
        for (var i = 0; i < order.Length; i++) order[i] = i;
        Span<int> steps = stackalloc int[samples.Length];
        for (var i = 0; i < steps.Length; i++) steps[i] = _plan.Steps(_plan.Windows[samples[i]]);
        for (var i = 1; i < order.Length; i++)
        {
            var moving = order[i];
            var at = i;
            for (; at > 0 && steps[order[at - 1]] < steps[moving]; at--) order[at] = order[at - 1];
            order[at] = moving;
        }
        for (var i = 0; i < order.Length; i++)
        {
            s.Samples[i] = samples[order[i]];
            s.Windows[i] = _plan.Windows[samples[order[i]]];
            s.Steps[i] = steps[order[i]];
            s.Pull[i] = T.CreateTruncating(2.0 * _residual / steps[order[i]]);
        }
    }

    private static int Active(ShootingScratch<T> s, int rows, int step)
    {
        while (rows > 0 && s.Steps[rows - 1] <= step) rows--;
        return rows;
    }

    private double Forward(ReadOnlySpan<T> p, int rows, ShootingScratch<T> s)
    {
        var width = s.Rows * _states;
        for (var r = 0; r < rows; r++) Start(p, s.Samples[r], s.States.AsSpan(r * _states, _states));
        var loss = 0.0;
        for (var step = 0; step < s.Steps[0]; step++)
        {
            var active = Active(s, rows, step);
            Load(s, active, step);
            var x = s.States.AsSpan(step * width, active * _states);
            var next = s.States.AsSpan((step + 1) * width, active * _states);
            Stages(p, x, active, s);
            if (_residual > 0.0) loss += Spared(active, s);
            loss += Broken(x, active, s);
            Advance(x, next, active, s);
            for (var r = 0; r < active; r++)
            {
                if (_plan.Step(s.Windows[r], step) is (var interval, _, true))
                    loss += Loss(s.Samples[r], interval + 1, next.Slice(r * _states, _states), []);
                loss += Along(r, step, s);
            }
        }
        return loss;
    }

    private void Backward(ReadOnlySpan<T> p, int rows, Span<T> gradient, ShootingScratch<T> s)
    {
        var width = s.Rows * _states;
        var g = s.Adjoint.AsSpan();
        g.Clear();
        var gp = gradient[.._field.ParameterCount];
        for (var step = s.Steps[0] - 1; step >= 0; step--)
        {
            var active = Active(s, rows, step);
            Load(s, active, step);
            var count = active * _states;
            var next = s.States.AsSpan((step + 1) * width, count);
            for (var r = 0; r < active; r++)
            {
                if (_plan.Step(s.Windows[r], step) is (var interval, _, true))
                    Loss(s.Samples[r], interval + 1, next.Slice(r * _states, _states), g.Slice(r * _states, _states));
                AlongSlope(r, step + 1, s, g.Slice(r * _states, _states));
            }
            Stages(p, s.States.AsSpan(step * width, count), active, s);
            g[..count].CopyTo(s.Sum);
            PullBack(p, active, gp, s);
            s.Sum.AsSpan(0, count).CopyTo(g);
        }
        for (var r = 0; r < rows; r++) AlongSlope(r, 0, s, g.Slice(r * _states, _states));
        for (var r = 0; r < rows; r++)
        {
            var starts = gradient[(_field.ParameterCount + (s.Samples[r] * _learned.Length))..];
            for (var l = 0; l < _learned.Length; l++) starts[l] += g[(r * _states) + _learned[l]] * _scale[_learned[l]];
        }
    }

    /// <summary>The residual's term of one step.</summary>
    private double Spared(int active, ShootingScratch<T> s)
    {
        var outputs = _field.Physics.NetOutputs;
        var sum = T.Zero;
        for (var i = 0; i < active * outputs; i++) sum += s.Pull[i / outputs] * s.Tapes[0].Outputs[i] * s.Tapes[0].Outputs[i];
        return 0.5 * double.CreateTruncating(sum);
    }

    private void Load(ShootingScratch<T> s, int active, int step)
    {
        for (var r = 0; r < active; r++)
        {
            var (interval, length, _) = _plan.Step(s.Windows[r], step);
            s.H[r] = T.CreateTruncating(length);
            _inputs[s.Windows[r].Record].AsSpan(interval * _controls, _controls).CopyTo(s.U.AsSpan(r * _controls));
        }
    }

    private void Start(ReadOnlySpan<T> p, int sample, Span<T> x)
    {
        var window = _plan.Windows[sample];
        for (var i = 0; i < _states; i++)
        {
            x[i] = _kinds[i] switch
            {
                StateStart.Measured => Measured(window.Record, window.First, Array.IndexOf(_observed, i)),
                StateStart.Given => T.CreateTruncating(_start[i]),
                _ => _offset[i] + (_scale[i] * p[_field.ParameterCount + (sample * _learned.Length) + Array.IndexOf(_learned, i)]),
            };
        }
    }

    private T Measured(int record, int row, int column) => _records[record][(row * _observed.Length) + column];

    /// <summary>By window and output, what the square of an error counts, over rows and outputs.</summary>
    private static T[] Weights(ModelSpecification model, WindowPlan plan, int[] observed, ShootingOptions options)
    {
        var d = observed.Length;
        var weights = new T[plan.Windows.Length * d];
        for (var w = 0; w < plan.Windows.Length; w++)
        {
            var window = plan.Windows[w];
            var outputs = plan.Records[window.Record].Outputs;
            for (var o = 0; o < d; o++)
            {
                var scale = model.States[observed[o]].Scale;
                var square = options.Noise * options.Noise;
                for (var k = 1; k <= window.Intervals; k++)
                {
                    var change = (outputs[((window.First + k) * d) + o] - outputs[(window.First * d) + o]) / scale;
                    square += change * change / window.Intervals;
                }
                weights[(w * d) + o] = T.CreateTruncating(
                    (options.Absolute + (options.Relative / square)) / (scale * scale * window.Intervals * d));
            }
        }
        return weights;
    }

    /// <summary>Squared error at a row, weighted; its slope is added to <paramref name="g"/> unless that is empty.</summary>
    private double Loss(int sample, int row, ReadOnlySpan<T> x, Span<T> g)
    {
        var sum = T.Zero;
        for (var o = 0; o < _observed.Length; o++)
        {
            var error = x[_observed[o]] - Measured(_plan.Windows[sample].Record, row, o);
            var weighted = _weight[(sample * _observed.Length) + o] * error;
            sum += weighted * error;
            if (g.Length > 0) g[_observed[o]] += weighted + weighted;
        }
        return double.CreateTruncating(sum);
    }
}
