using Athanor.Compute.Fitting;

namespace Athanor.Compute.Twins;

/// <summary>How free runs are laid over a record, by zero-based rows.</summary>
/// <param name="First">First row predicted by the first run; the filter has seen the rows before it.</param>
/// <param name="End">No run goes beyond this row.</param>
/// <param name="Every">Rows from start to start; <see cref="First"/> is a multiple of it.</param>
/// <param name="Length">Rows of a run.</param>
public sealed record FreeRunPlan(int First, int End, int Every, int Length)
{
    public int Runs => End - First < Length ? 0 : ((End - First - Length) / Every) + 1;

    public int StartOf(int run) => First + (run * Every);
}

/// <summary>
/// Fits gain, heat loss, radiation and sensor lag of the energy balance to free runs that start from filtered states: the same thing that
/// the score measures, on other rows. Bounded Levenberg-Marquardt in factors of the start values; derivatives by forward differences
/// through filter and free run together.
/// </summary>
public static class BalanceFit
{
    private const int Fitted = 4;

    /// <summary>Every which row of a run is a residual: the readings of neighbouring rows say the same.</summary>
    private const int Thinning = 5;

    private const double Difference = 1e-4;

    /// <param name="record">No row at or after the plan's end is looked at.</param>
    /// <exception cref="ArgumentException">The plan has no run, or there is no value at the start.</exception>
    public static HeaterParameters Fit(HeaterParameters start, HeaterRecord record, FreeRunPlan plan, int iterations = 25)
    {
        ArgumentNullException.ThrowIfNull(record);
        if (plan.Runs < 1) throw new ArgumentException($"no free run of {plan.Length} rows fits rows {plan.First} to {plan.End}");
        var problem = new Problem(start, record, plan);
        var result = LevenbergMarquardt.Minimise(
            ref problem, [1.0, 1.0, 0.5, 1.0], [0.1, 0.1, 0.0, 0.1], [10.0, 10.0, 2.0, 10.0],
            new LevenbergMarquardtOptions { MaxIterations = iterations, MaxStep = 0.5, StepTolerance = 1e-6, ReductionTolerance = 1e-8 });
        return result.End == FitEnd.NoStart
            ? throw new ArgumentException("the filter diverges at the start values")
            : Scaled(start, result.Parameters);
    }

    private static HeaterParameters Scaled(HeaterParameters start, ReadOnlySpan<double> factors) => start with
    {
        Gain = start.Gain * factors[0],
        HeatLoss = start.HeatLoss * factors[1],
        Radiation = start.Radiation * factors[2],
        SensorLag = start.SensorLag * factors[3],
    };

    private readonly struct Problem(HeaterParameters start, HeaterRecord record, FreeRunPlan plan) : ILeastSquares
    {
        public int Parameters => Fitted;

        public int Residuals => plan.Runs * (plan.Length / Thinning);

        public bool Evaluate(ReadOnlySpan<double> x, Span<double> residuals, Span<double> jacobian)
        {
            if (!Write(x, residuals)) return false;
            var moved = new double[Residuals];
            Span<double> near = stackalloc double[Fitted];
            for (var j = 0; j < Fitted; j++)
            {
                x.CopyTo(near);
                near[j] += Difference;
                if (!Write(near, moved)) return false;
                for (var i = 0; i < moved.Length; i++) jacobian[(i * Fitted) + j] = (moved[i] - residuals[i]) / Difference;
            }
            return true;
        }

        private bool Write(ReadOnlySpan<double> x, Span<double> residuals)
        {
            var model = HeaterModel.Balance(Scaled(start, x));
            try
            {
                var starts = HeaterFilter.Estimates(model, record, plan.StartOf(plan.Runs - 1), plan.Every);
                var at = 0;
                for (var run = 0; run < plan.Runs; run++)
                {
                    var first = plan.StartOf(run);
                    var range = first..(first + plan.Length);
                    var free = HeaterFilter.FreeRun(
                        model, starts[(first / plan.Every) - 1], record.TimeS.AsSpan()[range], record.Power.AsSpan()[range]);
                    for (var k = Thinning - 1; k < plan.Length; k += Thinning) residuals[at++] = free[k] - record.MeasuredC[first + k];
                }
                return true;
            }
            catch (ArithmeticException)
            {
                return false;
            }
        }
    }
}
