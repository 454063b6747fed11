using Athanor.Compute.Linear;

namespace Athanor.Compute.Ode;

/// <summary>Chooses how the linear systems of a model are solved.</summary>
internal static class StiffSolve
{
    /// <summary>Up to this many states a dense factorisation is quicker than any other.</summary>
    public const int LargestDense = 16;

    /// <summary>From this many states on the pattern of a model that gives none is looked for.</summary>
    public const int LeastDetected = 40;

    /// <summary>A pattern with more than this part of all entries is treated as dense.</summary>
    private const double Dense = 0.25;

    public static OdeStatistics Write<TModel, TMethod>(
        in TModel model, TMethod method, double t0, ReadOnlySpan<double> y0, ReadOnlySpan<double> times, Span<double> output,
        in OdeOptions options)
        where TModel : struct, IStiffOdeModel
        where TMethod : struct, IImplicitMethod =>
        Sparse(model, t0, y0) is { } sparse
            ? ImplicitSolve.Write(new SparseSystem<TModel>(model, sparse), method, t0, y0, times, output, options)
            : ImplicitSolve.Write(new DenseSystem<TModel>(model), method, t0, y0, times, output, options);

    /// <summary>The same, showing every accepted step to the observer.</summary>
    public static OdeStatistics Observe<TModel, TMethod, TObserver>(
        in TModel model, TMethod method, double t0, ReadOnlySpan<double> y0, ReadOnlySpan<double> times, in OdeOptions options,
        ref TObserver observer)
        where TModel : struct, IStiffOdeModel
        where TMethod : struct, IImplicitMethod
        where TObserver : struct, IOdeObserver, allows ref struct =>
        Sparse(model, t0, y0) is { } sparse
            ? ImplicitSolve.Observe(new SparseSystem<TModel>(model, sparse), method, t0, y0, times, options, ref observer)
            : ImplicitSolve.Observe(new DenseSystem<TModel>(model), method, t0, y0, times, options, ref observer);

    /// <summary>Solves by the stiff method that suits the model: Rodas5P with dense factors, Esdirk5 with sparse ones.</summary>
    public static (OdeStatistics Statistics, AutoMethod Method) Best<TModel>(
        in TModel model, double t0, ReadOnlySpan<double> y0, ReadOnlySpan<double> times, Span<double> output, in OdeOptions options)
        where TModel : struct, IStiffOdeModel =>
        Sparse(model, t0, y0) is { } sparse
            ? (ImplicitSolve.Write(new SparseSystem<TModel>(model, sparse), new Esdirk5Method(), t0, y0, times, output, options),
                AutoMethod.Esdirk5)
            : (ImplicitSolve.Write(new DenseSystem<TModel>(model), new Rodas5PMethod(), t0, y0, times, output, options),
                AutoMethod.Rodas5P);

    /// <summary>The model's sparse Jacobian, its own or one found; null if dense factors serve it better.</summary>
    public static ISparseOdeModel? Sparse<TModel>(in TModel model, double t, ReadOnlySpan<double> y)
        where TModel : struct, IStiffOdeModel
    {
        var n = model.Dimension;
        if (n <= LargestDense || y.Length != n || (model is IMassOdeModel mass && !mass.HasDiagonalMass)) return null;
        if (model is ISparseOdeModel own) return own.Pattern.Count <= Dense * n * n ? own : null;
        if (n < LeastDetected) return null;
        var detected = new DetectedJacobian<TModel>(model, t, y);
        return detected.Pattern.Count <= Dense * n * n ? detected : null;
    }
}

/// <summary>
/// The sparse Jacobian of a model that gives a dense one. Its pattern is found by asking for f with one state NaN at a time: what then is NaN
/// depends on that state, whatever the numbers, since NaN passes through every operation. Entries that the dense Jacobian holds at the start
/// and that a comparison hid from NaN are added.
/// </summary>
internal sealed class DetectedJacobian<TModel> : ISparseOdeModel
    where TModel : struct, IStiffOdeModel
{
    private readonly TModel _model;
    private readonly double[] _dense;

    public DetectedJacobian(in TModel model, double t, ReadOnlySpan<double> y)
    {
        _model = model;
        var n = model.Dimension;
        _dense = new double[n * n];
        model.Jacobian(t, y, _dense);
        var state = y.ToArray();
        var f = new double[n];
        var entries = new List<(int, int)>();
        for (var j = 0; j < n; j++)
        {
            var kept = state[j];
            state[j] = double.NaN;
            model.Rhs(t, state, f);
            state[j] = kept;
            for (var i = 0; i < n; i++)
            {
                if (double.IsNaN(f[i]) || _dense[(i * n) + j] != 0.0) entries.Add((i, j));
            }
        }
        Pattern = SparsePattern.From(n, entries);
    }

    public SparsePattern Pattern { get; }

    public int Dimension => _model.Dimension;

    public bool IsAutonomous => _model.IsAutonomous;

    public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy) => _model.Rhs(t, y, dy);

    public void Jacobian(double t, ReadOnlySpan<double> y, Span<double> jacobian) => _model.Jacobian(t, y, jacobian);

    public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative) => _model.TimeDerivative(t, y, derivative);

    public void JacobianValues(double t, ReadOnlySpan<double> y, Span<double> values)
    {
        var n = Pattern.Size;
        _model.Jacobian(t, y, _dense);
        for (var i = 0; i < n; i++)
        {
            for (var k = Pattern.RowStarts[i]; k < Pattern.RowStarts[i + 1]; k++) values[k] = _dense[(i * n) + Pattern.Columns[k]];
        }
    }
}
