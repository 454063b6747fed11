using Athanor.Compute.Estimation;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Tests.Estimation;

public class ArxModelTests
{
    [Fact]
    public void The_coefficients_of_a_noise_free_record_are_found_and_run_free_without_error()
    {
        var random = new Philox(3);
        var (u, y) = (new double[400], new double[400]);
        for (var k = 0; k < u.Length; k++)
        {
            u[k] = random.NextNormal();
            if (k >= 2) y[k] = (1.2 * y[k - 1]) - (0.4 * y[k - 2]) + (0.3 * u[k - 1]) + (0.1 * u[k - 2]) + 2.0;
        }
        var model = ArxModel.Fit(u, y, 2, 2);
        double[] expected = [1.2, -0.4, 0.3, 0.1, 2.0];
        for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], model.Coefficients[i], 1e-9);
        var run = model.FreeRun(u, y, 200, 100);
        for (var k = 0; k < run.Length; k++) Assert.Equal(y[200 + k], run[k], 1e-6);
    }

    [Fact]
    public void The_offset_is_what_the_constant_changed_by()
    {
        var random = new Philox(4);
        var (u, y) = (new double[600], new double[600]);
        for (var k = 1; k < u.Length; k++)
        {
            u[k] = random.NextNormal();
            y[k] = (0.8 * y[k - 1]) + (0.5 * u[k - 1]) + (k < 300 ? 1.0 : 1.7);
        }
        var model = ArxModel.Fit(u.AsSpan()[..300], y.AsSpan()[..300], 1, 1);
        Assert.Equal(0.7, model.Offset(u, y, 600, 200), 1e-8);
    }

    [Fact]
    public void A_record_that_does_not_move_is_refused()
    {
        var error = Assert.Throws<ArgumentException>(() => ArxModel.Fit(new double[100], new double[100], 4, 4));
        Assert.Contains("hardly move", error.Message, StringComparison.Ordinal);
    }
}
