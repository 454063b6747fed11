using System.Collections.Concurrent;
using Athanor.Compute.Plants;

namespace Athanor.Compute.Control;

/// <summary>
/// Nonlinear, economic and stochastic model predictive control.
/// </summary>
/// <remarks>
/// Memory, all numbers: [0] version, [1] 1 once a sample was seen, [2] its time, [3] 1 once there is a plan, [4] 1 once there is a target;
/// then disturbance n, last estimate n, target states n and inputs m, plan states (N + 1) n and inputs N m, multipliers of hard bounds 2 N
/// h and of soft ones 2 N s (lower and upper by turns), margins of stochastic bounds 2 N s, feedback gains N m w. Physical units but for
/// multipliers and gains. m counts inputs that are moved, w = m + n (+ m) the variables of a stage.
/// <para>Without a new optimum (no time, or none found) the earlier plan goes on, corrected by its own feedback law
/// u = ū + K (x - x̄), K the gains of the last quadratic program: on an unstable plant an open-loop plan is no answer even for a
/// sample.</para>
/// <para>A plan made at time t serves at t + j intervals by a shift of j; the first input is always clamped to bounds and rate from the
/// actuator's present position, so that a controller that was off, or overridden, takes over without a jump.</para>
/// </remarks>
internal sealed partial class PredictiveController<TMap> : Controller
    where TMap : struct, IPlantMap
{
    private const double Version = 1.0;
    private const int Head = 5;

    private readonly TMap _map;
    private readonly MoveLimits _limits;
    private readonly int[] _tracked;
    private readonly int _n, _m, _stages, _hard, _soft, _width, _length;
    private readonly ConcurrentBag<Work> _pool = [];

    public PredictiveController(in TMap map, PlantModel model, ControllerSettings settings)
        : base(model, settings)
    {
        _map = map;
        _limits = new MoveLimits(model, settings);
        _tracked = [.. settings.Tracked.Select(t => model.StateIndex(t.State))];
        var work = new Work(this);
        (_n, _m, _stages) = (work.Problem.States, work.Problem.Inputs, work.Problem.Stages);
        (_hard, _soft, _width) = (work.Solver.Qp.Hard.Count, work.Solver.Qp.Soft.Count, work.Solver.Qp.Width);
        _length = Head + (3 * _n) + _m + ((_stages + 1) * _n) + (_stages * _m) + (2 * _hard) + (4 * _soft) + (_stages * _m * _width);
        _pool.Add(work);
    }

    private int PlanAt => Head + (3 * _n) + _m;

    private int MultipliersAt => PlanAt + ((_stages + 1) * _n) + (_stages * _m);

    private int MarginsAt => MultipliersAt + (2 * _hard) + (2 * _soft);

    private int GainsAt => MarginsAt + (2 * _soft);

    public override double[] Start()
    {
        var memory = new double[_length];
        memory[0] = Version;
        return memory;
    }

    public override ControlMove Move(ref double[] memory, ControlInput input, IDeadline deadline)
    {
        _limits.Lengths(input, _tracked.Length);
        if (memory.Length != _length || memory[0] != Version)
        {
            throw new ControlException(
                $"the controller's memory is {memory.Length} numbers of version {(memory.Length > 0 ? memory[0] : double.NaN)}; these settings " +
                $"have {_length} of version {Version}: start a new one");
        }
        if (!_pool.TryTake(out var work)) work = new Work(this);
        try
        {
            var next = (double[])memory.Clone();
            var move = Move(work, next, input, deadline);
            memory = next;
            return move;
        }
        finally
        {
            _pool.Add(work);
        }
    }

    private ControlMove Move(Work work, double[] memory, ControlInput input, IDeadline deadline)
    {
        var problem = work.Problem;
        List<string> broken = [];
        problem.Held = input.PreviousMove;
        _limits.Bounds(input, problem.Low, problem.High, broken);
        if (_limits.Wrong(input) is { Length: > 0 } wrong)
        {
            for (var i = 0; i < _m; i++) work.First[i] = input.PreviousMove[_limits.Index[i]];
            // What is planned stays in the memory for when the signal is back; the work arrays hold another twin's.
            return new ControlMove
            {
                Move = _limits.Clamp(work.First, input.PreviousMove, problem.Low, problem.High, broken),
                Status = ControlStatus.Fallback,
                Message = $"{wrong}: the last move is held",
                Violated = [.. broken],
            };
        }
        problem.Parameters = input.Parameters.Length > 0 ? input.Parameters : work.NominalParameters;
        problem.Start = input.Mean;
        Observe(work, memory, input);
        Intervals(problem, input.TimeS);
        var message = Aim(work, memory, input);
        Tighten(work, memory);
        problem.WriteBounds(work.Solver.Qp);
        var planned = TakePlan(work, memory, input.TimeS);
        var status = work.Solver.Solve(Settings.SqpIterations, Settings.Tolerance, deadline);
        if (Settings.Kind == ControllerKind.Stochastic && status != ControlStatus.Fallback)
            status = Scenarios(work, memory, input, status, deadline);
        if (status == ControlStatus.Fallback)
        {
            var why = work.Solver.Failed ? "no optimum was found" : "no time for a new plan";
            message = planned ? $"{why}: the earlier plan goes on" : $"{why} and there is no earlier one: the last move is held";
            for (var i = 0; i < _m; i++) work.First[i] = input.PreviousMove[_limits.Index[i]];
            if (planned) Correct(work, input);
        }
        else
        {
            work.Solver.U.AsSpan(0, _m).CopyTo(work.First);
        }
        Keep(work, memory, input, planned || status != ControlStatus.Fallback, status != ControlStatus.Fallback);
        return Answer(work, input, work.First, status, message, broken);
    }

    /// <summary>The integrating observer: a share of what the model did not predict is taken as lasting.</summary>
    private void Observe(Work work, double[] memory, ControlInput input)
    {
        var disturbance = memory.AsSpan(Head, _n);
        if (Settings.Disturbance == DisturbanceKind.Given)
        {
            disturbance.Clear();
            input.Disturbance.CopyTo(disturbance);
        }
        else if (Settings.Disturbance == DisturbanceKind.Observer && memory[1] > 0.0)
        {
            // The observer's disturbance is one of a whole interval: other gaps (a restart, samples missed) teach it nothing.
            var elapsed = input.TimeS - memory[2];
            if (Math.Abs(elapsed - Settings.IntervalS) <= 0.01 * Settings.IntervalS)
            {
                _map.Advance(memory.AsSpan(Head + _n, _n), input.PreviousMove, work.Problem.Parameters, Settings.IntervalS, work.Predicted);
                for (var i = 0; i < _n; i++)
                {
                    var change = Settings.ObserverGain * (input.Mean[i] - work.Predicted[i] - disturbance[i]);
                    if (double.IsFinite(change)) disturbance[i] += change;
                }
            }
        }
        disturbance.CopyTo(work.Problem.Disturbance);
        input.Mean.CopyTo(memory, Head + _n);
    }

    /// <summary>A batch's last intervals end with it; those after it take no time.</summary>
    private void Intervals(ShootingProblem problem, double timeS)
    {
        if (Settings.EndS is not { } end) return;
        for (var k = 0; k < _stages; k++) problem.IntervalS[k] = Math.Clamp(end - timeS - (k * Settings.IntervalS), 0.0, Settings.IntervalS);
    }

    /// <summary>Sets the origin: the steady state that meets the set-points, or set-points and references as they are.</summary>
    private string Aim(Work work, double[] memory, ControlInput input)
    {
        var problem = work.Problem;
        Array.Fill(work.SetPoints, double.NaN);
        Array.Clear(work.TargetStepX);
        Array.Clear(work.TargetStepU);
        work.NominalStates.CopyTo(problem.StateOrigin, 0);
        for (var j = 0; j < _tracked.Length; j++)
        {
            var given = input.SetPoints.Length > 0 && double.IsFinite(input.SetPoints[j]);
            var point = given ? input.SetPoints[j] : Settings.Tracked[j].SetPoint ?? work.NominalStates[_tracked[j]];
            foreach (var bound in Settings.Bounds)
            {
                // A set-point beyond a bound would be paid for at every step.
                if (!SettingsCheck.Same(bound.State, Settings.Tracked[j].State)) continue;
                point = Math.Min(Math.Max(point, bound.Minimum ?? point), bound.Maximum ?? point);
            }
            work.SetPoints[_tracked[j]] = problem.StateOrigin[_tracked[j]] = point;
        }
        work.References.CopyTo(problem.InputOrigin, 0);
        if (!Settings.SteadyTarget || Settings.Kind == ControllerKind.Economic) return "";
        var targetX = memory.AsSpan(Head + (2 * _n), _n);
        var targetU = memory.AsSpan(Head + (3 * _n), _m);
        double[] x = work.TargetX, u = work.TargetU;
        // The last target is the best guess while its set-points stand; without one, set-points and references.
        for (var i = 0; i < _n; i++)
        {
            var free = memory[4] > 0.0 ? targetX[i] : problem.StateOrigin[i];
            x[i] = double.IsNaN(work.SetPoints[i]) ? free : work.SetPoints[i];
        }
        for (var i = 0; i < _m; i++) u[i] = Math.Clamp(memory[4] > 0.0 ? targetU[i] : work.References[i], problem.Low[i], problem.High[i]);
        var found = work.Target.Solve(work.SetPoints, work.References, Settings.IntervalS, x, u);
        if (!found && memory[4] > 0.0)
        {
            targetX.CopyTo(x);
            targetU.CopyTo(u);
            found = work.Target.Solve(work.SetPoints, work.References, Settings.IntervalS, x, u);
        }
        if (!found) return "no steady state meets the set-points under the present model: set-points and references are aimed at as they are";
        if (memory[4] > 0.0)
        {
            for (var i = 0; i < _n; i++) work.TargetStepX[i] = x[i] - targetX[i];
            for (var i = 0; i < _m; i++) work.TargetStepU[i] = u[i] - targetU[i];
        }
        x.CopyTo(targetX);
        u.CopyTo(targetU);
        memory[4] = 1.0;
        x.CopyTo(problem.StateOrigin, 0);
        u.CopyTo(problem.InputOrigin, 0);
        return "";
    }

    /// <summary>The plan of the memory, shifted to the present; false: there is none, and a flat one stands in.</summary>
    private bool TakePlan(Work work, double[] memory, double timeS)
    {
        var shift = memory[3] > 0.0 ? Math.Round((timeS - memory[2]) / Settings.IntervalS) : -1.0;
        if (!(shift >= 0.0 && shift < _stages))
        {
            work.Solver.ColdPlan();
            work.Solver.Qp.ClearMultipliers();
            Array.Clear(work.Gains);
            return false;
        }
        memory.AsSpan(PlanAt, (_stages + 1) * _n).CopyTo(work.Solver.X);
        memory.AsSpan(PlanAt + ((_stages + 1) * _n), _stages * _m).CopyTo(work.Solver.U);
        var qp = work.Solver.Qp;
        var at = MultipliersAt;
        for (var i = 0; i < _hard; i++, at += 2) qp.Hard.SetMultipliers(i, memory[at], memory[at + 1]);
        for (var i = 0; i < _soft; i++, at += 2) qp.Soft.SetMultipliers(i, memory[at], memory[at + 1]);
        for (var i = 0; i < _m; i++)
            work.Before[i] = shift > 0.0 ? work.Solver.U[(((int)shift - 1) * _m) + i] : work.Problem.Held[_limits.Index[i]];
        for (var j = 0; j < (int)shift; j++) work.Solver.Shift();
        var stage = _m * _width;
        for (var k = 0; k < _stages; k++)
            memory.AsSpan(GainsAt + (Math.Min(k + (int)shift, _stages - 1) * stage), stage).CopyTo(work.Gains.AsSpan(k * stage));
        // The flat plan stands in for one that fails; what goes on is the shifted one.
        work.Solver.X.CopyTo(work.PlanX, 0);
        work.Solver.U.CopyTo(work.PlanU, 0);
        work.Solver.Warm = true;
        return true;
    }

    /// <summary>The planned move with the plan's feedback on where the plant really is. The plan is moved along with its target first: near
    /// the target that is what a new optimum would do, and it costs nothing.</summary>
    private void Correct(Work work, ControlInput input)
    {
        var problem = work.Problem;
        var deviation = work.Deviation;
        for (var i = 0; i < work.PlanX.Length; i++) work.PlanX[i] += work.TargetStepX[i % _n];
        for (var i = 0; i < work.PlanU.Length; i++)
        {
            int k = i / _m, input1 = i % _m;
            work.PlanU[i] = Math.Clamp(work.PlanU[i] + work.TargetStepU[input1], problem.LowAt(k, input1), problem.HighAt(k, input1));
        }
        for (var i = 0; i < _m; i++) work.Before[i] += work.TargetStepU[i];
        work.PlanX.CopyTo(work.Solver.X, 0);
        work.PlanU.CopyTo(work.Solver.U, 0);
        for (var i = 0; i < _n; i++) deviation[_m + i] = (input.Mean[i] - work.PlanX[i]) / problem.StateScale[i];
        for (var i = 0; i < _m && problem.HasMoves; i++)
            deviation[_m + _n + i] = (input.PreviousMove[_limits.Index[i]] - work.Before[i]) / problem.InputScale[i];
        for (var i = _m - 1; i >= 0; i--)
        {
            var sum = 0.0;
            for (var c = i + 1; c < _width; c++) sum += work.Gains[(i * _width) + c] * deviation[c];
            deviation[i] = -sum;
            work.First[i] = work.PlanU[i] + (problem.InputScale[i] * deviation[i]);
        }
    }

    private void Keep(Work work, double[] memory, ControlInput input, bool planned, bool fresh)
    {
        memory[1] = 1.0;
        memory[2] = input.TimeS;
        memory[3] = planned ? 1.0 : 0.0;
        work.Solver.X.CopyTo(memory, PlanAt);
        work.Solver.U.CopyTo(memory, PlanAt + ((_stages + 1) * _n));
        var qp = work.Solver.Qp;
        var at = MultipliersAt;
        for (var i = 0; i < _hard; i++, at += 2) (memory[at], memory[at + 1]) = qp.Hard.Multipliers(i);
        for (var i = 0; i < _soft; i++, at += 2) (memory[at], memory[at + 1]) = qp.Soft.Multipliers(i);
        if (fresh)
        {
            for (var k = 0; k < _stages; k++)
            {
                for (var i = 0; i < _m; i++) qp.Gain(k, i).CopyTo(memory.AsSpan(GainsAt + (((k * _m) + i) * _width), _width));
            }
        }
        else
        {
            work.Gains.CopyTo(memory, GainsAt);
        }
    }

    private ControlMove Answer(Work work, ControlInput input, double[] wanted, ControlStatus status, string message, List<string> broken)
    {
        var solver = work.Solver;
        var problem = work.Problem;
        var move = _limits.Clamp(wanted, input.PreviousMove, problem.Low, problem.High, broken);
        var all = problem.AllInputs;
        var inputs = new double[_stages * all];
        for (var k = 0; k < _stages; k++)
        {
            input.PreviousMove.CopyTo(inputs, k * all);
            for (var i = 0; i < _m; i++) inputs[(k * all) + _limits.Index[i]] = solver.U[(k * _m) + i];
        }
        for (var j = 0; j < Settings.Bounds.Length; j++)
        {
            var bound = Settings.Bounds[j];
            for (var k = 1; k <= _stages; k++)
            {
                var x = solver.X[(k * _n) + problem.Bounded[j]];
                if (!(x < bound.Minimum - (1e-4 * bound.Scale)) && !(x > bound.Maximum + (1e-4 * bound.Scale))) continue;
                broken.Add(bound.State);
                break;
            }
        }
        double[] targetU = [.. input.PreviousMove];
        for (var i = 0; i < _m; i++) targetU[_limits.Index[i]] = problem.InputOrigin[i];
        return new ControlMove
        {
            Move = move,
            Status = status,
            Message = message,
            Violated = [.. broken],
            PredictedStates = [.. solver.X],
            PredictedInputs = inputs,
            TargetStates = [.. problem.StateOrigin],
            TargetInputs = targetU,
            Disturbance = [.. problem.Disturbance],
            Cost = solver.Cost(),
            KktResidual = solver.KktResidual,
            Iterations = solver.Iterations,
            QpIterations = solver.QpIterations,
        };
    }

    /// <summary>Work arrays of one call at a time.</summary>
    private sealed class Work
    {
        public Work(PredictiveController<TMap> owner)
        {
            Problem = new ShootingProblem(owner.Model, owner.Settings, owner._limits);
            var economic = owner.Settings.Objective.Length > 0 ? new EconomicCost(owner.Model, owner.Settings, Problem) : null;
            Solver = new ShootingSolver<TMap>(owner._map, Problem, economic);
            Target = new SteadyTarget<TMap>(owner._map, Problem);
            NominalStates = owner.Model.NominalStates;
            NominalParameters = owner.Model.NominalParameters;
            References = [.. owner.Settings.Inputs.Select((input, i) => input.Reference ?? owner.Model.Inputs[Problem.Moved[i]].Nominal)];
            First = new double[Problem.Inputs];
            Predicted = new double[Problem.States];
            SetPoints = new double[Problem.States];
            TargetX = new double[Problem.States];
            TargetU = new double[Problem.Inputs];
            TargetStepX = new double[Problem.States];
            TargetStepU = new double[Problem.Inputs];
            PlanX = new double[Solver.X.Length];
            PlanU = new double[Solver.U.Length];
            Before = new double[Problem.Inputs];
            Deviation = new double[Solver.Qp.Width];
            Gains = new double[Problem.Stages * Problem.Inputs * Solver.Qp.Width];
        }

        public ShootingProblem Problem { get; }

        public ShootingSolver<TMap> Solver { get; }

        public SteadyTarget<TMap> Target { get; }

        public double[] NominalStates { get; }

        public double[] NominalParameters { get; }

        public double[] References { get; }

        public double[] First { get; }

        public double[] Predicted { get; }

        public double[] SetPoints { get; }

        public double[] TargetX { get; }

        public double[] TargetU { get; }

        /// <summary>How the target has moved since the last sample.</summary>
        public double[] TargetStepX { get; }

        public double[] TargetStepU { get; }

        /// <summary>The shifted plan, what it did just before, and its gains.</summary>
        public double[] PlanX { get; }

        public double[] PlanU { get; }

        public double[] Before { get; }

        public double[] Gains { get; }

        public double[] Deviation { get; }
    }
}
