using Athanor.Compute.Plants;

namespace Athanor.Compute.Estimation;

/// <summary>A sensor in the joint state: offset + sum of weights times entries.</summary>
internal sealed record JointSensor(
    string Name, int[] Entries, double[] Weights, double Offset, double Variance, double DelayS, double Low, double High, int FrozenAfter,
    int BiasEntry);

/// <summary>
/// The joint state z = (states x, estimated parameters θ, sensor biases β) that settings and a model make, checked. θ and β stay as they
/// are but for their random walks.
/// </summary>
internal sealed class JointModel
{
    public JointModel(PlantModel model, EstimatorSettings settings)
    {
        (Model, Settings) = (model, settings);
        States = model.States.Count;
        if (States == 0) throw new EstimationException("the model has no states");
        if (settings.Sensors.IsDefaultOrEmpty) throw new EstimationException("sensors: none is named; there must be one at least");
        var estimated = settings.Estimate.Select(pair => (Index: Parameter(pair.Key),
            Spec: pair.Value)).OrderBy(static e => e.Index).ToArray();
        Estimated = [.. estimated.Select(static e => e.Index)];
        var biased = settings.Sensors.Select(static (s, i) => (s,
            i)).Where(static s => s.s.Bias is not null).Select(static s => s.i).ToArray();
        Size = States + Estimated.Length + biased.Length;
        (Names, Start, InitialSd, Noise) = (new string[Size], new double[Size], new double[Size], new double[Size]);
        (Low, High) = (new double[Size], new double[Size]);
        NominalParameters = model.NominalParameters;
        Known(settings.ProcessNoise.Keys, "process-noise");
        Known(settings.InitialSd.Keys, "initial-sd");
        Known(settings.Bounds.Keys, "bounds");
        for (var i = 0; i < States; i++)
        {
            var state = model.States[i];
            var sd = Find(settings.InitialSd, state.Name, out var given) ? given : 0.05 * Math.Abs(state.Nominal);
            var bounds = Find(settings.Bounds, state.Name, out var own) ? own : new StateBounds(state.Minimum, state.Maximum);
            Find(settings.ProcessNoise, state.Name, out var noise);
            Entry(i, state.Name, state.Nominal, sd, noise, bounds.Low, bounds.High, "initial-sd." + state.Name,
                "process-noise." + state.Name);
        }
        for (var k = 0; k < estimated.Length; k++)
        {
            var (index, spec) = estimated[k];
            var parameter = model.Parameters[index];
            var at = "estimate." + parameter.Name;
            Entry(
                States + k, parameter.Name, parameter.Nominal, spec.Sd, spec.Walk, double.IsNaN(spec.Low) ? parameter.Minimum : spec.Low,
                double.IsNaN(spec.High) ? parameter.Maximum : spec.High, at + ".sd", at + ".walk");
        }
        Sensors = new JointSensor[settings.Sensors.Length];
        for (var s = 0; s < Sensors.Length; s++) Sensors[s] = Sensor(settings.Sensors[s], Array.IndexOf(biased, s));
        foreach (var sensor in settings.Sensors)
        {
            if (settings.Sensors.Count(other => other.Name == sensor.Name) > 1)
                throw new EstimationException($"sensors: {sensor.Name} is named twice");
        }
        HasBounds = Low.Any(double.IsFinite) || High.Any(double.IsFinite);
    }

    public PlantModel Model { get; }

    public EstimatorSettings Settings { get; }

    /// <summary>States of the model, n.</summary>
    public int States { get; }

    /// <summary>Entries of z, N.</summary>
    public int Size { get; }

    /// <summary>Which of the model's parameters are estimated.</summary>
    public int[] Estimated { get; }

    public JointSensor[] Sensors { get; }

    public string[] Names { get; }

    /// <summary>Nominal z.</summary>
    public double[] Start { get; }

    public double[] InitialSd { get; }

    /// <summary>Standard deviation gained in a second.</summary>
    public double[] Noise { get; }

    public double[] Low { get; }

    public double[] High { get; }

    public bool HasBounds { get; }

    public double[] NominalParameters { get; }

    /// <summary>The model's parameters with the estimated ones of z.</summary>
    public void Parameters(ReadOnlySpan<double> z, Span<double> p)
    {
        NominalParameters.CopyTo(p);
        for (var k = 0; k < Estimated.Length; k++) p[Estimated[k]] = z[States + k];
    }

    public double Expected(JointSensor sensor, ReadOnlySpan<double> z)
    {
        var sum = sensor.Offset;
        for (var i = 0; i < sensor.Entries.Length; i++) sum = Math.FusedMultiplyAdd(sensor.Weights[i], z[sensor.Entries[i]], sum);
        return sum;
    }

    public bool Within(ReadOnlySpan<double> z)
    {
        for (var i = 0; i < z.Length; i++)
        {
            if (z[i] < Low[i] || z[i] > High[i]) return false;
        }
        return true;
    }

