using System.Numerics;

namespace Athanor.Compute.Training.Libtorch;

/// <summary>
/// A perceptron or classifier whose gradient libtorch computes (<c>engine = libtorch</c>): for wide layers, on a CPU or a GPU.
///
/// Samples, weights, first values and the model's JSON are those of the task that our kernels compute, so whatever reads the one reads the other.
/// What libtorch adds up in which order is its own affair: a training is of tolerance class, the same within rounding and not to the bit.
/// </summary>
internal sealed class LibtorchPerceptron<T>(IPerceptronTask<T> task, EngineKeys engine) : IScaledTask<T>, IDisposable
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int RowsValidated = 1024;

    private readonly PerceptronData<T> _rows = task.Rows;
    private readonly List<Lazy<LibtorchNetwork<T>>> _networks = [];

    public int ParameterCount => task.ParameterCount;

    public int Samples => task.Samples;

    public IReadOnlyList<(string Name, int[] Shape)> Tensors => task.Tensors;

    public string Model => task.Model;

    public bool HasThreads => true;

    public LossScaling? Scaling => engine.Scaling;

    public void Initialize(Span<T> parameters, ulong seed) => task.Initialize(parameters, seed);

    /// <remarks>The network is made when it is first needed: who only looks whether a run's file is right needs no device.</remarks>
    public object NewScratch()
    {
        var network = new Lazy<LibtorchNetwork<T>>(() => new LibtorchNetwork<T>(_rows, engine), LazyThreadSafetyMode.None);
        lock (_networks) _networks.Add(network);
        return network;
    }

    /// <summary>Frees what every scratch holds of the device's memory; none may be used again.</summary>
    public void Dispose()
    {
        lock (_networks)
        {
            foreach (var network in _networks.Where(static network => network.IsValueCreated)) network.Value.Dispose();
            _networks.Clear();
        }
    }

    public double Gradient(ReadOnlySpan<T> parameters, ReadOnlySpan<int> samples, Span<T> gradient, object scratch) =>
        Gradient(parameters, samples, gradient, scratch, 1.0);

    public double Gradient(ReadOnlySpan<T> parameters, ReadOnlySpan<int> samples, Span<T> gradient, object scratch, double scale)
    {
        var rows = new int[samples.Length];
        for (var i = 0; i < rows.Length; i++) rows[i] = _rows.Train[samples[i]];
        return ((Lazy<LibtorchNetwork<T>>)scratch).Value.Gradient(parameters, rows, gradient, scale);
    }

    public IReadOnlyDictionary<string, double> Validate(ReadOnlySpan<T> parameters, object scratch)
    {
        var count = _rows.Validation.Length;
        if (count == 0) return new Dictionary<string, double>();
        var network = ((Lazy<LibtorchNetwork<T>>)scratch).Value;
        var outputs = _rows.Network.Outputs;
        var (loss, hits, squares) = (0.0, 0, new double[outputs]);
        var most = Math.Min(RowsValidated, count);
        var y = new T[most * outputs];
        for (var from = 0; from < count;)
        {
            var rows = _rows.Validation.AsSpan(from, Math.Min(most, count - from));
            try
            {
                network.Predict(parameters, rows, y);
            }
            catch (DeviceMemoryException e)
            {
                if (most == 1) throw new TrainingException(e.Message, e);
                most /= 2;
                continue;
            }
            for (var i = 0; i < rows.Length; i++)
            {
                var row = y.AsSpan(i * outputs, outputs);
                if (_rows.Labels.Length == 0)
                {
                    loss += Errors(row, _rows.Y.AsSpan(rows[i] * outputs, outputs), squares);
                    continue;
                }
                loss += CrossEntropy(row, _rows.Labels[rows[i]], out var likeliest);
                if (likeliest == _rows.Labels[rows[i]]) hits++;
            }
            from += rows.Length;
        }
        var metrics = new SortedDictionary<string, double>(StringComparer.Ordinal) { ["loss"] = loss / count };
        if (_rows.Labels.Length > 0)
        {
            metrics["accuracy"] = hits / (double)count;
            return metrics;
        }
        metrics["nmse"] = squares.Sum() / outputs / count;
        if (outputs == 1) metrics["rmse"] = Math.Sqrt(metrics["nmse"]) * _rows.TargetDeviations[0];
        return metrics;
    }

    private double Errors(ReadOnlySpan<T> y, ReadOnlySpan<T> target, double[] squares)
    {
        var loss = 0.0;
        for (var o = 0; o < y.Length; o++)
        {
            var error = double.CreateChecked(y[o] - target[o]);
            loss += (_rows.Weight * error * error) + (_rows.Absolute * Math.Abs(error));
            squares[o] += error * error;
        }
        return loss / y.Length;
    }

    private double CrossEntropy(ReadOnlySpan<T> logits, int label, out int likeliest)
    {
        likeliest = 0;
        for (var o = 1; o < logits.Length; o++)
        {
            if (logits[o] > logits[likeliest]) likeliest = o;
        }
        var (top, sum) = (double.CreateChecked(logits[likeliest]), 0.0);
        foreach (var logit in logits) sum += Math.Exp(double.CreateChecked(logit) - top);
        return _rows.Weight * (Math.Log(sum) + top - double.CreateChecked(logits[label]));
    }
}
