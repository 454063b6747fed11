using System.Numerics;
using Athanor.Compute.Training;

namespace Athanor.Compute.Neural.Models;

/// <summary>A model made from its specification; parameters are given with each call. Safe to call from several threads.</summary>
public abstract class NeuralModel<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private protected NeuralModel(ModelSpecification specification) => Specification = specification;

    public ModelSpecification Specification { get; }

    /// <summary>Of net and physics.</summary>
    public abstract int ParameterCount { get; }

    /// <summary>Trained numbers of the physics in their own units, by name.</summary>
    public abstract IReadOnlyDictionary<string, double> Constants(ReadOnlySpan<T> parameters);

    /// <summary>Names as in PyTorch state dicts: <c>net.0.weight</c> [out, in], <c>net.0.bias</c> …, <c>constants</c>.</summary>
    public abstract IReadOnlyList<(string Name, int[] Shape)> Tensors { get; }

    /// <param name="training">Records that first guesses of the physics' numbers are taken from; may be empty.</param>
    public abstract void Initialize(Span<T> parameters, ulong seed, IReadOnlyList<ProcessRecord> training);

    /// <summary>The right-hand side, in units of the states per unit of time.</summary>
    public abstract void Field(ReadOnlySpan<T> parameters, ReadOnlySpan<double> x, ReadOnlySpan<double> u, Span<double> dx);

    /// <summary>A free run from <paramref name="start"/> along the times and controls of <paramref name="record"/>.</summary>
    /// <param name="start">By state.</param>
    /// <param name="substeps">Runge-Kutta steps from a row to the next.</param>
    public Prediction Predict(
        ReadOnlySpan<T> parameters, ReadOnlySpan<double> start, ProcessRecord record, int substeps, FixedStepMethod method = FixedStepMethod.Rk4) =>
        Predict(parameters, start, record, Enumerable.Repeat(substeps, record.Rows - 1).ToArray(), Balances(parameters), method);

    /// <summary>The start that a record gives: measured, given, or fitted to its first <paramref name="rows"/> rows.</summary>
    public double[] StartOf(
        ReadOnlySpan<T> parameters, ProcessRecord record, int rows, int substeps, FixedStepMethod method = FixedStepMethod.Rk4) =>
        StartEstimate.Of(this, parameters, record, rows, substeps, method);

    internal abstract Prediction Predict(
        ReadOnlySpan<T> parameters, ReadOnlySpan<double> start, ProcessRecord record, int[] substeps, ReactorBalances? balances,
        FixedStepMethod method = FixedStepMethod.Rk4);

    internal abstract ITrainingTask<T> Task(
        IReadOnlyList<ProcessRecord> training, IReadOnlyList<ProcessRecord> validation, ShootingOptions options);

    /// <summary>The right-hand side with its derivatives, for one thread.</summary>
    internal abstract FieldSlopes<T> Slopes(ReadOnlySpan<T> parameters);

    /// <summary>The balances that the learned heats make; null without a reactor.</summary>
    internal abstract ReactorBalances? Balances(ReadOnlySpan<T> parameters);

    /// <exception cref="TrainingException">The specification makes no sense; the message names the key.</exception>
    public static NeuralModel<T> Of(ModelSpecification specification)
    {
        ModelCheck.Check(specification);
        return specification switch
        {
            { Kind: "neural-ode" or "augmented" } => new NeuralModel<T, PlainPhysics<T>>(specification, new PlainPhysics<T>(specification)),
            { Kind: "stoichiometric" } or { Known: "reactor" } =>
                new NeuralModel<T, ReactorPhysics<T>>(specification, new ReactorPhysics<T>(specification)),
            { Known: "cascaded-tanks" } => new NeuralModel<T, TankPhysics<T>>(specification, new TankPhysics<T>(specification)),
            _ => new NeuralModel<T, LagPhysics<T>>(specification, new LagPhysics<T>(specification)),
        };
    }
}

