using System.Runtime.Intrinsics;

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

/// <summary>A model that can be evaluated for eight trajectories at a time; each lane has its own time, state and parameters.</summary>
/// <remarks>Scalar and lane code must give the same bits: the same operations in the same order, fused multiply-add only where both have
/// it, elementary functions from <see cref="Numerics.DetMath"/> alone (square roots are exact everywhere). Then a trajectory's result does
/// not depend on whether it was solved alone or in a batch.</remarks>
public interface ILaneOdeModel : IOdeModel
{
    /// <summary>Writes f(t, y; p) per lane.</summary>
    /// <param name="y">Length n; lane l of element i is component i of trajectory l.</param>
    /// <param name="parameters">Length p, in the order of <see cref="IParametricOdeModel.Parameter"/>; the model's own numbers are not
    /// looked at.</param>
    void RhsLanes(
        Vector512<double> t, ReadOnlySpan<Vector512<double>> y, ReadOnlySpan<Vector512<double>> parameters, Span<Vector512<double>> dy);

    /// <summary>Whether <see cref="JacobianLanes"/> is there; without it a stiff method asks for the Jacobian of each lane by
    /// itself.</summary>
    bool HasLaneJacobian => false;

    /// <summary>Writes df/dy per lane, n n vectors row-major, with the bits of <see cref="IStiffOdeModel.Jacobian"/>.</summary>
    void JacobianLanes(
        Vector512<double> t, ReadOnlySpan<Vector512<double>> y, ReadOnlySpan<Vector512<double>> parameters,
        Span<Vector512<double>> jacobian) => throw new NotSupportedException("this model has no Jacobian in lanes");
}

/// <summary>A model whose parameters can be set: what problems, sweeps and fits ask of a model.</summary>
public interface IOdeModel<TSelf> : IParametricOdeModel, ILaneOdeModel
    where TSelf : struct, IOdeModel<TSelf>
{
    /// <summary>The same model with these parameters, in the order of <see cref="IParametricOdeModel.Parameter"/>.</summary>
    TSelf With(ReadOnlySpan<double> parameters);
}
