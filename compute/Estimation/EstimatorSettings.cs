using System.Collections.Immutable;

namespace Athanor.Compute.Estimation;

/// <summary>How the belief about the state is carried.</summary>
public enum EstimatorKind
{
    /// <summary>Extended Kalman filter, square-root form.</summary>
    Ekf,

    /// <summary>The same with the last interval linearised again about its smoothed start (Jazwinski 1970, sect. 8.3), for strong
    /// non-linearity.</summary>
    Iekf,

    /// <summary>Unscented Kalman filter, square-root form.</summary>
    Ukf,

    /// <summary>Moving horizon: Gauss-Newton over the last samples with an arrival cost.</summary>
    Mhe,

    /// <summary>Ensemble Kalman filter, for units discretised into many states.</summary>
    Enkf,
}

/// <summary>A parameter of the model that is estimated with the state, as a random walk.</summary>
/// <param name="Sd">Standard deviation at the start, in the parameter's unit; positive.</param>
/// <param name="Walk">Standard deviation that it gains in a second (variance Walk² a second).</param>
/// <param name="Low">Hard bound; NaN: the model's.</param>
/// <param name="High">Hard bound; NaN: the model's.</param>
public sealed record EstimatedParameter(double Sd, double Walk = 0.0, double Low = double.NaN, double High = double.NaN);

/// <summary>A sensor's bias, estimated as a random walk.</summary>
/// <param name="Sd">Standard deviation at the start, in the sensor's unit; positive.</param>
/// <param name="Walk">Standard deviation that it gains in a second.</param>
public sealed record SensorBias(double Sd, double Walk = 0.0);

/// <summary>What a sensor shows: offset + sum of weights times states (+ bias) + white noise.</summary>
public sealed record SensorSettings(string Name)
{
    /// <summary>Weights by state; empty: the state of the sensor's own name.</summary>
    public ImmutableSortedDictionary<string, double> Of { get; init; } = ImmutableSortedDictionary<string, double>.Empty;

    public double Offset { get; init; }

    /// <summary>Standard deviation of the noise; positive.</summary>
    public required double Noise { get; init; }

    public SensorBias? Bias { get; init; }

    /// <summary>Seconds between samples, for the check of observability alone; 0: at each step.</summary>
    public double PeriodS { get; init; }

    /// <summary>What an analyser shows at t is the plant at t - delay. For <see cref="Laboratory"/>: how late a result comes at
    /// most.</summary>
    public double DelayS { get; init; }

    /// <summary>Whether a sample's time is when it was drawn; results come later.</summary>
    public bool Laboratory { get; init; }

    /// <summary>Values outside of low to high are wild, and left out.</summary>
    public double Low { get; init; } = double.NegativeInfinity;

    public double High { get; init; } = double.PositiveInfinity;

    /// <summary>So many equal values one after the other are a frozen sensor, left out until it moves; 0: never.</summary>
    public int FrozenAfter { get; init; } = 20;
}

/// <summary>Hard bounds of a state.</summary>
public sealed record StateBounds(double Low, double High);

/// <summary>All that an estimator is told about a unit; see <see cref="EstimatorJson"/> for the JSON.</summary>
public sealed record EstimatorSettings
{
    public EstimatorKind Kind { get; init; } = EstimatorKind.Ekf;

    /// <summary>Usual seconds between steps, for the check of observability alone; 0: a sixtieth of the model's unit of time.</summary>
    public double PeriodS { get; init; }

    /// <summary>By state: standard deviation that it gains in a second from what the model does not know (variance noise² a
    /// second).</summary>
    public ImmutableSortedDictionary<string, double> ProcessNoise { get; init; } =
        ImmutableSortedDictionary<string, double>.Empty;

    /// <summary>By state: standard deviation at the start; a state not named: 5 % of its nominal value.</summary>
    public ImmutableSortedDictionary<string, double> InitialSd { get; init; } =
        ImmutableSortedDictionary<string, double>.Empty;

    /// <summary>By parameter of the model.</summary>
    public ImmutableSortedDictionary<string, EstimatedParameter> Estimate { get; init; } =
        ImmutableSortedDictionary<string, EstimatedParameter>.Empty;

    /// <summary>In the order in which samples and readings count them.</summary>
    public required ImmutableArray<SensorSettings> Sensors { get; init; }

    /// <summary>By state; one not named: the model's.</summary>
    public ImmutableSortedDictionary<string, StateBounds> Bounds { get; init; } = ImmutableSortedDictionary<string, StateBounds>.Empty;

    /// <summary>Samples up to this old are put in their place and all later ones filtered again; older ones are reported late.</summary>
    public double LagWindowS { get; init; }

    /// <summary>A step further ahead of the last than this is refused: a clock that jumped, or a plant that stood so long that its twin
    /// should start anew.</summary>
    public double LongestGapS { get; init; } = 7.0 * 86400.0;

    /// <summary>Samples further than this from their prediction, in standard deviations of the innovation, are left out; 0: none.</summary>
    public double Gate { get; init; } = 5.0;

    /// <summary>About so many updates make the live mean of NIS.</summary>
    public int NisWindow { get; init; } = 100;

    /// <summary>Most iterations of iekf and mhe.</summary>
    public int Iterations { get; init; } = 5;

    /// <summary>Sampling times that mhe looks back.</summary>
    public int Horizon { get; init; } = 10;

    /// <summary>Members of enkf.</summary>
    public int Members { get; init; } = 64;

    /// <summary>Factor on the members' spread before each update of enkf.</summary>
    public double Inflation { get; init; } = 1.0;

    /// <summary>Of all that enkf draws.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Whether states that no sensor ever shows are let pass.</summary>
    public bool AllowUnobservable { get; init; }
}

/// <summary>An estimator cannot be made as asked, or cannot go on. The message names the signal and what would be right.</summary>
public sealed class EstimationException(string message) : ArgumentException(message);
