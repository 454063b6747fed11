namespace Athanor.Compute.Ode;

/// <summary>
/// The predictive step-size controller of Gustafsson (ACM TOMS 20, 1994) as RODAS and RADAU5 use it (Hairer and Wanner, Solving Ordinary
/// Differential Equations II, IV.8): the lesser of 0.9 h err^(-1/k) and of what the trend of the last two steps foretells. Where steps grow
/// for decades, as after every initial layer, it lets the error come near the tolerance; <see cref="StepControl"/> would hold it at a
/// hundredth.
/// </summary>
internal struct PredictiveControl(int order)
{
    public const double SmallestRemembered = 0.01;

    public const double SmallestError = 1e-8;

    private readonly double _exponent = 1.0 / order;
    private double _lastStep;
    private double _lastError;
    private bool _rejected;

    /// <summary>Factor for the next step after an accepted step h of this error.</summary>
    public double Accepted(double h, double error)
    {
        error = Math.Max(error, SmallestError);
        var factor = StepControl.Safety * Power(error, -_exponent);
        if (_lastStep > 0.0)
            factor = Math.Min(factor, factor * (h / _lastStep) * Power(_lastError / error, _exponent));
        _lastStep = h;
        _lastError = Math.Max(error, SmallestRemembered);
        factor = Math.Clamp(factor, StepControl.Shrink, _rejected ? 1.0 : StepControl.Grow);
        _rejected = false;
        return factor;
    }

    /// <summary>Factor for the next try after a rejected step of this error; NaN shortens it most.</summary>
    public double Rejected(double error)
    {
        _rejected = true;
        return error < double.PositiveInfinity
            ? Math.Clamp(StepControl.Safety * Power(error, -_exponent), StepControl.Shrink, 1.0)
            : StepControl.Shrink;
    }

    private static double Power(double x, double e) => StepControl.Exp2(StepControl.Log2(x) * e);
}
