using System.Collections.Immutable;
using System.Text.Json;
using Athanor.Compute.Exchange.Onnx;
using Athanor.Compute.Tensors;

namespace Athanor.Compute.Exchange;

/// <summary>The kinds of model that can be exported beyond their weights, and how each is read from its JSON.</summary>
internal static class ModelKinds
{
    public const string Perceptron = "perceptron";

    /// <summary>What a model is given and gives; nothing of a kind that is not known here.</summary>
    public static (ImmutableArray<string> Inputs, ImmutableArray<string> Outputs) Names(string kind, JsonElement model)
    {
        if (kind == Perceptron) return ([.. ModelJson.Texts(model, "inputs")], [.. ModelJson.Texts(model, "targets")]);
        if (!model.TryGetProperty("states", out _)) return ([], []);
        string[] states = [.. Named(model, "states")], controls = [.. Named(model, "controls")];
        return ([.. states, .. controls], [.. states]);
    }

    /// <summary>The net of a perceptron with its scales.</summary>
    public static PerceptronModel PerceptronOf(ModelFile file)
    {
        var model = file.Model!.Value;
        var sizes = ModelJson.Integers(model, "sizes");
        var net = NetWeights.Find(file.Tensors, "layers.", sizes, ModelJson.Text(model, "activation"));
        if (net.Sizes[0] != file.Inputs.Length || net.Sizes[^1] != file.Outputs.Length)
        {
            throw new ExchangeException(
                $"the model's sizes begin with {net.Sizes[0]} and end with {net.Sizes[^1]}, and it names {file.Inputs.Length} inputs and "
                + $"{file.Outputs.Length} targets");
        }
        var inputs = ModelJson.Scales(model, "input-means", "input-deviations", net.Sizes[0]);
        var outputs = ModelJson.Scales(model, "target-means", "target-deviations", net.Sizes[^1]);
        return new PerceptronModel(net, inputs.Means, inputs.Deviations, outputs.Means, outputs.Deviations);
    }

    private static IEnumerable<string> Named(JsonElement model, string key) =>
        ModelJson.Items(model, key, "an array of named parts").Select(part => ModelJson.Text(part, "name"));
}

/// <summary>A perceptron with the scales around it.</summary>
internal sealed record PerceptronModel(NetWeights Net, double[] Means, double[] Deviations, double[] TargetMeans, double[] TargetDeviations)
{
    /// <summary><c>inputs</c> [rows, inputs] to <c>outputs</c> [rows, outputs], both in the columns' own units.</summary>
    public OnnxGraph Graph()
    {
        var graph = new OnnxGraph("perceptron", Net.IsDouble ? OnnxType.Double : OnnxType.Float);
        var x = graph.Input("inputs", "rows", Net.Sizes[0]);
        var y = OnnxNet.Add(graph, Net, OnnxNet.Standardise(graph, x, Means, Deviations));
        graph.Output("outputs", OnnxNet.Restore(graph, y, TargetMeans, TargetDeviations), "rows", Net.Sizes[^1]);
        return graph;
    }
}
