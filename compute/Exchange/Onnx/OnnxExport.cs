namespace Athanor.Compute.Exchange.Onnx;

/// <summary>Writes models as ONNX files: operator set 17, which every runtime of the last years reads.</summary>
public static class OnnxExport
{
    /// <summary>The ONNX file of a model, its scales inside. Metadata: <c>athanor.model</c>, <c>inputs</c> and <c>outputs</c> (the columns'
    /// names, one a line).</summary>
    /// <exception cref="ExchangeException">The model cannot be written so; the message says why.</exception>
    public static byte[] Write(ModelFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        if (file.Model is not { } model)
            throw new ExchangeException($"the file does not say what its tensors are (its metadata have no '{ModelFile.Key}'), so there is no graph to write");
        if (file.Kind != ModelKinds.Perceptron)
            throw new ExchangeException($"a model of the kind '{file.Kind}' cannot be exported to ONNX; '{ModelKinds.Perceptron}' can");
        var graph = ModelKinds.PerceptronOf(file).Graph();
        return graph.ToModel("Inputs and outputs are in the columns' own units.",
        [
            KeyValuePair.Create(ModelFile.Key, model.GetRawText()), KeyValuePair.Create("inputs", string.Join('\n', file.Inputs)),
            KeyValuePair.Create("outputs", string.Join('\n', file.Outputs)),
        ]);
    }
}
