using System.Numerics;
using Athanor.Compute.Training;

namespace Athanor.Compute.Neural.Models;

/// <summary>How windows are cut and how finely they are integrated.</summary>
/// <param name="Window">Intervals of a window; more than a record has: the whole record.</param>
/// <param name="Stride">Intervals from the start of a window to the next.</param>
/// <param name="Substeps">Least number of Runge-Kutta steps from a row to the next.</param>
/// <param name="PredictSubsteps">Their number in free runs.</param>
/// <param name="StartRows">Rows that a free run's start is fitted to where it is not measured.</param>
/// <param name="Absolute">Weight of the squared error in units of the states' scales.</param>
/// <param name="Relative">Weight of the squared error relative to what its state changes by within the window, or to <paramref
/// name="Noise"/>
/// where that is larger: windows in which little happens then tell as much as those in which all happens.</param>
/// <param name="Residual">Weight of the mean square of the net's outputs along the way: of a residual, how much it is to be spared.</param>
/// <param name="Noise">Deviation of the data's noise in units of the states' scales.</param>
public sealed record ShootingOptions(
    int Window, int Stride, int Substeps, int PredictSubsteps, int StartRows = 20, double Absolute = 1.0, double Relative = 0.0,
    double Residual = 0.0, double Noise = 0.01)
{
    /// <summary>Of the roll-outs, in training and in free runs.</summary>
    public FixedStepMethod Method { get; init; }

    /// <summary>Weight of the mean square of what positive states fall below 0 by, in units of their scales.</summary>
    public double Positivity { get; init; }

    /// <summary>Weight of the mean square of what the field breaks the mass balances of <c>reactor</c> by, per time scale.</summary>
    public double Mass { get; init; }

    /// <summary>The same of the energy balance, with the given heats.</summary>
    public double Energy { get; init; }

    /// <summary>Weight of the mean square of the states' second derivatives along the way, in scales per squared time scale.</summary>
    public double Smoothness { get; init; }

    /// <summary>Weight of the mean square of what the field at the data misses the data's differences by, (x_k+1 - x_k)/Δt against the mean of
    /// its values at both ends, in scales per time scale.</summary>
    public double Collocation { get; init; }

    internal IEnumerable<(string Name, double Weight)> Weights =>
    [
        ("absolute", Absolute), ("relative", Relative), ("residual", Residual), ("positivity", Positivity), ("mass", Mass), ("energy", Energy),
        ("smoothness", Smoothness), ("collocation", Collocation),
    ];
}

