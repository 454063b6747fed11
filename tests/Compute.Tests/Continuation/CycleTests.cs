using Athanor.Compute.Continuation;
using Athanor.Compute.SteadyStates;

namespace Athanor.Compute.Tests.Continuation;

/// <summary>Cycles from Hopf points against figures that are known by hand or published.</summary>
public sealed class CycleTests
{
    private static BifurcationDiagram Diagram(IVectorField field, double from, double to, double[] lower, double[] upper, int intervals = 40) =>
        Bifurcation.Compute(
            field,
            new BifurcationRequest { From = from, To = to, Lower = [.. lower], Upper = [.. upper], CycleIntervals = intervals, InnerSearches = 1 });

    [Fact]
    public void Van_der_Pols_cycle_at_one_has_the_published_period_and_amplitude()
    {
        var cycles = Assert.Single(Diagram(Fields.VanDerPol(), -0.5, 1.0, [-5, -5], [5, 5]).Cycles);
        Assert.Equal(CycleEnd.RangeEnd, cycles.End);
        var last = cycles.Cycles[^1];
        Assert.Equal(1.0, last.Parameter, 1e-12);
        Assert.Equal(6.6632868593231302, last.Period, 1e-8);
        Assert.Equal(2.0086198608748431, last.Maximum[0], 1e-6);
        Assert.Equal(-last.Maximum[0], last.Minimum[0], 1e-6);
        Assert.True(last.IsStable);
        // Published: the multiplier is exp(-7.0588).
        Assert.Equal(-7.0588, Math.Log(last.Multipliers[0].Real), 1e-3);
        Assert.All(cycles.Cycles, c => Assert.True(c.IsStable));
    }

    [Theory]
    [InlineData(1.0)]
    [InlineData(2.0)]
    public void The_Brusselators_cycle_is_born_with_period_two_pi_over_a_and_no_amplitude(double a)
    {
        var cycles = Assert.Single(Diagram(Fields.Brusselator(a), 0.5, 2.0 + (a * a), [0, 0], [12, 30]).Cycles);
        var (first, second) = (cycles.Cycles[0], cycles.Cycles[1]);
        double onset = 1.0 + (a * a), zero = 2.0 * Math.PI / a;
        Assert.True(first.Parameter > onset, "supercritical: the cycle is on the unstable side");
        // Both p and T are even in the amplitude: extrapolated to none, they meet the Hopf point's.
        double one = first.Amplitude(0) * first.Amplitude(0), two = second.Amplitude(0) * second.Amplitude(0);
        Assert.Equal(onset, first.Parameter - ((second.Parameter - first.Parameter) / (two - one) * one), 1e-5);
        Assert.Equal(zero, first.Period - ((second.Period - first.Period) / (two - one) * one), 1e-5);
        Assert.All(cycles.Cycles, c => Assert.True(c.IsStable));
    }

    [Fact]
    public void The_period_converges_with_the_mesh_to_high_order()
    {
        double Period(int intervals) => Diagram(Fields.Brusselator(1.0), 1.5, 3.0, [0, 0], [12, 30], intervals).Cycles[0].Cycles[^1].Period;
        double coarse = Period(12), fine = Period(24), finest = Period(96);
        Assert.True(Math.Abs(fine - finest) < Math.Abs(coarse - finest) / 30.0, $"{coarse - finest:e} {fine - finest:e}");
        Assert.Equal(finest, Period(40), 1e-8);
    }

