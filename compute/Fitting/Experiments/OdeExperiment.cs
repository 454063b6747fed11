using Athanor.Compute.Ode;

namespace Athanor.Compute.Fitting;

/// <summary>Where an experiment's parameter comes from: a number, or a parameter of the fit.</summary>
/// <param name="Theta">Index of the fit's parameter; -1 for a number.</param>
public readonly record struct ParameterBinding(int Theta, double Value)
{
    public static ParameterBinding Of(double value) => new(-1, value);

    public static ParameterBinding To(int theta) => new(theta, double.NaN);
}

/// <summary>A rest before an experiment: the model is solved with other parameters until nothing changes, and goes on from there.</summary>
/// <param name="Bindings">By parameter of the experiment.</param>
/// <param name="Initial">By state, where the way to rest begins.</param>
/// <param name="Kept">By state, whether the experiment begins with its value at rest; else with its own start.</param>
public sealed record Preequilibration(IReadOnlyList<ParameterBinding> Bindings, IReadOnlyList<IFormula> Initial, IReadOnlyList<bool> Kept);

/// <summary>
/// An experiment whose model is an initial value problem. Its parameters p are the model's, in order, and after them any others that
/// starts, responses and deviations need (noise, scale factors). Each is bound to a number or to a parameter of the fit, so that
/// experiments share what is bound to the same one and keep for themselves what is not. Measurements at the start are predicted from the
/// start itself.
/// </summary>
public sealed class OdeExperiment : FitExperiment
{
    private double[] _times = [];
    private int[] _timeOf = [];

    public required FitModel Model { get; init; }

    /// <summary>By parameter of the experiment.</summary>
    public required IReadOnlyList<ParameterBinding> Bindings { get; init; }

    /// <summary>By state, a formula of the experiment's parameters alone.</summary>
    public required IReadOnlyList<IFormula> Initial { get; init; }

    /// <summary>What comes before; null for nothing.</summary>
    public Preequilibration? Preequilibration { get; init; }

    /// <summary>Time of the start.</summary>
    public double Start { get; init; }

    public OdeOptions Options { get; init; } = new() { RelativeTolerance = 1e-8, AbsoluteTolerance = 1e-10 };

    public override string? Problem()
    {
        if (base.Problem() is { } problem) return problem;
        if (Bindings.Count < Model.Parameters.Count || Initial.Count != Model.States.Count)
        {
            return $"experiment '{Name}' binds {Bindings.Count} parameters and starts {Initial.Count} states; its model has "
                + $"{Model.Parameters.Count} and {Model.States.Count}";
        }
        for (var i = 0; i < Measurements.Count; i++)
        {
            if (Measurements[i].Time < Start)
            {
                return FormattableString.Invariant(
                    $"experiment '{Name}': measurement {i} is at time {Measurements[i].Time:R}, before the start at {Start:R}");
            }
        }
        return null;
    }

    public override bool Predict(
        ReadOnlySpan<double> theta, ReadOnlySpan<bool> estimated, Prediction into, CancellationToken cancellation)
    {
        if (_timeOf.Length == 0) Index();
        var solution = Solve(theta, estimated, _times, cancellation);
        if (solution is null) return false;
        into.Clear();
        int n = Model.States.Count, p = Bindings.Count, q = theta.Length;
        Span<double> dy = new double[n], dp = new double[p];
        for (var i = 0; i < Measurements.Count; i++)
        {
            var m = Measurements[i];
            var response = Responses[m.Response];
            var row = _timeOf[i] < 0 ? solution.Start : solution.Output.AsSpan(_timeOf[i] * solution.Start.Length, solution.Start.Length);
            into.Mean[i] = Chain(response.Mean, m.Time, row, solution, dy, dp, into.MeanByParameter.AsSpan(i * q, q), estimated);
            into.Deviation[i] = Chain(response.Deviation, m.Time, row, solution, dy, dp, into.DeviationByParameter.AsSpan(i * q, q), estimated);
        }
        return true;
    }

