using System.Collections.Immutable;
using System.Globalization;
using Athanor.Compute.Exchange;
using Athanor.Compute.Kernels;
using Athanor.Compute.Tensors;

namespace Compute.Tests.Exchange;

/// <summary>Models with random weights, as files hold them.</summary>
internal static class SampleModels
{
    public const string Perceptron = """
        {"activation":"tanh","input-deviations":[2,0.5,10],"input-means":[1,-1,100],"inputs":["a","b","c"],"kind":"perceptron",
        "sizes":[3,16,16,2],"target-deviations":[3,0.1],"target-means":[10,0],"targets":["y","z"]}
        """;

    /// <summary>The weights of <see cref="Perceptron"/>.</summary>
    public static float[] Weights(ulong seed)
    {
        var network = new Perceptron(3, 16, 16, 2);
        var parameters = new float[network.ParameterCount];
        network.Initialize(parameters, seed);
        var random = new Random((int)seed);
        for (var l = 0; l < 3; l++)
        {
            for (var i = network.BiasOffset(l); i < network.BiasOffset(l) + network.Sizes[l + 1]; i++) parameters[i] = random.NextSingle() - 0.5f;
        }
        return parameters;
    }

    public static byte[] File(string json, float[] parameters, params int[] sizes) => File(json, Tensors(parameters, sizes));

    public static byte[] File(string json, ImmutableSortedDictionary<string, SafeTensor> tensors) =>
        new SafeTensors(tensors, ImmutableSortedDictionary<string, string>.Empty.Add(ModelFile.Key, json)).Write();

    public static ImmutableSortedDictionary<string, SafeTensor> Tensors(float[] parameters, params int[] sizes)
    {
        var tensors = ImmutableSortedDictionary.CreateBuilder<string, SafeTensor>(StringComparer.Ordinal);
        var at = 0;
        for (var l = 0; l + 1 < sizes.Length; l++)
        {
            int weights = sizes[l] * sizes[l + 1], outputs = sizes[l + 1];
            tensors.Add(Name(l, "weight"), SafeTensor.Of(parameters.AsSpan(at, weights), outputs, sizes[l]));
            tensors.Add(Name(l, "bias"), SafeTensor.Of(parameters.AsSpan(at + weights, outputs), outputs));
            at += weights + outputs;
        }
        return tensors.ToImmutable();

        static string Name(int layer, string part) => string.Create(CultureInfo.InvariantCulture, $"layers.{layer}.{part}");
    }
}
