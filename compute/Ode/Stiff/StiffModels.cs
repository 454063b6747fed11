using System.Runtime.Intrinsics;
using Athanor.Compute.Linear;

namespace Athanor.Compute.Ode;

/// <summary>A model with many states, each of which meets few others: it gives the pattern of df/dy once and the values in the pattern's
/// order.</summary>
public interface ISparseOdeModel : IStiffOdeModel
{
    SparsePattern Pattern { get; }

    /// <summary>Writes the entries of df/dy in the order of <see cref="Pattern"/>.</summary>
    void JacobianValues(double t, ReadOnlySpan<double> y, Span<double> values);
}

/// <summary>A model whose derivatives can be evaluated for eight trajectories at a time, with the bits of the scalar ones; each lane has its
/// own time, state and parameters (<see cref="ILaneOdeModel"/>).</summary>
public interface ILaneDerivatives : ILaneOdeModel
{
    /// <summary>Writes the entries of df/dy per lane, in the order of <see cref="ISparseOdeModel.Pattern"/>.</summary>
    void JacobianValuesLanes(
        Vector512<double> t, ReadOnlySpan<Vector512<double>> y, ReadOnlySpan<Vector512<double>> parameters, Span<Vector512<double>> values);

    /// <summary>Writes df/dp per lane, shape (parameters, n) row-major.</summary>
    void ParameterDerivativesLanes(
        Vector512<double> t, ReadOnlySpan<Vector512<double>> y, ReadOnlySpan<Vector512<double>> parameters,
        Span<Vector512<double>> derivatives);
}

/// <summary>
/// A system M y' = f(t, y) with a constant matrix M. Where M is singular it is a system of differential and algebraic equations; those of
/// index 1 can be solved: the algebraic equations determine the algebraic unknowns by themselves.
/// </summary>
public interface IMassOdeModel : IStiffOdeModel
{
    /// <summary>Whether <see cref="Mass"/> is diagonal and given as its diagonal.</summary>
    bool HasDiagonalMass { get; }

    /// <summary>Writes M: its diagonal, length n, if <see cref="HasDiagonalMass"/>, else shape (n, n) row-major.</summary>
    void Mass(Span<double> mass);
}
