using Athanor.Compute.Plants;

namespace Athanor.Compute.Estimation;

/// <summary>
/// Estimates states, drifting parameters and sensor biases of a plant from its measurements. Every method is a pure function of memory and
/// input: the same bits everywhere, alone or with others. An estimator holds nothing of a twin and may be used from several threads.
/// </summary>
/// <remarks>Layout of a memory: <see cref="FilterLayout"/>.</remarks>
public sealed class Estimator
{
    private readonly FilterCore _core;
    private readonly FilterLayout _layout;

    private Estimator(FilterCore core)
    {
        _core = core;
        _layout = new FilterLayout(core);
    }

    public PlantModel Model => _core.Joint.Model;

    public EstimatorSettings Settings => _core.Joint.Settings;

    internal FilterCore Core => _core;

    /// <exception cref="EstimationException">Settings and model do not fit, a covariance would be singular, or no sensor ever shows a
    /// state; the message names it.</exception>
    public static Estimator Create(PlantModel model, EstimatorSettings settings)
    {
        var joint = new JointModel(model, settings);
        // An ensemble is for units whose states outnumber what sensors could ever tell apart.
        if (!settings.AllowUnobservable && settings.Kind != EstimatorKind.Enkf) Observability.Check(joint);
        return new Estimator(FilterCore.Of(joint));
    }

    /// <summary>The memory of a twin that has seen nothing yet.</summary>
    /// <param name="timeS">s since the twin's origin; samples from before are late.</param>
    /// <param name="x0">The model's states; empty: nominal.</param>
    /// <param name="inputs">What the inputs are; empty: nominal.</param>
    public double[] Start(double timeS, ReadOnlySpan<double> x0 = default, ReadOnlySpan<double> inputs = default)
    {
        var joint = _core.Joint;
        if (x0.Length != 0 && x0.Length != joint.States)
            throw new EstimationException($"the model has {joint.States} states; the start has {x0.Length}");
        if (inputs.Length != 0 && inputs.Length != _layout.Inputs)
            throw new EstimationException($"the model has {_layout.Inputs} inputs; {inputs.Length} are given");
        if (!double.IsFinite(timeS)) throw new EstimationException($"the time is {timeS}");
        var memory = new double[_layout.RowsAt];
        (memory[0], memory[1]) = (FilterLayout.Version, timeS);
        var held = inputs.Length == 0 ? Model.NominalInputs : inputs;
        held.CopyTo(memory.AsSpan(FilterLayout.InputsAt));
        var block = memory.AsSpan(_layout.FirstBlock, _layout.BlockSize);
        block[FilterLayout.Time] = timeS;
        held.CopyTo(block[FilterLayout.BlockInputsAt..]);
        for (var s = 0; s < _layout.Sensors; s++) block[_layout.SensorsAt + (2 * s)] = double.NaN;
        var start = x0.Length == 0 ? joint.Start.AsSpan(0, joint.States) : x0;
        joint.CheckFinite([.. start, .. joint.Start[joint.States..]]);
        _core.Start(_layout.Belief(block), start);
        if (_layout.HasWindow) block.CopyTo(memory.AsSpan(_layout.CurrentBlock));
        return memory;
    }

    /// <summary>One step of one twin; <paramref name="memory"/> is replaced, never written to, and stays as it was if the step
    /// fails.</summary>
    /// <exception cref="EstimationException">The input does not fit, or the estimate left the region where the model can be
    /// solved.</exception>
    public EstimatorOutput Step(ref double[] memory, EstimatorInput input)
    {
        var run = new FilterRun(_layout, memory, input);
        while (run.NextGroup()) Alone(run);
        var output = run.Finish(out var next);
        memory = next;
        return output;
    }

    /// <summary>A step of many twins, eight at a time where the filter has lanes, with the bits of one at a time.</summary>
    /// <param name="memories">Replaced, all or (if one fails) none.</param>
    public EstimatorOutput[] StepMany(double[][] memories, IReadOnlyList<EstimatorInput> inputs)
    {
        if (memories.Length != inputs.Count) throw new EstimationException($"{memories.Length} memories and {inputs.Count} inputs");
        var runs = new FilterRun[memories.Length];
        for (var i = 0; i < runs.Length; i++) runs[i] = new FilterRun(_layout, memories[i], inputs[i]);
        var waiting = new List<FilterRun>(runs);
        var lanes = _core.HasLanes ? new FilterLanes(_layout) : null;
        while (waiting.Count > 0)
        {
            waiting.RemoveAll(static run => !run.NextGroup());
            if (lanes is null) waiting.ForEach(Alone);
            else lanes.Step(waiting);
        }
        var outputs = new EstimatorOutput[runs.Length];
        var next = new double[runs.Length][];
        for (var i = 0; i < runs.Length; i++) outputs[i] = runs[i].Finish(out next[i]);
        next.CopyTo(memories, 0);
        return outputs;
    }

    /// <summary>Names of the joint state's entries: states, estimated parameters, sensor biases.</summary>
    public IReadOnlyList<string> JointNames => _core.Joint.Names;

    /// <summary>The joint state and its covariance, shape (N, N), as of the last sample or change of an input in the memory.</summary>
    public (double TimeS, double[] Mean, double[] Covariance) Joint(double[] memory)
    {
        _layout.Check(memory);
        var size = _core.Joint.Size;
        double[] mean = new double[size], sd = new double[size], packed = new double[size * (size + 1) / 2];
        double[] covariance = new double[size * size];
        var block = memory.AsSpan(_layout.CurrentBlock, _layout.BlockSize);
        var belief = _layout.Belief(block);
        _core.Moments(belief, mean, sd);
        _core.Factor(belief, packed);
        for (var i = 0; i < size; i++)
        {
            for (var j = 0; j <= i; j++)
            {
                var sum = 0.0;
                for (var k = 0; k <= j; k++) sum = Math.FusedMultiplyAdd(packed[(i * (i + 1) / 2) + k], packed[(j * (j + 1) / 2) + k], sum);
                covariance[(i * size) + j] = covariance[(j * size) + i] = sum;
            }
        }
        return (block[FilterLayout.Time], mean, covariance);
    }

    private void Alone(FilterRun run)
    {
        var (nis, samples) = _core.Step(run.Belief, run.Inputs, run.Ahead, run.Samples, run.Corrections);
        run.Done(nis, samples);
    }
}
