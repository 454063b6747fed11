using Athanor.Compute.Ode;

namespace Athanor.Compute.Neural;

/// <summary>How a neural field is integrated.</summary>
public enum FixedStepMethod
{
    /// <summary>The classical method of order 4, four stages.</summary>
    Rk4,

    /// <summary>Order 5, six stages: Tsitouras, Computers and Mathematics with Applications 62 (2011) 770-775; without its error
    /// estimate.</summary>
    Tsit5,
}

/// <summary>What is kept of the forward pass for the backward pass.</summary>
public enum StageMemory
{
    /// <summary>Every stage's activations: quickest where they fit into the caches.</summary>
    Stored,

    /// <summary>The state at each step; the stages are computed again, with the same bits.</summary>
    Checkpointed,
}

/// <summary>An explicit Runge-Kutta method: stage i starts at y + h sum of A[i, j] k[j] over j before i, the step ends at y + h sum of
/// B[j] k[j].</summary>
internal sealed class Tableau(double[][] a, double[] b)
{
    private static readonly Tableau Rk4 = new([[], [0.5], [0, 0.5], [0, 0, 1]], [1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6]);

    private static readonly Tableau Five = new(
        [
            [],
            [Tsit5.A21],
            [Tsit5.A31, Tsit5.A32],
            [Tsit5.A41, Tsit5.A42, Tsit5.A43],
            [Tsit5.A51, Tsit5.A52, Tsit5.A53, Tsit5.A54],
            [Tsit5.A61, Tsit5.A62, Tsit5.A63, Tsit5.A64, Tsit5.A65],
        ],
        [Tsit5.B1, Tsit5.B2, Tsit5.B3, Tsit5.B4, Tsit5.B5, Tsit5.B6]);

    public double[][] A { get; } = a;

    public double[] B { get; } = b;

    public int Stages => B.Length;

    public static Tableau Of(FixedStepMethod method) => method switch
    {
        FixedStepMethod.Rk4 => Rk4,
        FixedStepMethod.Tsit5 => Five,
        _ => throw new ArgumentException($"method {method} is none of {string.Join(", ", Enum.GetNames<FixedStepMethod>())}"),
    };
}
