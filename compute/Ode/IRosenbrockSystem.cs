namespace Athanor.Compute.Ode;

/// <summary>What <see cref="Rodas4"/> solves: blocks of n components of which the first is a model's state and the others depend on it
/// linearly with the same Jacobian, as sensitivities do. The system's Jacobian is then block lower triangular with J on its diagonal, and
/// one LU of n x n serves all blocks.</summary>
internal interface IRosenbrockSystem
{
    int Dimension { get; }

    int Blocks { get; }

    bool IsAutonomous { get; }

    void Rhs(double t, ReadOnlySpan<double> z, Span<double> dz);

    void Jacobian(double t, ReadOnlySpan<double> z, Span<double> jacobian);

    void TimeDerivative(double t, ReadOnlySpan<double> z, Span<double> derivative);

    /// <summary>Adds to blocks 1.. the derivative of their right-hand sides along <paramref name="u"/>, a change of block 0.</summary>
    void AddCoupling(double t, ReadOnlySpan<double> z, ReadOnlySpan<double> u, in OdeOptions options, Span<double> blocks);
}

internal readonly struct RosenbrockModel<TModel>(TModel model) : IRosenbrockSystem
    where TModel : struct, IStiffOdeModel
{
    private readonly TModel _model = model;

    public int Dimension => _model.Dimension;

    public int Blocks => 1;

    public bool IsAutonomous => _model.IsAutonomous;

    public void Rhs(double t, ReadOnlySpan<double> z, Span<double> dz) => _model.Rhs(t, z, dz);

    public void Jacobian(double t, ReadOnlySpan<double> z, Span<double> jacobian) => _model.Jacobian(t, z, jacobian);

    public void TimeDerivative(double t, ReadOnlySpan<double> z, Span<double> derivative) => _model.TimeDerivative(t, z, derivative);

    public void AddCoupling(double t, ReadOnlySpan<double> z, ReadOnlySpan<double> u, in OdeOptions options, Span<double> blocks) { }
}

/// <summary>The coupling needs second derivatives of f; they are taken as one central difference of the sensitivities' right-hand side
/// along the direction asked for, which is exact for models quadratic in y and good to about 1e-9 otherwise, far below the method's own
/// error.</summary>
internal readonly struct RosenbrockSensitivity<TModel>(Sensitivity<TModel> system) : IRosenbrockSystem
    where TModel : struct, IParametricOdeModel
{
    private const double Difference = 1e-4;

    private readonly Sensitivity<TModel> _system = system;
    private readonly double[] _scratch = new double[(2 * system.Dimension) + system.Model.Dimension];

    public int Dimension => _system.Model.Dimension;

    public int Blocks => 1 + _system.Model.ParameterCount;

    public bool IsAutonomous => _system.Model.IsAutonomous;

    public void Rhs(double t, ReadOnlySpan<double> z, Span<double> dz) => _system.Rhs(t, z, dz);

    public void Jacobian(double t, ReadOnlySpan<double> z, Span<double> jacobian) =>
        _system.Model.Jacobian(t, z[..Dimension], jacobian);

    public void TimeDerivative(double t, ReadOnlySpan<double> z, Span<double> derivative)
    {
        var n = Dimension;
        _system.Model.TimeDerivative(t, z[..n], derivative[..n]);
        var step = 1e-5 * Math.Max(Math.Abs(t), 1e-3);
        Differences(t + step, t - step, z[..n], z[..n], z[n..], 0.5 / step, derivative[n..], add: false);
    }

    public void AddCoupling(double t, ReadOnlySpan<double> z, ReadOnlySpan<double> u, in OdeOptions options, Span<double> blocks)
    {
        var n = Dimension;
        Span<double> floor = stackalloc double[n];
        options.AbsoluteTo(floor);
        var size = 0.0;
        for (var i = 0; i < n; i++) size = Math.Max(size, Math.Abs(u[i]) / (Math.Abs(z[i]) + (floor[i] / options.RelativeTolerance)));
        if (!(size > 0) || !double.IsFinite(size)) return;
        var step = Difference / size;
        Span<double> shifted = stackalloc double[2 * n];
        for (var i = 0; i < n; i++)
        {
            shifted[i] = z[i] + (step * u[i]);
            shifted[n + i] = z[i] - (step * u[i]);
        }
        Differences(t, t, shifted[..n], shifted[n..], z[n..], 0.5 / step, blocks, add: true);
    }

    private void Differences(
        double tPlus, double tMinus, ReadOnlySpan<double> yPlus, ReadOnlySpan<double> yMinus, ReadOnlySpan<double> s, double factor,
        Span<double> result, bool add)
    {
        Span<double> plus = _scratch.AsSpan(0, s.Length), minus = _scratch.AsSpan(s.Length, s.Length);
        _system.SensitivityRhs(tPlus, yPlus, s, plus);
        _system.SensitivityRhs(tMinus, yMinus, s, minus);
        for (var i = 0; i < s.Length; i++) result[i] = (add ? result[i] : 0.0) + ((plus[i] - minus[i]) * factor);
    }
}
