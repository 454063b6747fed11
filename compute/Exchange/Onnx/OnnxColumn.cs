namespace Athanor.Compute.Exchange.Onnx;

/// <summary>One column, [rows, 1], of a graph under construction: formulas written with it become operators.</summary>
internal readonly record struct OnnxColumn(OnnxGraph Graph, string Name)
{
    public static OnnxColumn operator +(OnnxColumn a, OnnxColumn b) => a.With("Add", "sum", b.Name);

    public static OnnxColumn operator -(OnnxColumn a, OnnxColumn b) => a.With("Sub", "difference", b.Name);

    public static OnnxColumn operator *(OnnxColumn a, OnnxColumn b) => a.With("Mul", "product", b.Name);

    public static OnnxColumn operator /(OnnxColumn a, OnnxColumn b) => a.With("Div", "quotient", b.Name);

    public static OnnxColumn operator +(OnnxColumn a, double b) => a.With("Add", "sum", a.Number(b));

    public static OnnxColumn operator -(OnnxColumn a, double b) => a.With("Sub", "difference", a.Number(b));

    public static OnnxColumn operator *(double a, OnnxColumn b) => b.With("Mul", "product", b.Number(a));

    public static OnnxColumn operator -(double a, OnnxColumn b) => new(b.Graph, b.Graph.Node("Sub", "difference", b.Number(a), b.Name));

    public OnnxColumn Exp() => new(Graph, Graph.Node("Exp", "exp", Name));

    public OnnxColumn Sqrt() => new(Graph, Graph.Node("Sqrt", "root", Name));

    public OnnxColumn Softplus() => new(Graph, OnnxNet.Softplus(Graph, Name));

    /// <summary>The columns of a matrix.</summary>
    /// <param name="matrix">[rows, count]</param>
    public static OnnxColumn[] Of(OnnxGraph graph, string matrix, int count)
    {
        if (count == 1) return [new OnnxColumn(graph, matrix)];
        var names = Enumerable.Range(0, count).Select(_ => graph.Fresh("column")).ToArray();
        graph.Add("Split", [matrix], names, OnnxGraph.Attribute("axis", 1));
        return [.. names.Select(name => new OnnxColumn(graph, name))];
    }

    /// <summary>The matrix of these columns.</summary>
    public static string Join(OnnxGraph graph, IReadOnlyList<OnnxColumn> columns)
    {
        if (columns.Count == 1) return columns[0].Name;
        var matrix = graph.Fresh("matrix");
        graph.Add("Concat", [.. columns.Select(column => column.Name)], [matrix], OnnxGraph.Attribute("axis", 1));
        return matrix;
    }

    private OnnxColumn With(string op, string hint, string other) => new(Graph, Graph.Node(op, hint, Name, other));

    private string Number(double value) => Graph.Scalar("number", value);
}
