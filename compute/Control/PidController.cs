using Athanor.Compute.Plants;

namespace Athanor.Compute.Control;

/// <summary>
/// PID loops in the ideal form with set-point weight, first-order filter on the derivative of the measurement, and back-calculation: the
/// integral is drawn to what the actuator really did (bounds, rates, operator limits, a hand on the valve), so that nothing winds up and a
/// loop takes over from manual without a bump (K. Åström, T. Hägglund, Advanced PID Control, 2006, ch. 3 and 13).
/// </summary>
/// <remarks>Memory: [0] version, [1] 1 once a sample was seen, [2] its time, then by loop: integral part (input unit), filtered derivative
/// (state unit), last measurement, last unlimited output less its integral part.</remarks>
internal sealed class PidController : Controller
{
    private const double Version = 1.0;
    private const int Head = 3, Each = 4;

    private readonly MoveLimits _limits;
    private readonly int[] _states, _inputs;

    public PidController(PlantModel model, ControllerSettings settings)
        : base(model, settings)
    {
        _limits = new MoveLimits(model, settings);
        _states = [.. settings.Loops.Select(loop => model.StateIndex(loop.State))];
        _inputs =
        [
            .. settings.Loops.Select(
                loop => settings.Inputs.IndexOf(settings.Inputs.First(i => SettingsCheck.Same(i.Input, loop.Input)))),
        ];
    }

    public override double[] Start()
    {
        var memory = new double[Head + (Each * _states.Length)];
        memory[0] = Version;
        return memory;
    }

    public override ControlMove Move(ref double[] memory, ControlInput input, IDeadline deadline)
    {
        _limits.Lengths(input, _states.Length);
        if (memory.Length != Head + (Each * _states.Length) || memory[0] != Version)
            throw new ControlException($"the controller's memory is not that of {_states.Length} PID loops, version {Version}");
        List<string> broken = [];
        int m = _limits.Index.Length;
        double[] low = new double[m], high = new double[m], wanted = new double[m];
        _limits.Bounds(input, low, high, broken);
        for (var i = 0; i < m; i++) wanted[i] = input.PreviousMove[_limits.Index[i]];
        if (_limits.Wrong(input) is { Length: > 0 } wrong)
        {
            return new ControlMove
            {
                Move = _limits.Clamp(wanted, input.PreviousMove, low, high, broken),
                Status = ControlStatus.Fallback,
                Message = $"{wrong}: the last move is held",
                Violated = [.. broken],
            };
        }
        var next = (double[])memory.Clone();
        var elapsed = memory[1] > 0.0 ? input.TimeS - memory[2] : Settings.IntervalS;
        // A clock that jumps must not throw the integral about.
        elapsed = elapsed > 0.0 ? Math.Min(elapsed, 10.0 * Settings.IntervalS) : 0.0;
        for (var k = 0; k < _states.Length; k++)
        {
            var loop = Settings.Loops[k];
            var slot = next.AsSpan(Head + (Each * k), Each);
            double y = input.Mean[_states[k]], r = SetPoint(input, k), at = input.PreviousMove[_limits.Index[_inputs[k]]];
            var filter = loop.FilterS > 0.0 ? loop.FilterS : 0.1 * loop.DerivativeS;
            var derivative = memory[1] > 0.0 && loop.DerivativeS > 0.0
                ? ((filter * slot[1]) - (loop.DerivativeS * (y - slot[2]))) / (filter + elapsed)
                : 0.0;
            var part = loop.Gain * ((loop.SetPointWeight * r) - y + derivative);
            if (memory[1] == 0.0)
            {
                // Bumpless: the first output is where the actuator stands.
                slot[0] = loop.IntegralS is null ? Reference(k) : at - part;
            }
            else if (loop.IntegralS is { } ti)
            {
                var tracking = loop.TrackingS > 0.0 ? loop.TrackingS : loop.DerivativeS > 0.0 ? Math.Sqrt(ti * loop.DerivativeS) : ti;
                var output = slot[3] + slot[0];
                slot[0] += (loop.Gain * elapsed / ti * (r - y)) + (Math.Min(1.0, elapsed / tracking) * (at - output));
            }
            slot[1] = derivative;
            slot[2] = y;
            slot[3] = part;
            wanted[_inputs[k]] = part + slot[0];
        }
        next[1] = 1.0;
        next[2] = input.TimeS;
        memory = next;
        return new ControlMove
        {
            Move = _limits.Clamp(wanted, input.PreviousMove, low, high, broken),
            Status = ControlStatus.Converged,
            Violated = [.. broken],
        };
    }

    private double SetPoint(ControlInput input, int loop)
    {
        if (input.SetPoints.Length > 0 && double.IsFinite(input.SetPoints[loop])) return input.SetPoints[loop];
        var tracked = Settings.Tracked.FirstOrDefault(t => SettingsCheck.Same(t.State, Settings.Loops[loop].State));
        return tracked?.SetPoint ?? Model.States[_states[loop]].Nominal;
    }

    private double Reference(int loop) => Settings.Inputs[_inputs[loop]].Reference ?? Model.Inputs[_limits.Index[_inputs[loop]]].Nominal;
}
