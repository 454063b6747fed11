using System.Buffers.Binary;
using System.Globalization;

namespace Athanor.Compute.Exchange.Onnx;

/// <summary>Element types of ONNX tensors that are written here, by their numbers in TensorProto.DataType.</summary>
internal enum OnnxType
{
    Float = 1,
    Double = 11,
}

/// <summary>One dimension of an input or output: a size, or a name for one that is known when the graph runs.</summary>
internal readonly record struct OnnxDimension(long Size, string Name = "")
{
    public static implicit operator OnnxDimension(int size) => new(size);

    public static implicit operator OnnxDimension(string name) => new(0, name);
}

/// <summary>
/// A graph of ONNX operators, built node by node in topological order. Field numbers are those of onnx.proto (IR version 8); operators those of
/// operator set 17, which runtimes know since 2022. A body of a loop is a graph of its own that sees the names of the one around it.
/// </summary>
internal sealed class OnnxGraph(string name, OnnxType real, OnnxGraph? around = null)
{
    private const int IrVersion = 8, OperatorSet = 17;

    private readonly List<byte[]> _nodes = [], _constants = [], _inputs = [], _outputs = [];
    private readonly Dictionary<string, int> _names = around?._names ?? [];

    /// <summary>Type of the numbers that the graph calculates with.</summary>
    public OnnxType Real => real;

    /// <summary>A name that no other value of this graph has; it begins with <paramref name="hint"/>.</summary>
    public string Fresh(string hint)
    {
        var count = _names.GetValueOrDefault(hint);
        _names[hint] = count + 1;
        return string.Create(CultureInfo.InvariantCulture, $"{hint}_{count}");
    }

    public string Input(string input, params ReadOnlySpan<OnnxDimension> shape)
    {
        _inputs.Add(Value(Own(input), shape));
        return input;
    }

    /// <summary>Makes a value an output under a name of its own.</summary>
    public void Output(string output, string value, params ReadOnlySpan<OnnxDimension> shape)
    {
        Add("Identity", [value], [Own(output)]);
        _outputs.Add(Value(output, shape));
    }

    /// <summary>Numbers that the graph holds, under a name that begins with <paramref name="hint"/>.</summary>
    /// <param name="shape">Empty for a scalar.</param>
    public string Constant(string hint, ReadOnlySpan<double> values, params ReadOnlySpan<long> shape) => Weight(Fresh(hint), values, shape);

    /// <summary>Numbers that the graph holds, under this very name.</summary>
    public string Weight(string constant, ReadOnlySpan<double> values, params ReadOnlySpan<long> shape)
    {
        var size = real == OnnxType.Double ? 8 : 4;
        var raw = new byte[values.Length * size];
        for (var i = 0; i < values.Length; i++)
        {
            if (real == OnnxType.Double) BinaryPrimitives.WriteDoubleLittleEndian(raw.AsSpan(i * size), values[i]);
            else BinaryPrimitives.WriteSingleLittleEndian(raw.AsSpan(i * size), (float)values[i]);
        }
        using var tensor = new ProtoMessage();
        foreach (var dimension in shape) tensor.Int(1, dimension);
        _constants.Add(tensor.Int(2, (int)real).Text(8, constant).Bytes(9, raw).ToArray());
        return constant;
    }

    public string Scalar(string hint, double value) => Constant(hint, [value]);

    /// <summary>An operator with one output.</summary>
    public string Node(string op, string hint, params ReadOnlySpan<string> inputs)
    {
        var output = Fresh(hint);
        Add(op, inputs, [output]);
        return output;
    }

    public void Add(string op, ReadOnlySpan<string> inputs, ReadOnlySpan<string> outputs, params ReadOnlySpan<byte[]> attributes)
    {
        using var node = new ProtoMessage();
        foreach (var input in inputs) node.Text(1, input);
        foreach (var output in outputs) node.Text(2, output);
        node.Text(4, op);
        foreach (var attribute in attributes) node.Bytes(5, attribute);
        _nodes.Add(node.ToArray());
    }

    /// <summary>The attribute of a node: a whole number.</summary>
    public static byte[] Attribute(string name, long value)
    {
        using var attribute = new ProtoMessage();
        return attribute.Text(1, name).Int(3, value).Int(20, 2).ToArray();
    }

    /// <summary>The attribute of a node: a graph.</summary>
    public static byte[] Attribute(string name, OnnxGraph body)
    {
        using var attribute = new ProtoMessage();
        return attribute.Text(1, name).Bytes(6, body.ToArray()).Int(20, 5).ToArray();
    }

    /// <summary>The file of a model of this graph.</summary>
    /// <param name="metadata">For readers: named texts.</param>
    public byte[] ToModel(string documentation, IEnumerable<KeyValuePair<string, string>> metadata)
    {
        using var model = new ProtoMessage();
        using var set = new ProtoMessage();
        model.Int(1, IrVersion).Text(2, "athanor").Text(6, documentation).Bytes(7, ToArray()).Bytes(8, set.Int(2, OperatorSet).ToArray());
        foreach (var (key, value) in metadata.OrderBy(static pair => pair.Key, StringComparer.Ordinal))
            model.Part(14, new ProtoMessage().Text(1, key).Text(2, value));
        return model.ToArray();
    }

    /// <summary>Takes a name as it is, once.</summary>
    private string Own(string exact) => _names.TryAdd("=" + exact, 0) ? exact : throw new InvalidOperationException($"the graph has two values named {exact}");

    private byte[] ToArray()
    {
        using var graph = new ProtoMessage();
        foreach (var node in _nodes) graph.Bytes(1, node);
        graph.Text(2, name);
        foreach (var constant in _constants) graph.Bytes(5, constant);
        foreach (var input in _inputs) graph.Bytes(11, input);
        foreach (var output in _outputs) graph.Bytes(12, output);
        return graph.ToArray();
    }

    private byte[] Value(string value, ReadOnlySpan<OnnxDimension> shape)
    {
        var dimensions = new ProtoMessage();
        foreach (var dimension in shape)
        {
            var part = new ProtoMessage();
            dimensions.Part(1, dimension.Name.Length > 0 ? part.Text(2, dimension.Name) : part.Int(1, dimension.Size));
        }
        var tensor = new ProtoMessage().Int(1, (int)real).Part(2, dimensions);
        using var info = new ProtoMessage();
        return info.Text(1, value).Part(2, new ProtoMessage().Part(1, tensor)).ToArray();
    }
}