/// <summary>Fits a model's roll-outs over windows of the records to the data.</summary>
internal sealed class ShootingTask<T, TPhysics> : ITrainingTask<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
    where TPhysics : struct, IModelPhysics<T>
{
    private readonly NeuralModel<T, TPhysics> _model;
    private readonly ModelField<T, TPhysics> _field;
    private readonly Shooting<T, TPhysics> _shooting;
    private readonly IReadOnlyList<ProcessRecord> _training, _validation;
    private readonly ShootingOptions _options;

    public ShootingTask(
        NeuralModel<T, TPhysics> model, ModelField<T, TPhysics> field, IReadOnlyList<ProcessRecord> training,
        IReadOnlyList<ProcessRecord> validation, ShootingOptions options)
    {
        (_model, _field, _training, _validation, _options) = (model, field, training, validation, options);
        var outputs = model.Specification.States.Count(s => s.Observed);
        foreach (var record in training.Concat(validation)) record.Check(model.Specification.Controls.Length, outputs);
        if (options.Window < 1 || options.Stride < 1 || options.Substeps < 1 || options.PredictSubsteps < 1)
            throw new TrainingException("data.window, stride, substeps and predict-substeps must be 1 or more");
        CheckWeights(model.Specification, options);
        if (!(options.Noise > 0.0))
            throw new TrainingException(
                $"data.noise is {options.Noise}; a positive part of the scales would be right");
        var substeps = SubstepRule.Of(model.Specification, training, options.Substeps);
        var plan = new WindowPlan(training, substeps, options.Window, options.Stride);
        _shooting = new Shooting<T, TPhysics>(model.Specification, field, plan, options);
        Samples = plan.Windows.Length;
        Tensors = _shooting.StartsPerWindow == 0 ? model.Tensors : [.. model.Tensors, ("starts", [Samples, _shooting.StartsPerWindow])];
        Model = ModelJson.Write(model.Specification);
    }

    private static void CheckWeights(ModelSpecification model, ShootingOptions options)
    {
        foreach (var (name, weight) in options.Weights)
        {
            if (!(weight >= 0.0) || !double.IsFinite(weight))
                throw new TrainingException(FormattableString.Invariant($"loss.{name} is {weight}; a weight of 0 or more would be right"));
        }
        if (options.Absolute + options.Relative + options.Collocation == 0.0)
            throw new TrainingException("of the loss's weights absolute, relative and collocation one must be above 0");
        if (options.Collocation > 0.0 && model.States.FirstOrDefault(s => !s.Observed) is { } hidden)
            throw new TrainingException($"loss.collocation needs every state in the data, and {hidden.Name} is not observed; 0 would be right");
        if (options.Positivity > 0.0 && !model.States.Any(s => s.Positive))
            throw new TrainingException("loss.positivity needs a state with positive = true");
        foreach (var (name, weight) in new[] { ("mass", options.Mass), ("energy", options.Energy) })
        {
            if (weight == 0.0) continue;
            if (model.Reactor is null || model.Known is not null and not "reactor")
                throw new TrainingException($"loss.{name} needs model.reactor, whose balances are to be kept");
            if (model.Kind == "stoichiometric" || model.Known == "reactor")
                throw new TrainingException($"loss.{name} is nothing to weigh in this model, which keeps the balance by construction; 0 would be right");
        }
        if (options.Energy > 0.0 && (model.Reactor!.Temperature is null || model.Reactor.Rises.IsEmpty))
            throw new TrainingException("loss.energy needs model.reactor.temperature and model.reactor.rises, one number a reaction");
    }

    public int ParameterCount => _shooting.ParameterCount;

    public int Samples { get; }

    public IReadOnlyList<(string Name, int[] Shape)> Tensors { get; }

    public string Model { get; }

    public void Initialize(Span<T> parameters, ulong seed)
    {
        _model.Initialize(parameters, seed, _training);
        _shooting.InitializeStarts(parameters[_field.ParameterCount..]);
    }

    public object NewScratch() => _shooting.NewScratch();

    public double Gradient(ReadOnlySpan<T> parameters, ReadOnlySpan<int> samples, Span<T> gradient, object scratch) =>
        _shooting.Gradient(parameters, samples, gradient, (ShootingScratch<T>)scratch);

    public IReadOnlyDictionary<string, double> Validate(ReadOnlySpan<T> parameters, object scratch) => _validation.Count == 0
        ? new Dictionary<string, double>()
        : FreeRuns.Score(_model, parameters[.._field.ParameterCount], _validation, _options);

    public ITrainingTask<T> With(IReadOnlyDictionary<string, double> settings)
    {
        var options = _options;
        foreach (var (name, value) in settings)
        {
            var number = value == Math.Floor(value) && value is >= 1 and <= 1e6
                ? (int)value
                : throw new TrainingException($"the setting {name} is {value}; a whole number of 1 or more would be right");
            options = name switch
            {
                "window" => options with { Window = number },
                "stride" => options with { Stride = number },
                "substeps" => options with { Substeps = number },
                _ => throw new TrainingException(
                    $"this model has no setting '{name}' to schedule; it has window, stride and substeps"),
            };
        }
        if (_shooting.StartsPerWindow > 0 && (options.Window != _options.Window || options.Stride != _options.Stride))
            throw new TrainingException("window and stride cannot be scheduled where each window's start is a parameter");
        return new ShootingTask<T, TPhysics>(_model, _field, _training, _validation, options);
    }
}
