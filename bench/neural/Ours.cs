using System.Diagnostics;
using System.Runtime.Intrinsics;
using Athanor.Compute.Kernels;
using Athanor.Compute.Neural;
using Athanor.Compute.Numerics;

namespace Athanor.Bench.Neural;

/// <summary>Our side, through the calls that models and training make.</summary>
internal sealed class Ours : IDisposable
{
    private const int Steps = 50, Batch = 32, Many = 10_000, Nets = 100;

    private readonly ComputeTeam _two = new(2);
    private readonly DenseNet<float> _rhs = new([4, 64, 64, 4], Activation.Tanh), _net = new([2, 64, 64, 10], Activation.Relu);
    private readonly NeuralField<float> _field, _checkpointed;
    private readonly FieldTape<float> _fitOne, _fitTwo, _fitCheckpointed;
    private readonly NetBatch<float> _batchOne, _batchTwo;
    private readonly PackedNet<float> _packed;
    private readonly float[] _p, _first, _second, _gradient, _y0, _targets, _weights, _h, _trajectories;
    private readonly float[] _q, _x, _y, _members;
    private long _step;

    public Ours()
    {
        _field = new NeuralField<float>(_rhs);
        _checkpointed = new NeuralField<float>(_rhs, memory: StageMemory.Checkpointed);
        _fitOne = _field.NewFitTape(Batch, Steps);
        _fitTwo = _field.NewFitTape(Batch, Steps, _two);
        _fitCheckpointed = _checkpointed.NewFitTape(Batch, Steps);
        _p = new float[_rhs.ParameterCount];
        _rhs.Initialize(_p, 1);
        (_first, _second, _gradient) = (new float[_p.Length], new float[_p.Length], new float[_p.Length]);
        _y0 = Draw(Batch * 4, 0.5, 2);
        _targets = Draw(Batch * (Steps + 1) * 4, 0.1, 3);
        // The mean over all elements, as the baseline's loss.
        _weights = [.. Enumerable.Repeat(1.0f / _targets.Length, (Steps + 1) * 4)];
        _h = [.. Enumerable.Repeat(0.02f, Steps)];
        _trajectories = new float[_targets.Length];

        _q = new float[_net.ParameterCount];
        _net.Initialize(_q, 4);
        _packed = _net.Pack(_q);
        _batchOne = new NetBatch<float>(_net);
        _batchTwo = new NetBatch<float>(_net, _two);
        _x = Draw(Many * 2, 1, 5);
        _y = new float[Many * 10];
        _members = new float[Nets * _q.Length];
        for (var i = 0; i < Nets; i++) _net.Initialize(_members.AsSpan(i * _q.Length, _q.Length), 100 + (ulong)i);
    }

    public static int VectorBits => Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : 128;

    public void WarmUp()
    {
        // Enough calls for the JIT's last tier.
        for (var i = 0; i < 4; i++) _ = Measure().Count();
    }

    public IEnumerable<(Row Row, double Seconds)> Measure()
    {
        yield return (Row.LimitOne, Time(() => Limit.Spin(0)) / Limit.Gflop);
        yield return (Row.LimitTwo, Time(() => _two.Run(2, static (_, worker) => Limit.Spin(worker))) / (2 * Limit.Gflop));
        yield return (Row.StepOne, Time(() => Step(_field, _fitOne)));
        yield return (Row.StepTwo, Time(() => Step(_field, _fitTwo)));
        yield return (Row.Checkpointed, Time(() => Step(_checkpointed, _fitCheckpointed)));
        yield return (Row.SolveOne, Time(() => _checkpointed.Solve(_p, _y0, [], _h, Batch, _trajectories, _fitCheckpointed)));
        yield return (Row.BatchOne, Time(() => _batchOne.Forward(_q, _x, Many, _y)));
        yield return (Row.BatchTwo, Time(() => _batchTwo.Forward(_q, _x, Many, _y)));
        yield return (Row.Hundred, Time(() => _batchOne.Forward(_q, _x.AsSpan(0, 200), 100, _y.AsSpan(0, 1000))));
        yield return (Row.Single, Time(Singles) / 1000);
        yield return (Row.NetsOne, Time(() => _batchOne.Forward(_members, Nets, _x, Many / Nets, _y)));
        yield return (Row.NetsTwo, Time(() => _batchTwo.Forward(_members, Nets, _x, Many / Nets, _y)));
    }

