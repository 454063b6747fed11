namespace Athanor.Compute.Reactors;

/// <summary>What a reactor did over a trajectory. The numbers are those that sweeps write to the journal.</summary>
public enum ReactorRegime
{
    /// <summary>The temperature never came to <see cref="RegimeRules.IgnitionK"/>.</summary>
    Quiet = 0,

    /// <summary>Ignited, and in the watch at the end neither swings nor is hot.</summary>
    IgnitesOnceAndDies = 1,

    /// <summary>Swings on in the watch, without dying out.</summary>
    SustainedOscillation = 2,

    /// <summary>Ignited, does not swing in the watch, and is hot at its end.</summary>
    BurningSteadily = 3,
}

/// <summary>
/// The rules by which a trajectory is classed. They look at turning points of the temperature: a maximum or minimum counts when the
/// temperature turns back by at least <see cref="TurnK"/>, so neither round-off nor the tolerance of the solver makes one.
/// <list type="number">
/// <item>Quiet: no temperature of <see cref="IgnitionK"/> or more. (Peaks of this reactor lie below 345 K or above 450 K, so the line is
/// in a wide gap.)</item>
/// <item>Sustained oscillation: in the watch, the last <see cref="WatchFraction"/> of the time, there are two maxima or more, the last
/// risen from its minimum by at least <see cref="Sustain"/> of the first's rise; or there have been two ignitions or more, the last of
/// them in the watch (cycles longer than the watch).</item>
/// <item>Burning steadily: otherwise, if it is at <see cref="HotK"/> or above at the end.</item>
/// <item>Ignites once and dies: otherwise.</item>
/// </list>
/// An ignition is a maximum of <see cref="IgnitionK"/> or more, risen from below <see cref="HotK"/>.
/// </summary>
public static class RegimeRules
{
    public const double IgnitionK = 400.0;
    public const double HotK = 350.0;
    public const double TurnK = 5.0;
    public const double WatchFraction = 1.0 / 3.0;
    public const double Sustain = 0.8;
}

/// <summary>Watches one trajectory and classes it by <see cref="RegimeRules"/>.</summary>
internal struct RegimeTracker
{
    private readonly double _watchFrom;
    private double _candidate, _candidateTime, _minimum, _firstRise, _lastRise, _lastIgnition, _end;
    private bool _falling;
    private int _maxima, _ignitions;

    public RegimeTracker(double startK, double minutes)
    {
        Minutes = minutes;
        _watchFrom = minutes * (1.0 - RegimeRules.WatchFraction);
        _candidate = startK;
        _minimum = startK;
        Peak = startK;
        _lastIgnition = -1.0;
    }

    /// <summary>Length of the trajectory.</summary>
    public double Minutes { get; }

    /// <summary>Highest temperature, K.</summary>
    public double Peak { get; private set; }

    /// <summary>Shows a point where the temperature turns; in the order of time.</summary>
    public void Turn(double time, double kelvin)
    {
        Peak = kelvin > Peak ? kelvin : Peak;
        if (_falling)
        {
            if (kelvin < _candidate) (_candidate, _candidateTime) = (kelvin, time);
            else if (kelvin - _candidate >= RegimeRules.TurnK)
            {
                _minimum = _candidate;
                _falling = false;
                (_candidate, _candidateTime) = (kelvin, time);
            }
            return;
        }
        if (kelvin >= _candidate)
        {
            (_candidate, _candidateTime) = (kelvin, time);
            return;
        }
        if (_candidate - kelvin < RegimeRules.TurnK) return;
        Maximum(_candidateTime, _candidate);
        _falling = true;
        (_candidate, _candidateTime) = (kelvin, time);
    }

    /// <summary>Shows the end.</summary>
    public void End(double kelvin)
    {
        _end = kelvin;
        Turn(Minutes, kelvin);
    }

    public readonly ReactorRegime Regime
    {
        get
        {
            if (Peak < RegimeRules.IgnitionK) return ReactorRegime.Quiet;
            var swings = _maxima >= 2 && _lastRise >= RegimeRules.Sustain * _firstRise;
            var cycles = _ignitions >= 2 && _lastIgnition >= _watchFrom;
            if (swings || cycles) return ReactorRegime.SustainedOscillation;
            return _end >= RegimeRules.HotK ? ReactorRegime.BurningSteadily : ReactorRegime.IgnitesOnceAndDies;
        }
    }

    private void Maximum(double time, double kelvin)
    {
        if (kelvin >= RegimeRules.IgnitionK && _minimum < RegimeRules.HotK)
        {
            _ignitions++;
            _lastIgnition = time;
        }
        if (time < _watchFrom) return;
        _lastRise = kelvin - _minimum;
        if (_maxima++ == 0) _firstRise = _lastRise;
    }
}