    [Fact]
    public void A_subcritical_family_turns_at_its_fold_and_its_multipliers_are_the_exact_ones()
    {
        var diagram = Diagram(Fields.Bautin(), -0.6, 0.7, [-2, -2], [2, 2]);
        var hopf = Assert.Single(diagram.SpecialPoints, s => s.Kind == SpecialPointKind.Hopf);
        Assert.Equal(0.0, hopf.Parameter, 1e-10);
        Assert.False(hopf.IsSupercritical);
        var fold = Assert.Single(diagram.SpecialPoints, s => s.Kind == SpecialPointKind.CycleFold);
        Assert.Equal(-0.25, fold.Parameter, 1e-9);
        Assert.Equal(2.0 * Math.PI, fold.Period, 1e-8);
        Assert.Equal(Math.Sqrt(0.5), fold.State[0], 1e-3);
        var cycles = Assert.Single(diagram.Cycles);
        Assert.Equal(CycleEnd.RangeEnd, cycles.End);
        foreach (var cycle in cycles.Cycles)
        {
            var square = cycle.Maximum[0] * cycle.Maximum[0];
            Assert.Equal((square * square) - square, cycle.Parameter, 1e-5);
            Assert.Equal(2.0 * Math.PI, cycle.Period, 1e-8);
            var exact = Math.Exp(2.0 * Math.PI * ((2.0 * square) - (4.0 * square * square)));
            Assert.Equal(exact, cycle.Multipliers[0].Real, 1e-4 * exact);
            Assert.Equal(exact < 1.0, cycle.IsStable);
        }
    }

    [Fact]
    public void A_cycle_that_shrinks_into_a_second_Hopf_point_ends_there()
    {
        // x'' - (p (1 - p) - x²) x' + x = 0: Hopf points at 0 and 1, one family of cycles between them.
        var field = new Field(
            2,
            (x, p, f) =>
            {
                f[0] = x[1];
                f[1] = (((p * (1.0 - p)) - (x[0] * x[0])) * x[1]) - x[0];
            },
            (x, p, j) =>
            {
                j[1] = 1.0;
                j[2] = (-2.0 * x[0] * x[1]) - 1.0;
                j[3] = (p * (1.0 - p)) - (x[0] * x[0]);
            },
            (x, p, d) => d[1] = (1.0 - (2.0 * p)) * x[1]);
        var diagram = Diagram(field, -0.4, 1.5, [-2, -2], [2, 2]);
        Assert.Equal([0.0, 1.0], diagram.SpecialPoints.Where(s => s.Kind == SpecialPointKind.Hopf).Select(s => Math.Round(s.Parameter, 10)).Order());
        var cycles = Assert.Single(diagram.Cycles);
        Assert.Equal(CycleEnd.Hopf, cycles.End);
        Assert.Equal(1.0, Math.Abs(cycles.EndParameter - diagram.SpecialPoints[cycles.HopfPoint].Parameter), 1e-9);
    }

    [Fact]
    public void Near_a_Bogdanov_Takens_point_the_cycle_ends_at_the_homoclinic_orbit_of_the_normal_form()
    {
        double Error(double b2)
        {
            var diagram = Diagram(Fields.BogdanovTakens(b2), -4.0 * b2 * b2, 0.5 * b2 * b2, [-4 * b2, -4 * b2], [4 * b2, 4 * b2]);
            var hopf = Assert.Single(diagram.SpecialPoints, s => s.Kind == SpecialPointKind.Hopf);
            Assert.Equal(-b2 * b2, hopf.Parameter, 1e-8);
            var cycles = Assert.Single(diagram.Cycles);
            Assert.Equal(CycleEnd.Homoclinic, cycles.End);
            Assert.Equal(Math.Sqrt(-cycles.EndParameter), cycles.EndState!.Value[0], 1e-9);
            return Math.Abs((cycles.EndParameter / (b2 * b2)) + (49.0 / 25.0));
        }
        double far = Error(0.1), near = Error(0.025);
        Assert.True(far < 0.1, $"{far}");
        Assert.True(near < 0.4 * far, $"{near} {far}");
    }

    [Fact]
    public void The_neuron_of_class_I_has_a_cycle_that_ends_at_a_saddle_node_on_it()
    {
        var diagram = Diagram(Fields.MorrisLecar(), 20.0, 140.0, [-80, 0], [60, 1]);
        var cycles = Assert.Single(diagram.Cycles);
        Assert.Equal(CycleEnd.SaddleNodeOnCycle, cycles.End);
        // The fold is where the current at rest has its maximum over the voltage.
        double low = -40.0, high = -20.0;
        for (var k = 0; k < 200; k++)
        {
            double a = low + ((high - low) / 3.0), b = high - ((high - low) / 3.0);
            if (Fields.MorrisLecarCurrent(a) < Fields.MorrisLecarCurrent(b)) low = a;
            else high = b;
        }
        Assert.Equal(Fields.MorrisLecarCurrent(low), cycles.EndParameter, 1e-6);
        Assert.Equal(39.96, cycles.EndParameter, 0.01);
    }

