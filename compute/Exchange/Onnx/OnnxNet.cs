namespace Athanor.Compute.Exchange.Onnx;

/// <summary>Perceptrons as ONNX operators.</summary>
internal static class OnnxNet
{
    /// <summary>Adds a net's layers.</summary>
    /// <param name="x">[rows, inputs]</param>
    /// <returns>[rows, outputs]</returns>
    public static string Add(OnnxGraph graph, NetWeights net, string x)
    {
        var layers = Constants(graph, net);
        return Apply(graph, net, layers, x);
    }

    /// <summary>The weights as constants of the graph, so that several evaluations share them.</summary>
    public static (string Weight, string Bias)[] Constants(OnnxGraph graph, NetWeights net)
    {
        var layers = new (string, string)[net.Layers];
        for (var l = 0; l < layers.Length; l++)
        {
            int inputs = net.Sizes[l], outputs = net.Sizes[l + 1];
            layers[l] = (graph.Weight(net.Names[l] + ".weight", net.Weight(l), outputs, inputs),
                graph.Weight(net.Names[l] + ".bias", net.Bias(l), outputs));
        }
        return layers;
    }

    public static string Apply(OnnxGraph graph, NetWeights net, (string Weight, string Bias)[] layers, string x)
    {
        for (var l = 0; l < layers.Length; l++)
        {
            var y = graph.Fresh("linear");
            graph.Add("Gemm", [x, layers[l].Weight, layers[l].Bias], [y], OnnxGraph.Attribute("transB", 1));
            x = l + 1 < layers.Length ? Activation(graph, net.Activation, y) : y;
        }
        return x;
    }

    /// <summary>(x - mean) / deviation, column by column.</summary>
    public static string Standardise(OnnxGraph graph, string x, double[] means, double[] deviations) => graph.Node(
        "Div", "standardised",
        graph.Node("Sub", "centred", x, graph.Constant("means", means, means.Length)), graph.Constant("deviations", deviations, deviations.Length));

    /// <summary>y deviation + mean, column by column.</summary>
    public static string Restore(OnnxGraph graph, string y, double[] means, double[] deviations) => graph.Node(
        "Add", "restored",
        graph.Node("Mul", "scaled", y, graph.Constant("deviations", deviations, deviations.Length)), graph.Constant("means", means, means.Length));

    private static string Activation(OnnxGraph graph, string activation, string x) => activation switch
    {
        "tanh" => graph.Node("Tanh", "tanh", x),
        "relu" => graph.Node("Relu", "relu", x),
        "silu" => Silu(graph, x),
        "softplus" => Softplus(graph, x),
        _ => throw new ExchangeException($"the activation '{activation}' is not known here; there are {string.Join(", ", NetWeights.Activations)}"),
    };

    /// <summary>x sigmoid(x) in single precision, which runtimes fuse; they do so in double too, and then have no kernel for it, so there it is
    /// x / (1 + exp(-x)).</summary>
    private static string Silu(OnnxGraph graph, string x)
    {
        if (graph.Real == OnnxType.Float) return graph.Node("Mul", "silu", x, graph.Node("Sigmoid", "sigmoid", x));
        var exp = graph.Node("Exp", "exp", graph.Node("Neg", "neg", x));
        return graph.Node("Div", "silu", x, graph.Node("Add", "sum", exp, graph.Scalar("one", 1)));
    }

    /// <summary>max(x, 0) + log(1 + exp(-|x|)): the runtime's own Softplus takes floats only.</summary>
    internal static string Softplus(OnnxGraph graph, string x)
    {
        var exp = graph.Node("Exp", "exp", graph.Node("Neg", "neg", graph.Node("Abs", "abs", x)));
        var log = graph.Node("Log", "log", graph.Node("Add", "sum", exp, graph.Scalar("one", 1)));
        return graph.Node("Add", "softplus", graph.Node("Relu", "relu", x), log);
    }
}
