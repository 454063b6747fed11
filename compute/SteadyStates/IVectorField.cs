namespace Athanor.Compute.SteadyStates;

/// <summary>An autonomous system x' = f(x, p) with one free parameter p: what steady states, branches and cycles are computed of. The
/// methods must not keep their spans; results that are not finite are allowed where the model is not defined (the solvers turn
/// away).</summary>
public interface IVectorField
{
    /// <summary>Number of states n.</summary>
    int Dimension { get; }

    /// <summary>Writes f(x, p), length n.</summary>
    void Rhs(ReadOnlySpan<double> x, double p, Span<double> f);

    /// <summary>Writes df/dx, shape (n, n) row-major: entry [i * n + j] is df_i/dx_j.</summary>
    void Jacobian(ReadOnlySpan<double> x, double p, Span<double> jacobian);

    /// <summary>Writes df/dp, length n.</summary>
    void ParameterDerivative(ReadOnlySpan<double> x, double p, Span<double> derivative);
}