    [Fact]
    public void Roesslers_cycle_doubles_its_period_where_an_integration_sees_it()
    {
        var diagram = Diagram(Fields.Roessler(), 0.05, 0.36, [-12, -12, -1], [12, 12, 25]);
        var doubling = Assert.Single(diagram.SpecialPoints, s => s.Kind == SpecialPointKind.PeriodDoubling);
        Assert.InRange(doubling.Parameter, 0.3, 0.35);
        foreach (var cycle in diagram.Cycles[doubling.Branch].Cycles) Assert.Equal(cycle.Parameter < doubling.Parameter, cycle.IsStable);
        Assert.Equal(1, Rounds(doubling.Parameter - 0.004));
        Assert.Equal(2, Rounds(doubling.Parameter + 0.004));

        // The different maxima of x after 1,600 units of time, by the classical Runge-Kutta method.
        static int Rounds(double a)
        {
            var field = Fields.Roessler();
            double[] x = [1.0, 1.0, 1.0];
            var peaks = new List<double>();
            double before = 0.0, last = 0.0;
            const double h = 0.01;
            for (var k = 0; k < 170_000; k++)
            {
                RungeKutta(field, x, a, h);
                if (k > 160_000 && last > before && last > x[0]) peaks.Add(last);
                (before, last) = (last, x[0]);
            }
            return peaks.Select(p => Math.Round(p, 1)).Distinct().Count();
        }
    }

    [Fact]
    public void A_period_of_integration_along_a_cycle_comes_back_to_its_start()
    {
        var field = Fields.Brusselator(1.0);
        var cycle = Diagram(field, 1.5, 3.0, [0, 0], [12, 30], 80).Cycles[0].Cycles[^1];
        double[] start = [cycle.Values[0], cycle.Values[1]], x = [start[0], start[1]];
        const int steps = 40_000;
        for (var k = 0; k < steps; k++) RungeKutta(field, x, cycle.Parameter, cycle.Period / steps);
        Assert.Equal(start[0], x[0], 1e-8);
        Assert.Equal(start[1], x[1], 1e-8);
    }

    private static void RungeKutta(Field field, double[] x, double p, double h)
    {
        var n = x.Length;
        double[] k1 = new double[n], k2 = new double[n], k3 = new double[n], k4 = new double[n], trial = new double[n];
        field.Rhs(x, p, k1);
        for (var i = 0; i < n; i++) trial[i] = x[i] + (0.5 * h * k1[i]);
        field.Rhs(trial, p, k2);
        for (var i = 0; i < n; i++) trial[i] = x[i] + (0.5 * h * k2[i]);
        field.Rhs(trial, p, k3);
        for (var i = 0; i < n; i++) trial[i] = x[i] + (h * k3[i]);
        field.Rhs(trial, p, k4);
        for (var i = 0; i < n; i++) x[i] += h / 6.0 * (k1[i] + (2.0 * (k2[i] + k3[i])) + k4[i]);
    }

    [Fact]
    public void Langfords_torus_branches_off_where_its_cylindrical_form_says()
    {
        var diagram = Diagram(Fields.Langford(), -1.2, 0.9, [-3, -3, -3], [3, 3, 3]);
        var hopf = Assert.Single(diagram.SpecialPoints, s => s.Kind == SpecialPointKind.Hopf);
        Assert.Equal(((0.343 / 3.0) - 0.6) / 0.7, hopf.Parameter, 1e-9);
        Assert.Equal(3.5, hopf.Frequency, 1e-9);
        // On the cycle z = b and r² = (c + a b - b³/3) / (1 + e b); the trace of (r, z) about it is a - b² - e r².
        var exact = (0.49 + (0.25 * (0.6 - (0.343 / 3.0)) / 1.175)) / (1.0 - (0.25 * 0.7 / 1.175));
        var torus = Assert.Single(diagram.SpecialPoints, s => s.Kind == SpecialPointKind.Torus);
        Assert.Equal(exact, torus.Parameter, 1e-6);
        Assert.Equal(2.0 * Math.PI / 3.5, torus.Period, 1e-8);
    }
}
