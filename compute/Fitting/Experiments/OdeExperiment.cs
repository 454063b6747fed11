using Athanor.Compute.Ode;

namespace Athanor.Compute.Fitting;

/// <summary>Where an experiment's parameter comes from: a number, or a parameter of the fit.</summary>
/// <param name="Theta">Index of the fit's parameter; -1 for a number.</param>
public readonly record struct ParameterBinding(int Theta, double Value)
{
    public static ParameterBinding Of(double value) => new(-1, value);

    public static ParameterBinding To(int theta) => new(theta, double.NaN);
}

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
        var parameters = new double[p];
        for (var k = 0; k < p; k++) parameters[k] = Bindings[k].Theta < 0 ? Bindings[k].Value : theta[Bindings[k].Theta];
        var initial = new double[n];
        var byParameter = new double[n * p];
        var noStates = new double[n];
        for (var i = 0; i < n; i++)
        {
            initial[i] = Initial[i].Evaluate(Start, noStates, parameters, new double[n], byParameter.AsSpan(i * p, p));
            if (double.IsFinite(initial[i])) continue;
            Failure = $"experiment '{Name}': the start of {Model.States[i]} is not finite";
            return null;
        }
        var groups = Groups(estimated, byParameter, n);
        var index = groups.Select(g => g.Theta).ToArray();
        var scales = new double[index.Length];
        for (var g = 0; g < index.Length; g++) scales[g] = theta[index[g]] != 0 ? Math.Abs(theta[index[g]]) : 1.0;
        var start = new double[n * (1 + index.Length)];
        initial.CopyTo(start, 0);
        for (var g = 0; g < index.Length; g++)
        {
            foreach (var k in groups[g].All)
            {
                for (var i = 0; i < n; i++) start[((1 + g) * n) + i] += scales[g] * byParameter[(i * p) + k];
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
                        Groups = [.. groups.Select(g => g.Model)],
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

    /// <summary>The estimated parameters that the solution depends on, with the experiment's parameters bound to each.</summary>
    private List<(int Theta, int[] Model, int[] All)> Groups(ReadOnlySpan<bool> estimated, double[] startByParameter, int n)
    {
        var groups = new List<(int, int[], int[])>();
        for (var j = 0; j < estimated.Length; j++)
        {
            if (!estimated[j]) continue;
            List<int> inModel = [], all = [];
            for (var k = 0; k < Bindings.Count; k++)
            {
                if (Bindings[k].Theta != j) continue;
                var inStart = false;
                for (var i = 0; i < n; i++) inStart |= startByParameter[(i * Bindings.Count) + k] != 0;
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
