using System.Diagnostics;
using Athanor.Compute.Control;
using Athanor.Compute.Control.Qp;
using Athanor.Compute.Plants;

namespace Athanor.Bench.Control;

/// <summary>Times of one solve from cold and of one real-time iteration, in microseconds: medians and 99th percentiles.</summary>
internal static class Speed
{
    /// <summary>Ours and theirs, each of theirs with how many times ours it takes.</summary>
    public static void Print(IReadOnlyDictionary<string, double> peers, int samples)
    {
        var ours = Measure(samples);
        foreach (var (name, (median, p99)) in ours) Console.WriteLine($"{name,-44} {median,9:F2} us   p99 {p99,9:F2} us");
        double cold = ours["Controller.Move, cold"].Median, rti = ours["Controller.Move, real-time iteration"].Median;
        foreach (var (name, time) in peers)
        {
            var own = name.EndsWith("cold", StringComparison.Ordinal) ? cold : rti;
            Console.WriteLine($"{name,-44} {time,9:F2} us   {time / own,9:F2} times Controller.Move");
        }
        Console.WriteLine("HPIPM + BLASFEO, as published: 580 us cold, 97 us an iteration");
    }

    private static Dictionary<string, (double Median, double P99)> Measure(int samples)
    {
        var parts = Cstr.Model.Accept<Solvers, Func<int, Dictionary<string, (double, double)>>>(default)(samples);
        var (cold, _) = Moves(Cstr.Published, samples / 4, closed: false);
        parts["Controller.Move, cold"] = cold;
        var (rti, _) = Moves(Cstr.Published with { SqpIterations = 1 }, samples, closed: true);
        parts["Controller.Move, real-time iteration"] = rti;
        return parts;
    }

    private static ((double, double), double) Moves(ControllerSettings settings, int samples, bool closed)
    {
        var controller = Controller.Create(Cstr.Model, settings);
        var times = new List<double>();
        double[] x = [0.5, 350.0], u = [298.53, 100.0], p = Cstr.Model.NominalParameters, memory = controller.Start();
        var cost = 0.0;
        for (var i = 0; i < samples; i++)
        {
            if (closed && i % 100 == 0) (x, u, memory) = ([0.5, 350.0], [298.53, 100.0], controller.Start());
            if (!closed) memory = controller.Start();
            var input = new ControlInput { TimeS = i * settings.IntervalS, Mean = [.. x], PreviousMove = u };
            var start = Stopwatch.GetTimestamp();
            var move = controller.Move(ref memory, input, Deadline.None);
            if (!closed || i % 100 > 0) times.Add(Stopwatch.GetElapsedTime(start).TotalMicroseconds);
            cost = move.Cost;
            if (!closed) continue;
            u = move.Move;
            Cstr.Model.Advance(input.Mean, u, p, settings.IntervalS, x);
        }
        return (Summary(times), cost);
    }

    private static (double Median, double P99) Summary(List<double> times)
    {
        // The first quarter warms the compiler up.
        var sorted = times.Skip(times.Count / 4).Order().ToArray();
        return (sorted[sorted.Length / 2], sorted[(int)(0.99 * (sorted.Length - 1))]);
    }

    private readonly struct Solvers : IPlantVisitor<Func<int, Dictionary<string, (double, double)>>>
    {
        public Func<int, Dictionary<string, (double, double)>> Visit<TMap>(in TMap map, PlantModel model)
            where TMap : struct, IPlantMap
        {
            var copy = map;
            return samples => Run(copy, model, samples);
        }

        private static Dictionary<string, (double, double)> Run<TMap>(TMap map, PlantModel model, int samples)
            where TMap : struct, IPlantMap
        {
            var settings = Cstr.Published;
            var problem = new ShootingProblem(model, settings, new MoveLimits(model, settings));
            double[] states = [0.4, 355.77], inputs = [298.53, 100.0];
            states.CopyTo(problem.StateOrigin, 0);
            inputs.CopyTo(problem.InputOrigin, 0);
            problem.Held = [298.53, 100.0];
            var solver = new ShootingSolver<TMap>(map, problem);
            List<double> cold = [], prepare = [], feedback = [], both = [];
            int qp = 0, sqp = 0, iterations = 0, rounds = 0;
            for (var i = 0; i < samples / 4; i++)
            {
                problem.Start = [0.5, 350.0];
                var start = Stopwatch.GetTimestamp();
                solver.ColdPlan();
                solver.Solve(60, 1e-8, Deadline.None);
                cold.Add(Stopwatch.GetElapsedTime(start).TotalMicroseconds);
                (sqp, qp) = (solver.Iterations, solver.QpIterations);
            }
            double[] x = [0.5, 350.0], u = [298.53, 100.0], next = new double[2];
            for (var i = 0; i < samples; i++)
            {
                if (i % 100 == 0)
                {
                    x = [0.5, 350.0];
                    problem.Start = x;
                    solver.ColdPlan();
                }
                problem.Start = x;
                var start = Stopwatch.GetTimestamp();
                var options = solver.RealTime;
                solver.Prepare(options);
                var middle = Stopwatch.GetTimestamp();
                solver.Feedback(x, options, Deadline.None);
                var end = Stopwatch.GetTimestamp();
                if (i % 100 > 0)
                {
                    prepare.Add(Stopwatch.GetElapsedTime(start, middle).TotalMicroseconds);
                    feedback.Add(Stopwatch.GetElapsedTime(middle, end).TotalMicroseconds);
                    both.Add(Stopwatch.GetElapsedTime(start, end).TotalMicroseconds);
                    iterations += solver.Qp.Iterations;
                    rounds++;
                }
                solver.U.AsSpan(0, 2).CopyTo(u);
                map.Advance(x, u, problem.Parameters, Cstr.IntervalS, next);
                x = [.. next];
                solver.Shift();
                solver.Warm = true;
            }
            Console.WriteLine(FormattableString.Invariant(
                $"cold: {sqp} SQP, {qp} interior-point iterations; real-time iteration: {(double)iterations / rounds:F1}; cost {solver.Cost():F6}"));
            return new()
            {
                ["cold"] = Summary(cold),
                ["real-time iteration"] = Summary(both),
                ["  preparation"] = Summary(prepare),
                ["  feedback"] = Summary(feedback),
            };
        }
    }
}
