using System.Numerics;

namespace Athanor.Compute.Neural.Models;

/// <summary>
/// The known half of a model: what stands around the net in dx/dt = f(x, u). The net reads features z(x, u), its outputs n enter
/// f(c, x, u, n), where c are numbers of the physics that are trained with the weights (a heat of reaction, a valve's coefficient). Each
/// part comes with its exact vector-Jacobian product, written by hand. Structs, so that the compiler makes a roll-out for each.
/// </summary>
/// <remarks>One row at a time; every span is one row. Pure functions: any thread may call them.</remarks>
internal interface IModelPhysics<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    int States { get; }

    int Controls { get; }

    int NetInputs { get; }

    int NetOutputs { get; }

    /// <summary>Whether the field never points out of the positive orthant of the positive states, whatever the weights.</summary>
    bool KeepsPositive { get; }

    /// <summary>Names of the trained numbers c, in their order.</summary>
    IReadOnlyList<string> Constants { get; }

    /// <summary>First guesses, from the training records where these tell something.</summary>
    void InitializeConstants(ModelSpecification model, IReadOnlyList<ProcessRecord> training, Span<T> c);

    /// <summary>Writes z(x, u).</summary>
    void Features(ReadOnlySpan<T> x, ReadOnlySpan<T> u, Span<T> z);

    /// <summary>Adds (dz/dx)ᵀ gz to <paramref name="gx"/>.</summary>
    void FeaturesVjp(ReadOnlySpan<T> x, ReadOnlySpan<T> gz, Span<T> gx);

    /// <summary>Writes f(c, x, u, n), in units of the states per unit of time.</summary>
    void Field(ReadOnlySpan<T> c, ReadOnlySpan<T> x, ReadOnlySpan<T> u, ReadOnlySpan<T> n, Span<T> dx);

    /// <summary>Writes (df/dx)ᵀ g and (df/dn)ᵀ g, adds (df/dc)ᵀ g.</summary>
    void FieldVjp(
        ReadOnlySpan<T> c, ReadOnlySpan<T> x, ReadOnlySpan<T> u, ReadOnlySpan<T> n, ReadOnlySpan<T> g, Span<T> gx, Span<T> gn, Span<T> gc);

    /// <summary>Writes (df/du)ᵀ g at given outputs of the net: what controls do but by its features.</summary>
    void ControlVjp(ReadOnlySpan<T> c, ReadOnlySpan<T> x, ReadOnlySpan<T> u, ReadOnlySpan<T> g, Span<T> gu);

    /// <summary>Adds (dz/du)ᵀ gz to <paramref name="gu"/>.</summary>
    void FeaturesControlVjp(ReadOnlySpan<T> gz, Span<T> gu);

    /// <summary>The trained numbers in their own units, for people: names as in <see cref="Constants"/>.</summary>
    double Constant(ReadOnlySpan<T> c, int index);

    /// <summary>The c at which <see cref="Constant"/> is <paramref name="value"/>, and its slope by it; NaN where there is none.</summary>
    (double C, double Slope) Inverse(double value, int index);
}
