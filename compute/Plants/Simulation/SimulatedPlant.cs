using Athanor.Compute.Numerics;
using Athanor.Compute.Ode;
using Athanor.Compute.Problems;

namespace Athanor.Compute.Plants.Simulation;

/// <summary>
/// A plant that is simulated so that a twin can be proven against it: the truth is integrated by a solver with error control (not by the
/// twin's own discretisation), gathers process noise, and is seen through instruments that fail as a <see cref="PlantScenario"/> says.
/// Every source of chance is a stream of its own under the scenario's seed, so that a fault added to a scenario moves no other number, and
/// every draw belongs to one instant, so that it does not matter in which strides the plant is advanced.
/// </summary>
public sealed class SimulatedPlant
{
    private const double StepEps = 1e-9;
    private const double WildShare = 0.25;

    private readonly PlantScenario _scenario;
    private readonly OdeOptions _options;
    private readonly double[] _nominal, _parameters, _state, _commands, _applied, _frozen;
    private readonly int[] _actuators;
    private readonly long[] _taken;
    private readonly List<PlantSample> _onTheWay = [];
    private readonly double _tickS;
    private long _tick;

    /// <exception cref="ArgumentException">The scenario names what the problem does not have, or a number is none.</exception>
    public SimulatedPlant(PlantScenario scenario)
    {
        Check(scenario);
        _scenario = scenario;
        var problem = scenario.Problem;
        _options = problem.DefaultOptions with { RelativeTolerance = 1e-9 };
        _nominal = problem.NominalParameters;
        foreach (var (name, value) in scenario.Parameters) _nominal[problem.ParameterIndex(name)] = value;
        _parameters = [.. _nominal];
        _state = [.. scenario.Initial];
        _actuators = [.. scenario.Actuators.Select(a => problem.ParameterIndex(a.Name))];
        _commands = [.. scenario.Actuators.Select(static a => a.Initial)];
        _applied = [.. _commands];
        _taken = new long[scenario.Sensors.Length];
        _frozen = [.. scenario.Sensors.Select(static _ => double.NaN)];
        _tickS = scenario.Sensors.Min(static s => s.PeriodS);
        Sample();
    }

    /// <summary>Now, from the plant's start.</summary>
    public double TimeS { get; private set; }

    /// <summary>The true states, shape (states).</summary>
    public ReadOnlySpan<double> State => _state;

    /// <summary>Where the actuators truly stand.</summary>
    public ReadOnlySpan<double> Applied => _applied;

    /// <summary>The true value of a parameter now.</summary>
    public double Parameter(string name) => _parameters[_scenario.Problem.ParameterIndex(name)];

    /// <summary>Faults that act now.</summary>
    public IEnumerable<PlantFault> Acting => _scenario.Faults.Where(f => f.ActsAt(TimeS));

    /// <summary>Sends commands to the actuators; they stand until the next.</summary>
    /// <param name="commands">In the order of the actuators; a value that is no finite number is not obeyed.</param>
    public void Command(ReadOnlySpan<double> commands)
    {
        if (commands.Length != _commands.Length) throw new ArgumentException($"there are {_commands.Length} actuators, not {commands.Length}");
        for (var i = 0; i < commands.Length; i++)
        {
            if (double.IsFinite(commands[i])) _commands[i] = commands[i];
        }
    }

    /// <summary>Goes on to a moment. Instruments sample on the way; what has come can be had from <see cref="Arrived"/>.</summary>
    /// <exception cref="OdeException">The truth cannot be integrated; the message names time and state.</exception>
    public void AdvanceTo(double timeS)
    {
        while (TimeS < timeS - StepEps)
        {
            // The next instant at which something may change: a sample, a fault that begins or ends, the goal.
            var next = Math.Min(timeS, (_tick + 1) * _tickS);
            foreach (var fault in _scenario.Faults)
            {
                if (fault.FromS > TimeS + StepEps && fault.FromS < next - StepEps) next = fault.FromS;
                if (fault.UntilS > TimeS + StepEps && fault.UntilS < next - StepEps) next = fault.UntilS;
            }
            Integrate(next);
            TimeS = next;
            if (TimeS < ((_tick + 1) * _tickS) - StepEps) continue;
            _tick++;
            TimeS = _tick * _tickS;
            Disturb();
            Sample();
        }
    }

    /// <summary>The samples that have come by now and were not given before, by arrival.</summary>
    public IReadOnlyList<PlantSample> Arrived()
    {
        var now = TimeS + StepEps;
        var arrived = _onTheWay.Where(s => s.ArrivalS <= now).OrderBy(static s => s.ArrivalS).ToArray();
        _onTheWay.RemoveAll(s => s.ArrivalS <= now);
        return arrived;
    }

    private void Integrate(double untilS)
    {
        Array.Copy(_nominal, _parameters, _nominal.Length);
        for (var i = 0; i < _actuators.Length; i++) _parameters[_actuators[i]] = _applied[i] = Standing(i);
        foreach (var fault in _scenario.Faults)
        {
            if (fault.IsOfSensor || fault.IsOfActuator || TimeS < fault.FromS) continue;
            var index = _scenario.Problem.ParameterIndex(fault.Target);
            if (fault.Kind == PlantFaultKind.ParameterStep && fault.ActsAt(TimeS)) _parameters[index] += fault.Size;
            // Its mean over the stride: a drift is slow beside a sample.
            if (fault.Kind == PlantFaultKind.ParameterDrift)
                _parameters[index] += fault.Size * (Math.Min((TimeS + untilS) / 2.0, fault.UntilS) - fault.FromS);
        }
        var unit = _scenario.TimeUnitS;
        var end = _scenario.Problem.Solve(new OdeRequest
        {
            Parameters = _parameters,
            Initial = _state,
            Start = TimeS / unit,
            Times = [untilS / unit],
            Options = _options,
        }).End;
        end.CopyTo(_state);
    }

