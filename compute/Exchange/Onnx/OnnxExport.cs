namespace Athanor.Compute.Exchange.Onnx;

/// <summary>What is written of a model of dynamics.</summary>
public enum OnnxGraphKind
{
    /// <summary>States over steps of given lengths, by the classical Runge-Kutta method.</summary>
    RollOut,

    /// <summary>dx/dt of states and controls.</summary>
    Field,
}

/// <summary>Writes models as ONNX files: operator set 17, which every runtime of the last years reads.</summary>
public static class OnnxExport
{
    /// <summary>The ONNX file of a model, its scales inside. Metadata: <c>athanor.model</c>, <c>inputs</c> and <c>outputs</c> (the columns'
    /// names, one a line).</summary>
    /// <param name="kind">Of a model of dynamics; a perceptron is written as it is.</param>
    /// <param name="substeps">Of a roll-out: Runge-Kutta steps that each step is cut into.</param>
    /// <exception cref="ExchangeException">The model cannot be written so; the message says why.</exception>
    public static byte[] Write(ModelFile file, OnnxGraphKind kind = OnnxGraphKind.RollOut, int substeps = 1)
    {
        ArgumentNullException.ThrowIfNull(file);
        if (file.Model is not { } model)
            throw new ExchangeException($"the file does not say what its tensors are (its metadata have no '{ModelFile.Key}'), so there is no graph to write");
        var graph = ModelKinds.IsPerceptron(file.Kind) ? ModelKinds.PerceptronOf(file).Graph()
            : !ModelKinds.IsDynamics(file.Kind) ? throw new ExchangeException(
                $"a model of the kind '{file.Kind}' cannot be exported to ONNX; these can: {ModelKinds.Exported}")
            : kind == OnnxGraphKind.Field ? OnnxFields.Field(ModelKinds.FieldOf(file))
            : OnnxFields.RollOut(ModelKinds.FieldOf(file), substeps);
        return graph.ToModel("All values are in the columns' own units.",
        [
            KeyValuePair.Create(ModelFile.Key, model.GetRawText()), KeyValuePair.Create("inputs", string.Join('\n', file.Inputs)),
            KeyValuePair.Create("outputs", string.Join('\n', file.Outputs)),
        ]);
    }
}
