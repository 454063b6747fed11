namespace Athanor.Compute.Ode;

/// <summary>Whose stages a step's continuous extension is made of.</summary>
internal enum DenseKind
{
    Tsit5,
    Rodas4,
    Rodas5P,

    /// <summary>Not stages but coefficients c_1, ..., c_m of y(theta) = y0 + sum_k c_k theta^k, each a row.</summary>
    Polynomial,
}

/// <summary>An accepted step with its continuous extension.</summary>
public readonly ref struct DenseStep
{
    private readonly ReadOnlySpan<double> _stages;
    private readonly DenseKind _kind;

    internal DenseStep(
        double t0, double t1, ReadOnlySpan<double> y0, ReadOnlySpan<double> y1, ReadOnlySpan<double> stages, DenseKind kind)
    {
        T0 = t0;
        T1 = t1;
        Y0 = y0;
        Y1 = y1;
        _stages = stages;
        _kind = kind;
    }

    public double T0 { get; }

    public double T1 { get; }

    public ReadOnlySpan<double> Y0 { get; }

    public ReadOnlySpan<double> Y1 { get; }

    internal ReadOnlySpan<double> Stages => _stages;

    /// <summary>The solution at <paramref name="t"/> in [T0, T1], of order 4 for <see cref="Tsit5"/> and <see cref="Rodas5P"/>, 3 for
    /// <see cref="Rodas4"/>, 5 for <c>Esdirk5</c>.</summary>
    public void Interpolate(double t, Span<double> y)
    {
        var theta = (t - T0) / (T1 - T0);
        switch (_kind)
        {
            case DenseKind.Tsit5:
                Tsit5.Interpolate(theta, T1 - T0, Y0, _stages, y);
                break;
            case DenseKind.Rodas4:
                Rodas4.Interpolate(theta, Y0, Y1, _stages, y);
                break;
            case DenseKind.Rodas5P:
                Rodas5P.Interpolate(theta, Y0, Y1, _stages, y);
                break;
            default:
                Polynomial(theta, y);
                break;
        }
    }

    private void Polynomial(double theta, Span<double> y)
    {
        var n = Y0.Length;
        for (var i = 0; i < n; i++)
        {
            var sum = 0.0;
            for (var k = _stages.Length - n; k >= 0; k -= n) sum = (sum + _stages[k + i]) * theta;
            y[i] = Y0[i] + sum;
        }
    }
}

/// <summary>Sees every accepted step.</summary>
public interface IOdeObserver
{
    /// <summary>Returns false to end the solve here.</summary>
    bool Step(in DenseStep step);
}

/// <summary>Writes the solution at given times, by interpolation or from the steps that end there.</summary>
internal ref struct OutputWriter(ReadOnlySpan<double> times, Span<double> output, int dimension) : IOdeObserver
{
    private readonly ReadOnlySpan<double> _times = times;
    private readonly Span<double> _output = output;
    private int _next;

    /// <summary>Rows that are written.</summary>
    public readonly int Written => _next;

    /// <summary>Writes the rows for times that are the start itself.</summary>
    public void Start(double t0, ReadOnlySpan<double> y0)
    {
        while (_next < _times.Length && _times[_next] == t0) y0.CopyTo(Row(_next++));
    }

    public bool Step(in DenseStep step)
    {
        Until(step, step.T1);
        return true;
    }

    /// <summary>Writes the rows for times in the step up to <paramref name="end"/>.</summary>
    public void Until(in DenseStep step, double end)
    {
        while (_next < _times.Length && _times[_next] <= end)
        {
            if (_times[_next] == step.T1) step.Y1.CopyTo(Row(_next));
            else step.Interpolate(_times[_next], Row(_next));
            _next++;
        }
    }

    private readonly Span<double> Row(int i) => _output.Slice(i * dimension, dimension);

    /// <exception cref="ArgumentException">Shapes or times do not fit.</exception>
    public static void Check(double t0, ReadOnlySpan<double> y0, ReadOnlySpan<double> times, Span<double> output, int dimension)
    {
        if (y0.Length != dimension)
            throw new ArgumentException($"the start has {y0.Length} components where the model has {dimension}");
        if (output.Length != times.Length * dimension)
            throw new ArgumentException($"the output holds {output.Length} numbers, not {times.Length} times x {dimension} components");
        if (times.Length == 0) throw new ArgumentException("no output time is given; at least the end is needed");
        var last = t0;
        foreach (var t in times)
        {
            if (!(t >= last) || !double.IsFinite(t))
            {
                throw new ArgumentException(
                    FormattableString.Invariant($"output time {t:R} comes after {last:R}; times must be finite and not fall"));
            }
            last = t;
        }
        if (ErrorNorm.NonFinite(y0) is >= 0 and var i)
            throw new ArgumentException(FormattableString.Invariant($"component {i} of the start is {y0[i]:R}; it must be finite"));
    }
}
