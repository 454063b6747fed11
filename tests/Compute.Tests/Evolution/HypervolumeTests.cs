using Athanor.Compute.Evolution;
using FsCheck;
using FsCheck.Fluent;

namespace Athanor.Compute.Tests.Evolution;

public class HypervolumeTests
{
    private static readonly Objectives Reference = new(1.1, 1.1);

    [Fact]
    public void The_front_of_ZDT1_has_its_analytic_hypervolume()
    {
        // f2 = 1 - sqrt(f1): integral over [0, 1] of 1.1 - f2 plus the strip [1, 1.1], i.e. 0.1 + 2/3 + 0.11 = 0.876667.
        Assert.Equal(0.1 + 2.0 / 3 + 0.11, Of(f => 1 - Math.Sqrt(f)), 4);
    }

    [Fact]
    public void The_front_of_ZDT2_has_its_analytic_hypervolume() => Assert.Equal(0.1 + 1.0 / 3 + 0.11, Of(f => 1 - f * f), 4);

    [Fact]
    public void Dominated_points_points_beyond_the_reference_and_the_order_change_nothing()
    {
        var front = new Objectives[] { new(0.1, 0.9), new(0.5, 0.5), new(0.9, 0.1) };

        var volume = Hypervolume.Of(front, Reference);

        Assert.Equal(volume, Hypervolume.Of([new(0.6, 0.6), new(2, 0), .. front.Reverse(), new(0.5, 0.5)], Reference));
        Assert.Equal(0.2 * 1.0 + 0.6 * 0.4 + 0.2 * 0.4, volume, 12);
    }

    [Fact]
    public void It_equals_the_share_of_grid_cells_that_are_dominated()
    {
        var some = Gen.Choose(0, 12).Two().Select(t => new Objectives(t.Item1, t.Item2)).ArrayOf().ToArbitrary();
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(200), Prop.ForAll(some, points =>
        {
            var cells = 0;
            for (var x = 0; x < 10; x++)
            {
                for (var y = 0; y < 10; y++) cells += points.Any(p => p.First <= x && p.Second <= y) ? 1 : 0;
            }
            return Hypervolume.Of(points, new Objectives(10, 10)) == cells;
        }));
    }

    private static double Of(Func<double, double> front) =>
        Hypervolume.Of(Enumerable.Range(0, 100_001).Select(i => i * 1e-5).Select(f => new Objectives(f, front(f))), Reference);
}
