namespace Athanor.Compute.Neural;

/// <summary>What stands after each hidden layer.</summary>
public enum Activation
{
    Tanh,

    /// <summary>ln(1 + e^x), as PyTorch's <c>Softplus</c> with a threshold of infinity (its default, 20, takes off up to 2e-9).</summary>
    Softplus,

    /// <summary>max(x, 0), slope 0 at 0 as PyTorch.</summary>
    Relu,

    /// <summary>x / (1 + e^-x), PyTorch's <c>SiLU</c>.</summary>
    Silu,
}
