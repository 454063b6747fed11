namespace Athanor.Compute.Fitting;

/// <summary>Predictions of an experiment's measurements and of their standard deviations, with derivatives by the fit's parameters.</summary>
public sealed class Prediction(int measurements, int parameters)
{
    public double[] Mean { get; } = new double[measurements];

    /// <summary>Shape (measurements, fit parameters) row-major; zero for fixed parameters.</summary>
    public double[] MeanByParameter { get; } = new double[measurements * parameters];

    public double[] Deviation { get; } = new double[measurements];

    /// <summary>Shape (measurements, fit parameters) row-major.</summary>
    public double[] DeviationByParameter { get; } = new double[measurements * parameters];

    internal void Clear()
    {
        Array.Clear(MeanByParameter);
        Array.Clear(DeviationByParameter);
    }
}

/// <summary>An experiment: what was measured, and what a model says that it should be. One object serves one search at a time.</summary>
public abstract class FitExperiment
{
    public required string Name { get; init; }

    public required IReadOnlyList<FitResponse> Responses { get; init; }

    public required IReadOnlyList<Measurement> Measurements { get; init; }

    /// <summary>Predicts all measurements.</summary>
    /// <param name="theta">The fit's parameters, by themselves, not on their scales.</param>
    /// <param name="estimated">Which of them derivatives are wanted of.</param>
    /// <returns>False if the model has no solution there; <see cref="Failure"/> then says why.</returns>
    public abstract bool Predict(
        ReadOnlySpan<double> theta, ReadOnlySpan<bool> estimated, Prediction into, CancellationToken cancellation);

    /// <summary>A response along times, for plots: shape (times, responses).</summary>
    public abstract bool Simulate(ReadOnlySpan<double> theta, ReadOnlySpan<double> times, Span<double> values, CancellationToken cancellation);

    /// <summary>Why the last prediction failed.</summary>
    public string Failure { get; protected set; } = "";

    /// <summary>What is wrong with the data; null if nothing is.</summary>
    public virtual string? Problem()
    {
        if (Measurements.Count == 0) return $"experiment '{Name}' has no measurements";
        for (var i = 0; i < Measurements.Count; i++)
        {
            var m = Measurements[i];
            if (m.Response < 0 || m.Response >= Responses.Count)
                return $"experiment '{Name}': measurement {i} is of response {m.Response}; there are {Responses.Count}";
            var response = Responses[m.Response];
            if (!double.IsFinite(m.Value) || !double.IsFinite(m.Time))
            {
                return FormattableString.Invariant(
                    $"experiment '{Name}': measurement {i} of '{response.Name}' is {m.Value:R} at time {m.Time:R}; both must be finite");
            }
            if (response.Law.IsLogarithmic() && !(m.Value > 0))
            {
                return FormattableString.Invariant(
                    $"experiment '{Name}': measurement {i} of '{response.Name}' is {m.Value:R}; one compared by its logarithm must be positive");
            }
        }
        return null;
    }
}