    public override bool Simulate(ReadOnlySpan<double> theta, ReadOnlySpan<double> times, Span<double> values, CancellationToken cancellation)
    {
        var after = times.ToArray().Where(t => t > Start).ToArray();
        var solution = Solve(theta, new bool[theta.Length], after, cancellation);
        if (solution is null) return false;
        int n = Model.States.Count, r = Responses.Count, skipped = times.Length - after.Length;
        Span<double> dy = new double[n], dp = new double[Bindings.Count];
        for (var i = 0; i < times.Length; i++)
        {
            var row = i < skipped ? solution.Start : solution.Output.AsSpan((i - skipped) * n, n);
            for (var k = 0; k < r; k++) values[(i * r) + k] = Responses[k].Mean.Evaluate(times[i], row[..n], solution.Parameters, dy, dp);
        }
        return true;
    }

    /// <param name="Theta">By group, the fit's parameter.</param>
    /// <param name="Start">(1 + groups, states): the start and its scaled sensitivities.</param>
    private sealed record Solution(double[] Parameters, int[] Theta, double[] Scales, double[] Start, double[] Output);

    private Solution? Solve(ReadOnlySpan<double> theta, ReadOnlySpan<bool> estimated, double[] times, CancellationToken cancellation)
    {
        int n = Model.States.Count, p = Bindings.Count;
        if (Begin(theta, Bindings, Initial) is not var (parameters, initial, byParameter)) return null;
        var rest = Preequilibration is null ? null : Begin(theta, Preequilibration.Bindings, Preequilibration.Initial);
        if (Preequilibration is not null && rest is null) return null;
        for (var i = 0; i < n; i++)
        {
            if (Preequilibration?.Kept[i] == true) byParameter.AsSpan(i * p, p).Clear();
        }
        var groups = Groups(estimated, Bindings, byParameter, n);
        var before = rest is null ? [] : Groups(estimated, Preequilibration!.Bindings, rest.Value.ByParameter, n);
        int[] index = [.. groups.Concat(before).Select(g => g.Theta).Distinct().Order()];
        var scales = new double[index.Length];
        for (var g = 0; g < index.Length; g++) scales[g] = theta[index[g]] != 0 ? Math.Abs(theta[index[g]]) : 1.0;
        var start = Row(initial, byParameter, groups, index, scales);
        if (rest is { } begin)
        {
            var end = Rest(begin.Parameters, Row(begin.Initial, begin.ByParameter, before, index, scales), InModel(before, index), scales, cancellation);
            if (end is null) return null;
            for (var i = 0; i < n; i++)
            {
                if (!Preequilibration!.Kept[i]) continue;
                for (var row = i; row < start.Length; row += n) start[row] = end[row];
                initial[i] = start[i];
            }
        }
        var output = new double[times.Length * start.Length];
        if (times.Length > 0)
        {
            try
            {
                Model.Solve(
                    new FitSolve
                    {
                        Parameters = parameters[..Model.Parameters.Count],
                        Groups = InModel(groups, index),
                        Scales = scales,
                        Start = Start,
                        Initial = initial,
                        InitialSensitivities = start[n..],
                        Times = times,
                        Output = output,
                        Options = Options,
                    },
                    cancellation);
            }
            catch (OdeException failure)
            {
                Failure = $"experiment '{Name}': {failure.Message}";
                return null;
            }
        }
        return new Solution(parameters, index, scales, start, output);
    }

    /// <summary>Parameters and start under some bindings, with the start's derivatives by parameter of the experiment.</summary>
    private (double[] Parameters, double[] Initial, double[] ByParameter)? Begin(
        ReadOnlySpan<double> theta, IReadOnlyList<ParameterBinding> bindings, IReadOnlyList<IFormula> formulas)
    {
        int n = Model.States.Count, p = bindings.Count;
        double[] parameters = new double[p], initial = new double[n], byParameter = new double[n * p], noStates = new double[n];
        for (var k = 0; k < p; k++) parameters[k] = bindings[k].Theta < 0 ? bindings[k].Value : theta[bindings[k].Theta];
        for (var i = 0; i < n; i++)
        {
            initial[i] = formulas[i].Evaluate(Start, noStates, parameters, new double[n], byParameter.AsSpan(i * p, p));
            if (double.IsFinite(initial[i])) continue;
            Failure = $"experiment '{Name}': the start of {Model.States[i]} is not finite";
            return null;
        }
        return (parameters, initial, byParameter);
    }

    /// <summary>The start and, by group, its scaled sensitivities.</summary>
    private static double[] Row(
        double[] initial, double[] byParameter, List<(int Theta, int[] Model, int[] All)> groups, int[] index, double[] scales)
    {
        int n = initial.Length, p = byParameter.Length / n;
        var row = new double[n * (1 + index.Length)];
        initial.CopyTo(row, 0);
        foreach (var (theta, _, all) in groups)
        {
            var g = Array.IndexOf(index, theta);
            foreach (var k in all)
            {
                for (var i = 0; i < n; i++) row[((1 + g) * n) + i] += scales[g] * byParameter[(i * p) + k];
            }
        }
        return row;
    }

