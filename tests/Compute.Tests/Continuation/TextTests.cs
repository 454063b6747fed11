using System.Collections.Immutable;
using Athanor.Compute.Continuation;
using Athanor.Compute.Kinetics;
using Athanor.Compute.Kinetics.Text;
using Athanor.Compute.Numerics;
using Athanor.Compute.Problems;
using Athanor.Compute.SteadyStates;
using Athanor.Compute.Tests.Kinetics;

namespace Athanor.Compute.Tests.Continuation;

/// <summary>Reactions as text: the same diagrams, and the same proofs, as models written in C#.</summary>
public sealed class TextTests
{
    private static readonly OdeProblem Tank = KineticNetwork.Of(Networks.Exothermic).Balance(new BalanceText
    {
        Kind = BalanceKind.Cstr,
        Temperature = new(350, "K"),
        HeatCapacity = new(239, "J/(L K)"),
        HeatTransfer = new(5e4, "J/(min K)"),
        Coolant = new(300, "K"),
        Volume = new(100, "L"),
        Flow = new(100, "L/min"),
        Feed = ImmutableSortedDictionary<string, double>.Empty.Add("A", 1.0),
        FeedTemperature = new(350, "K"),
    }).Problem;

    [Fact]
    public void The_exothermic_tank_as_text_has_the_published_folds_and_Hopf_point()
    {
        var diagram = Bifurcation.Compute(
            ProblemField.Of(Tank, "coolant"),
            new BifurcationRequest { From = 290, To = 320, Lower = [0, 250], Upper = [1.5, 600], Cycles = false });
        Assert.Equal(
            [298.080457, 303.229272],
            diagram.SpecialPoints.Where(s => s.Kind == SpecialPointKind.Fold).Select(s => Math.Round(s.Parameter, 6)).Order());
        Assert.Equal(306.219869, Assert.Single(diagram.SpecialPoints, s => s.Kind == SpecialPointKind.Hopf).Parameter, 1e-6);
        Assert.All(diagram.Searches, s => Assert.StartsWith("Proven", s, StringComparison.Ordinal));
    }

    [Fact]
    public void The_intervals_of_a_text_hold_what_its_model_gives_anywhere_in_a_box()
    {
        var network = KineticNetwork.Of(Networks.Exothermic with
        {
            Species = [new("A", Initial: 0.5), new("B"), new("E", Initial: 0.1)],
            Reactions =
            [
                new("r1", "2 A -> B ; rate = 3 A^1.5 / (1 + 0.7 B)^2"), new("r2", "B -> A ; k = 1.4e5 exp(-4000/T)"),
                new("r3", "A + B -> E ; rate = 0.3 sqrt(A) B / (0.2 + E)"),
            ],
        });
        var problem = network.Balance(new BalanceText { Temperature = new(350, "K") }).Problem;
        Assert.NotNull(problem.Intervals);
        var random = new Philox(5);
        var parameters = problem.NominalParameters;
        double[] x = new double[3], f = new double[3], jacobian = new double[9];
        Interval[] box = new Interval[3], image = new Interval[3], slopes = new Interval[9];
        for (var k = 0; k < 500; k++)
        {
            for (var i = 0; i < 3; i++)
            {
                double a = random.NextDouble(-0.05, 2.0), b = random.NextDouble(-0.05, 2.0);
                box[i] = new Interval(Math.Min(a, b), Math.Max(a, b));
                x[i] = random.NextDouble(box[i].Low, box[i].High);
            }
            problem.Rhs(0.0, x, parameters, f);
            problem.Jacobian(0.0, x, parameters, jacobian);
            problem.Intervals!.Rhs(box, parameters, image);
            problem.Intervals.Jacobian(box, parameters, slopes);
            for (var i = 0; i < 3; i++) Assert.True(Holds(image[i], f[i]), $"seed 5, draw {k}: f{i} = {f[i]:r} not in {image[i]}");
            for (var i = 0; i < 9; i++) Assert.True(Holds(slopes[i], jacobian[i]), $"seed 5, draw {k}: J{i} = {jacobian[i]:r} not in {slopes[i]}");
        }

        // The model rounds; the enclosure is of the exact values.
        static bool Holds(Interval interval, double value) =>
            interval.Low - (1e-13 * (1.0 + Math.Abs(value))) <= value && value <= interval.High + (1e-13 * (1.0 + Math.Abs(value)));
    }
}
