using Athanor.Compute.Kinetics;

namespace Athanor.Compute.Tests.Kinetics;

public sealed class RateTableTests
{
    private static readonly double[] X = [0, 1, 2, 4, 5], Y = [0, 0.1, 2, 2, 1];

    [Theory]
    [InlineData(TableInterpolation.Linear)]
    [InlineData(TableInterpolation.MonotoneCubic)]
    public void A_table_meets_its_points_and_keeps_the_last_beyond_them(TableInterpolation interpolation)
    {
        var table = new RateTable("t", X, Y, interpolation);
        for (var i = 0; i < X.Length; i++) Assert.Equal(Y[i], table.At(X[i]), 1e-15);
        Assert.Equal(0.0, table.At(-3.0));
        Assert.Equal(1.0, table.At(9.0));
        Assert.Equal(0.0, table.SlopeAt(9.0));
        Assert.True(double.IsNaN(table.At(double.NaN)));
    }

    [Theory]
    [InlineData(TableInterpolation.Linear)]
    [InlineData(TableInterpolation.MonotoneCubic)]
    public void Between_two_points_it_rises_or_falls_as_they_do_and_its_slope_is_that_of_its_values(TableInterpolation interpolation)
    {
        var table = new RateTable("t", X, Y, interpolation);
        for (var x = 0.005; x < 5.0; x += 0.01)
        {
            var piece = Array.FindLastIndex(X, start => start <= x);
            var direction = Math.Sign(Y[piece + 1] - Y[piece]);
            Assert.True(direction * table.SlopeAt(x) >= 0.0, $"at {x}");
            if (direction == 0) Assert.Equal(Y[piece], table.At(x), 1e-15);
            const double H = 1e-6;
            if (x - X[piece] > H && X[piece + 1] - x > H)
                Assert.Equal((table.At(x + H) - table.At(x - H)) / (2 * H), table.SlopeAt(x), 1e-6);
        }
    }

    [Fact]
    public void The_cubic_s_slope_has_no_jumps()
    {
        var table = new RateTable("t", X, Y, TableInterpolation.MonotoneCubic);
        for (var i = 1; i < X.Length - 1; i++) Assert.Equal(table.SlopeAt(X[i] - 1e-9), table.SlopeAt(X[i] + 1e-9), 1e-6);
    }

    [Fact]
    public void A_tabulated_rate_has_its_units()
    {
        var text = Networks.Of("A -> B ; k = table(k, T)") with { Tables = [new("k", [300, 400], [1, 3], "K", "1/s", TableInterpolation.Linear)] };
        Assert.Equal(120.0 * 0.5, Networks.Rate(text, 350.0, 0.5, 0.0, 0.0), 1e-10);
        Assert.Contains(
            "the argument has the unit mol m^-3; that of the table is in K",
            Networks.Error(text with { Reactions = [new("r", "A -> B ; k = table(k, A)")] }), StringComparison.Ordinal);
    }
}
