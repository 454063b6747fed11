using Athanor.Compute.Numerics;
using Athanor.Compute.Ode;
using Athanor.Compute.Reactors;
using Xunit.Abstractions;

namespace Athanor.Compute.Tests.Reactors;

public sealed class CstrSweepTests(ITestOutputHelper output)
{
    private const double StartMolPerL = 0.8776, StartK = 324.5, Minutes = 60;

    [Theory]
    [InlineData(350, 300, ReactorRegime.Quiet)]
    [InlineData(350, 303, ReactorRegime.Quiet)]
    [InlineData(340, 308, ReactorRegime.IgnitesOnceAndDies)]
    [InlineData(350, 304, ReactorRegime.SustainedOscillation)] // long cycles of ignition and extinction
    [InlineData(350, 306, ReactorRegime.SustainedOscillation)] // small ones around the hot state, below the Hopf point at 306.22 K
    [InlineData(350, 307, ReactorRegime.BurningSteadily)]
    [InlineData(355, 304, ReactorRegime.BurningSteadily)] // a swing that dies slowly is no sustained one
    public void Each_regime_is_found_where_the_bifurcation_diagram_has_it(double feed, double coolant, ReactorRegime expected) =>
        Assert.Equal(expected, Run([coolant], [feed]).Regimes[0]);

    [Fact]
    public void A_trajectory_has_the_same_bits_alone_in_a_batch_and_anywhere_in_it()
    {
        const ulong Seed = 11;
        var random = new Philox(Seed);
        var coolant = Enumerable.Range(0, 61).Select(_ => 290 + (25 * random.NextDouble())).ToArray();
        var feed = Enumerable.Range(0, 61).Select(_ => 335 + (40 * random.NextDouble())).ToArray();
        var together = Run(coolant, feed);
        var order = Enumerable.Range(0, 61).ToArray();
        random.Shuffle<int>(order);
        var shuffled = Run([.. order.Select(i => coolant[i])], [.. order.Select(i => feed[i])]);
        for (var i = 0; i < 61; i++)
        {
            var alone = Run([coolant[i]], [feed[i]]);
            var place = Array.IndexOf(order, i);
            Assert.True(
                Bits(together.Peaks[i]) == Bits(alone.Peaks[0]) && Bits(together.Peaks[i]) == Bits(shuffled.Peaks[place]),
                $"seed {Seed}, condition {i}: {together.Peaks[i]:R} together, {alone.Peaks[0]:R} alone, {shuffled.Peaks[place]:R} at place {place}");
            Assert.Equal(alone.Regimes[0], together.Regimes[i]);
            Assert.Equal(alone.Regimes[0], shuffled.Regimes[place]);
        }
    }

    [Fact]
    public void Peaks_agree_with_a_tight_solve_of_the_scalar_method()
    {
        foreach (var (coolant, feed) in new[] { (300.0, 350.0), (304.0, 350.0), (307.0, 350.0), (308.0, 340.0) })
        {
            var peak = new PeakObserver { Peak = StartK };
            Tsit5.Observe(
                new Cstr(coolant, feed), 0, [StartMolPerL, StartK], Minutes, new OdeOptions { RelativeTolerance = 1e-11, AbsoluteTolerance = 1e-12 },
                ref peak);
            Assert.Equal(peak.Peak, Run([coolant], [feed]).Peaks[0], 1e-3);
        }
    }

    [Fact]
    public void The_map_shows_all_four_regimes_and_does_not_depend_on_the_tolerance()
    {
        var (regimes, peaks) = Map(side: 40);
        var (strict, strictPeaks) = Map(side: 40, new OdeOptions { RelativeTolerance = 1e-10, AbsoluteTolerance = 1e-12 });
        var counts = Enum.GetValues<ReactorRegime>().Select(regime => regimes.Count(r => r == regime)).ToArray();
        output.WriteLine($"quiet, once, oscillating, burning: {string.Join(", ", counts)}");
        Assert.All(counts, count => Assert.True(count > 0));
        Assert.Equal(strict, regimes);
        Assert.All(Enumerable.Range(0, peaks.Length), i => Assert.Equal(strictPeaks[i], peaks[i], 1e-3));
        // The line between quiet and ignited lies in a wide gap of the peaks.
        Assert.DoesNotContain(peaks, peak => peak is > 345 and < 450);
    }

    [Fact]
    public void A_reactor_that_cannot_be_solved_is_reported_by_its_number()
    {
        var error = Assert.ThrowsAny<OdeException>(() => Run([300, double.NaN, 305], [350, 350, 350]));
        Assert.Equal(1, error.Component);
    }

    [Fact]
    public void Cancelling_ends_a_sweep()
    {
        using var source = new CancellationTokenSource();
        source.Cancel();
        Assert.Throws<OperationCanceledException>(
            () => CstrSweep.Run([300], [350], StartMolPerL, StartK, Minutes, CstrSweep.Options, new ReactorRegime[1], new double[1], source.Token));
    }

    /// <summary>The demo's map on a grid of side x side.</summary>
    internal static (ReactorRegime[] Regimes, double[] Peaks) Map(int side, OdeOptions? options = null)
    {
        double[] coolant = new double[side * side], feed = new double[side * side];
        for (var i = 0; i < coolant.Length; i++)
        {
            coolant[i] = 300 + (8.0 * (i / side) / (side - 1));
            feed[i] = 346 + (8.0 * (i % side) / (side - 1));
        }
        return Run(coolant, feed, options);
    }

    private static long Bits(double value) => BitConverter.DoubleToInt64Bits(value);

    private static (ReactorRegime[] Regimes, double[] Peaks) Run(double[] coolant, double[] feed, OdeOptions? options = null)
    {
        var regimes = new ReactorRegime[coolant.Length];
        var peaks = new double[coolant.Length];
        CstrSweep.Run(coolant, feed, StartMolPerL, StartK, Minutes, options ?? CstrSweep.Options, regimes, peaks);
        return (regimes, peaks);
    }

    /// <summary>Highest temperature over a fine sampling of the continuous extension.</summary>
    private struct PeakObserver : IOdeObserver
    {
        public double Peak;

        public bool Step(in DenseStep step)
        {
            Span<double> y = stackalloc double[2];
            for (var i = 1; i <= 50; i++)
            {
                step.Interpolate(step.T0 + ((step.T1 - step.T0) * i / 50), y);
                Peak = Math.Max(Peak, y[1]);
            }
            return true;
        }
    }
}
