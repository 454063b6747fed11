using System.Numerics;
using Athanor.Compute.Neural;
using Athanor.Compute.Torch;

namespace Athanor.Compute.Training.Libtorch;

/// <summary>
/// One thread's network on a device. Parameters and gradient are one flat tensor each, whose parts are the layers' weights and biases, so that
/// either goes over to the device or back in one copy.
///
/// On a CUDA device all is put on a stream of this network's own; rows are gathered in pinned memory and copied on a second stream while the
/// parameters are. A step of a number of rows that has been seen before runs as a graph, from the parameters' tensor to the gradient's.
/// Matrix products are in half precision where the plan says so; parameters, loss and gradient never are.
///
/// Failures. Where memory runs out, what was made for that number of rows is given back and a <see cref="DeviceMemoryException"/> says so; the
/// network can be used on. A device that is not there, or not for this precision, is a <see cref="TrainingException"/>.
/// </summary>
internal sealed class LibtorchNetwork<T> : IDisposable
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Numbers of rows for which tensors (and graphs) are kept: a logical rank's share, and what remains of a batch.</summary>
    private const int MostShapes = 4;

    private readonly PerceptronData<T> _rows;
    private readonly EngineKeys _engine;
    private readonly int[] _sizes;
    private readonly string _device;
    private readonly bool _graphs;
    private readonly DeviceStream? _stream, _copies;
    private readonly Tensor _parameters, _scale;
    private readonly Tensor? _hostParameters, _hostGradient;
    private readonly long[] _parts;
    private readonly Dictionary<int, Shape> _shapes = [];

    /// <exception cref="TrainingException">libtorch or the device is not there, or cannot do what the plan says.</exception>
    public LibtorchNetwork(PerceptronData<T> rows, EngineKeys engine)
    {
        (_rows, _engine, _sizes) = (rows, engine, [.. rows.Network.Sizes]);
        if (TorchRuntime.Problem is { } problem) throw new TrainingException($"model.engine is libtorch, which is not available: {problem}");
        _device = engine.Device.Length > 0 ? engine.Device : TorchRuntime.Device;
        if ((TorchRuntime.ProblemOf(_device) ?? engine.ProblemOn(_device)) is { } wrong) throw new TrainingException(wrong);
        _graphs = OnDevice && engine.Graph != false;
        _parts = [.. Enumerable.Range(0, _sizes.Length - 1).SelectMany(layer => new long[]
        {
            (long)_sizes[layer] * _sizes[layer + 1], _sizes[layer + 1],
        })];
        try
        {
            if (OnDevice) (_stream, _copies) = (new DeviceStream(_device), new DeviceStream(_device));
            using var use = _stream?.Use();
            _parameters = Tensor.Empty(Type, [_parts.Sum()], _device);
            _parameters.RequiresGrad = true;
            _scale = Tensor.Empty(Type, [1], _device);
            if (!OnDevice) return;
            _hostParameters = Tensor.Empty(Type, [_parts.Sum()], pinned: true);
            _hostGradient = Tensor.Empty(Type, [_parts.Sum()], pinned: true);
        }
        catch (TorchMemoryException e)
        {
            throw new TrainingException($"the model's {_parts.Sum()} parameters do not fit into the memory of {_device}: {e.Message}", e);
        }
    }

    private bool Classifies => _rows.Labels.Length > 0;

    private bool OnDevice => _device != "cpu";

    private static DType Type => typeof(T) == typeof(float) ? DType.Float32 : DType.Float64;

    /// <summary>The loss's sum over rows; <paramref name="scale"/> times its gradient is added.</summary>
    /// <param name="rows">Of the table.</param>
    /// <exception cref="DeviceMemoryException">So many rows do not fit.</exception>
    public double Gradient(ReadOnlySpan<T> parameters, ReadOnlySpan<int> rows, Span<T> gradient, double scale)
    {
        using var use = _stream?.Use();
        try
        {
            Load(parameters);
            using var scope = new TensorScope();
            _scale.Assign(Tensor.From([scale], [1]).Cast(Type));
            var shape = Of(rows);
            if (shape.Graph is { } graph) graph.Replay();
            else Learn(shape);
            var slope = shape.Gradient!;
            if (_hostGradient is not null)
            {
                _hostGradient.Assign(slope);
                _stream!.Wait();
            }
            var sum = (_hostGradient ?? slope).Data<T>();
            for (var i = 0; i < sum.Length; i++) gradient[i] += sum[i];
            return shape.Loss!.To("cpu").Item();
        }
        catch (TorchMemoryException e)
        {
            Forget();
            throw new DeviceMemoryException($"{rows.Length} samples at once do not fit into the memory of {_device}: {e.Message}", e);
        }
    }

    /// <summary>The network's outputs, [rows, outputs].</summary>
    /// <param name="rows">Of the table.</param>
    /// <exception cref="DeviceMemoryException">So many rows do not fit.</exception>
    public void Predict(ReadOnlySpan<T> parameters, ReadOnlySpan<int> rows, Span<T> y)
    {
        using var use = _stream?.Use();
        try
        {
            Load(parameters);
            using var scope = new TensorScope();
            using var still = TorchRuntime.NoGrad();
            var inputs = Tensor.Empty(Type, [rows.Length, _sizes[0]]);
            Gather(rows, _rows.X, _sizes[0], inputs.Data<T>());
            Forward(inputs.To(_device)).To("cpu").Data<T>().CopyTo(y);
        }
        catch (TorchMemoryException e)
        {
            Forget();
            throw new DeviceMemoryException($"{rows.Length} samples at once do not fit into the memory of {_device}: {e.Message}", e);
        }
    }

    public void Dispose()
    {
        Forget();
        _parameters.Dispose();
        _scale.Dispose();
        _hostParameters?.Dispose();
        _hostGradient?.Dispose();
        _stream?.Dispose();
        _copies?.Dispose();
    }

    private void Load(ReadOnlySpan<T> parameters)
    {
        parameters.CopyTo((_hostParameters ?? _parameters).Data<T>());
        if (_hostParameters is not null) _parameters.Assign(_hostParameters);
    }

    private static void Gather<TValue>(ReadOnlySpan<int> rows, TValue[] from, int width, Span<TValue> to)
    {
        for (var i = 0; i < rows.Length; i++) from.AsSpan(rows[i] * width, width).CopyTo(to[(i * width)..]);
    }

    private Shape Of(ReadOnlySpan<int> rows)
    {
        if (!_shapes.TryGetValue(rows.Length, out var shape))
        {
            if (_shapes.Count >= MostShapes) Forget();
            _shapes[rows.Length] = shape = new Shape(_sizes, Classifies, rows.Length, Type, _device);
        }
        Gather(rows, _rows.X, _sizes[0], shape.HostX.Data<T>());
        if (Classifies)
        {
            var labels = shape.HostY.Data<long>();
            for (var i = 0; i < labels.Length; i++) labels[i] = _rows.Labels[rows[i]];
        }
        else
        {
            Gather(rows, _rows.Y, _sizes[^1], shape.HostY.Data<T>());
        }
        if (_copies is not null)
        {
            // What the last step read of these is done: its gradient has been waited for.
            using (_copies.Use())
            {
                shape.X.Assign(shape.HostX);
                shape.Y.Assign(shape.HostY);
            }
            _stream!.After(_copies);
        }
        if (_graphs && shape.Graph is null) shape.Graph = DeviceGraph.Capture(_stream!, () => Learn(shape));
        return shape;
    }

    private void Learn(Shape shape)
    {
        using var scope = new TensorScope();
        _parameters.ClearGrad();
        var outputs = Forward(shape.X);
        Tensor loss;
        if (Classifies)
        {
            loss = outputs.CrossEntropy(shape.Y) * _rows.Weight;
        }
        else
        {
            var error = outputs - shape.Y;
            loss = error.Pow(2).Sum() * (_rows.Weight / _sizes[^1]);
            if (_rows.Absolute > 0.0) loss += error.Abs().Sum() * (_rows.Absolute / _sizes[^1]);
        }
        (loss * _scale).Sum().Backward();
        // A graph writes them anew at each replay, so they outlive this scope.
        shape.Keep(TensorScope.Keep(loss.Detach()), TensorScope.Keep(_parameters.Grad!));
    }

    private Tensor Forward(Tensor x)
    {
        var parts = _parameters.Split(_parts);
        using (_engine.Autocast is { } lower ? TorchRuntime.Autocast(_device, lower) : null)
        {
            for (var layer = 0; layer < _sizes.Length - 1; layer++)
            {
                if (layer > 0) x = Activate(x);
                x = Tensor.Linear(x, parts[2 * layer].Reshape(_sizes[layer + 1], _sizes[layer]), parts[2 * layer + 1]);
            }
        }
        return _engine.Autocast is null ? x : x.Cast(Type);
    }

    private Tensor Activate(Tensor x) => _rows.Network.Activation switch
    {
        Activation.Tanh => x.Tanh(),
        Activation.Softplus => x.Softplus(),
        Activation.Relu => x.ReLU(),
        _ => x.Silu(),
    };

    private void Forget()
    {
        foreach (var shape in _shapes.Values) shape.Dispose();
        _shapes.Clear();
        _parameters.ClearGrad();
        TorchRuntime.EmptyCache();
    }

    /// <summary>What a step of so many rows reads and writes.</summary>
    private sealed class Shape : IDisposable
    {
        private readonly bool _copied;

        public Shape(int[] sizes, bool classifies, int rows, DType type, string device)
        {
            _copied = device != "cpu";
            using var scope = new TensorScope();
            var (kind, width) = classifies ? (DType.Int64, new long[] { rows }) : (type, [rows, sizes[^1]]);
            HostX = Tensor.Empty(type, [rows, sizes[0]], pinned: _copied);
            HostY = Tensor.Empty(kind, width, pinned: _copied);
            X = _copied ? Tensor.Empty(type, [rows, sizes[0]], device) : HostX;
            Y = _copied ? Tensor.Empty(kind, width, device) : HostY;
            foreach (var tensor in (Tensor[])[HostX, HostY, X, Y]) TensorScope.Keep(tensor);
        }

        public Tensor HostX { get; }

        public Tensor HostY { get; }

        public Tensor X { get; }

        public Tensor Y { get; }

        public DeviceGraph? Graph { get; set; }

        public Tensor? Loss { get; private set; }

        public Tensor? Gradient { get; private set; }

        public void Keep(Tensor loss, Tensor gradient)
        {
            Loss?.Dispose();
            Gradient?.Dispose();
            (Loss, Gradient) = (loss, gradient);
        }

        public void Dispose()
        {
            Graph?.Dispose();
            Loss?.Dispose();
            Gradient?.Dispose();
            if (_copied)
            {
                X.Dispose();
                Y.Dispose();
            }
            HostX.Dispose();
            HostY.Dispose();
        }
    }
}
