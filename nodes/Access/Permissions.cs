using System.Collections.Frozen;

namespace Athanor.Nodes.Access;

/// <summary>
/// Which role a command takes when it comes through a door. Commands that entities tell each other, or that the host makes (results of
/// work and Compute), are nobody's: a client who could send one could make an entity believe what never happened. So a kind that is not
/// listed here is refused, and a test asks for a decision about every kind.
/// </summary>
internal static class Permissions
{
    private static readonly FrozenDictionary<string, Role> ByKind = new Dictionary<string, Role>
    {
        ["twins.register"] = Role.Operate,
        ["twins.measure"] = Role.Operate,
        ["twins.observe"] = Role.Operate,
        ["twins.move"] = Role.Operate,
        ["twins.adopt-model"] = Role.Operate,
        ["twins.revert-model"] = Role.Operate,
        ["twins.create"] = Role.Operate,
        ["twins.set-mode"] = Role.Operate,
        ["twins.override-input"] = Role.Operate,
        ["twins.limit-input"] = Role.Operate,
        ["twins.set-setpoint"] = Role.Operate,
        ["twins.try-model"] = Role.Operate,
        ["twins.end-trial"] = Role.Operate,
        ["twins.adopt-unit-model"] = Role.Operate,
        ["twins.revert-unit-model"] = Role.Operate,
        ["twins.acknowledge-alarms"] = Role.Operate,
        ["twins.reset-alarm"] = Role.Operate,
        ["twins.shelve-alarm"] = Role.Operate,
        ["twins.unshelve-alarm"] = Role.Operate,
        ["twins.set-alarm-service"] = Role.Operate,
        ["std.repair-entity"] = Role.Administer,
        ["std.unpark"] = Role.Administer,
        ["training.start"] = Role.Train,
        ["training.cancel"] = Role.Train,
        ["training.start-run"] = Role.Train,
        ["training.resume"] = Role.Train,
        ["ensembles.train"] = Role.Train,
        ["ensembles.evaluate-sweep"] = Role.Train,
        ["models.register-model"] = Role.Train,
        ["models.fit-kinetics"] = Role.Train,
        ["models.fit-model"] = Role.Train,
        ["models.add-version"] = Role.Train,
        ["models.set-stage"] = Role.Train,
        ["evolution.start"] = Role.Train,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>Commands between entities, of timers, and of the host.</summary>
    public static FrozenSet<string> Internal { get; } = FrozenSet.ToFrozenSet(
    [
        "std.work-completed", "std.work-failed", "std.compute-completed", "std.compute-failed", "models.mark-adopted", "models.mark-released",
        "evolution.peer-enrolled", "evolution.peer-barred", "evolution.evaluation-overdue", "evolution.audit-overdue", "evolution.draw-again",
        "peers.enrol", "peers.watch", "peers.submit-claim", "peers.judge", "twins.watchdog-due",
    ], StringComparer.Ordinal);

    /// <summary>The role that a client's command takes; null if no client may send it.</summary>
    public static Role? Of(string kind) => ByKind.TryGetValue(kind, out var role) ? role : null;
}
