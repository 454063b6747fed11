using System.Collections.Immutable;
using System.Text.Json;
using Athanor.Compute.Exchange.Onnx;
using Athanor.Compute.Neural.Models;
using Athanor.Compute.Training;
using Athanor.Compute.Twins;

namespace Athanor.Compute.Exchange;

/// <summary>The kinds of model that are more than tensors here, and how each is read from its JSON.</summary>
internal static class ModelKinds
{
    public const string Perceptron = "perceptron";
    public const string Classifier = "classifier";

    /// <summary>Models of dynamics: what <see cref="ModelSpecification"/> describes.</summary>
    private static readonly string[] Dynamics = ["neural-ode", "augmented", "stoichiometric", "hybrid"];

    public static bool IsPerceptron(string kind) => kind is Perceptron or Classifier;

    public static bool IsDynamics(string kind) => Dynamics.Contains(kind);

    /// <summary>What can be written as ONNX, for messages.</summary>
    public static string Exported => string.Join(", ", [Perceptron, Classifier, .. Dynamics]);

    /// <summary>What a model is given and gives; nothing of a kind that is not known here.</summary>
    public static (ImmutableArray<string> Inputs, ImmutableArray<string> Outputs) Names(string kind, JsonElement model)
    {
        if (kind is Perceptron or HeaterModel.BalanceKind or HeaterModel.HybridKind)
            return ([.. ModelKeys.Texts(model, "inputs")], [.. ModelKeys.Texts(model, "targets")]);
        if (kind == Classifier)
        {
            var target = ModelKeys.Text(model, "target");
            return ([.. ModelKeys.Texts(model, "inputs")], [.. ModelKeys.Texts(model, "classes").Select(name => $"{target}={name}")]);
        }
        if (!IsDynamics(kind)) return ([], []);
        var specification = Specification(model);
        string[] states = [.. specification.States.Select(s => s.Name)];
        return ([.. states, .. specification.Controls.Select(c => c.Name)], [.. states]);
    }

    /// <summary>The net of a perceptron with its scales.</summary>
    public static PerceptronModel PerceptronOf(ModelFile file)
    {
        var model = file.Model!.Value;
        var sizes = ModelKeys.Integers(model, "sizes");
        var net = NetWeights.Find(file.Tensors, "layers.", 1, sizes, ModelKeys.Text(model, "activation"));
        if (net.Sizes[0] != file.Inputs.Length || net.Sizes[^1] != file.Outputs.Length)
        {
            throw new ExchangeException(
                $"the model's sizes begin with {net.Sizes[0]} and end with {net.Sizes[^1]}, and it names {file.Inputs.Length} inputs and "
                + $"{file.Outputs.Length} targets");
        }
        var inputs = ModelKeys.Scales(model, "input-means", "input-deviations", net.Sizes[0]);
        if (file.Kind == Classifier) return new PerceptronModel(net, inputs.Means, inputs.Deviations, [], []);
        var outputs = ModelKeys.Scales(model, "target-means", "target-deviations", net.Sizes[^1]);
        return new PerceptronModel(net, inputs.Means, inputs.Deviations, outputs.Means, outputs.Deviations);
    }

    /// <summary>The right-hand side of a model of dynamics.</summary>
    public static IOnnxField FieldOf(ModelFile file)
    {
        var model = Specification(file.Model!.Value);
        // The model says how many numbers its net takes and gives, and which are trained beside it.
        var tensors = NeuralModel<double>.Of(model).Tensors;
        int[] sizes = [tensors[0].Shape[1], .. model.Hidden, tensors[(2 * model.Hidden.Length) + 1].Shape[0]];
        var net = NetWeights.Find(file.Tensors, "net.", 2, sizes, model.Activation.ToString().ToLowerInvariant());
        var constants = tensors.FirstOrDefault(t => t.Name == "constants").Shape is [var count] ? NetWeights.Tensor(file.Tensors, "constants", count).ToDoubles() : [];
        return new NeuralField(model, net, constants);
    }

    private static ModelSpecification Specification(JsonElement model)
    {
        try
        {
            var specification = ModelJson.Read(model);
            NeuralModel<double>.Of(specification);
            return specification;
        }
        catch (TrainingException error)
        {
            throw new ExchangeException(error.Message, error);
        }
    }
}

/// <summary>A perceptron with the scales around it.</summary>
/// <param name="TargetMeans">Empty of a classifier, whose outputs are the classes' probabilities.</param>
internal sealed record PerceptronModel(NetWeights Net, double[] Means, double[] Deviations, double[] TargetMeans, double[] TargetDeviations)
{
    /// <summary><c>inputs</c> [rows, inputs] to <c>outputs</c> [rows, outputs], both in the columns' own units; of a classifier the outputs are
    /// probabilities.</summary>
    public OnnxGraph Graph()
    {
        var classifies = TargetMeans.Length == 0;
        var graph = new OnnxGraph(classifies ? "classifier" : "perceptron", Net.IsDouble ? OnnxType.Double : OnnxType.Float);
        var x = graph.Input("inputs", "rows", Net.Sizes[0]);
        var y = OnnxNet.Add(graph, Net, OnnxNet.Standardise(graph, x, Means, Deviations));
        // The operator's axis is the last one by default.
        var outputs = classifies ? graph.Node("Softmax", "probabilities", y) : OnnxNet.Restore(graph, y, TargetMeans, TargetDeviations);
        graph.Output("outputs", outputs, "rows", Net.Sizes[^1]);
        return graph;
    }
}
