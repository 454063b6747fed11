using Athanor.Compute.Numerics;

namespace Athanor.Compute.Twins;

/// <summary>Settings of a hybrid's training.</summary>
/// <param name="Hidden">Hidden units of the residual.</param>
/// <param name="LearningRate">Adam's step.</param>
/// <param name="WeightDecay">Weight of ½|theta|² beside the mean square error in K²: pulls towards the plain balance.</param>
/// <param name="RefreshEvery">Steps after which the filter's gains are computed anew with the model as it then is.</param>
/// <param name="Memory">Time constant of the remembered surroundings, s.</param>
public sealed record HybridSettings(int Hidden, double LearningRate, double WeightDecay, int RefreshEvery, double Memory);

/// <summary>What the fit of one set of roll-outs holds between steps.</summary>
/// <param name="Theta">(ln of gain, heat loss and sensor lag by the balance's, then the weights), shape (3 + weights).</param>
/// <param name="Mean">Adam's first moments.</param>
/// <param name="Square">Adam's second moments.</param>
/// <param name="Frozen">Theta at the last refresh, which the filter's gains follow from.</param>
public sealed record RollOutState(double[] Theta, double[] Mean, double[] Square, double[] Frozen);

/// <summary>
/// Trains a hybrid heater through roll-outs: free runs of some hundred seconds from filtered states, the mean square error of the sensor's
/// reading, its exact gradient by the adjoint of the discretised roll-out and of the filter before it (discretise, then optimise), and
/// Adam (Kingma and Ba, 2015). Only the filter's gains are held fixed in between; they are computed anew every few steps.
/// Runs are summed in their order: same bits in every run, wherever a segment is cut.
/// </summary>
public sealed class RollOutFit
{
    private const int Physical = 3;
    private const double Beta1 = 0.9, Beta2 = 0.999, Epsilon = 1e-8;

    private readonly HeaterParameters _balance;
    private readonly HeaterRecord _record;
    private readonly HybridSettings _settings;
    private readonly HybridTape _tape;
    private double[] _gains = [];
    private double[] _gainsOf = [];

    /// <param name="balance">The fitted energy balance.</param>
    public RollOutFit(HeaterParameters balance, HeaterRecord record, FreeRunPlan plan, HybridSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        if (plan.Runs < 1) throw new ArgumentException($"no free run of {plan.Length} rows fits rows {plan.First} to {plan.End}");
        if (settings.Hidden is < 0 or > ResidualNet.MaxHidden)
            throw new ArgumentException($"a residual has 0 to {ResidualNet.MaxHidden} hidden units, not {settings.Hidden}");
        if (!(settings.Memory > 0)) throw new ArgumentException($"the memory's time constant is {settings.Memory} s; it must be above 0");
        _balance = balance with { Memory = settings.Memory };
        _record = record;
        _settings = settings;
        _tape = new HybridTape(settings.Hidden, record, plan);
    }

    public RollOutState Initial(ulong seed)
    {
        var weights = ResidualNet.Initial(_settings.Hidden, seed);
        var theta = new double[Physical + weights.Length];
        weights.CopyTo(theta, Physical);
        return new RollOutState(theta, new double[theta.Length], new double[theta.Length], (double[])theta.Clone());
    }

    /// <summary>The model that theta stands for.</summary>
    public HeaterModel Model(ReadOnlySpan<double> theta) => HeaterModel.Hybrid(
        _balance with
        {
            Gain = _balance.Gain * DetMath.Exp(theta[0]),
            HeatLoss = _balance.HeatLoss * DetMath.Exp(theta[1]),
            SensorLag = _balance.SensorLag * DetMath.Exp(theta[2]),
        },
        theta[Physical..].ToArray());

    /// <summary>One step of Adam.</summary>
    /// <param name="step">Steps done before it.</param>
    /// <returns>The state after it and the training error before it, K.</returns>
    public (RollOutState State, double RmseK) Step(RollOutState state, int step)
    {
        ArgumentNullException.ThrowIfNull(state);
        if (step % _settings.RefreshEvery == 0) state = state with { Frozen = (double[])state.Theta.Clone() };
        var gradient = new double[state.Theta.Length];
        var loss = Loss(state.Theta, state.Frozen, gradient);
        var hiddenWeights = Physical + (_settings.Hidden * (ResidualNet.Inputs + 1));
        for (var i = 0; i < gradient.Length; i++)
        {
            // What reaches the output and the physical parameters are pulled back; the hidden weights may turn freely.
            if (i < Physical || i >= hiddenWeights) gradient[i] += _settings.WeightDecay * state.Theta[i];
        }
        return (Adam(state, gradient, step + 1), Math.Sqrt(loss));
    }

    /// <summary>Mean square error over the training part's roll-outs, K², and its gradient by theta.</summary>
    /// <param name="frozen">Theta that the filter's gains come from.</param>
    internal double Loss(ReadOnlySpan<double> theta, double[] frozen, Span<double> gradient)
    {
        if (!_gainsOf.AsSpan().SequenceEqual(frozen))
        {
            _gains = HeaterFilter.Gains(Model(frozen), _record, _tape.FilteredRows);
            _gainsOf = (double[])frozen.Clone();
        }
        return _tape.Run(Model(theta), _gains, gradient);
    }

    private RollOutState Adam(RollOutState state, double[] gradient, int step)
    {
        var theta = (double[])state.Theta.Clone();
        var mean = (double[])state.Mean.Clone();
        var square = (double[])state.Square.Clone();
        var (power1, power2) = (1.0, 1.0);
        for (var i = 0; i < step; i++) (power1, power2) = (power1 * Beta1, power2 * Beta2);
        for (var i = 0; i < theta.Length; i++)
        {
            mean[i] = (Beta1 * mean[i]) + ((1 - Beta1) * gradient[i]);
            square[i] = (Beta2 * square[i]) + ((1 - Beta2) * gradient[i] * gradient[i]);
            theta[i] -= _settings.LearningRate * (mean[i] / (1 - power1)) / (Math.Sqrt(square[i] / (1 - power2)) + Epsilon);
        }
        return state with { Theta = theta, Mean = mean, Square = square };
    }
}
