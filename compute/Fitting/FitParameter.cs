using Athanor.Compute.Numerics;

namespace Athanor.Compute.Fitting;

/// <summary>In what coordinate a parameter is searched and its interval is symmetric.</summary>
public enum ParameterScale
{
    /// <summary>Its value.</summary>
    Linear,

    /// <summary>The natural logarithm of its value, which must then be positive.</summary>
    Log,

    /// <summary>The decadic logarithm; the search runs in natural ones, and so finds the same.</summary>
    Log10,
}

/// <summary>A normal prior on a parameter's own scale (its value, ln or log10).</summary>
/// <param name="Mean">On the parameter's scale.</param>
/// <param name="Deviation">On the parameter's scale; positive.</param>
public sealed record FitPrior(double Mean, double Deviation);

/// <summary>One parameter of a fit.</summary>
/// <param name="Value">Its value if it is fixed; where a search begins if nothing else is said.</param>
/// <param name="Lower">Least value allowed; on a logarithmic scale positive.</param>
public sealed record FitParameter(string Name, double Value, double Lower, double Upper)
{
    private const double Ln10 = 2.302585092994045684;

    public string Unit { get; init; } = "";

    public ParameterScale Scale { get; init; } = ParameterScale.Linear;

    /// <summary>A fixed parameter keeps its value.</summary>
    public bool Fixed { get; init; }

    /// <summary>Range of the starts, within the bounds; by default the bounds.</summary>
    public (double Low, double High)? Starts { get; init; }

    public FitPrior? Prior { get; init; }

    public bool IsLogarithmic => Scale != ParameterScale.Linear;

    /// <summary>What a search coordinate of 1 is in units of a linear parameter: its size, so that coordinates are of order one.</summary>
    internal double Size =>
        IsLogarithmic ? 1.0 : Value != 0 ? Math.Abs(Value) : double.IsFinite(Upper - Lower) ? 0.1 * (Upper - Lower) : 1.0;

    /// <summary>The search coordinate: ln v, or v over its size.</summary>
    internal double ToSearch(double value) => IsLogarithmic ? DetMath.Log(value) : value / Size;

    internal double FromSearch(double x) => IsLogarithmic ? DetMath.Exp(x) : x * Size;

    /// <summary>dv/dx at the value v.</summary>
    internal double Slope(double value) => IsLogarithmic ? value : Size;

    /// <summary>The parameter on its own scale, and the derivative of that with respect to the search coordinate.</summary>
    internal (double Value, double Slope) OnScale(double value) => Scale switch
    {
        ParameterScale.Log => (DetMath.Log(value), 1.0),
        ParameterScale.Log10 => (DetMath.Log(value) / Ln10, 1.0 / Ln10),
        _ => (value, Size),
    };

    /// <summary>What is wrong with it, and what would be right; null if nothing is.</summary>
    public string? Problem()
    {
        if (Name.Length == 0) return "a parameter has no name";
        var finite = double.IsFinite(Value) ? null : FormattableString.Invariant($"parameter '{Name}': its value {Value:R} must be finite");
        if (Fixed) return finite;
        if (!(Lower < Upper)) return FormattableString.Invariant($"parameter '{Name}': its bounds {Lower:R} to {Upper:R} must be in order");
        if (IsLogarithmic && !(Lower > 0 && double.IsFinite(Upper)))
        {
            return FormattableString.Invariant(
                $"parameter '{Name}': its bounds {Lower:R} to {Upper:R} must be positive and finite on a logarithmic scale");
        }
        if (finite is not null) return finite;
        if (IsLogarithmic && !(Value > 0))
            return FormattableString.Invariant($"parameter '{Name}': its value {Value:R} must be positive on a logarithmic scale");
        if (Starts is { } starts && !(starts.Low >= Lower && starts.Low < starts.High && starts.High <= Upper))
        {
            return FormattableString.Invariant(
                $"parameter '{Name}': starts from {starts.Low:R} to {starts.High:R} must be a range within {Lower:R} to {Upper:R}");
        }
        return Prior is { Deviation: not > 0 }
            ? FormattableString.Invariant($"parameter '{Name}': its prior's deviation {Prior.Deviation:R} must be positive") : null;
    }
}
