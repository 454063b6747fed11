namespace Athanor.Compute.Estimation;

/// <summary>One measured value.</summary>
/// <param name="Sensor">Position in <see cref="EstimatorSettings.Sensors"/>.</param>
/// <param name="TimeS">Source time, s since the twin's origin.</param>
public readonly record struct Sample(int Sensor, double TimeS, double Value);

/// <summary>What an estimator is told in one step.</summary>
/// <param name="TimeS">Now, s since the twin's origin.</param>
/// <param name="Inputs">Values of the model's inputs that hold from now on until told otherwise.</param>
/// <param name="Samples">What came since the last step, in any order.</param>
public sealed record EstimatorInput(double TimeS, double[] Inputs, Sample[] Samples);

/// <summary>What became of a sensor's sample.</summary>
public enum SensorStatus
{
    /// <summary>None came in this step.</summary>
    Missing,

    /// <summary>Taken in.</summary>
    Ok,

    /// <summary>Older than the lag window (or than what was filtered, where there is none): left out.</summary>
    Late,

    /// <summary>Too far from its prediction: left out.</summary>
    Gated,

    /// <summary>The same value too many times: left out.</summary>
    Frozen,

    /// <summary>Outside the sensor's range, or not a number: left out.</summary>
    Wild,

    /// <summary>Its time is after now: left out.</summary>
    Future,
}

/// <summary>A sensor in one step; the last of its samples counts.</summary>
/// <param name="TimeS">When the plant was as the sample shows it; NaN where there was none.</param>
/// <param name="Value">NaN where there was none.</param>
/// <param name="Predicted">What was expected at that time before any sample of that time; without a sample, what is expected now.</param>
/// <param name="Innovation">Value - predicted; 0 without a sample.</param>
/// <param name="Variance">Of the innovation.</param>
/// <param name="Normalised">Innovation over its standard deviation.</param>
public readonly record struct SensorReading(
    SensorStatus Status, double TimeS, double Value, double Predicted, double Innovation, double Variance, double Normalised);

/// <summary>The estimate after a step.</summary>
public sealed class EstimatorOutput
{
    /// <summary>Now.</summary>
    public double TimeS { get; init; }

    /// <summary>The model's states, now.</summary>
    public required double[] Mean { get; init; }

    public required double[] Sd { get; init; }

    /// <summary>All parameters of the model: estimated where they are, nominal otherwise.</summary>
    public required double[] Parameters { get; init; }

    /// <summary>0 where a parameter is not estimated.</summary>
    public required double[] ParameterSd { get; init; }

    /// <summary>By sensor; 0 where no bias is estimated.</summary>
    public required double[] Bias { get; init; }

    public required double[] BiasSd { get; init; }

    /// <summary>By sensor.</summary>
    public required SensorReading[] Readings { get; init; }

    /// <summary>Normalised innovation squared of all samples that this step took in, together; its mean is <see cref="NisSamples"/> for a
    /// consistent filter.</summary>
    public double Nis { get; init; }

    /// <summary>Degrees of freedom of <see cref="Nis"/>.</summary>
    public int NisSamples { get; init; }

    /// <summary>NIS over its degrees of freedom, as a mean over the window: about 1 for a consistent filter.</summary>
    public double NisMean { get; init; }

    /// <summary>Where <see cref="NisMean"/> is 99.9 % of the time if the filter is consistent.</summary>
    public double NisLow { get; init; }

    public double NisHigh { get; init; }

    /// <summary>Whether the mean is within; true until there have been as many samples as the window is long.</summary>
    public bool Consistent { get; init; } = true;

    /// <summary>Sampling times and changes of inputs that were filtered again for a sample that came late.</summary>
    public int Refiltered { get; init; }

    /// <summary>Whether the time was before the last step's: the estimate is for the last step's then.</summary>
    public bool ClockWentBack { get; init; }
}
