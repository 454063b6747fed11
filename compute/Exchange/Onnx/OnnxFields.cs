namespace Athanor.Compute.Exchange.Onnx;

/// <summary>The two models that a vector field is exported as.</summary>
internal static class OnnxFields
{
    private const string Rows = "rows", Steps = "steps";

    /// <summary>The field alone: <c>states</c> [rows, n] and, if there are any, <c>controls</c> [rows, m] to <c>rates</c> [rows, n].</summary>
    public static OnnxGraph Field(IOnnxField field)
    {
        var graph = new OnnxGraph("field", field.Real);
        var x = graph.Input("states", Rows, field.States);
        var u = field.Controls > 0 ? graph.Input("controls", Rows, field.Controls) : null;
        graph.Output("rates", field.Prepare(graph)(graph, x, u), Rows, field.States);
        return graph;
    }

    /// <summary>
    /// A roll-out: from <c>start</c> [rows, n] over <c>steps</c> of the lengths <c>lengths</c> [steps], during which <c>controls</c>
    /// [steps, rows, m] hold their values, to <c>states</c> [steps, rows, n] at the steps' ends. Each step is
    /// <paramref name="substeps"/> steps of the classical fourth-order Runge-Kutta method.
    /// </summary>
    public static OnnxGraph RollOut(IOnnxField field, int substeps)
    {
        if (substeps is < 1 or > 1000) throw new ExchangeException($"the number of sub-steps is {substeps}; 1 to 1000 would be right");
        var graph = new OnnxGraph("roll-out", field.Real);
        var start = graph.Input("start", Rows, field.States);
        var lengths = graph.Input("lengths", Steps);
        var controls = field.Controls > 0 ? graph.Input("controls", Steps, Rows, field.Controls) : null;
        var evaluate = field.Prepare(graph);

        var body = new OnnxGraph("step", field.Real, graph);
        var x = body.Input("x", Rows, field.States);
        var dt = body.Input("dt");
        var u = controls is null ? null : body.Input("u", Rows, field.Controls);
        var h = substeps == 1 ? dt : body.Node("Div", "h", dt, body.Scalar("substeps", substeps));
        var half = body.Node("Mul", "half", h, body.Scalar("one_half", 0.5));
        var sixth = body.Node("Div", "sixth", h, body.Scalar("six", 6));
        var two = body.Scalar("two", 2);
        for (var i = 0; i < substeps; i++) x = RungeKutta(body, evaluate, x, u, h, half, sixth, two);
        body.Output("next", x, Rows, field.States);
        body.Output("shown", x, Rows, field.States);

        var end = graph.Fresh("end");
        var all = graph.Fresh("all");
        graph.Add(
            "Scan", controls is null ? [start, lengths] : [start, lengths, controls], [end, all], OnnxGraph.Attribute("body", body),
            OnnxGraph.Attribute("num_scan_inputs", controls is null ? 1 : 2));
        graph.Output("states", all, Steps, Rows, field.States);
        return graph;
    }

    private static string RungeKutta(
        OnnxGraph body, Func<OnnxGraph, string, string?, string> f, string x, string? u, string h, string half, string sixth, string two)
    {
        var k1 = f(body, x, u);
        var k2 = f(body, Ahead(half, k1), u);
        var k3 = f(body, Ahead(half, k2), u);
        var k4 = f(body, Ahead(h, k3), u);
        var middle = body.Node("Mul", "middle", two, body.Node("Add", "k23", k2, k3));
        var sum = body.Node("Add", "k", body.Node("Add", "k14", k1, k4), middle);
        return Ahead(sixth, sum);

        string Ahead(string by, string k) => body.Node("Add", "ahead", x, body.Node("Mul", "step", by, k));
    }
}
