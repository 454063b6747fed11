namespace Athanor.Compute.Ode;

/// <summary>
/// A model together with its forward sensitivities as one system: z = (y, s_1, ..., s_p), s_k = dy/dq_k, with s_k' = J s_k + df/dq_k
/// (Hindmarsh and Serban, CVODES, section 2.6, simultaneous approach). q_k is p_k, or ln p_k with <see cref="Logarithmic"/>, which
/// gives the sensitivities the unit and size of y, as one absolute tolerance for all needs. Each block of n components meets the
/// tolerance by itself.
/// </summary>
public readonly struct Sensitivity<TModel>(TModel model, bool logarithmic) : IOdeModel
    where TModel : struct, IParametricOdeModel
{
    private readonly TModel _model = model;
    private readonly double[] _jacobian = new double[model.Dimension * model.Dimension];
    private readonly double[] _derivatives = new double[model.Dimension * model.ParameterCount];

    /// <summary>Whether sensitivities are taken to the logarithms of the parameters.</summary>
    public bool Logarithmic { get; } = logarithmic;

    internal TModel Model => _model;

    /// <summary>n (1 + p).</summary>
    public int Dimension => _model.Dimension * (1 + _model.ParameterCount);

    public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy)
    {
        var n = _model.Dimension;
        _model.Rhs(t, y[..n], dy[..n]);
        SensitivityRhs(t, y[..n], y[n..], dy[n..]);
    }

    /// <summary>Writes s_k' for all k at the state <paramref name="y"/>.</summary>
    internal void SensitivityRhs(double t, ReadOnlySpan<double> y, ReadOnlySpan<double> s, Span<double> ds)
    {
        var n = y.Length;
        _model.Jacobian(t, y, _jacobian);
        _model.ParameterDerivatives(t, y, _derivatives);
        for (var k = 0; k < _model.ParameterCount; k++)
        {
            var scale = Logarithmic ? _model.Parameter(k) : 1.0;
            var column = s.Slice(k * n, n);
            var derivative = _derivatives.AsSpan(k * n, n);
            var result = ds.Slice(k * n, n);
            for (var i = 0; i < n; i++)
            {
                var row = _jacobian.AsSpan(i * n, n);
                var sum = scale * derivative[i];
                for (var j = 0; j < row.Length; j++) sum += row[j] * column[j];
                result[i] = sum;
            }
        }
    }
}

/// <summary>Solves a model with its forward sensitivities; the error of both is controlled.</summary>
public static class SensitivitySolver
{
    /// <summary>By <see cref="Tsit5"/>, for problems that are not stiff.</summary>
    /// <param name="s0">Sensitivities at the start, shape (p, n) row-major; empty for zeros (a start that does not depend on p).</param>
    /// <param name="output">Shape (times, 1 + p, n): at each time y, then s_1, ..., s_p.</param>
    public static OdeStatistics Explicit<TModel>(
        in TModel model, bool logarithmic, double t0, ReadOnlySpan<double> y0, ReadOnlySpan<double> s0, ReadOnlySpan<double> times,
        Span<double> output, in OdeOptions options)
        where TModel : struct, IParametricOdeModel
    {
        var system = new Sensitivity<TModel>(model, logarithmic);
        var z0 = Start(system.Dimension, y0, s0, model.Dimension);
        OutputWriter.Check(t0, z0, times, output, system.Dimension);
        var writer = new OutputWriter(times, output, system.Dimension);
        writer.Start(t0, z0);
        return Tsit5.Run(system, model.Dimension, t0, z0, times[^1], options.HitOutputTimes ? times : [], options, ref writer);
    }

    /// <summary>By <see cref="Esdirk5"/>, for stiff problems, and for models with a diagonal mass matrix; shapes as in
    /// <see cref="Explicit"/>. The sensitivities are the exact derivatives of the numerical solution: no second derivative is needed, and
    /// none is approximated.</summary>
    public static OdeStatistics Stiff<TModel>(
        in TModel model, bool logarithmic, double t0, ReadOnlySpan<double> y0, ReadOnlySpan<double> s0, ReadOnlySpan<double> times,
        Span<double> output, in OdeOptions options)
        where TModel : struct, IParametricOdeModel
    {
        var z0 = Start(model.Dimension * (1 + model.ParameterCount), y0, s0, model.Dimension);
        OutputWriter.Check(t0, z0, times, output, z0.Length);
        return StiffSolve.Sparse(model, t0, y0) is { } sparse
            ? Stiff(new SparseSystem<TModel>(model, sparse), model, logarithmic, t0, z0, times, output, options)
            : Stiff(new DenseSystem<TModel>(model), model, logarithmic, t0, z0, times, output, options);
    }

    private static OdeStatistics Stiff<TSystem, TModel>(
        TSystem system, in TModel model, bool logarithmic, double t0, double[] z0, ReadOnlySpan<double> times, Span<double> output,
        in OdeOptions options)
        where TSystem : struct, IImplicitSystem
        where TModel : struct, IParametricOdeModel
    {
        var sensitivities = new ParameterSensitivities<TModel>(model, logarithmic);
        if (system.MassDiagonal is not { Length: 0 }) ConsistentStart.Find(system, sensitivities, t0, z0, options);
        var writer = new OutputWriter(times, output, z0.Length);
        writer.Start(t0, z0);
        return new Esdirk5Stepper<TSystem, ParameterSensitivities<TModel>>(system, sensitivities, options)
            .Run(t0, z0, times[^1], options.HitOutputTimes || system.MassDiagonal is not { Length: 0 } ? times : [], ref writer);
    }

    internal static double[] Start(int total, ReadOnlySpan<double> y0, ReadOnlySpan<double> s0, int n)
    {
        if (y0.Length != n) throw new ArgumentException($"the start has {y0.Length} components where the model has {n}");
        if (s0.Length != 0 && s0.Length != total - n)
            throw new ArgumentException($"the start's sensitivities are {s0.Length} numbers, not {total - n}");
        var z0 = new double[total];
        y0.CopyTo(z0);
        s0.CopyTo(z0.AsSpan(n));
        return z0;
    }
}
