using System.Globalization;
using System.Numerics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Athanor.Compute.Neural;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Training;

/// <summary>
/// Kind <c>classifier</c>: a perceptron whose softmax gives the probability of each class, trained by cross-entropy. Model keys:
/// <c>classes</c> (how many there are, labelled 0, 1, ..., or their names by label), <c>hidden</c>, <c>activation</c>, <c>loss</c>
/// (<c>cross-entropy</c>: its weight). Data keys: those of <see cref="PerceptronRegressionFactory"/>, with <c>target</c>, the one column of
/// the labels, in place of <c>targets</c>.
/// </summary>
internal sealed class PerceptronClassificationFactory : ITrainingTaskFactory
{
    public string Kind => "classifier";

    public ITrainingTask<T> Create<T>(TaskSource source)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => PerceptronClassification<T>.Of(source);
}

internal sealed class PerceptronClassification<T> : IPerceptronTask<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int RowsAtOnce = 32;
    private const int MostClasses = 4096;

    private readonly DenseNet<T> _network;
    private readonly T[] _x;
    private readonly int[] _labels, _train, _validation;
    private readonly double _weight;

    private PerceptronClassification(DenseNet<T> network, T[] x, int[] labels, int[] train, int[] validation, double weight, string model)
    {
        (_network, _x, _labels, _train, _validation, _weight) = (network, x, labels, train, validation, weight);
        Model = model;
        Tensors = PerceptronRows.Tensors(network.Sizes.AsSpan());
    }

    public int ParameterCount => _network.ParameterCount;

    public int Samples => _train.Length;

    public IReadOnlyList<(string Name, int[] Shape)> Tensors { get; }

    public string Model { get; }

    public PerceptronData<T> Rows => new(_network, _x, [], _labels, _train, _validation, _weight, 0.0, []);

    public static PerceptronClassification<T> Of(TaskSource source)
    {
        TaskJson.CheckKeys(source.Model, "model", "kind", "classes", "hidden", "activation", "loss");
        TaskJson.CheckKeys(source.Data, "data", "table", "target", "inputs", "rows", "validation", "shuffle-seed");
        var classes = Classes(source.Model);
        var table = source.Table(TaskJson.Text(source.Data, "data", "table"));
        var target = TaskJson.Text(source.Data, "data", "target");
        var inputs = TaskJson.Texts(source.Data, "data", "inputs", [.. table.Names.Where(name => name != target)]);
        if (inputs.Length == 0) throw new TrainingException("data.target is the only column; at least one input is needed");
        if (inputs.Contains(target)) throw new TrainingException($"the column '{target}' is both among data.inputs and data.target");
        var labels = Labels(table, target, classes.Length);
        var (train, validation) = PerceptronRows.Split(source, table.Rows);
        int[] sizes = [inputs.Length, .. TaskJson.Integers(source.Model, "model", "hidden", [32, 32]), classes.Length];
        if (DenseNet<T>.Check(sizes) is { } wrong) throw new TrainingException($"model.hidden: {wrong}");
        var (x, means, deviations) = PerceptronRows.Standardised<T>(table, inputs, train);
        var function = PerceptronRows.Function(source.Model);
        var model = new JsonObject
        {
            ["activation"] = PerceptronRows.Name(function),
            ["classes"] = PerceptronRows.Texts(classes),
            ["input-deviations"] = PerceptronRows.Numbers(deviations),
            ["input-means"] = PerceptronRows.Numbers(means),
            ["inputs"] = PerceptronRows.Texts(inputs),
            ["kind"] = "classifier",
            ["sizes"] = new JsonArray([.. sizes.Select(size => (JsonNode)size)]),
            ["target"] = target,
        };
        return new PerceptronClassification<T>(
            new DenseNet<T>(sizes, function), x, labels, train, validation, Weight(source.Model), model.ToJsonString());
    }

    public void Initialize(Span<T> parameters, ulong seed) => _network.Initialize(parameters, seed);

    public object NewScratch() => new Scratch(_network);

    /// <remarks>Rows go through the network 32 at a time, in their order; the gradients of these blocks are added in that order.</remarks>
    public double Gradient(ReadOnlySpan<T> parameters, ReadOnlySpan<int> samples, Span<T> gradient, object scratch)
    {
        var s = (Scratch)scratch;
        var sum = 0.0;
        for (var from = 0; from < samples.Length; from += RowsAtOnce)
        {
            var rows = Math.Min(RowsAtOnce, samples.Length - from);
            Predict(parameters, samples.Slice(from, rows), _train, s);
            for (var i = 0; i < rows; i++) sum += RowLoss(_labels[_train[samples[from + i]]], s, i, out _);
            _network.Vjp(parameters, s.Tape, s.Delta.AsSpan(0, rows * _network.Outputs), [], gradient);
        }
        return sum;
    }

    public IReadOnlyDictionary<string, double> Validate(ReadOnlySpan<T> parameters, object scratch)
    {
        if (_validation.Length == 0) return new Dictionary<string, double>();
        var s = (Scratch)scratch;
        var (sum, right) = (0.0, 0);
        Span<int> block = stackalloc int[RowsAtOnce];
        for (var from = 0; from < _validation.Length; from += RowsAtOnce)
        {
            var rows = Math.Min(RowsAtOnce, _validation.Length - from);
            for (var i = 0; i < rows; i++) block[i] = from + i;
            Predict(parameters, block[..rows], _validation, s);
            for (var i = 0; i < rows; i++)
            {
                var label = _labels[_validation[from + i]];
                sum += RowLoss(label, s, i, out var likeliest);
                if (likeliest == label) right++;
            }
        }
        return new SortedDictionary<string, double>(StringComparer.Ordinal)
        {
            ["accuracy"] = (double)right / _validation.Length,
            ["loss"] = sum / _validation.Length,
        };
    }

    private void Predict(ReadOnlySpan<T> parameters, ReadOnlySpan<int> samples, int[] rows, Scratch s)
    {
        var inputs = _network.Inputs;
        for (var i = 0; i < samples.Length; i++) _x.AsSpan(rows[samples[i]] * inputs, inputs).CopyTo(s.X.AsSpan(i * inputs));
        var (count, width) = (samples.Length, _network.Outputs);
        _network.Forward(parameters, s.X.AsSpan(0, count * inputs), count, s.Y.AsSpan(0, count * width), s.Tape);
    }

    /// <summary>-ln softmax(y)[label] in double, of the row at place <paramref name="at"/> of the scratch; its slope is written
    /// there.</summary>
    private double RowLoss(int label, Scratch s, int at, out int likeliest)
    {
        var outputs = _network.Outputs;
        var y = s.Y.AsSpan(at * outputs, outputs);
        likeliest = 0;
        for (var o = 1; o < outputs; o++)
        {
            if (y[o] > y[likeliest]) likeliest = o;
        }
        // Less the largest: no exponential overflows, and one of them is 1.
        var top = double.CreateChecked(y[likeliest]);
        var sum = 0.0;
        for (var o = 0; o < outputs; o++) sum += s.Powers[o] = DetMath.Exp(double.CreateChecked(y[o]) - top);
        for (var o = 0; o < outputs; o++)
            s.Delta[at * outputs + o] = T.CreateChecked(_weight * ((s.Powers[o] / sum) - (o == label ? 1.0 : 0.0)));
        return _weight * (DetMath.Log(sum) + top - double.CreateChecked(y[label]));
    }

    private static string[] Classes(JsonElement model)
    {
        if (model.TryGetProperty("classes", out var given) && given.ValueKind == JsonValueKind.Array)
        {
            var names = TaskJson.Texts(model, "model", "classes");
            if (names.Length is >= 2 and <= MostClasses && names.Distinct(StringComparer.Ordinal).Count() == names.Length) return names;
            throw new TrainingException($"model.classes has {names.Length} names; 2 to {MostClasses} different ones would be right");
        }
        var count = TaskJson.Integer(model, "model", "classes");
        return count is >= 2 and <= MostClasses
            ? [.. Enumerable.Range(0, count).Select(static label => label.ToString(CultureInfo.InvariantCulture))]
            : throw new TrainingException($"model.classes is {count}; 2 to {MostClasses}, or the classes' names, would be right");
    }

    private static int[] Labels(TrainingTable table, string target, int classes)
    {
        var column = table[target];
        var labels = new int[column.Length];
        for (var row = 0; row < labels.Length; row++)
        {
            var value = column[row];
            if (!(value >= 0.0 && value < classes && value == Math.Floor(value)))
            {
                throw new TrainingException(string.Create(
                    CultureInfo.InvariantCulture,
                    $"data.target '{target}' holds the label {value:R} in row {row + 1}; a whole number from 0 to {classes - 1} would be right "
                    + $"(model.classes gives {classes})"));
            }
            labels[row] = (int)value;
        }
        return labels;
    }

    private static double Weight(JsonElement model)
    {
        if (!model.TryGetProperty("loss", out var loss)) return 1.0;
        TaskJson.CheckKeys(loss, "loss", "cross-entropy", "l2");
        var weight = TaskJson.Number(loss, "loss", "cross-entropy", 1.0);
        return weight > 0.0 ? weight : throw new TrainingException(
            string.Create(CultureInfo.InvariantCulture, $"loss.cross-entropy is {weight:R}; a weight above 0 would be right"));
    }

    private sealed class Scratch(DenseNet<T> network)
    {
        public readonly NetTape<T> Tape = network.NewTape(RowsAtOnce);
        public readonly T[] X = new T[RowsAtOnce * network.Inputs];
        public readonly T[] Y = new T[RowsAtOnce * network.Outputs];
        public readonly T[] Delta = new T[RowsAtOnce * network.Outputs];
        public readonly double[] Powers = new double[network.Outputs];
    }
}
