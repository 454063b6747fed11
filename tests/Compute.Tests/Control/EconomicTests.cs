using Athanor.Compute.Benchmarks;
using Athanor.Compute.Control;
using Athanor.Compute.Plants;

namespace Athanor.Compute.Tests.Control;

public class EconomicTests(Xunit.Abstractions.ITestOutputHelper output)
{
    [Fact]
    public void Most_of_the_intermediate_is_made_across_the_change_of_the_gains_sign()
    {
        var model = PlantModel.Of(KlattEngell.Problem, ["q", "Qk"], ["k10"], substepS: 10.0);
        var settings = new ControllerSettings
        {
            Kind = ControllerKind.Economic,
            IntervalS = 60.0,
            Horizon = 40,
            SqpIterations = 6,
            Tolerance = 1e-4,
            Inputs =
            [
                new("q", 5.0, 35.0, 5.0, RatePerS: 0.05, Weight: 0.0, MoveWeight: 0.05),
                new("Qk", -8500.0, 0.0, 1000.0, RatePerS: 10.0, Weight: 0.0, MoveWeight: 0.05),
            ],
            Objective = [new(["B"], 1.0 / 60.0)],
            Bounds = [new("T", 5.0, Maximum: 140.0)],
        };
        var controller = Controller.Create(model, settings);
        var memory = controller.Start();
        // Beyond the optimum: more flow lowers B here, less raises it.
        double[] x = Rest(model, [28.0, -3000.0]), u = [28.0, -3000.0], next = new double[4];
        var before = x[1];
        for (var k = 0; k < 120; k++)
        {
            var move = controller.Move(ref memory, new() { TimeS = 60.0 * k, Mean = [.. x], PreviousMove = u }, Deadline.None);
            if (k % 20 == 0) output.WriteLine(FormattableString.Invariant($"{k} B {x[1]:F4} q {u[0]:F2} Qk {u[1]:F0} {move.Status} {move.Iterations} {move.KktResidual:E1} {move.Message}"));
            u = move.Move;
            model.Advance(x, u, model.NominalParameters, 60.0, next);
            next.CopyTo(x, 0);
        }
        // The best steady state within the bounds, by trying them all.
        var best = 0.0;
        double[] at = [];
        for (var q = 5.0; q <= 35.0; q += 1.0)
        {
            for (var heat = -8500.0; heat <= 0.0; heat += 250.0)
            {
                var rest = Rest(model, [q, heat]);
                if (rest[2] <= 140.0 && rest[1] > best) (best, at) = (rest[1], [q, heat]);
            }
        }
        output.WriteLine(FormattableString.Invariant($"B {before:F4} -> {x[1]:F4}, best steady {best:F4} at {at[0]} {at[1]}; q {u[0]:F2} Qk {u[1]:F0} T {x[2]:F2}"));
        Assert.True(x[1] > before + 0.1);
        Assert.True(x[1] > 0.995 * best, $"{x[1]} where {best} is possible");
    }

    [Fact]
    public void The_feed_of_a_fed_batch_makes_more_penicillin_than_any_constant_feed()
    {
        // The published constants: saturation at 1e-4 g/L.
        var model = PlantModel.Of(Penicillin.Problem, ["F"], [], substepS: 1200.0, method: PlantMethod.Implicit);
        var fine = PlantModel.Of(Penicillin.Problem, ["F"], [], substepS: 120.0, method: PlantMethod.Implicit);
        const double interval = 6.0 * 3600.0;
        var settings = new ControllerSettings
        {
            Kind = ControllerKind.Economic,
            IntervalS = interval,
            Horizon = 22,
            SqpIterations = 40,
            Tolerance = 1e-3,
            EndS = 132.0 * 3600.0,
            SteadyTarget = false,
            Disturbance = DisturbanceKind.None,
            Inputs = [new("F", 0.0, 0.1, 0.02, Weight: 0.0, MoveWeight: 1e-4, Reference: 0.02)],
            Objective = [new(["P", "V"], 0.1, Terminal: true)],
            Bounds =
            [
                new("X", 2.0, Maximum: 40.0, LinearPenalty: 5.0), new("S", 2.0, Minimum: 0.0, Maximum: 25.0, LinearPenalty: 5.0),
                new("V", 0.1, Maximum: 10.0, LinearPenalty: 5.0),
            ],
        };
        var controller = Controller.Create(model, settings);
        var memory = controller.Start();
        var move = controller.Move(ref memory, new() { TimeS = 0.0, Mean = model.NominalStates, PreviousMove = [0.02] }, Deadline.None);
        // What counts is a finer plant under these moves, not the prediction.
        var (made, worst) = Batch(fine, k => move.PredictedInputs[k]);
        var constant = 0.0;
        // Shares of the feed that just fills the fermenter.
        for (var share = 1; share <= 40; share++)
        {
            var (product, over) = Batch(fine, _ => 3.0 / 132.0 * share / 20.0);
            if (over <= 1e-9) constant = Math.Max(constant, product);
        }
        output.WriteLine(FormattableString.Invariant(
            $"P V {made:F3} g, best constant feed {constant:F3} g; {move.Status} {move.Iterations} {move.QpIterations} {move.KktResidual:E1}, over {worst:F4}: {string.Join(' ', move.PredictedInputs.Select(static f => f.ToString("F3")))}"));
        Assert.True(worst < 0.1, $"a bound is broken by {worst} g/L");
        Assert.True(made > 1.03 * constant);

        (double Product, double Worst) Batch(PlantModel plant, Func<int, double> feed)
        {
            double[] x = plant.NominalStates, next = new double[4];
            var over = 0.0;
            for (var k = 0; k < 22; k++)
            {
                plant.Advance(x, [feed(k)], [], interval, next);
                next.CopyTo(x, 0);
                over = Math.Max(over, Math.Max(Math.Max(x[0] - 40.0, x[2] - 25.0), x[3] - 10.0));
            }
            return (x[1] * x[3], over);
        }
    }

    private static double[] Rest(PlantModel model, double[] u)
    {
        double[] x = [2.0, 1.0, 115.0, 113.0], next = new double[4];
        for (var k = 0; k < 60; k++)
        {
            model.Advance(x, u, model.NominalParameters, 120.0, next);
            next.CopyTo(x, 0);
        }
        return x;
    }
}
