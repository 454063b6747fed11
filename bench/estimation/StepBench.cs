using System.Diagnostics;
using System.Runtime.Intrinsics;
using Athanor.Compute.Estimation;
using Athanor.Compute.Plants;

namespace Athanor.Bench.Estimation;

/// <summary>A step of the extended Kalman filter of the exothermic tank: 6 s by four Runge-Kutta substeps with the transition matrix, then
/// one temperature taken in; the same as the baselines do, in square-root form.</summary>
internal sealed class StepBench
{
    private const int Twins = 1024, Lanes = 8, Groups = 4;

    private readonly Estimator _estimator;
    private readonly FilterCore _core;

    public StepBench()
    {
        var model = PlantModels.Create("""{"benchmark":"exothermic-cstr","inputs":["Tc"],"substep-s":1.5}""");
        _estimator = Estimator.Create(model, EstimatorJson.Parse(
            """
            {"process-noise":{"Ca":0.000408248290463863,"T":0.0408248290463863},"initial-sd":{"Ca":0.1,"T":0.1},
             "sensors":{"T":{"noise":0.5,"frozen-after":0} },"gate":0 }
            """));
        _core = _estimator.Core;
    }

    /// <summary>Nanoseconds a step of one twin, the filter alone.</summary>
    public double One(int steps)
    {
        var belief = new double[_core.BeliefSize];
        _core.Start(belief, [0.5, 350.0]);
        double[] u = [305.0];
        var sample = new CoreSample[1];
        var correction = new Correction[1];
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < steps; i++)
        {
            sample[0] = new CoreSample(0, 350.0 + (0.1 * (i % 3)));
            _core.Step(belief, u, 6.0, sample, correction);
        }
        return Stopwatch.GetElapsedTime(start).TotalNanoseconds / steps;
    }

    /// <summary>Nanoseconds a step and twin of 1,024 in lanes, the filter alone.</summary>
    public double Many(int rounds)
    {
        var size = _core.BeliefSize;
        var beliefs = new Vector512<double>[Twins / Lanes * size];
        var one = new double[size];
        _core.Start(one, [0.5, 350.0]);
        for (var i = 0; i < beliefs.Length; i++) beliefs[i] = Vector512.Create(one[i % size]);
        var (u, values, dt) = (All(305.0), All(350.1), All(6.0));
        Vector512<double>[] predicted = new Vector512<double>[Groups], variance = new Vector512<double>[Groups];
        Vector512<double>[] used = new Vector512<double>[Groups], nis = new Vector512<double>[Groups];
        int[] sensors = [0];
        var start = Stopwatch.GetTimestamp();
        for (var round = 0; round < rounds; round++)
        {
            for (var group = 0; group < Twins / Lanes; group += Groups)
            {
                _core.StepLanes(
                    Groups, beliefs.AsSpan(group * size, Groups * size), u, dt, sensors, values, predicted, variance, used, nis);
            }
        }
        return Stopwatch.GetElapsedTime(start).TotalNanoseconds / rounds / Twins;

        static Vector512<double>[] All(double value) => [.. Enumerable.Repeat(Vector512.Create(value), Groups)];
    }

    /// <summary>Nanoseconds of a whole step as an entity asks for it: memory in, memory and readings out.</summary>
    public double WholeOne(int steps)
    {
        var memory = _estimator.Start(0.0, [0.5, 350.0], [305.0]);
        double[] u = [305.0];
        var start = Stopwatch.GetTimestamp();
        for (var i = 1; i <= steps; i++)
            _estimator.Step(ref memory, new EstimatorInput(i * 6.0, u, [new Sample(0, i * 6.0, 350.0 + (0.1 * (i % 3)))]));
        return Stopwatch.GetElapsedTime(start).TotalNanoseconds / steps;
    }

    public double WholeMany(int rounds)
    {
        var memories = new double[Twins][];
        for (var t = 0; t < Twins; t++) memories[t] = _estimator.Start(0.0, [0.5, 350.0], [305.0]);
        double[] u = [305.0];
        var inputs = new EstimatorInput[Twins];
        var start = Stopwatch.GetTimestamp();
        for (var i = 1; i <= rounds; i++)
        {
            for (var t = 0; t < Twins; t++) inputs[t] = new EstimatorInput(i * 6.0, u, [new Sample(0, i * 6.0, 350.1)]);
            _estimator.StepMany(memories, inputs);
        }
        return Stopwatch.GetElapsedTime(start).TotalNanoseconds / rounds / Twins;
    }
}
