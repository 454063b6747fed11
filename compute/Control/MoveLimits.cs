using Athanor.Compute.Plants;

namespace Athanor.Compute.Control;

/// <summary>
/// The hard limits of one move: the settings' bounds, narrowed by the operator's, and the rate from the present position. All that leaves a
/// controller passes <see cref="Clamp"/>, so that no numerical trouble upstream can break one.
/// </summary>
/// <remarks>Where the actuator stands outside the bounds by more than one interval's rate, the rate wins: the move goes towards the bound
/// at full rate, and the bound is reported.</remarks>
internal sealed class MoveLimits
{
    private readonly PlantModel _model;
    private readonly ControllerSettings _settings;

    public MoveLimits(PlantModel model, ControllerSettings settings)
    {
        (_model, _settings) = (model, settings);
        Index = [.. settings.Inputs.Select(input => model.InputIndex(input.Input))];
        Rates = [.. settings.Inputs.Select(input => input.RatePerS * settings.IntervalS ?? double.PositiveInfinity)];
    }

    /// <summary>Place in the model's inputs of each input moved.</summary>
    public int[] Index { get; }

    /// <summary>Largest change in one interval.</summary>
    public double[] Rates { get; }

    /// <summary>Writes the bounds in force, by input moved; false where the operator's limits leave nothing, whose name is added to
    /// <paramref name="broken"/> (the settings' bounds hold then).</summary>
    public void Bounds(ControlInput input, Span<double> low, Span<double> high, List<string> broken)
    {
        for (var i = 0; i < Index.Length; i++)
        {
            var settings = _settings.Inputs[i];
            (low[i], high[i]) = (settings.Minimum, settings.Maximum);
            if (input.OperatorMinimum.Length > 0 && !double.IsNaN(input.OperatorMinimum[Index[i]]))
                low[i] = Math.Max(low[i], input.OperatorMinimum[Index[i]]);
            if (input.OperatorMaximum.Length > 0 && !double.IsNaN(input.OperatorMaximum[Index[i]]))
                high[i] = Math.Min(high[i], input.OperatorMaximum[Index[i]]);
            if (low[i] <= high[i]) continue;
            broken.Add($"operator limits of {settings.Input}");
            (low[i], high[i]) = (settings.Minimum, settings.Maximum);
        }
    }

    /// <summary>The nearest move within bounds and rate; all inputs of the model.</summary>
    /// <param name="wanted">By input moved.</param>
    public double[] Clamp(
        ReadOnlySpan<double> wanted, ReadOnlySpan<double> previous, ReadOnlySpan<double> low, ReadOnlySpan<double> high, List<string> broken)
    {
        var move = previous.ToArray();
        for (var i = 0; i < Index.Length; i++)
        {
            double at = previous[Index[i]], value = double.IsFinite(wanted[i]) ? wanted[i] : at;
            value = Math.Min(Math.Max(value, low[i]), high[i]);
            // at + rate may round up past a difference that is the rate at most.
            if (value - at > Rates[i]) value = Under(at + Rates[i], at, Rates[i]);
            else if (at - value > Rates[i]) value = -Under(-at + Rates[i], -at, Rates[i]);
            if (value < low[i] || value > high[i])
                broken.Add($"{_settings.Inputs[i].Input} is outside its bounds by more than one interval's rate");
            move[Index[i]] = value;
        }
        return move;

        static double Under(double value, double at, double rate)
        {
            while (value - at > rate) value = Math.BitDecrement(value);
            return value;
        }
    }

    /// <summary>A signal that is no number, or empty.</summary>
    public string Wrong(ControlInput input)
    {
        if (!double.IsFinite(input.TimeS)) return "the time is not finite";
        for (var i = 0; i < input.Mean.Length; i++)
        {
            if (!double.IsFinite(input.Mean[i])) return $"the estimate of {_model.States[i].Name} is not finite";
        }
        for (var i = 0; i < input.Parameters.Length; i++)
        {
            if (!double.IsFinite(input.Parameters[i])) return $"parameter {_model.Parameters[i].Name} is not finite";
        }
        for (var i = 0; i < input.Disturbance.Length; i++)
        {
            if (!double.IsFinite(input.Disturbance[i])) return $"the disturbance of {_model.States[i].Name} is not finite";
        }
        return "";
    }

    /// <exception cref="ControlException">A vector's length is not the model's.</exception>
    public void Lengths(ControlInput input, int setPoints)
    {
        Length("mean", input.Mean.Length, _model.States.Count, "states", false);
        Length("sd", input.Sd.Length, _model.States.Count, "states", true);
        Length("parameters", input.Parameters.Length, _model.Parameters.Count, "parameters", true);
        Length("parameter sd", input.ParameterSd.Length, _model.Parameters.Count, "parameters", true);
        Length("disturbance", input.Disturbance.Length, _model.States.Count, "states", true);
        Length("set-points", input.SetPoints.Length, setPoints, "tracked states", true);
        Length("previous move", input.PreviousMove.Length, _model.Inputs.Count, "inputs", false);
        Length("operator minimum", input.OperatorMinimum.Length, _model.Inputs.Count, "inputs", true);
        Length("operator maximum", input.OperatorMaximum.Length, _model.Inputs.Count, "inputs", true);
        for (var i = 0; i < input.PreviousMove.Length; i++)
        {
            // Nothing feasible can be said without it.
            if (!double.IsFinite(input.PreviousMove[i]))
                throw new ControlException($"the previous move of {_model.Inputs[i].Name} is not finite");
        }
    }

    private static void Length(string what, int given, int right, string of, bool empty)
    {
        if (given == right || (given == 0 && empty)) return;
        throw new ControlException($"{what} has {given} numbers; {right}, one for each of the model's {of}, would be right");
    }
}
