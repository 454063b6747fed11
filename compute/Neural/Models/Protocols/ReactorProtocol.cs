using Athanor.Compute.Training;

namespace Athanor.Compute.Neural.Models.Protocols;

/// <summary>What one model reached on one case under one seed; NMSE averaged over the validation records.</summary>
/// <param name="Whole">NMSE over the whole record (of the limit cycle: over its first 5 min).</param>
/// <param name="LastHalf">NMSE over the last half (of the limit cycle: NaN).</param>
/// <param name="Period">Relative error of the limit cycle's period; NaN elsewhere.</param>
/// <param name="Amplitude">Relative error of its amplitude in temperature; NaN elsewhere.</param>
internal sealed record ReactorResult(
    string Model, double Whole, double LastHalf, Violations Violations, double Period, double Amplitude,
    IReadOnlyDictionary<string, double> Constants);

/// <summary>
/// The reactor protocol: the hybrid beside a constant, a pure neural ODE and the true equations. NMSE is that of <see
/// cref="FreeRuns.Nmse"/>.
/// </summary>
internal sealed class ReactorProtocol(ReactorCase reactor, int steps, double rate = 1e-2, Action<int, double>? told = null)
{
    private const int Substeps = 32;

    /// <summary>Whether the state goes round after the first 5 min.</summary>
    public bool Cycles => reactor.Truth[0] == 305.0 && reactor.End == 10.0;

    /// <summary>Calls of <c>told</c> that a fit of so many steps makes at most.</summary>
    public static int Iterations(int steps) => steps + (steps / 2) + (steps / 4);

    /// <summary>All four models: a constant, a pure neural ODE, the hybrid, the true equations.</summary>
    public IReadOnlyList<ReactorResult> Run(ulong seed)
    {
        var records = reactor.Records(seed);
        ProcessRecord[] training = records[..ReactorCase.Training], validation = records[ReactorCase.Training..];
        return [Constant(training, validation), Learned("neural ODE", reactor.Plain, training, validation, seed),
            Hybrid(training, validation, seed), True(validation)];
    }

    public ReactorResult Hybrid(ProcessRecord[] training, ProcessRecord[] validation, ulong seed) =>
        Learned("hybrid, learned rates", reactor.Hybrid, training, validation, seed);

    private ReactorResult Learned(string name, string json, ProcessRecord[] training, ProcessRecord[] validation, ulong seed)
    {
        var model = NeuralModel<double>.Of(ModelJson.Normalised(ModelJson.Read(json), training));
        var task = model.Task(training, [], new ShootingOptions(2, 2, 4, Substeps, Absolute: 0.0, Relative: 1.0));
        // Short windows first: the start of each is exact and the gradient short; then longer ones, whose errors add up as those of a
        // free run.
        var p = ProtocolFit.Adam(task, steps, 32, rate, seed, told);
        p = QuasiNewton.Run(task, p, steps / 2, told);
        p = QuasiNewton.Run(task.Windows(8, 8), p, steps / 4, told);
        return Score(name, model, p, validation);
    }

    private ReactorResult Score(string name, NeuralModel<double> model, double[] p, ProcessRecord[] validation)
    {
        var observed = Enumerable.Range(0, model.Specification.States.Length).Where(i => model.Specification.States[i].Observed).ToArray();
        var balances = model.Specification.Reactor is { } ? model.Balances(p) : null;
        return Score(
            name, validation, model.Constants(p),
            record =>
            {
                var substeps = Enumerable.Repeat(Substeps, record.Rows - 1).ToArray();
                var run = model.Predict(p, model.StartOf(p, record, 1, 1), record, substeps, balances);
                return (FreeRuns.Observed(run, observed), run.Violations);
            });
    }

    private ReactorResult True(ProcessRecord[] validation)
    {
        var scales = Enumerable.Repeat(1.0, reactor.Nominal.Length).ToArray();
        bool[] concentrations = [.. reactor.Relative.Select(r => r > 0.0)];
        return Score("true equations", validation, new Dictionary<string, double>(), record =>
        {
            var run = new RollOut<double>(
                (x, _, dx) => reactor.Problem.Rhs(0.0, x, reactor.Truth, dx), scales, concentrations, false, null, 0)
                .Run(record.Outputs.AsSpan(0, scales.Length), record, Enumerable.Repeat(Substeps, record.Rows - 1).ToArray());
            return (run.Values, run.Violations);
        });
    }

