namespace Athanor.Compute.Ode;

/// <summary>Remembers whether the observer within ended the solve.</summary>
internal ref struct EndWatch<TObserver>(TObserver inner) : IOdeObserver
    where TObserver : struct, IOdeObserver, allows ref struct
{
    public TObserver Inner = inner;

    public bool Ended { get; private set; }

    /// <summary>The last accepted step.</summary>
    public double LastStep { get; private set; }

    public bool Step(in DenseStep step)
    {
        LastStep = step.T1 - step.T0;
        Ended = !Inner.Step(step);
        return !Ended;
    }
}

internal static class CalmWatch
{
    /// <summary>An explicit step is bounded by about 3.5 over the fastest eigenvalue and costs a quarter of a stiff one: below 14 it pays.
    /// The norm is more than the eigenvalue, and who comes back shall not swing.</summary>
    public const double Limit = 4.0;
}

/// <summary>Sees the steps of a stiff method and tells when an explicit one would do: h times the Jacobian's norm, a bound of its
/// eigenvalues, stays below <see cref="CalmWatch.Limit"/>; or a try was asked for and its first step is not long enough to pay.</summary>
/// <param name="pays">Length of the first step from which on the try goes on; 0 where it is no try.</param>
internal ref struct CalmWatch<TSystem, TObserver>(
    TSystem system, TObserver inner, ReadOnlySpan<double> y0, double t0, int wanted, double pays)
    : IOdeObserver
    where TSystem : struct, IImplicitSystem
    where TObserver : struct, IOdeObserver, allows ref struct
{
    private readonly TSystem _system = system;
    private readonly double[] _state = y0.ToArray();
    private readonly int _wanted = wanted;
    private int _calm;
    private bool _started;

    public TObserver Inner = inner;

    /// <summary>Whether the solve was ended because the problem is no longer stiff.</summary>
    public bool Calm { get; private set; }

    /// <summary>Whether that was because the try's first step was too short.</summary>
    public bool Failed { get; private set; }

    public bool Ended { get; private set; }

    public double Time { get; private set; } = t0;

    public double LastStep { get; private set; }

    public readonly double[] State => _state;

    public bool Step(in DenseStep step)
    {
        var more = Inner.Step(step);
        Time = step.T1;
        LastStep = step.T1 - step.T0;
        step.Y1.CopyTo(_state);
        if (!more)
        {
            Ended = true;
            return false;
        }
        if (!_started && LastStep < pays) Calm = Failed = true;
        _started = true;
        _calm = LastStep * _system.JacobianNorm() < CalmWatch.Limit ? _calm + 1 : 0;
        if (_calm >= _wanted) Calm = true;
        return !Calm;
    }
}
