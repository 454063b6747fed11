namespace Athanor.Compute.Twins;

/// <summary>
/// The training loss of a hybrid heater and its gradient. Forward: a filter with given gains over the rows, and from it the free runs of the
/// plan; every sub-step's state is kept. Backward: each free run's adjoint ends at its start, is added to the filter's adjoint there, and
/// the filter's is carried back to the first row. With given gains the gradient is exact.
/// </summary>
internal sealed class HybridTape
{
    private const int N = 5;

    private readonly HeaterRecord _record;
    private readonly FreeRunPlan _plan;
    private readonly double[] _activations;
    private readonly double[] _inputGradient = new double[ResidualNet.Inputs];
    private readonly double[] _z = new double[ResidualNet.Inputs];
    private readonly Track _filter;
    private readonly Track _run;
    private readonly double[] _filtered;
    private readonly double[] _startAdjoints;

    /// <summary>States and residuals at sub-steps.</summary>
    private sealed class Track(int steps)
    {
        public double[] States { get; } = new double[(steps + 1) * N];

        public double[] Residuals { get; } = new double[steps];

        public int Used { get; set; }
    }

    public HybridTape(int hidden, HeaterRecord record, FreeRunPlan plan)
    {
        _record = record;
        _plan = plan;
        _activations = new double[hidden];
        FilteredRows = plan.StartOf(plan.Runs - 1);
        _filter = new Track(CountSteps(1, FilteredRows));
        _filtered = new double[FilteredRows * N];
        var longest = 0;
        for (var run = 0; run < plan.Runs; run++)
            longest = Math.Max(longest, CountSteps(plan.StartOf(run), plan.StartOf(run) + plan.Length));
        _run = new Track(longest);
        _startAdjoints = new double[plan.Runs * N];
    }

    /// <summary>Rows that the filter sees.</summary>
    public int FilteredRows { get; }

    /// <summary>Mean square error, K²; <paramref name="gradient"/> receives its gradient by (ln gain, ln heat loss, ln lag, weights).</summary>
    /// <param name="gains">Shape (<see cref="FilteredRows"/>, 5).</param>
    public double Run(in HeaterModel model, ReadOnlySpan<double> gains, Span<double> gradient)
    {
        gradient.Clear();
        Filter(model, gains);
        var sum = 0.0;
        Span<double> x = stackalloc double[N];
        for (var run = 0; run < _plan.Runs; run++)
        {
            var first = _plan.StartOf(run);
            _filtered.AsSpan((first - 1) * N, N).CopyTo(x);
            _run.Used = 0;
            for (var k = first; k < first + _plan.Length; k++) Forward(model, _run, x, k);
            x.CopyTo(_run.States.AsSpan(_run.Used * N, N));
            sum += RunBackward(model, first, _startAdjoints.AsSpan(run * N, N), gradient);
        }
        FilterBackward(model, gains, gradient);
        var scale = 1.0 / ((double)_plan.Runs * _plan.Length);
        for (var i = 0; i < gradient.Length; i++) gradient[i] *= scale;
        return sum * scale;
    }

    private void Filter(in HeaterModel model, ReadOnlySpan<double> gains)
    {
        Span<double> x = stackalloc double[N];
        Span<double> p = stackalloc double[N * N];
        model.Start(_record.MeasuredC[0], x, p);
        x.CopyTo(_filtered.AsSpan(0, N));
        _filter.Used = 0;
        for (var k = 1; k < FilteredRows; k++)
        {
            Forward(model, _filter, x, k);
            var innovation = _record.MeasuredC[k] - x[HeaterModel.Ts];
            for (var i = 0; i < N; i++) x[i] += gains[(k * N) + i] * innovation;
            x.CopyTo(_filtered.AsSpan(k * N, N));
        }
    }

    private void FilterBackward(in HeaterModel model, ReadOnlySpan<double> gains, Span<double> gradient)
    {
        Span<double> lambda = stackalloc double[N];
        lambda.Clear();
        var run = _plan.Runs - 1;
        for (var k = FilteredRows - 1; k >= 1; k--)
        {
            if (run >= 0 && _plan.StartOf(run) - 1 == k)
            {
                for (var i = 0; i < N; i++) lambda[i] += _startAdjoints[(run * N) + i];
                run--;
            }
            var pulled = 0.0;
            for (var i = 0; i < N; i++) pulled += gains[(k * N) + i] * lambda[i];
            lambda[HeaterModel.Ts] -= pulled;
            Backward(model, _filter, k, lambda, gradient);
        }
        gradient[1] += lambda[HeaterModel.Loss] * model.Parameters.HeatLoss;
    }

    private double RunBackward(in HeaterModel model, int first, Span<double> lambda, Span<double> gradient)
    {
        lambda.Clear();
        var sum = 0.0;
        for (var k = first + _plan.Length - 1; k >= first; k--)
        {
            var error = _run.States[(_run.Used * N) + HeaterModel.Ts] - _record.MeasuredC[k];
            sum += error * error;
            lambda[HeaterModel.Ts] += 2 * error;
            Backward(model, _run, k, lambda, gradient);
        }
        return sum;
    }

    /// <summary>The sub-steps that lead to row <paramref name="k"/>.</summary>
    private void Forward(in HeaterModel model, Track track, Span<double> x, int k)
    {
        var dt = _record.TimeS[k] - _record.TimeS[k - 1];
        var power = _record.Power[k - 1];
        var count = HeaterModel.SubSteps(dt);
        for (var i = 0; i < count; i++)
        {
            x.CopyTo(track.States.AsSpan(track.Used * N, N));
            ResidualNet.Scaled(x[HeaterModel.Th], x[HeaterModel.Ts], x[HeaterModel.Memory], power, _z);
            var residual = ResidualNet.Forward(model.Weights, _z, _activations, []);
            track.Residuals[track.Used++] = residual;
            HeaterStep.Advance(model.Parameters, x, power, residual, dt / count);
        }
    }

    private void Backward(in HeaterModel model, Track track, int k, Span<double> lambda, Span<double> gradient)
    {
        var dt = _record.TimeS[k] - _record.TimeS[k - 1];
        var power = _record.Power[k - 1];
        var count = HeaterModel.SubSteps(dt);
        for (var i = 0; i < count; i++)
        {
            track.Used--;
            ReadOnlySpan<double> x = track.States.AsSpan(track.Used * N, N);
            var byResidual = HeaterStep.Adjoint(
                model.Parameters, x, power, track.Residuals[track.Used], dt / count, lambda, ref gradient[0], ref gradient[2]);
            ResidualNet.Scaled(x[HeaterModel.Th], x[HeaterModel.Ts], x[HeaterModel.Memory], power, _z);
            ResidualNet.Forward(model.Weights, _z, _activations, []);
            ResidualNet.Adjoint(model.Weights, _z, _activations, byResidual, gradient[3..], _inputGradient);
            lambda[HeaterModel.Th] += (_inputGradient[0] / 20.0) + (_inputGradient[1] / 10.0) + (_inputGradient[2] / 5.0);
            lambda[HeaterModel.Ts] -= _inputGradient[2] / 5.0;
            lambda[HeaterModel.Memory] -= _inputGradient[1] / 10.0;
        }
    }

    private int CountSteps(int from, int to)
    {
        var steps = 0;
        for (var k = from; k < to; k++) steps += HeaterModel.SubSteps(_record.TimeS[k] - _record.TimeS[k - 1]);
        return steps;
    }
}
