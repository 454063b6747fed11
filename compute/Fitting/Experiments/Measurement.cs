namespace Athanor.Compute.Fitting;

/// <summary>How a measurement scatters about its prediction.</summary>
public enum ErrorLaw
{
    /// <summary>y - f is normal with standard deviation sigma.</summary>
    Normal,

    /// <summary>ln y - ln f is normal with standard deviation sigma; y and f positive.</summary>
    LogNormal,

    /// <summary>log10 y - log10 f is normal with standard deviation sigma; y and f positive.</summary>
    Log10Normal,

    /// <summary>y - f has the density exp(-|y - f|/b)/(2 b): outliers count less. The response's deviation is b.</summary>
    Laplace,

    /// <summary>The same of ln y - ln f; y and f positive.</summary>
    LogLaplace,

    /// <summary>The same of log10 y - log10 f; y and f positive.</summary>
    Log10Laplace,
}

internal static class ErrorLaws
{
    public static bool IsLaplace(this ErrorLaw law) => law is ErrorLaw.Laplace or ErrorLaw.LogLaplace or ErrorLaw.Log10Laplace;

    /// <summary>As files name it.</summary>
    public static string Label(this ErrorLaw law) => law switch
    {
        ErrorLaw.Normal => "normal",
        ErrorLaw.LogNormal => "log-normal",
        ErrorLaw.Log10Normal => "log10-normal",
        ErrorLaw.Laplace => "laplace",
        ErrorLaw.LogLaplace => "log-laplace",
        _ => "log10-laplace",
    };

    /// <summary>Whether logarithms are compared, so that both numbers must be positive.</summary>
    public static bool IsLogarithmic(this ErrorLaw law) => law is not (ErrorLaw.Normal or ErrorLaw.Laplace);
}

/// <summary>One measured number.</summary>
/// <param name="Response">Which of the experiment's responses it measures.</param>
/// <param name="Time">In the model's unit of time, not before the experiment's start.</param>
public readonly record struct Measurement(int Response, double Time, double Value);

/// <summary>What is measured: a prediction, its standard deviation, and the law of the scatter.</summary>
/// <param name="Deviation">Standard deviation (of Laplace laws their scale b), or its size relative to the others where the common variance is estimated.</param>
public sealed record FitResponse(string Name, IFormula Mean, IFormula Deviation, ErrorLaw Law = ErrorLaw.Normal)
{
    public string Unit { get; init; } = "";
}

/// <summary>A function of time, states and an experiment's parameters, with its derivatives.</summary>
public interface IFormula
{
    /// <param name="dy">Derivatives by state are written here; cleared by the caller.</param>
    /// <param name="dp">Derivatives by parameter are written here; cleared by the caller.</param>
    double Evaluate(double t, ReadOnlySpan<double> y, ReadOnlySpan<double> p, Span<double> dy, Span<double> dp);
}

/// <summary>A number.</summary>
public sealed class ConstantFormula(double value) : IFormula
{
    public double Evaluate(double t, ReadOnlySpan<double> y, ReadOnlySpan<double> p, Span<double> dy, Span<double> dp) => value;
}

/// <summary>A state by itself.</summary>
public sealed class StateFormula(int state) : IFormula
{
    public double Evaluate(double t, ReadOnlySpan<double> y, ReadOnlySpan<double> p, Span<double> dy, Span<double> dp)
    {
        dy[state] = 1.0;
        return y[state];
    }
}

/// <summary>A parameter by itself.</summary>
public sealed class ParameterFormula(int parameter) : IFormula
{
    public double Evaluate(double t, ReadOnlySpan<double> y, ReadOnlySpan<double> p, Span<double> dy, Span<double> dp)
    {
        dp[parameter] = 1.0;
        return p[parameter];
    }
}
