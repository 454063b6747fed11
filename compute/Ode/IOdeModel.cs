namespace Athanor.Compute.Ode;

/// <summary>The right-hand side of y' = f(t, y). Models are structs and solvers are generic over them, so that the JIT compiles a solver
/// for each model and inlines the right-hand side.</summary>
public interface IOdeModel
{
    /// <summary>Number of states n. A constant for models of fixed size.</summary>
    int Dimension { get; }

    /// <summary>Writes f(t, y) into <paramref name="dy"/>; both have length n.</summary>
    void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy);
}

/// <summary>A model whose derivatives a stiff solver can ask for.</summary>
public interface IStiffOdeModel : IOdeModel
{
    /// <summary>Whether f does not depend on t; then <see cref="TimeDerivative"/> is never called.</summary>
    bool IsAutonomous { get; }

    /// <summary>Writes df/dy, shape (n, n) row-major: entry [i * n + j] is df_i/dy_j.</summary>
    void Jacobian(double t, ReadOnlySpan<double> y, Span<double> jacobian);

    /// <summary>Writes df/dt, length n.</summary>
    void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative);
}

/// <summary>A model with parameters p that sensitivities dy/dp are wanted of.</summary>
public interface IParametricOdeModel : IStiffOdeModel
{
    int ParameterCount { get; }

    double Parameter(int index);

    /// <summary>Writes df/dp at fixed y, shape (parameters, n) row-major: entry [k * n + i] is df_i/dp_k.</summary>
    void ParameterDerivatives(double t, ReadOnlySpan<double> y, Span<double> derivatives);
}
