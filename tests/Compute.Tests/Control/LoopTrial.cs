using System.Collections.Immutable;
using Athanor.Compute.Benchmarks;
using Athanor.Compute.Control;
using Athanor.Compute.Estimation;
using Athanor.Compute.Numerics;
using Athanor.Compute.Plants;

namespace Athanor.Compute.Tests.Control;

/// <summary>
/// The closed loop that controllers are held to: the unstable stirred tank whose true frequency factor and heat transfer differ from the
/// model's by up to 20 %, with set-points that step every 200 samples, a feed that steps too, biased and noisy sensors. Ten plants one
/// after the other, 1,000 samples each. An extended Kalman filter estimates states, frequency factor and heat transfer, the same for any
/// controller; two integrated parameters for two controlled states are what leaves no offset (Pannocchia and Rawlings, AIChE J. 49 (2003)
/// 426).
/// </summary>
internal sealed class LoopTrial
{
    public const int StepsEach = 1000, Block = 200, Window = 100, Manual = 50;

    private const double Span = (StepsEach + Manual + 50) * CstrProblem.IntervalS;

    private const double NoiseCa = 0.001, NoiseT = 0.05, BiasCa = 0.002, BiasT = 0.4, HighT = 359.0;

    private static readonly (double K0, double Ua)[] Plants =
    [
        (1.2, 1.2), (1.2, 0.8), (0.8, 1.2), (0.8, 0.8), (1.2, 1.0), (0.8, 1.0), (1.0, 1.2), (1.0, 0.8), (1.1, 0.85), (0.9, 1.15),
    ];

    // Steady states of the nominal model at a flow of 100 L/min. In the fourth block the feed steps.
    private static readonly (double Ca, double T)[] SetPoints = [(0.40, 355.77), (0.36, 358.25), (0.42, 354.58), (0.42, 354.58), (0.38, 356.99)];

    public static PlantModel Plant { get; } = PlantModel.Of(ExothermicCstr.Problem, ["Tc", "q", "Cf", "Tf"], ["k0", "UA"], substepS: 0.75);

    public static ControllerSettings Settings { get; } = new()
    {
        Kind = ControllerKind.Nmpc,
        IntervalS = CstrProblem.IntervalS,
        Horizon = 20,
        Inputs = [new("Tc", 250.0, 340.0, 10.0, RatePerS: 2.0, MoveWeight: 0.1), new("q", 60.0, 150.0, 10.0, RatePerS: 3.0, MoveWeight: 0.1)],
        Tracked = [new("Ca", 0.1), new("T", 5.0)],
        Bounds = [new("T", 5.0, Maximum: HighT, LinearPenalty: 20.0, QuadraticPenalty: 100.0)],
        Disturbance = DisturbanceKind.None,
    };

    private static EstimatorSettings Filter { get; } = new()
    {
        ProcessNoise = ImmutableSortedDictionary<string, double>.Empty.Add("Ca", 1e-4).Add("T", 5e-3),
        Estimate = ImmutableSortedDictionary<string, EstimatedParameter>.Empty
            .Add("k0", new(1.5e10, 2e8, 3e10, 1.5e11)).Add("UA", new(1e4, 150.0, 2e4, 1e5)),
        Sensors = [new("Ca") { Noise = NoiseCa }, new("T") { Noise = NoiseT }],
        Gate = 0.0,
    };

    /// <summary>The controller's share: from its input to a move.</summary>
    public delegate double[] Mover(ControlInput input, int step);

    public int Steps { get; private set; }

    public int BoundViolations { get; private set; }

    public int RateViolations { get; private set; }

    /// <summary>Samples at which the true temperature was above the soft bound, and by how much at most.</summary>
    public int StateViolations { get; private set; }

    public double WorstState { get; private set; }

    public double Cost { get; private set; }

    /// <summary>Largest mean error over the last 100 samples after a step, relative to the set-point, of blocks without an active bound:
    /// of what the sensors say, and of the true state.</summary>
    public double WorstOffset { get; private set; }

    public double WorstTrueOffset { get; private set; }

    public int BlocksCounted { get; private set; }

    public int Blocks { get; private set; }

    public static LoopTrial Run(Mover mover, int plants = 10, ulong seed = 1)
    {
        var trial = new LoopTrial();
        for (var i = 0; i < plants; i++) trial.RunPlant(mover, i, seed);
        return trial;
    }

