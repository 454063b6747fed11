using Athanor.Compute.Plants;

namespace Athanor.Compute.Control;

/// <summary>
/// A controller of one model with one set of settings: a pure function (memory, input) → (move, memory'). It holds no state of any twin and
/// may be called from several threads; all that lasts from one move to the next (the plan that warm-starts the next move, the disturbance
/// observer, the integrals of PID) is in the packed memory, whose first number is its version.
/// </summary>
/// <remarks>
/// Guarantees: the move is within the hard bounds and rates at any status, deadline and input; equal memory and input give equal bits (with
/// a deadline that counts pieces of work). A non-finite signal gives a <see cref="ControlStatus.Fallback"/> move that holds the last one
/// and names the signal. Where bounds and rate contradict each other (an actuator outside its limits) the rate wins and the bound is named
/// in
/// <see cref="ControlMove.Violated"/>.
/// </remarks>
public abstract class Controller
{
    private protected Controller(PlantModel model, ControllerSettings settings)
    {
        Model = model;
        Settings = settings;
    }

    public PlantModel Model { get; }

    public ControllerSettings Settings { get; }

    /// <exception cref="ControlException">The settings do not fit the model; the message names the key.</exception>
    public static Controller Create(PlantModel model, ControllerSettings settings)
    {
        SettingsCheck.Check(model, settings);
        return settings.Kind == ControllerKind.Pid ? new PidController(model, settings) : model.Accept<Maker, Controller>(new Maker(settings));
    }

    /// <summary>The memory of a controller that has made no move.</summary>
    public abstract double[] Start();

    /// <summary>Makes a move.</summary>
    /// <param name="memory">From <see cref="Start"/> or the last move; replaced, never written into.</param>
    /// <exception cref="ControlException">Memory or vectors of another model or version.</exception>
    public abstract ControlMove Move(ref double[] memory, ControlInput input, IDeadline deadline);

    private readonly struct Maker(ControllerSettings settings) : IPlantVisitor<Controller>
    {
        public Controller Visit<TMap>(in TMap map, PlantModel model)
            where TMap : struct, IPlantMap => new PredictiveController<TMap>(map, model, settings);
    }
}