    /// <exception cref="EstimationException">An entry is not finite; the message names it.</exception>
    public void CheckFinite(ReadOnlySpan<double> z)
    {
        for (var i = 0; i < Size; i++)
        {
            if (!double.IsFinite(z[i]))
            {
                throw new EstimationException(
                    $"the estimate of {Names[i]} is {z[i]}: the model left the region where it can be solved; narrower bounds or " +
                    "a smaller substep would be right");
            }
        }
    }

    private void Entry(int i, string name, double start, double sd, double noise, double low, double high, string sdKey, string noiseKey)
    {
        if (!(sd > 0) || !double.IsFinite(sd))
        {
            throw new EstimationException(FormattableString.Invariant(
                $"{sdKey} is {sd:R}: the covariance would be singular in {name}; a positive standard deviation would be right"));
        }
        if (!(noise >= 0) || !double.IsFinite(noise))
            throw new EstimationException(FormattableString.Invariant($"{noiseKey} is {noise:R}; a number of 0 or more would be right"));
        if (!(low < high)) throw new EstimationException(FormattableString.Invariant($"the bounds of {name} are {low:R} to {high:R}"));
        (Names[i], Start[i], InitialSd[i], Noise[i], Low[i], High[i]) = (name, start, sd, noise, low, high);
    }

    private JointSensor Sensor(SensorSettings spec, int bias)
    {
        var at = "sensors." + spec.Name;
        if (!(spec.Noise > 0) || !double.IsFinite(spec.Noise))
            throw new EstimationException(FormattableString.Invariant($"{at}.noise is {spec.Noise:R}; a positive number would be right"));
        if (!(spec.DelayS >= 0) || !double.IsFinite(spec.DelayS))
        {
            throw new EstimationException(
                FormattableString.Invariant($"{at}.delay-s is {spec.DelayS:R}; a number of 0 or more would be right"));
        }
        if (spec.DelayS > Settings.LagWindowS)
        {
            throw new EstimationException(FormattableString.Invariant(
                $"{at}.delay-s is {spec.DelayS:R} s and the lag window {Settings.LagWindowS:R} s: every sample would be too late; ") +
                "lag-window-s must be as long as the longest delay at least");
        }
        if (!(spec.Low < spec.High)) throw new EstimationException($"{at}: low must be below high");
        var entries = new List<int>();
        var weights = new List<double>();
        var of = spec.Of.Count > 0 ? spec.Of : spec.Of.Add(spec.Name, 1.0);
        foreach (var (name, weight) in of)
        {
            var index = StateIndex(name);
            if (index < 0)
            {
                throw new EstimationException(
                    $"{at} measures {name}, which is no state of the model; its states are " +
                    $"{string.Join(", ", Model.States.Select(static q => q.Name))} (\"of\": {{state: weight}} says what a sensor measures)");
            }
            if (!double.IsFinite(weight)) throw new EstimationException($"{at}.of.{name} is not finite");
            entries.Add(index);
            weights.Add(weight);
        }
        var entry = -1;
        if (spec.Bias is { } walk)
        {
            entry = States + Estimated.Length + bias;
            Entry(
                entry, "bias of " + spec.Name, 0.0, walk.Sd, walk.Walk, double.NegativeInfinity, double.PositiveInfinity, at + ".bias.sd",
                at + ".bias.walk");
            entries.Add(entry);
            weights.Add(1.0);
        }
        return new JointSensor(
            spec.Name, [.. entries], [.. weights], spec.Offset, spec.Noise * spec.Noise, spec.Laboratory ? 0.0 : spec.DelayS, spec.Low,
            spec.High,
            spec.FrozenAfter, entry);
    }

    private int StateIndex(string name)
    {
        for (var i = 0; i < States; i++)
        {
            if (string.Equals(Model.States[i].Name, name, StringComparison.OrdinalIgnoreCase)) return i;
        }
        return -1;
    }

    private int Parameter(string name)
    {
        try
        {
            return Model.ParameterIndex(name);
        }
        catch (PlantException error)
        {
            throw new EstimationException($"estimate: {error.Message} (the model's own \"parameters\" say which may be estimated)");
        }
    }

    private void Known(IEnumerable<string> names, string at)
    {
        foreach (var name in names)
        {
            if (StateIndex(name) < 0)
            {
                throw new EstimationException(
                    $"{at}: the model has no state {name}; its states are {string.Join(", ", Model.States.Select(static q => q.Name))}");
            }
        }
    }

    private static bool Find<T>(IReadOnlyDictionary<string, T> values, string name, out T value)
    {
        foreach (var (key, found) in values)
        {
            if (!string.Equals(key, name, StringComparison.OrdinalIgnoreCase)) continue;
            value = found;
            return true;
        }
        value = default!;
        return false;
    }
}
