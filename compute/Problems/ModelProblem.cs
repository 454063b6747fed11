using Athanor.Compute.Ode;

namespace Athanor.Compute.Problems;

/// <summary>A problem over a model: the JIT compiles every solver for <typeparamref name="TModel"/>.</summary>
/// <param name="model">Any instance of the model; its parameters are replaced by each request's.</param>
public sealed class OdeProblem<TModel>(TModel model) : OdeProblem
    where TModel : struct, IOdeModel<TModel>
{
    private readonly TModel _model = model;

    /// <summary>The model with these parameters.</summary>
    public TModel Model(ReadOnlySpan<double> parameters) => _model.With(parameters);

    public override Trajectory Solve(OdeRequest request, CancellationToken cancellation = default)
    {
        var (model, start, initial, times, options) = Check(request);
        cancellation.ThrowIfCancellationRequested();
        var n = model.Dimension;
        var values = new double[times.Length * n];
        try
        {
            if (request.Events.Length > 0 || request.Quadratures.Length > 0) return Watched(request, model, start, initial, times, options);
            var (statistics, method) = MethodTable.Solve(request.Method, model, start, initial, times, values, options);
            return new Trajectory(times, values, n, statistics, method);
        }
        catch (OdeException error) when (error.Component >= 0)
        {
            throw error.Named($"state {States[error.Component].Name} of {Name}");
        }
    }

    private static Trajectory Watched(
        OdeRequest request, in TModel model, double start, double[] initial, double[] times, in OdeOptions options)
    {
        int n = model.Dimension, q = request.Quadratures.Length;
        // One row more for a terminal event.
        double[] values = new double[(times.Length + 1) * n], integrals = new double[(times.Length + 1) * q];
        OutputWriter.Check(start, initial, times, values.AsSpan(0, times.Length * n), n);
        var watched = new WatchedSolve(start, initial, times, values, request, integrals);
        var (statistics, method) = MethodTable.Observe(request.Method, model, start, initial, times, options, ref watched);
        var rows = watched.Written;
        double[] at = times[..rows];
        if (watched.Ended && !(rows > 0 && times[rows - 1] == watched.Hits[^1].Time))
        {
            at = [.. at, watched.Hits[^1].Time];
            watched.Hits[^1].States.CopyTo(values.AsSpan(rows * n));
            watched.Totals.CopyTo(integrals.AsSpan(rows * q));
        }
        return new Trajectory(at, values[..(at.Length * n)], n, statistics, method)
        {
            Events = [.. watched.Hits],
            Quadratures = integrals[..(at.Length * q)],
        };
    }

    public override SensitivityTrajectory SolveSensitivities(OdeRequest request, CancellationToken cancellation = default)
    {
        var (model, start, initial, times, options) = Check(request);
        var selected = request.SensitivityTo ?? [.. Enumerable.Range(0, Parameters.Length)];
        foreach (var k in selected)
        {
            if ((uint)k >= (uint)Parameters.Length)
                throw new ArgumentException($"{Name} has {Parameters.Length} parameters; there is no number {k}");
        }
        cancellation.ThrowIfCancellationRequested();
        var system = new SelectedParameters<TModel>(model, selected, request.ToInitial);
        int n = model.Dimension, p = selected.Length, all = system.ParameterCount, width = n * (1 + all);
        var output = new double[times.Length * width];
        OdeStatistics statistics;
        OdeMethod method;
        try
        {
            (statistics, method) = MethodTable.SolveSensitivities(
                request.Method, system, request.Logarithmic, start, initial, system.AtStart(request.StartSensitivities), times, output, options);
        }
        catch (OdeException error) when (error.Component >= 0)
        {
            throw error.Named($"state {States[error.Component % n].Name} of {Name}");
        }
        double[] values = new double[times.Length * n], toParameters = new double[times.Length * p * n];
        var toInitial = request.ToInitial ? new double[times.Length * n * n] : null;
        for (var row = 0; row < times.Length; row++)
        {
            var from = output.AsSpan(row * width, width);
            from[..n].CopyTo(values.AsSpan(row * n));
            from.Slice(n, p * n).CopyTo(toParameters.AsSpan(row * p * n));
            if (toInitial is not null) from[(n * (1 + p))..].CopyTo(toInitial.AsSpan(row * n * n));
        }
        return new SensitivityTrajectory(times, values, n, statistics, method, selected, toParameters, toInitial);
    }

    public override BatchResult SolveMany(OdeBatch batch, CancellationToken cancellation = default)
    {
        if (batch.Count < 0) throw new ArgumentException($"a batch of {batch.Count} trajectories");
        BatchShape("parameters", batch.Parameters, batch.Count, [.. Parameters.Select(p => $"parameter {p.Name}")]);
        BatchShape("starts", batch.Initial, batch.Count, [.. States.Select(s => $"the start of {s.Name}")]);
        var solver = new BatchSolver<TModel>(
            _model, batch.Count, batch.Parameters ?? NominalParameters, batch.Initial ?? NominalInitial, batch.Start ?? Start,
            batch.Times ?? [End], batch.Options ?? DefaultOptions);
        return solver.Solve(
            batch, (trajectory, error) => error.Named(
                error.Component < 0 ? $"trajectory {trajectory} of {Name}" : $"state {States[error.Component].Name} of trajectory {trajectory} of {Name}"),
            cancellation);
    }

    public override void Rhs(double t, ReadOnlySpan<double> y, ReadOnlySpan<double> parameters, Span<double> dy) =>
        _model.With(parameters).Rhs(t, y, dy);

    public override void Jacobian(double t, ReadOnlySpan<double> y, ReadOnlySpan<double> parameters, Span<double> jacobian) =>
        _model.With(parameters).Jacobian(t, y, jacobian);

    public override void ParameterDerivatives(double t, ReadOnlySpan<double> y, ReadOnlySpan<double> parameters, Span<double> derivatives) =>
        _model.With(parameters).ParameterDerivatives(t, y, derivatives);

    internal override TResult Accept<TVisitor, TResult>(in TVisitor visitor) => visitor.Visit(_model);

    private (TModel Model, double Start, double[] Initial, double[] Times, OdeOptions Options) Check(OdeRequest request)
    {
        var parameters = request.Parameters ?? OwnParameters;
        var initial = request.Initial ?? OwnInitial;
        if (parameters.Length != Parameters.Length)
            throw new ArgumentException($"{Name} has {Parameters.Length} parameters; {parameters.Length} are given");
        if (initial.Length != States.Length)
            throw new ArgumentException($"{Name} has {States.Length} states; the start has {initial.Length}");
        for (var k = 0; k < parameters.Length; k++)
        {
            if (!double.IsFinite(parameters[k]))
                throw new ArgumentException(FormattableString.Invariant($"{Name}: parameter {Parameters[k].Name} is {parameters[k]:R}"));
        }
        for (var i = 0; i < initial.Length; i++)
        {
            if (!double.IsFinite(initial[i]))
                throw new ArgumentException(FormattableString.Invariant($"{Name}: state {States[i].Name} starts at {initial[i]:R}"));
        }
        var start = request.Start ?? Start;
        var times = request.Times ?? EvenTimes(start, End);
        return (_model.With(parameters), start, initial, times, request.Options ?? DefaultOptions);
    }

    private static double[] EvenTimes(double start, double end) =>
        [.. Enumerable.Range(0, DefaultTimes).Select(i => i == DefaultTimes - 1 ? end : start + ((end - start) * i / (DefaultTimes - 1)))];

    private void BatchShape(string what, double[]? values, int rows, string[] columns)
    {
        if (values is null) return;
        if (values.Length != (long)rows * columns.Length)
            throw new ArgumentException($"{Name}: the batch's {what} are {values.Length} numbers, not {rows} x {columns.Length}");
        if (ErrorNorm.NonFinite(values) is >= 0 and var bad)
        {
            throw new ArgumentException(
                FormattableString.Invariant($"{Name}: {columns[bad % columns.Length]} of trajectory {bad / columns.Length} is {values[bad]:R}"));
        }
    }
}