    private ReactorResult Constant(ProcessRecord[] training, ProcessRecord[] validation)
    {
        var d = reactor.Nominal.Length;
        return Score("constant", validation, new Dictionary<string, double>(), record =>
        {
            // The best constant of each part: the training records' mean over it.
            var values = new double[record.Rows * d];
            var (first, half) = (Mean(0, record.Rows), Mean(record.Rows / 2, record.Rows));
            for (var k = 0; k < record.Rows; k++) (k < record.Rows / 2 || Cycles ? first : half).CopyTo(values, k * d);
            return (values, Violations.None);
        }, record =>
        {
            var values = new double[record.Rows * d];
            var mean = Mean(0, Cycles ? record.Rows / 2 : record.Rows);
            for (var k = 0; k < record.Rows; k++) mean.CopyTo(values, k * d);
            return values;
        });

        double[] Mean(int from, int end)
        {
            var mean = new double[d];
            foreach (var record in training)
            {
                for (var k = from; k < end; k++)
                {
                    for (var i = 0; i < d; i++) mean[i] += record.Outputs[(k * d) + i] / (training.Length * (end - from));
                }
            }
            return mean;
        }
    }

    private ReactorResult Score(
        string name, ProcessRecord[] validation, IReadOnlyDictionary<string, double> constants,
        Func<ProcessRecord, (double[] Values, Violations Violations)> run, Func<ProcessRecord, double[]>? whole = null)
    {
        var d = reactor.Nominal.Length;
        var (all, last, violations) = (0.0, 0.0, Violations.None);
        foreach (var record in validation)
        {
            var (values, broken) = run(record);
            violations = violations.Plus(broken);
            var half = record.Rows / 2;
            all += FreeRuns.Nmse(whole?.Invoke(record) ?? values, record.Outputs, d, 0, Cycles ? half : record.Rows) / validation.Length;
            last += Cycles ? double.NaN : FreeRuns.Nmse(values, record.Outputs, d, half, record.Rows) / validation.Length;
        }
        var (period, amplitude) = (double.NaN, double.NaN);
        if (Cycles && whole is null)
        {
            var times = Enumerable.Range(0, 3001).Select(k => 0.02 * k).ToArray();
            var truth = reactor.Record([.. validation[0].Outputs.AsSpan(0, d)], times);
            var own = run(truth).Values;
            var (truePeriod, trueAmplitude) = LimitCycle(truth.Outputs, d, 0.02);
            var (ownPeriod, ownAmplitude) = LimitCycle(own, d, 0.02);
            (period, amplitude) = (Math.Abs((ownPeriod / truePeriod) - 1.0), Math.Abs((ownAmplitude / trueAmplitude) - 1.0));
        }
        return new ReactorResult(name, all, last, violations, period, amplitude, constants);
    }

    /// <summary>Mean time between upward crossings of the mean temperature, and half its range, over the last two thirds of the
    /// run.</summary>
    internal static (double Period, double Amplitude) LimitCycle(double[] values, int d, double step)
    {
        var kelvin = Enumerable.Range(values.Length / d / 3, values.Length / d * 2 / 3).Select(k => values[(k * d) + 1]).ToArray();
        if (kelvin.Any(t => !double.IsFinite(t))) return (double.NaN, double.NaN);
        var middle = 0.5 * (kelvin.Min() + kelvin.Max());
        var crossings = Enumerable.Range(1, kelvin.Length - 1).Where(k => kelvin[k - 1] < middle && kelvin[k] >= middle)
            .Select(k => step * (k - 1 + ((middle - kelvin[k - 1]) / (kelvin[k] - kelvin[k - 1])))).ToArray();
        return crossings.Length < 2
            ? (double.NaN, 0.5 * (kelvin.Max() - kelvin.Min()))
            : ((crossings[^1] - crossings[0]) / (crossings.Length - 1), 0.5 * (kelvin.Max() - kelvin.Min()));
    }
}
