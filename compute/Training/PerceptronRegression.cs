using System.Numerics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Athanor.Compute.Neural;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Training;

/// <summary>
/// Kind <c>perceptron</c>: regression of a table's target columns on its input columns. Model keys: <c>hidden</c> (widths),
/// <c>activation</c> (<c>tanh</c>, <c>softplus</c>, <c>relu</c>, <c>silu</c>), <c>loss</c>
/// (<c>mse</c>, <c>mae</c>: weights, of standardised targets). Data keys: <c>table</c>, <c>targets</c>, <c>inputs</c> (default: all other
/// columns), <c>rows</c> (first and last that are used, from 1), <c>validation</c> (a fraction at the end, or first and last row from 1),
/// <c>shuffle-seed</c> (rows are permuted before they are split; without it the split follows the file). Inputs and targets are standardised
/// by the training rows.
/// </summary>
internal sealed class PerceptronRegressionFactory : ITrainingTaskFactory
{
    public string Kind => "perceptron";

    public ITrainingTask<T> Create<T>(TaskSource source)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => PerceptronRegression<T>.Of(source);
}

internal sealed class PerceptronRegression<T> : ITrainingTask<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int RowsAtOnce = 32;

    private readonly DenseNet<T> _network;
    private readonly T[] _x, _y;
    private readonly int[] _train, _validation;
    private readonly double[] _targetDeviations;
    private readonly double _mse, _mae;

    private PerceptronRegression(
        DenseNet<T> network, T[] x, T[] y, int[] train, int[] validation, double[] targetDeviations, double mse, double mae,
        string model)
    {
        _network = network;
        (_x, _y, _train, _validation, _targetDeviations, _mse, _mae) = (x, y, train, validation, targetDeviations, mse, mae);
        Model = model;
        Tensors =
        [
            .. Enumerable.Range(0, network.Sizes.Length - 1).SelectMany(layer => new (string, int[])[]
            {
                ($"layers.{layer}.weight", [network.Sizes[layer + 1], network.Sizes[layer]]),
                ($"layers.{layer}.bias", [network.Sizes[layer + 1]]),
            }),
        ];
    }

    public int ParameterCount => _network.ParameterCount;

    public int Samples => _train.Length;

    public IReadOnlyList<(string Name, int[] Shape)> Tensors { get; }

    public string Model { get; }

    public static PerceptronRegression<T> Of(TaskSource source)
    {
        TaskJson.CheckKeys(source.Model, "model", "kind", "hidden", "activation", "loss");
        TaskJson.CheckKeys(source.Data, "data", "table", "targets", "inputs", "rows", "validation", "shuffle-seed");
        var table = source.Table(TaskJson.Text(source.Data, "data", "table"));
        var targets = TaskJson.Texts(source.Data, "data", "targets");
        var inputs = TaskJson.Texts(source.Data, "data", "inputs", [.. table.Names.Except(targets)]);
        if (inputs.Length == 0) throw new TrainingException("data.targets holds every column; at least one input is needed");
        foreach (var name in inputs)
        {
            if (targets.Contains(name)) throw new TrainingException($"the column '{name}' is both among data.inputs and data.targets");
        }
        var (train, validation) = Split(source, table.Rows);
        int[] sizes = [inputs.Length, .. TaskJson.Integers(source.Model, "model", "hidden", [32, 32]), targets.Length];
        if (DenseNet<T>.Check(sizes) is { } wrong) throw new TrainingException($"model.hidden: {wrong}");
        var (x, inputMeans, inputDeviations) = Standardised(table, inputs, train);
        var (y, targetMeans, targetDeviations) = Standardised(table, targets, train);
        var (mse, mae) = Loss(source.Model);
        var activation = TaskJson.Text(source.Model, "model", "activation", "tanh");
        if (!Enum.TryParse<Activation>(activation, ignoreCase: true, out var function)
            || activation != function.ToString().ToLowerInvariant())
        {
            var names = string.Join(", ", Enum.GetNames<Activation>().Select(static name => name.ToLowerInvariant()));
            throw new TrainingException($"model.activation is '{activation}'; one of {names} would be right");
        }
        var model = new JsonObject
        {
            ["activation"] = activation,
            ["input-deviations"] = Numbers(inputDeviations),
            ["input-means"] = Numbers(inputMeans),
            ["inputs"] = new JsonArray([.. inputs.Select(name => (JsonNode)name)]),
            ["kind"] = "perceptron",
            ["sizes"] = new JsonArray([.. sizes.Select(size => (JsonNode)size)]),
            ["target-deviations"] = Numbers(targetDeviations),
            ["target-means"] = Numbers(targetMeans),
            ["targets"] = new JsonArray([.. targets.Select(name => (JsonNode)name)]),
        };
        return new PerceptronRegression<T>(
            new DenseNet<T>(sizes, function), x, y, train, validation, targetDeviations, mse, mae, model.ToJsonString());
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
            for (var i = 0; i < rows; i++) sum += RowLoss(_train[samples[from + i]], s, i);
            _network.Vjp(parameters, s.Tape, s.Delta.AsSpan(0, rows * _network.Outputs), [], gradient);
        }
        return sum;
    }

    public IReadOnlyDictionary<string, double> Validate(ReadOnlySpan<T> parameters, object scratch)
    {
        if (_validation.Length == 0) return new Dictionary<string, double>();
        var s = (Scratch)scratch;
        var (sum, squares) = (0.0, new double[_network.Outputs]);
        Span<int> block = stackalloc int[RowsAtOnce];
        for (var from = 0; from < _validation.Length; from += RowsAtOnce)
        {
            var rows = Math.Min(RowsAtOnce, _validation.Length - from);
            for (var i = 0; i < rows; i++) block[i] = from + i;
            Predict(parameters, block[..rows], _validation, s);
            for (var i = 0; i < rows; i++)
            {
                sum += RowLoss(_validation[from + i], s, i);
                for (var o = 0; o < squares.Length; o++)
                {
                    var error = Error(_validation[from + i], s, i, o);
                    squares[o] += error * error;
                }
            }
        }
        var mean = squares.Sum() / squares.Length / _validation.Length;
        var metrics = new SortedDictionary<string, double>(StringComparer.Ordinal)
        {
            ["loss"] = sum / _validation.Length,
            ["nmse"] = mean,
        };
        if (squares.Length == 1) metrics["rmse"] = Math.Sqrt(mean) * _targetDeviations[0];
        return metrics;
    }

    private void Predict(ReadOnlySpan<T> parameters, ReadOnlySpan<int> samples, int[] rows, Scratch s)
    {
        var inputs = _network.Inputs;
        for (var i = 0; i < samples.Length; i++) _x.AsSpan(rows[samples[i]] * inputs, inputs).CopyTo(s.X.AsSpan(i * inputs));
        var (count, width) = (samples.Length, _network.Outputs);
        _network.Forward(parameters, s.X.AsSpan(0, count * inputs), count, s.Y.AsSpan(0, count * width), s.Tape);
    }

    private double Error(int row, Scratch s, int at, int output) =>
        double.CreateChecked(s.Y[at * _network.Outputs + output] - _y[row * _network.Outputs + output]);

    /// <summary>Loss of row <paramref name="row"/>, which lies at place <paramref name="at"/> of the scratch; its slope is written
    /// there.</summary>
    private double RowLoss(int row, Scratch s, int at)
    {
        var outputs = _network.Outputs;
        var loss = 0.0;
        for (var o = 0; o < outputs; o++)
        {
            var error = Error(row, s, at, o);
            loss += _mse * error * error + _mae * Math.Abs(error);
            s.Delta[at * outputs + o] = T.CreateChecked((2.0 * _mse * error + _mae * Math.Sign(Finite(error))) / outputs);
        }
        return loss / outputs;

        // Sign of a NaN would throw; the loss already says that it is one.
        static double Finite(double error) => double.IsNaN(error) ? 0.0 : error;
    }

    private static (double Mse, double Mae) Loss(JsonElement model)
    {
        if (!model.TryGetProperty("loss", out var loss)) return (1.0, 0.0);
        TaskJson.CheckKeys(loss, "loss", "mse", "mae");
        var (mse, mae) = (TaskJson.Number(loss, "loss", "mse", 0.0), TaskJson.Number(loss, "loss", "mae", 0.0));
        return mse >= 0.0 && mae >= 0.0 && mse + mae > 0.0
            ? (mse, mae)
            : throw new TrainingException("the loss's weights must be 0 or more, and not all 0");
    }

    private static (int[] Train, int[] Validation) Split(TaskSource source, int rows)
    {
        var (low, high) = Range(source.Data, "rows", 1, rows) ?? (1, rows);
        var order = Enumerable.Range(low - 1, high - low + 1).ToArray();
        if (source.Data.TryGetProperty("shuffle-seed", out _))
            new Philox((ulong)TaskJson.Integer(source.Data, "data", "shuffle-seed")).Shuffle<int>(order);
        var (first, end) = (order.Length, order.Length);
        if (source.Split.Folds > 1)
        {
            if (order.Length < source.Split.Folds)
                throw new TrainingException($"{order.Length} rows cannot be cut into {source.Split.Folds} folds");
            (first, end) = source.Split.Part(order.Length);
        }
        else if (source.Data.TryGetProperty("validation", out var validation) && validation.ValueKind == JsonValueKind.Array)
        {
            var (from, to) = Range(source.Data, "validation", low, high)!.Value;
            (first, end) = (from - low, to - low + 1);
        }
        else
        {
            var fraction = TaskJson.Number(source.Data, "data", "validation", 0.0);
            if (fraction is < 0.0 or >= 1.0)
                throw Wrong("validation", source.Data.GetProperty("validation"), "a fraction from 0 to below 1, or [FIRST, LAST],");
            first = order.Length - (int)(fraction * order.Length);
        }
        int[] train = [.. order[..first], .. order[end..]];
        return train.Length > 0 ? (train, order[first..end]) : throw new TrainingException("data.validation leaves no row for training");
    }

    /// <summary>[FIRST, LAST], rows from 1; null where the key is absent.</summary>
    private static (int First, int Last)? Range(JsonElement data, string key, int least, int most)
    {
        if (!data.TryGetProperty(key, out var value)) return null;
        return value.ValueKind == JsonValueKind.Array && TaskJson.Integers(data, "data", key) is [var first, var last]
            && first >= least && first <= last && last <= most
                ? (first, last)
                : throw Wrong(key, value, $"[FIRST, LAST] within rows {least} to {most}");
    }

    private static TrainingException Wrong(string key, JsonElement value, string right) =>
        new($"data.{key} is {value.GetRawText()}; {right} would be right");

    private static (T[] Values, double[] Means, double[] Deviations) Standardised(TrainingTable table, string[] names, int[] train)
    {
        var values = new T[table.Rows * names.Length];
        double[] means = new double[names.Length], deviations = new double[names.Length];
        for (var c = 0; c < names.Length; c++)
        {
            var column = table[names[c]];
            foreach (var row in train) means[c] += column[row];
            means[c] /= train.Length;
            foreach (var row in train) deviations[c] += (column[row] - means[c]) * (column[row] - means[c]);
            deviations[c] = Math.Sqrt(deviations[c] / train.Length);
            // A column that never changes tells nothing, and must not divide by 0.
            if (deviations[c] == 0.0) deviations[c] = 1.0;
            for (var row = 0; row < table.Rows; row++) values[row * names.Length
                + c] = T.CreateChecked((column[row] - means[c]) / deviations[c]);
        }
        return (values, means, deviations);
    }

    private static JsonArray Numbers(double[] values) => [.. values.Select(value => (JsonNode)value)];

    private sealed class Scratch(DenseNet<T> network)
    {
        public readonly NetTape<T> Tape = network.NewTape(RowsAtOnce);
        public readonly T[] X = new T[RowsAtOnce * network.Inputs];
        public readonly T[] Y = new T[RowsAtOnce * network.Outputs];
        public readonly T[] Delta = new T[RowsAtOnce * network.Outputs];
    }
}
