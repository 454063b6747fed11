using System.Numerics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Athanor.Compute.Kernels;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Training;

/// <summary>
/// Kind <c>perceptron</c>: regression of a table's target columns on its input columns. Model keys: <c>hidden</c> (widths), <c>loss</c>
/// (<c>mse</c>, <c>mae</c>: weights, of standardised targets). Data keys: <c>table</c>, <c>targets</c>, <c>inputs</c> (default: all other
/// columns), <c>validation</c> (fraction, or first and last row from 1), <c>shuffle-seed</c> (rows are permuted before they are split;
/// without it the split follows the file). Inputs and targets are standardised by the training rows.
/// </summary>
internal sealed class PerceptronRegressionFactory : ITrainingTaskFactory
{
    public string Kind => "perceptron";

    public ITrainingTask<T> Create<T>(TaskSource source)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (typeof(T) != typeof(float))
            throw new TrainingException("the kind 'perceptron' is trained in float; precision = float would be right");
        return (ITrainingTask<T>)(object)PerceptronRegression.Of(source);
    }
}

internal sealed class PerceptronRegression : ITrainingTask<float>
{
    private const int RowsAtOnce = 32;

    private readonly Perceptron _network;
    private readonly float[] _x, _y;
    private readonly int[] _train, _validation;
    private readonly double[] _targetDeviations;
    private readonly float _mse, _mae;