    /// <summary>By group, the model's parameters that move with it.</summary>
    private static int[][] InModel(List<(int Theta, int[] Model, int[] All)> groups, int[] index) =>
        [.. index.Select(theta => groups.FirstOrDefault(g => g.Theta == theta).Model ?? [])];

    /// <summary>Follows the model, with its sensitivities, decade by decade of time until both are what they were a decade before. So
    /// conserved amounts, whose Jacobian is singular at rest, need no care.</summary>
    private double[]? Rest(double[] parameters, double[] row, int[][] groups, double[] scales, CancellationToken cancellation)
    {
        var n = Model.States.Count;
        for (double from = 0.0, to = 1.0; to < 1e14; from = to, to *= 10.0)
        {
            var next = new double[row.Length];
            try
            {
                Model.Solve(
                    new FitSolve
                    {
                        Parameters = parameters[..Model.Parameters.Count],
                        Groups = groups,
                        Scales = scales,
                        Start = from,
                        Initial = row[..n],
                        InitialSensitivities = row[n..],
                        Times = [to],
                        Output = next,
                        Options = Options,
                    },
                    cancellation);
            }
            catch (OdeException failure)
            {
                Failure = $"experiment '{Name}': on the way to rest before it: {failure.Message}";
                return null;
            }
            var size = new double[n];
            for (var k = 0; k < row.Length; k++) size[k % n] = Math.Max(size[k % n], Math.Max(Math.Abs(row[k]), Math.Abs(next[k])));
            var still = true;
            for (var k = 0; k < row.Length; k++)
                still &= Math.Abs(next[k] - row[k]) <= 10.0 * ((Options.RelativeTolerance * size[k % n]) + Options.AbsoluteTolerance);
            row = next;
            if (still && from > 0) return row;
        }
        Failure = $"experiment '{Name}': its model does not come to rest before it";
        return null;
    }

    /// <summary>The estimated parameters that the solution depends on, with the experiment's parameters bound to each.</summary>
    private List<(int Theta, int[] Model, int[] All)> Groups(
        ReadOnlySpan<bool> estimated, IReadOnlyList<ParameterBinding> bindings, double[] startByParameter, int n)
    {
        var groups = new List<(int, int[], int[])>();
        for (var j = 0; j < estimated.Length; j++)
        {
            if (!estimated[j]) continue;
            List<int> inModel = [], all = [];
            for (var k = 0; k < bindings.Count; k++)
            {
                if (bindings[k].Theta != j) continue;
                var inStart = false;
                for (var i = 0; i < n; i++) inStart |= startByParameter[(i * bindings.Count) + k] != 0;
                if (k < Model.Parameters.Count) inModel.Add(k);
                if (k < Model.Parameters.Count || inStart) all.Add(k);
            }
            if (all.Count > 0) groups.Add((j, [.. inModel], [.. all]));
        }
        return groups;
    }

    private double Chain(
        IFormula formula, double time, ReadOnlySpan<double> row, Solution solution, Span<double> dy, Span<double> dp,
        Span<double> byTheta, ReadOnlySpan<bool> estimated)
    {
        var n = dy.Length;
        dy.Clear();
        dp.Clear();
        var value = formula.Evaluate(time, row[..n], solution.Parameters, dy, dp);
        for (var k = 0; k < dp.Length; k++)
        {
            var theta = Bindings[k].Theta;
            if (theta >= 0 && estimated[theta]) byTheta[theta] += dp[k];
        }
        for (var g = 0; g < solution.Theta.Length; g++)
        {
            var s = row.Slice((1 + g) * n, n);
            var sum = 0.0;
            for (var i = 0; i < n; i++) sum += dy[i] * s[i];
            byTheta[solution.Theta[g]] += sum / solution.Scales[g];
        }
        return value;
    }

    private void Index()
    {
        _times = [.. Measurements.Select(m => m.Time).Where(t => t > Start).Distinct().Order()];
        _timeOf = [.. Measurements.Select(m => m.Time > Start ? Array.BinarySearch(_times, m.Time) : -1)];
    }
}
