using System.Numerics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Athanor.Compute.Neural;

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

internal sealed class PerceptronRegression<T> : IPerceptronTask<T>
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
        Tensors = PerceptronRows.Tensors(network.Sizes.AsSpan());
    }

    public int ParameterCount => _network.ParameterCount;

    public int Samples => _train.Length;

    public IReadOnlyList<(string Name, int[] Shape)> Tensors { get; }

    public string Model { get; }

    public PerceptronData<T> Rows => new(_network, _x, _y, [], _train, _validation, _mse, _mae, _targetDeviations);

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
        var (train, validation) = PerceptronRows.Split(source, table.Rows);
        int[] sizes = [inputs.Length, .. TaskJson.Integers(source.Model, "model", "hidden", [32, 32]), targets.Length];
        if (DenseNet<T>.Check(sizes) is { } wrong) throw new TrainingException($"model.hidden: {wrong}");
        var (x, inputMeans, inputDeviations) = PerceptronRows.Standardised<T>(table, inputs, train);
        var (y, targetMeans, targetDeviations) = PerceptronRows.Standardised<T>(table, targets, train);
        var (mse, mae) = Loss(source.Model);
        var function = PerceptronRows.Function(source.Model);
        var model = new JsonObject
        {
            ["activation"] = PerceptronRows.Name(function),
            ["input-deviations"] = PerceptronRows.Numbers(inputDeviations),
            ["input-means"] = PerceptronRows.Numbers(inputMeans),
            ["inputs"] = PerceptronRows.Texts(inputs),
            ["kind"] = "perceptron",
            ["sizes"] = new JsonArray([.. sizes.Select(size => (JsonNode)size)]),
            ["target-deviations"] = PerceptronRows.Numbers(targetDeviations),
            ["target-means"] = PerceptronRows.Numbers(targetMeans),
            ["targets"] = PerceptronRows.Texts(targets),
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
        TaskJson.CheckKeys(loss, "loss", "mse", "mae", "l2");
        var (mse, mae) = (TaskJson.Number(loss, "loss", "mse", 0.0), TaskJson.Number(loss, "loss", "mae", 0.0));
        return mse >= 0.0 && mae >= 0.0 && mse + mae > 0.0
            ? (mse, mae)
            : throw new TrainingException("the loss's weights must be 0 or more, and not all 0");
    }

    private sealed class Scratch(DenseNet<T> network)
    {
        public readonly NetTape<T> Tape = network.NewTape(RowsAtOnce);
        public readonly T[] X = new T[RowsAtOnce * network.Inputs];
        public readonly T[] Y = new T[RowsAtOnce * network.Outputs];
        public readonly T[] Delta = new T[RowsAtOnce * network.Outputs];
    }
}
