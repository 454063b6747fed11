using Athanor.Compute.Ode;

namespace Athanor.Compute.Problems;

/// <summary>A model whose parameters are some of another's and, if wanted, its states at the start: what sensitivities are taken to.
/// The right-hand side does not see the start, so those derivatives are zero; they enter by the sensitivities at the start.</summary>
internal readonly struct SelectedParameters<TModel>(TModel model, int[] selected, bool withInitial) : IParametricOdeModel
    where TModel : struct, IParametricOdeModel
{
    private readonly TModel _model = model;
    private readonly double[] _all = new double[model.ParameterCount * model.Dimension];

    public int Dimension => _model.Dimension;

    public bool IsAutonomous => _model.IsAutonomous;

    public int ParameterCount => selected.Length + (withInitial ? _model.Dimension : 0);

    public double Parameter(int index) => index < selected.Length ? _model.Parameter(selected[index]) : 1.0;

    public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy) => _model.Rhs(t, y, dy);

    public void Jacobian(double t, ReadOnlySpan<double> y, Span<double> jacobian) => _model.Jacobian(t, y, jacobian);

    public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative) => _model.TimeDerivative(t, y, derivative);

    public void ParameterDerivatives(double t, ReadOnlySpan<double> y, Span<double> derivatives)
    {
        var n = Dimension;
        _model.ParameterDerivatives(t, y, _all);
        for (var k = 0; k < selected.Length; k++) _all.AsSpan(selected[k] * n, n).CopyTo(derivatives[(k * n)..]);
        derivatives[(selected.Length * n)..].Clear();
    }

    /// <summary>Sensitivities at the start: zero to the parameters unless given, the identity to the states.</summary>
    public double[] AtStart(double[]? given = null)
    {
        var n = Dimension;
        var s = new double[ParameterCount * n];
        given?.CopyTo(s, 0);
        if (!withInitial) return s;
        for (var i = 0; i < n; i++) s[((selected.Length + i) * n) + i] = 1.0;
        return s;
    }
}
