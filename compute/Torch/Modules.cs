using System.Globalization;
using Athanor.Compute.Tensors;

namespace Athanor.Compute.Torch;

/// <summary>A part of a network, with PyTorch's names.</summary>
public abstract class Module
{
    public abstract Tensor Forward(Tensor input);

    /// <summary>Parameters by name, in PyTorch's order: <c>0.weight</c>, <c>0.bias</c>, <c>2.weight</c>, ...</summary>
    public virtual IEnumerable<KeyValuePair<string, Tensor>> NamedParameters() => [];

    public IReadOnlyList<Tensor> Parameters() => [.. NamedParameters().Select(static pair => pair.Value)];

    /// <summary>Copies of all parameters, as PyTorch's safetensors files hold them.</summary>
    public SafeTensors StateDict() => new(NamedParameters().Select(static pair => KeyValuePair.Create(pair.Key, Copy(pair.Value))));

    /// <exception cref="ArgumentException">A parameter is missing, one is unknown, or a shape differs; the message names it.</exception>
    public void LoadStateDict(SafeTensors state)
    {
        var parameters = NamedParameters().ToDictionary(static pair => pair.Key, static pair => pair.Value);
        foreach (var name in state.Tensors.Keys.Where(name => !parameters.ContainsKey(name)))
            throw new ArgumentException($"the state has a parameter '{name}' that this module does not have");
        foreach (var (name, parameter) in parameters)
        {
            if (!state.Tensors.TryGetValue(name, out var saved)) throw new ArgumentException($"the state lacks the parameter '{name}'");
            if (!saved.Shape.AsSpan().SequenceEqual(parameter.Shape.AsSpan()))
            {
                throw new ArgumentException(
                    $"the parameter '{name}' has the shape ({string.Join(", ", saved.Shape)}) "
                    + $"and must have ({string.Join(", ", parameter.Shape)})");
            }
        }
        foreach (var (name, parameter) in parameters)
        {
            using var values = Tensor.From(state.Tensors[name].ToDoubles(), parameter.Shape.AsSpan());
            parameter.Assign(values);
        }
    }

    private static SafeTensor Copy(Tensor tensor) => tensor.DType == DType.Float64
        ? SafeTensor.Of(tensor.ToDoubles(), tensor.Shape.AsSpan())
        : SafeTensor.Of(tensor.ToFloats(), tensor.Shape.AsSpan());
}

/// <summary>y = x Wᵀ + b, in float32.</summary>
public sealed class Linear : Module
{
    /// <summary>Draws weights and biases uniform in ±1/sqrt(inputs) from libtorch's generator, as PyTorch does.</summary>
    public Linear(long inputs, long outputs, string device = "cpu")
    {
        var bound = 1 / Math.Sqrt(inputs);
        Weight = Parameter(bound, device, outputs, inputs);
        Bias = Parameter(bound, device, outputs);
    }

    /// <summary>[outputs, inputs].</summary>
    public Tensor Weight { get; }

    /// <summary>[outputs].</summary>
    public Tensor Bias { get; }

    /// <param name="input">[rows, inputs].</param>
    /// <returns>[rows, outputs].</returns>
    public override Tensor Forward(Tensor input) => Tensor.Linear(input, Weight, Bias);

    public override IEnumerable<KeyValuePair<string, Tensor>> NamedParameters() => [new("weight", Weight), new("bias", Bias)];

    private static Tensor Parameter(double bound, string device, params ReadOnlySpan<long> shape)
    {
        var count = 1L;
        foreach (var size in shape) count *= size;
        var tensor = Tensor.From(new float[count], shape, device);
        tensor.Uniform(-bound, bound);
        tensor.RequiresGrad = true;
        return tensor;
    }
}

public sealed class Tanh : Module
{
    public override Tensor Forward(Tensor input) => input.Tanh();
}

public sealed class ReLU : Module
{
    public override Tensor Forward(Tensor input) => input.ReLU();
}

/// <summary>Modules one after the other; their parameters are named by place.</summary>
public sealed class Sequential(params IReadOnlyList<Module> modules) : Module
{
    public override Tensor Forward(Tensor input) => modules.Aggregate(input, static (value, module) => module.Forward(value));

    public override IEnumerable<KeyValuePair<string, Tensor>> NamedParameters() =>
        modules.SelectMany(static (module, i) => module.NamedParameters()
            .Select(pair => KeyValuePair.Create(string.Create(CultureInfo.InvariantCulture, $"{i}.{pair.Key}"), pair.Value)));
}
