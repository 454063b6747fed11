namespace Athanor.Compute.Exchange.Onnx;

/// <summary>A net as the whole right-hand side: dx/dt = rate · net((x - offset) / scale, (u - offset) / scale).</summary>
/// <param name="Means">Of states, then controls.</param>
/// <param name="Deviations">Of states, then controls.</param>
/// <param name="Rates">By state: what an output of 1 of the net stands for.</param>
internal sealed record PlainField(NetWeights Net, double[] Means, double[] Deviations, double[] Rates) : IOnnxField
{
    public int States => Rates.Length;

    public int Controls => Means.Length - Rates.Length;

    public OnnxType Real => Net.IsDouble ? OnnxType.Double : OnnxType.Float;

    public Func<OnnxGraph, string, string?, string> Prepare(OnnxGraph graph)
    {
        var layers = OnnxNet.Constants(graph, Net);
        var (means, deviations) = (graph.Constant("means", Means, Means.Length), graph.Constant("deviations", Deviations, Deviations.Length));
        var rates = graph.Constant("rates", Rates, Rates.Length);
        return (body, x, u) =>
        {
            var read = x;
            if (u is not null)
            {
                read = body.Fresh("read");
                body.Add("Concat", [x, u], [read], OnnxGraph.Attribute("axis", 1));
            }
            var z = body.Node("Div", "standardised", body.Node("Sub", "centred", read, means), deviations);
            return body.Node("Mul", "field", OnnxNet.Apply(body, Net, layers, z), rates);
        };
    }
}
