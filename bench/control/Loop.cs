using System.Diagnostics;
using Athanor.Compute.Control;
using Athanor.Compute.Tests.Control;

namespace Athanor.Bench.Control;

/// <summary>The closed loop of the tests with the real-time iteration, with time-outs, with converged steps, and with Ipopt.</summary>
internal static class Loop
{
    public static void Print(int plants)
    {
        Console.WriteLine($"{plants} plants of {LoopTrial.StepsEach} samples");
        Row("real-time iteration", LoopTrial.Settings, static () => Deadline.None, plants);
        var random = new Athanor.Compute.Numerics.Philox(77);
        Row("  with time-outs at one sample in five", LoopTrial.Settings, () =>
        {
            var draw = random.NextDouble();
            return draw < 0.2 ? Deadline.AfterPieces((int)(draw * 20.0)) : Deadline.None;
        }, plants);
        Row("converged", LoopTrial.Settings with { SqpIterations = 40 }, static () => Deadline.None, plants);
        if (!Ipopt.IsThere)
        {
            Console.WriteLine("Ipopt is not there (coinor-libipopt-dev): left out");
            return;
        }
        var settings = LoopTrial.Settings;
        var limits = new MoveLimits(CstrProblem.Model, settings);
        var problem = new ShootingProblem(CstrProblem.Model, settings, limits);
        var ipopt = new Ipopt(CstrProblem.Model, problem);
        // Target and clamp are ours: what is compared is the optimiser.
        var controller = Controller.Create(CstrProblem.Model, settings);
        double[] memory = controller.Start(), low = new double[2], high = new double[2];
        var start = Stopwatch.GetTimestamp();
        var trial = LoopTrial.Run(
            (input, step) =>
            {
                var fresh = step % LoopTrial.StepsEach == 0;
                if (fresh) memory = controller.Start();
                var own = controller.Move(ref memory, input, Deadline.None);
                double[] beforeX = [.. problem.StateOrigin], beforeU = [.. problem.InputOrigin];
                own.TargetStates.CopyTo(problem.StateOrigin, 0);
                own.TargetInputs.CopyTo(problem.InputOrigin, 0);
                (problem.Start, problem.Held, problem.Parameters) = (input.Mean, input.PreviousMove, input.Parameters);
                if (fresh) ipopt.Cold();
                else ipopt.Shift(beforeX, beforeU);
                limits.Bounds(input, low, high, []);
                return limits.Clamp(ipopt.Solve(), input.PreviousMove, low, high, []);
            },
            plants);
        Say("Ipopt, converged", trial, start);
    }

    private static void Row(string name, ControllerSettings settings, Func<IDeadline> deadline, int plants)
    {
        var controller = Controller.Create(CstrProblem.Model, settings);
        var memory = controller.Start();
        var start = Stopwatch.GetTimestamp();
        var trial = LoopTrial.Run(
            (input, step) =>
            {
                if (step % LoopTrial.StepsEach == 0) memory = controller.Start();
                return controller.Move(ref memory, input, deadline()).Move;
            },
            plants);
        Say(name, trial, start);
    }

    private static void Say(string name, LoopTrial trial, long start) =>
        Console.WriteLine($"{name} ({Stopwatch.GetElapsedTime(start).TotalSeconds:F1} s with plant and filter)\n    {trial}");
}