internal sealed class NeuralModel<T, TPhysics> : NeuralModel<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
    where TPhysics : struct, IModelPhysics<T>
{
    private readonly ModelField<T, TPhysics> _field;
    private readonly bool[] _positive;
    private readonly double[] _scale;

    public NeuralModel(ModelSpecification specification, TPhysics physics)
        : base(specification)
    {
        _field = new ModelField<T, TPhysics>(
            physics, new DenseNet<T>([physics.NetInputs, .. specification.Hidden, physics.NetOutputs], specification.Activation));
        _positive = [.. specification.States.Select(s => s.Positive)];
        _scale = [.. specification.States.Select(s => s.Scale)];
        var tensors = new List<(string, int[])>();
        int[] sizes = [physics.NetInputs, .. specification.Hidden, physics.NetOutputs];
        for (var layer = 0; layer + 1 < sizes.Length; layer++)
        {
            tensors.Add(($"net.{2 * layer}.weight", [sizes[layer + 1], sizes[layer]]));
            tensors.Add(($"net.{2 * layer}.bias", [sizes[layer + 1]]));
        }
        if (physics.Constants.Count > 0) tensors.Add(("constants", [physics.Constants.Count]));
        Tensors = tensors;
    }

    public override int ParameterCount => _field.ParameterCount;

    public override IReadOnlyList<(string Name, int[] Shape)> Tensors { get; }

    public override IReadOnlyDictionary<string, double> Constants(ReadOnlySpan<T> parameters)
    {
        var result = new SortedDictionary<string, double>(StringComparer.Ordinal);
        var c = parameters[_field.Net.ParameterCount.._field.ParameterCount];
        for (var i = 0; i < c.Length; i++) result[_field.Physics.Constants[i]] = _field.Physics.Constant(c, i);
        return result;
    }

    public override void Initialize(Span<T> parameters, ulong seed, IReadOnlyList<ProcessRecord> training)
    {
        _field.Net.Initialize(parameters[.._field.Net.ParameterCount], seed);
        _field.Physics.InitializeConstants(Specification, training, parameters[_field.Net.ParameterCount.._field.ParameterCount]);
    }

    public override void Field(ReadOnlySpan<T> parameters, ReadOnlySpan<double> x, ReadOnlySpan<double> u, Span<double> dx)
    {
        var (state, control, slope) = (new T[x.Length], new T[u.Length], new T[x.Length]);
        for (var i = 0; i < x.Length; i++) state[i] = T.CreateTruncating(x[i]);
        for (var i = 0; i < u.Length; i++) control[i] = T.CreateTruncating(u[i]);
        _field.Evaluate(parameters, state, control, 1, slope, _field.NewTape(1));
        for (var i = 0; i < x.Length; i++) dx[i] = double.CreateTruncating(slope[i]);
    }

    internal override ITrainingTask<T> Task(
        IReadOnlyList<ProcessRecord> training, IReadOnlyList<ProcessRecord> validation, ShootingOptions options) =>
        new ShootingTask<T, TPhysics>(this, _field, training, validation, options);

    internal override FieldSlopes<T> Slopes(ReadOnlySpan<T> parameters) =>
        new FieldSlopes<T, TPhysics>(_field.Physics, _field.Net, parameters[.._field.Net.ParameterCount]);

    internal override ReactorBalances? Balances(ReadOnlySpan<T> parameters)
    {
        if (Specification.Reactor is null) return null;
        var layout = new ReactorLayout(Specification);
        // What learns no heats is held to those that are given.
        if (typeof(TPhysics) != typeof(ReactorPhysics<T>))
            return new ReactorBalances(layout, Specification.Reactor.Rises.AsSpan(), Specification.Reactor.Exchange);
        var c = parameters[_field.Net.ParameterCount.._field.ParameterCount];
        if (layout.Temperature < 0) return new ReactorBalances(layout, [], 0.0);
        var rises = new double[layout.Reactions];
        for (var j = 0; j < rises.Length; j++) rises[j] = _field.Physics.Constant(c, j);
        return new ReactorBalances(layout, rises, layout.Exchanges ? _field.Physics.Constant(c, rises.Length) : 0.0);
    }

    internal override Prediction Predict(
        ReadOnlySpan<T> parameters, ReadOnlySpan<double> start, ProcessRecord record, int[] substeps, ReactorBalances? balances,
        FixedStepMethod method)
    {
        if (start.Length != _scale.Length)
            throw new ArgumentException($"the start has {start.Length} numbers where the model has {_scale.Length} states");
        var p = parameters.ToArray();
        var field = _field;
        var tape = field.NewTape(1);
        // Only where the field itself never points out of the positive orthant does a shorter step help.
        var guard = field.Physics.KeepsPositive;
        var roll = new RollOut<T>(
            (x, u, dx) => field.Evaluate(p, x, u, 1, dx, tape), _scale, _positive, guard, balances, Specification.Controls.Length,
            method);
        return roll.Run(start, record, substeps);
    }
}
