using Athanor.Compute.Estimation;

namespace Athanor.Compute.Twins;

/// <summary>
/// The energy balance of a heater with a lagged sensor, alone or with a learned residual r, and its filter's model:
/// <code>
/// dTh/dt = a Q - U (Th - Ta - b) - ρ ((Th + 273.15)⁴ - (Ta + b + 273.15)⁴) + r(Th, Ts, m, Q)
/// dTs/dt = (Th - Ts) / τ        dm/dt = (Th - m) / τm  (only with a residual)
/// b, U: random walks
/// </code>
/// States: heater temperature Th, sensor temperature Ts, ambient bias b, heat loss U and, with a residual, the remembered
/// surroundings m. A row's step is cut into sub-steps of at most 2 s, each one step of the classical fourth-order Runge-Kutta method
/// (time constants are 20 s and more: its error is below 1e-7 K) with r held at its value at the sub-step's start. That recursion is the model:
/// the filter's Jacobian, the free run and the trainer's adjoint differentiate it exactly.
/// </summary>
public readonly struct HeaterModel : IFilterModel
{
    /// <summary>Kind of the energy balance alone.</summary>
    public const string BalanceKind = "heater.balance";

    /// <summary>Kind of the energy balance with a learned residual.</summary>
    public const string HybridKind = "heater.hybrid";

    internal const int Th = 0, Ts = 1, Bias = 2, Loss = 3, Memory = 4;

    internal const double Kelvin = 273.15;

    private const double LongestStep = 2.0;

    private readonly double[] _weights;

    private HeaterModel(HeaterParameters parameters, double[] weights, int hidden)
    {
        Parameters = parameters;
        _weights = weights;
        Hidden = hidden;
    }

    public HeaterParameters Parameters { get; }

    /// <summary>Weights of the residual; empty without one.</summary>
    public ReadOnlySpan<double> Weights => _weights;

    /// <summary>Hidden units of the residual; -1 without one.</summary>
    public int Hidden { get; }

    public bool IsHybrid => Hidden >= 0;

    /// <inheritdoc/>
    public int States => IsHybrid ? 5 : 4;

    /// <summary>Names and units of the states.</summary>
    public static IReadOnlyList<string> StateNames(string kind) => kind == HybridKind
        ? ["heater °C", "sensor °C", "ambient bias K", "heat loss 1/s", "surroundings °C"]
        : ["heater °C", "sensor °C", "ambient bias K", "heat loss 1/s"];

    public static HeaterModel Balance(HeaterParameters parameters) => new(parameters, [], -1);

    /// <exception cref="ArgumentException">The numbers do not make such a model; the message says which.</exception>
    public static HeaterModel Hybrid(HeaterParameters parameters, double[] weights) =>
        Create(HybridKind, parameters.ToArray(), weights);

    /// <exception cref="ArgumentException">The numbers do not make a model of this kind; the message says which.</exception>
    public static HeaterModel Create(string kind, double[] parameters, double[] weights)
    {
        if (Problem(kind, parameters, weights) is { } problem) throw new ArgumentException(problem);
        return new HeaterModel(HeaterParameters.From(parameters), weights, kind == HybridKind ? ResidualNet.HiddenOf(weights.Length) : -1);
    }

    /// <summary>What is wrong with these numbers for a model of this kind, or null.</summary>
    public static string? Problem(string kind, ReadOnlySpan<double> parameters, ReadOnlySpan<double> weights)
    {
        if (kind is not (BalanceKind or HybridKind)) return $"there is no model kind '{kind}'; known: {BalanceKind}, {HybridKind}";
        if (HeaterParameters.Problem(parameters) is { } problem) return problem;
        if (kind == BalanceKind) return weights.IsEmpty ? null : $"{BalanceKind} takes no weights, and {weights.Length} were given";
        if (ResidualNet.HiddenOf(weights.Length) < 0)
            return $"{weights.Length} weights make no residual net; with h hidden units it has 6 h + 4";
        for (var i = 0; i < weights.Length; i++)
        {
            if (!double.IsFinite(weights[i])) return $"weight {i} is {weights[i]}; only finite numbers are taken";
        }
        return parameters[12] > 0 ? null : "a hybrid remembers its surroundings: its parameter Memory must be above 0 s";
    }

    /// <summary>The state and covariance that a filter starts from at a first reading.</summary>
    public void Start(double measured, Span<double> x, Span<double> p)
    {
        var n = States;
        p.Clear();
        x[Th] = measured;
        x[Ts] = measured;
        x[Bias] = 0;
        x[Loss] = Parameters.HeatLoss;
        var lossDeviation = Parameters.HeatLossPrior * Parameters.HeatLoss;
        p[(Th * n) + Th] = 4.0;
        p[(Ts * n) + Ts] = 0.1;
        p[(Bias * n) + Bias] = Parameters.AmbientPrior * Parameters.AmbientPrior;
        p[(Loss * n) + Loss] = lossDeviation * lossDeviation;
        if (!IsHybrid) return;
        x[Memory] = measured;
        p[(Memory * n) + Memory] = 4.0;
    }

    /// <summary>Number of sub-steps of a step.</summary>
    internal static int SubSteps(double dt) => dt <= LongestStep ? 1 : (int)Math.Ceiling(dt / LongestStep);

    /// <summary>Moves the state on by <paramref name="dt"/> s at heater power <paramref name="power"/>, %.</summary>
    public void Step(Span<double> x, double power, double dt)
    {
        var count = SubSteps(dt);
        var h = dt / count;
        Span<double> z = stackalloc double[ResidualNet.Inputs];
        Span<double> activations = stackalloc double[Math.Max(Hidden, 0)];
        for (var i = 0; i < count; i++)
        {
            var residual = 0.0;
            if (IsHybrid)
            {
                ResidualNet.Scaled(x[Th], x[Ts], x[Memory], power, z);
                residual = ResidualNet.Forward(_weights, z, activations, []);
            }
            HeaterStep.Advance(Parameters, x, power, residual, h);
        }
    }

    /// <inheritdoc/>
    public void Predict(Span<double> x, ReadOnlySpan<double> inputs, double dt, Span<double> jacobian, Span<double> noise)
    {
        var n = States;
        var count = SubSteps(dt);
        var h = dt / count;
        jacobian.Clear();
        for (var i = 0; i < n; i++) jacobian[(i * n) + i] = 1.0;
        Span<double> z = stackalloc double[ResidualNet.Inputs];
        Span<double> dz = stackalloc double[ResidualNet.Inputs];
        Span<double> activations = stackalloc double[Math.Max(Hidden, 0)];
        Span<double> residualRow = stackalloc double[ExtendedKalmanFilter.MaxStates];
        for (var i = 0; i < count; i++)
        {
            var residual = 0.0;
            residualRow.Clear();
            if (IsHybrid)
            {
                ResidualNet.Scaled(x[Th], x[Ts], x[Memory], inputs[0], z);
                residual = ResidualNet.Forward(_weights, z, activations, dz);
                // By the heater, the sensor and the memory, through the scales of ResidualNet.Scaled.
                var byHeater = (dz[0] / 20.0) + (dz[1] / 10.0) + (dz[2] / 5.0);
                for (var j = 0; j < n; j++)
                {
                    residualRow[j] = (byHeater * jacobian[(Th * n) + j]) - (dz[2] / 5.0 * jacobian[(Ts * n) + j])
                        - (dz[1] / 10.0 * jacobian[(Memory * n) + j]);
                }
            }
            HeaterStep.AdvanceTangent(Parameters, x, jacobian, n, inputs[0], residual, residualRow, h);
        }
        var p = Parameters;
        var lossNoise = p.HeatLossNoise * p.HeatLoss;
        noise.Clear();
        noise[Th] = dt * p.HeaterNoise * p.HeaterNoise;
        noise[Ts] = dt * p.SensorNoise * p.SensorNoise;
        noise[Bias] = dt * p.AmbientNoise * p.AmbientNoise;
        noise[Loss] = dt * lossNoise * lossNoise;
    }

    /// <inheritdoc/>
    public double Measure(ReadOnlySpan<double> x, Span<double> gradient, out double variance)
    {
        gradient.Clear();
        gradient[Ts] = 1.0;
        variance = Parameters.MeasurementNoise * Parameters.MeasurementNoise;
        return x[Ts];
    }
}