    private void RunPlant(Mover mover, int plant, ulong seed)
    {
        var random = new Philox(seed, (ulong)plant);
        var model = CstrProblem.Model;
        double[] truth = [7.2e10 * Plants[plant].K0, 5e4 * Plants[plant].Ua];
        var filter = Estimator.Create(model, Filter);
        double[] x = [0.40, 355.77], rest = Resting(x, truth), u = [.. rest], next = new double[2], sumError = new double[2], sumTrue = new double[2];
        var belief = filter.Start(plant * Span, x, u);
        var free = true;
        for (var k = -Manual; k < StepsEach; k++)
        {
            var time = (plant * Span) + ((Manual + k) * CstrProblem.IntervalS);
            var (ca, t) = SetPoints[Math.Max(k, 0) / Block];
            double[] set = [ca, t];
            double[] measured = [x[0] + BiasCa + (NoiseCa * random.NextNormal()), x[1] + BiasT + (NoiseT * random.NextNormal())];
            var estimate = filter.Step(ref belief, new(time, u, [new(0, time, measured[0]), new(1, time, measured[1])]));
            // Before the loop is closed a hand holds the temperature while the filter learns.
            double[] move = [rest[0] - (8.0 * (measured[1] - BiasT - 355.77)), rest[1]];
            if (k >= 0)
            {
                move = mover(
                    new ControlInput
                    {
                        TimeS = time,
                        Mean = estimate.Mean,
                        Sd = estimate.Sd,
                        Parameters = estimate.Parameters,
                        ParameterSd = estimate.ParameterSd,
                        PreviousMove = u,
                        SetPoints = set,
                    },
                    (plant * StepsEach) + k);
                Judge(move, u, x, set);
            }
            u = move;
            filter.Step(ref belief, new(time, u, []));
            // The feed gets 5 % stronger and 3 K colder, under the third set-point.
            var late = k >= 3 * Block;
            Plant.Advance(x, [u[0], u[1], late ? 1.05 : 1.0, late ? 347.0 : 350.0], truth, CstrProblem.IntervalS, next);
            next.CopyTo(x, 0);
            if (k < 0) continue;
            var within = k % Block;
            if (within == 0) (sumError, sumTrue, free) = (new double[2], new double[2], true);
            if (within < Block - Window) continue;
            for (var i = 0; i < 2; i++)
            {
                sumError[i] += (measured[i] - set[i]) / Window;
                sumTrue[i] += (x[i] - set[i]) / Window;
            }
            // A bound that holds the loop away from its set-point.
            if (u[0] <= 250.01 || u[0] >= 339.99 || u[1] <= 60.01 || u[1] >= 149.99 || estimate.Mean[1] > HighT - 0.2) free = false;
            if (within < Block - 1) continue;
            Blocks++;
            if (!free) continue;
            BlocksCounted++;
            for (var i = 0; i < 2; i++)
            {
                WorstOffset = Math.Max(WorstOffset, Math.Abs(sumError[i]) / set[i]);
                WorstTrueOffset = Math.Max(WorstTrueOffset, Math.Abs(sumTrue[i]) / set[i]);
            }
        }
    }

    /// <summary>The inputs at which a plant rests in a state.</summary>
    private static double[] Resting(double[] x, double[] truth)
    {
        var rate = truth[0] * Math.Exp(-8750.0 / x[1]) * x[0];
        var dilution = rate / (1.0 - x[0]);
        var heat = (dilution * (350.0 - x[1])) + (5e4 / 239.0 * rate);
        return [x[1] - (heat * 100.0 * 239.0 / truth[1]), 100.0 * dilution];
    }

    private void Judge(double[] move, double[] before, double[] x, double[] set)
    {
        Steps++;
        for (var i = 0; i < 2; i++)
        {
            var input = Settings.Inputs[i];
            if (!(move[i] >= input.Minimum && move[i] <= input.Maximum)) BoundViolations++;
            // Not a bit beyond the rate.
            if (!(Math.Abs(move[i] - before[i]) <= input.RatePerS * Settings.IntervalS)) RateViolations++;
            var step = (move[i] - before[i]) / input.Scale;
            Cost += 0.1 * step * step;
        }
        var ca = (x[0] + BiasCa - set[0]) / 0.1;
        var t = (x[1] + BiasT - set[1]) / 5.0;
        Cost += (ca * ca) + (t * t);
        var over = x[1] + BiasT - HighT;
        if (over <= 0.0) return;
        StateViolations++;
        WorstState = Math.Max(WorstState, over);
        Cost += (20.0 * over / 5.0) + (100.0 * over * over / 25.0);
    }

    public override string ToString() => FormattableString.Invariant(
        $"{Steps} steps: bound {BoundViolations}, rate {RateViolations}, state {StateViolations} (by {WorstState:F3} K at most), cost {Cost:F3}, mean error {100 * WorstOffset:F4} % of set-point (true state {100 * WorstTrueOffset:F3} %), {BlocksCounted} of {Blocks} blocks with bounds inactive");
}