    private double Standing(int actuator)
    {
        var own = _scenario.Actuators[actuator];
        var value = _commands[actuator];
        foreach (var fault in _scenario.Faults)
        {
            if (fault.Target != own.Name || !fault.ActsAt(TimeS)) continue;
            if (fault.Kind == PlantFaultKind.ActuatorStuck) return _applied[actuator];
            if (fault.Kind == PlantFaultKind.ActuatorBias) value += fault.Size;
        }
        return Math.Clamp(value, own.Low, own.High);
    }

    private void Disturb()
    {
        if (_scenario.ProcessNoise.Length == 0) return;
        var chance = new Philox(_scenario.Seed, Stream(0, _tick));
        for (var i = 0; i < _state.Length; i++)
        {
            var walked = _state[i] + (_scenario.ProcessNoise[i] * Math.Sqrt(_tickS) * chance.NextNormal());
            var bounds = _scenario.Problem.States[i];
            _state[i] = Math.Clamp(walked, Math.Min(bounds.Lower, _state[i]), Math.Max(bounds.Upper, _state[i]));
        }
    }

    private void Sample()
    {
        for (var i = 0; i < _taken.Length; i++)
        {
            var sensor = _scenario.Sensors[i];
            if (TimeS < (_taken[i] * sensor.PeriodS) - (StepEps * (_tick + 1))) continue;
            _taken[i]++;
            // Each sample has its own stream, and draws everything whether it is used or not.
            var chance = new Philox(_scenario.Seed, Stream(i + 1, _taken[i]));
            double noise = chance.NextNormal(), wild = chance.NextNormal(), whenWild = chance.NextDouble();
            double missing = chance.NextDouble(), late = chance.NextDouble(), by = chance.NextDouble();
            var value = sensor.NoiseSd * noise;
            for (var k = 0; k < _state.Length; k++) value += sensor.Weights[k] * _state[k];
            var dead = false;
            var isFrozen = false;
            foreach (var fault in _scenario.Faults)
            {
                if (fault.Target != sensor.Signal || !fault.IsOfSensor || !fault.ActsAt(TimeS)) continue;
                switch (fault.Kind)
                {
                    case PlantFaultKind.SensorBias: value += fault.Size; break;
                    case PlantFaultKind.SensorDrift: value += fault.Size * (TimeS - fault.FromS); break;
                    case PlantFaultKind.SensorWild: value += whenWild < WildShare ? fault.Size * wild : 0.0; break;
                    case PlantFaultKind.SensorFrozen: isFrozen = true; break;
                    default: dead = true; break;
                }
            }
            if (isFrozen && double.IsFinite(_frozen[i])) value = _frozen[i];
            else _frozen[i] = value;
            if (dead || missing < sensor.Missing) continue;
            var arrival = TimeS + sensor.DelayS + (late < sensor.Late ? by * sensor.LateByS : 0.0);
            _onTheWay.Add(new PlantSample(sensor.Signal, TimeS, arrival, _taken[i], value));
        }
    }

    private static ulong Stream(int source, long number) => ((ulong)source << 48) | (ulong)number;

    private static void Check(PlantScenario scenario)
    {
        var problem = scenario.Problem;
        var n = problem.States.Length;
        if (!(scenario.TimeUnitS > 0.0)) throw new ArgumentException("a plant's unit of time has a length above 0 s");
        if (scenario.Initial.Length != n || scenario.Initial.Any(static x => !double.IsFinite(x)))
            throw new ArgumentException($"{problem.Name} starts from {n} finite states");
        if (scenario.ProcessNoise.Length != 0 && (scenario.ProcessNoise.Length != n || scenario.ProcessNoise.Any(static s => !(s >= 0.0))))
            throw new ArgumentException($"the process noise of {problem.Name} is {n} numbers of at least 0");
        if (scenario.Sensors.Length == 0) throw new ArgumentException("a plant without a sensor shows nothing; at least one is needed");
        foreach (var sensor in scenario.Sensors)
        {
            if (sensor.Weights.Length != n) throw new ArgumentException($"sensor {sensor.Signal} weighs {n} states");
            if (!(sensor.PeriodS > 0.0) || !(sensor.NoiseSd >= 0.0) || !(sensor.DelayS >= 0.0))
                throw new ArgumentException($"sensor {sensor.Signal} has a period above 0 s, and noise and delay of at least 0");
        }
        foreach (var fault in scenario.Faults)
        {
            if (fault.IsOfSensor && scenario.Sensors.All(s => s.Signal != fault.Target))
                throw new ArgumentException($"there is no sensor {fault.Target}; there are {string.Join(", ", scenario.Sensors.Select(static s => s.Signal))}");
            if (fault.IsOfActuator && scenario.Actuators.All(a => a.Name != fault.Target))
                throw new ArgumentException($"there is no actuator {fault.Target}; there are {string.Join(", ", scenario.Actuators.Select(static a => a.Name))}");
            if (!fault.IsOfSensor && !fault.IsOfActuator) _ = problem.ParameterIndex(fault.Target);
        }
    }
}