    public void Dispose() => _two.Dispose();

    /// <summary>The largest deviation from the same in double, relative to the largest element.</summary>
    public IReadOnlyDictionary<Row, string> Errors()
    {
        var errors = new Dictionary<Row, string>();
        var field = new NeuralField<double>(new DenseNet<double>(_rhs.Sizes.AsSpan(), Activation.Tanh));
        var tape = field.NewFitTape(Batch, Steps);
        var exact = new double[_p.Length];
        field.Fit(Wide(_p), Wide(_y0), [], Wide(_h), Batch, Wide(_targets), Wide(_weights), exact, [], [], tape);
        (Row, NeuralField<float>, FieldTape<float>)[] fields =
            [(Row.StepOne, _field, _fitOne), (Row.StepTwo, _field, _fitTwo), (Row.Checkpointed, _checkpointed, _fitCheckpointed)];
        foreach (var (row, ours, memory) in fields)
        {
            Array.Clear(_gradient);
            ours.Fit(_p, _y0, [], _h, Batch, _targets, _weights, _gradient, [], [], memory);
            errors[row] = $"gradient {Deviation(_gradient, exact)}";
        }
        var net = new DenseNet<double>(_net.Sizes.AsSpan(), Activation.Relu);
        var outputs = new double[_y.Length];
        var batch = new NetBatch<double>(net);
        batch.Forward(Wide(_q), Wide(_x), Many, outputs);
        _batchTwo.Forward(_q, _x, Many, _y);
        errors[Row.BatchTwo] = errors[Row.BatchOne] = Deviation(_y, outputs);
        batch.Forward(Wide(_members), Nets, Wide(_x), Many / Nets, outputs);
        _batchTwo.Forward(_members, Nets, _x, Many / Nets, _y);
        errors[Row.NetsTwo] = errors[Row.NetsOne] = Deviation(_y, outputs);
        return errors;
    }

    private void Step(NeuralField<float> field, FieldTape<float> tape)
    {
        Array.Clear(_gradient);
        field.Fit(_p, _y0, [], _h, Batch, _targets, _weights, _gradient, [], [], tape);
        Adam.Step(_p, _gradient, _first, _second, ++_step, 1e-3);
    }

    private void Singles()
    {
        for (var i = 0; i < 1000; i++) _packed.Forward(_x.AsSpan(2 * i, 2), _y.AsSpan(10 * i, 10));
    }

    /// <summary>Seconds a call: the median of seven blocks of about 15 ms.</summary>
    private static double Time(Action action)
    {
        var start = Now;
        action();
        var calls = Math.Clamp((int)(15e-3 / Math.Max(Now - start, 1e-7)), 1, 20_000);
        var times = new double[7];
        for (var block = 0; block < times.Length; block++)
        {
            start = Now;
            for (var i = 0; i < calls; i++) action();
            times[block] = (Now - start) / calls;
        }
        Array.Sort(times);
        return ProcessorTime ? times[0] : times[times.Length / 2];
    }

    /// <summary>Whether processor time is measured in place of the clock's, and the least taken: for a busy machine, one thread.</summary>
    public static bool ProcessorTime { get; set; }

    private static double Now => ProcessorTime
        ? Environment.CpuUsage.TotalTime.TotalSeconds
        : Stopwatch.GetTimestamp() / (double)Stopwatch.Frequency;

    private static float[] Draw(int count, double bound, ulong seed)
    {
        var random = new Philox(seed);
        var values = new float[count];
        foreach (ref var value in values.AsSpan()) value = (float)random.NextDouble(-bound, bound);
        return values;
    }

    private static double[] Wide(float[] values) => Array.ConvertAll(values, static v => (double)v);

    private static string Deviation(float[] actual, double[] exact) =>
        (actual.Zip(exact, static (a, e) => Math.Abs(a - e)).Max() / exact.Max(Math.Abs)).ToString("E1");
}