    private PerceptronRegression(
        Perceptron network, float[] x, float[] y, int[] train, int[] validation, double[] targetDeviations, float mse, float mae,
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

    public static PerceptronRegression Of(TaskSource source)
    {
        TaskJson.CheckKeys(source.Model, "model", "kind", "hidden", "loss");
        TaskJson.CheckKeys(source.Data, "data", "table", "targets", "inputs", "validation", "shuffle-seed");
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
        if (Perceptron.Check(sizes) is { } wrong) throw new TrainingException($"model.hidden: {wrong}");
        var (x, inputMeans, inputDeviations) = Standardised(table, inputs, train);
        var (y, targetMeans, targetDeviations) = Standardised(table, targets, train);
        var (mse, mae) = Loss(source.Model);
        var model = new JsonObject
        {
            ["activation"] = "tanh",
            ["input-deviations"] = Numbers(inputDeviations),
            ["input-means"] = Numbers(inputMeans),
            ["inputs"] = new JsonArray([.. inputs.Select(name => (JsonNode)name)]),
            ["kind"] = "perceptron",
            ["sizes"] = new JsonArray([.. sizes.Select(size => (JsonNode)size)]),
            ["target-deviations"] = Numbers(targetDeviations),
            ["target-means"] = Numbers(targetMeans),
            ["targets"] = new JsonArray([.. targets.Select(name => (JsonNode)name)]),
        };
        return new PerceptronRegression(
            new Perceptron(sizes), x, y, train, validation, targetDeviations, (float)mse, (float)mae, model.ToJsonString());
    }

    public void Initialize(Span<float> parameters, ulong seed) => _network.Initialize(parameters, seed);

    public object NewScratch() => new Scratch(_network);

    /// <remarks>Rows go through the network 32 at a time, in their order; the gradients of these blocks are added in that order.</remarks>
    public double Gradient(ReadOnlySpan<float> parameters, ReadOnlySpan<int> samples, Span<float> gradient, object scratch)
    {
        var s = (Scratch)scratch;
        var sum = 0.0;
        for (var from = 0; from < samples.Length; from += RowsAtOnce)
        {
            var rows = Math.Min(RowsAtOnce, samples.Length - from);
            Predict(parameters, samples.Slice(from, rows), _train, s);
            for (var i = 0; i < rows; i++) sum += RowLoss(_train[samples[from + i]], s, i);
            _network.Backward(parameters, s.Delta.AsSpan(0, rows * _network.Outputs), s.Gradient, [], s.Workspace);
            for (var k = 0; k < gradient.Length; k++) gradient[k] += s.Gradient[k];
        }
        return sum;
    }

    public IReadOnlyDictionary<string, double> Validate(ReadOnlySpan<float> parameters, object scratch)
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
                    var error = (double)s.Y[i * squares.Length + o] - _y[_validation[from + i] * squares.Length + o];
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

    private void Predict(ReadOnlySpan<float> parameters, ReadOnlySpan<int> samples, int[] rows, Scratch s)
    {
        var inputs = _network.Inputs;
        for (var i = 0; i < samples.Length; i++) _x.AsSpan(rows[samples[i]] * inputs, inputs).CopyTo(s.X.AsSpan(i * inputs));
        _network.Forward(
            parameters, s.X.AsSpan(0, samples.Length * inputs), samples.Length, s.Y.AsSpan(0, samples.Length * _network.Outputs),
                s.Workspace);
    }

    /// <summary>Loss of row <paramref name="row"/>, which lies at place <paramref name="at"/> of the scratch; its slope is written
    /// there.</summary>
    private double RowLoss(int row, Scratch s, int at)
    {
        var outputs = _network.Outputs;
        var loss = 0.0;
        for (var o = 0; o < outputs; o++)
        {
            var error = s.Y[at * outputs + o] - _y[row * outputs + o];
            loss += (double)_mse * error * error + _mae * MathF.Abs(error);
            s.Delta[at * outputs + o] = (2.0f * _mse * error + _mae * MathF.Sign(Finite(error))) / outputs;
        }
        return loss / outputs;

        // Sign of a NaN would throw; the loss already says that it is one.
        static float Finite(float error) => float.IsNaN(error) ? 0.0f : error;
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
        var order = Enumerable.Range(0, rows).ToArray();
        if (source.Data.TryGetProperty("shuffle-seed", out _))
            order = new Philox((ulong)TaskJson.Integer(source.Data, "data", "shuffle-seed")).Permutation(rows);
        var (first, end) = (rows, rows);
        if (source.Split.Folds > 1)
        {
            if (rows < source.Split.Folds) throw new TrainingException($"{rows} rows cannot be cut into {source.Split.Folds} folds");
            (first, end) = source.Split.Part(rows);
        }
        else if (source.Data.TryGetProperty("validation", out var validation) && validation.ValueKind == JsonValueKind.Array)
        {
            if (TaskJson.Integers(source.Data, "data", "validation") is not [var from, var to] || from < 1 || to < from || to > rows)
                throw Wrong(validation, $"[FIRST, LAST] within rows 1 to {rows}");
            (first, end) = (from - 1, to);
        }
        else
        {
            var fraction = TaskJson.Number(source.Data, "data", "validation", 0.0);
            if (fraction is < 0.0 or >= 1.0)
                throw Wrong(source.Data.GetProperty("validation"), "a fraction from 0 to below 1, or [FIRST, LAST],");
            first = rows - (int)(fraction * rows);
        }
        int[] train = [.. order[..first], .. order[end..]];
        return train.Length > 0 ? (train, order[first..end]) : throw new TrainingException("data.validation leaves no row for training");

        static TrainingException Wrong(JsonElement value, string right) =>
            new($"data.validation is {value.GetRawText()}; {right} would be right");
    }

    private static (float[] Values, double[] Means, double[] Deviations) Standardised(TrainingTable table, string[] names, int[] train)
    {
        var values = new float[table.Rows * names.Length];
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
            for (var row = 0; row < table.Rows; row++) values[row * names.Length + c] = (float)((column[row] - means[c]) / deviations[c]);
        }
        return (values, means, deviations);
    }

    private static JsonArray Numbers(double[] values) => [.. values.Select(value => (JsonNode)value)];

    private sealed class Scratch(Perceptron network)
    {
        public readonly PerceptronWorkspace Workspace = new(network, RowsAtOnce);
        public readonly float[] X = new float[RowsAtOnce * network.Inputs];
        public readonly float[] Y = new float[RowsAtOnce * network.Outputs];
        public readonly float[] Delta = new float[RowsAtOnce * network.Outputs];
        public readonly float[] Gradient = new float[network.ParameterCount];
    }
}
