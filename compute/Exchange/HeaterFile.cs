using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Athanor.Compute.Tensors;
using Athanor.Compute.Twins;

namespace Athanor.Compute.Exchange;

/// <summary>The model of a heater's twin as a file: tensors <c>parameters</c> (13) and, with a learned residual, <c>residual</c>.</summary>
public static class HeaterFile
{
    private const string Parameters = "parameters", Residual = "residual";

    /// <summary>What every heater's model is given, and gives.</summary>
    public const string Input = "power", Output = "temperature";

    public static ModelFile Of(HeaterModel model)
    {
        var kind = model.IsHybrid ? HeaterModel.HybridKind : HeaterModel.BalanceKind;
        var json = new JsonObject { ["inputs"] = new JsonArray(Input), ["kind"] = kind, ["targets"] = new JsonArray(Output) };
        var tensors = ImmutableSortedDictionary<string, SafeTensor>.Empty.WithComparers(StringComparer.Ordinal)
            .Add(Parameters, SafeTensor.Of(model.Parameters.ToArray(), HeaterParameters.Count));
        if (model.IsHybrid) tensors = tensors.Add(Residual, SafeTensor.Of(model.Weights, model.Weights.Length));
        return ModelFile.Of(json.ToJsonString(), tensors);
    }

    /// <exception cref="ExchangeException">It is no model of a heater; the message says what it is.</exception>
    public static HeaterModel Read(ModelFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        if (file.Kind is not (HeaterModel.BalanceKind or HeaterModel.HybridKind))
        {
            throw new ExchangeException(
                (file.Kind.Length == 0 ? "it does not say what kind of model it is" : $"it is a model of the kind '{file.Kind}'")
                + $" where {HeaterModel.BalanceKind} or {HeaterModel.HybridKind} would be right");
        }
        if (file.Inputs is not [Input] || file.Outputs is not [Output])
        {
            throw new ExchangeException(
                $"it takes [{string.Join(", ", file.Inputs)}] and gives [{string.Join(", ", file.Outputs)}], where a heater's twin has [{Input}] to give and"
                + $" [{Output}] to compare");
        }
        double[] parameters = Values(file, Parameters), weights = file.Kind == HeaterModel.HybridKind ? Values(file, Residual) : [];
        return HeaterModel.Problem(file.Kind, parameters, weights) is { } problem
            ? throw new ExchangeException(problem)
            : HeaterModel.Create(file.Kind, parameters, weights);
    }

    private static double[] Values(ModelFile file, string name) => file.Tensors.TryGetValue(name, out var tensor)
        ? tensor.Type == SafeTensorType.F64
            ? tensor.ToDoubles()
            : throw new ExchangeException($"the tensor '{name}' is of type {tensor.Type.Name()}; F64 would be right")
        : throw new ExchangeException($"the tensor '{name}' is missing");
}
