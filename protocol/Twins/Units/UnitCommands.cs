namespace Athanor.Protocol.Twins.Units;

/// <summary>Makes the twin of a plant unit. The same spec again has no second effect; another one is refused. Samples come by
/// <see cref="Observe"/>.</summary>
[Message("twins.create", Since = 1)]
public sealed record CreateUnit([property: Key(0)] UnitSpec Spec) : ICommand;

/// <summary>Changes what the controller may do.</summary>
/// <param name="Why">For people, 1 to 512 characters; here and in all that follow.</param>
[Message("twins.set-mode", Since = 1)]
public sealed record SetUnitMode([property: Key(0)] ControllerMode Mode, [property: Key(1)] string Why) : ICommand;

/// <summary>Holds an input at a value that the operator gives, or gives it back to the controller.</summary>
/// <param name="Value">Null gives it back.</param>
[Message("twins.override-input", Since = 1)]
public sealed record OverrideInput(
    [property: Key(0)] string Input, [property: Key(1)] double? Value, [property: Key(2)] string Why) : ICommand;

/// <summary>Narrows the bounds of an input, inside those of the spec.</summary>
/// <param name="Low">Null for the spec's.</param>
[Message("twins.limit-input", Since = 1)]
public sealed record LimitInput(
    [property: Key(0)] string Input, [property: Key(1)] double? Low, [property: Key(2)] double? High, [property: Key(3)] string Why) : ICommand;

[Message("twins.set-setpoint", Since = 1)]
public sealed record SetSetpoint([property: Key(0)] string Name, [property: Key(1)] double Value, [property: Key(2)] string Why) : ICommand;

/// <summary>Lets another model run beside the present one, without effect but for its scores.</summary>
/// <param name="Model">Its version is not read. It must have the unit's inputs.</param>
[Message("twins.try-model", Since = 1)]
public sealed record TryUnitModel([property: Key(0)] UnitModel Model, [property: Key(1)] string Why) : ICommand;

[Message("twins.end-trial", Since = 1)]
public sealed record EndTrial([property: Key(0)] string Why) : ICommand;

/// <summary>Gives the unit another model from the next sample on.</summary>
/// <param name="Model">Its version is one above the present one's. Null takes the model on trial with its estimate.</param>
[Message("twins.adopt-unit-model", Since = 1)]
public sealed record AdoptUnitModel([property: Key(0)] UnitModel? Model, [property: Key(1)] string Why) : ICommand;

/// <summary>Gives the unit back the model before the present one, under the next version number.</summary>
/// <param name="Version">The version that it runs now, and shall leave.</param>
[Message("twins.revert-unit-model", Since = 1)]
public sealed record RevertUnitModel([property: Key(0)] long Version, [property: Key(1)] string Why) : ICommand;

/// <summary>Of the watchdog's timer to its own twin.</summary>
[Message("twins.watchdog-due", Since = 1)]
public sealed record WatchdogDue : ICommand;
