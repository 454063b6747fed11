using Athanor.Actors.Twins.Units;
using Athanor.Compute.Estimation;
using Athanor.Compute.Faults;
using Athanor.Compute.Numerics;
using Athanor.Compute.Twins.Units;
using Athanor.Protocol.Twins.Units;
using Status = Athanor.Protocol.Twins.Units.SensorStatus;
using Taken = Athanor.Compute.Estimation.Sample;

namespace Athanor.Hosting.Work.Twins.Units;

/// <summary>
/// One unit on its way through its rows. The rows of one source time make one step of the estimator, at that time if it is ahead of the
/// last step's, and at the last step's if it came late. Inputs act from their row's time on. Only what is after the rows that were stepped
/// through before counts for the result; these themselves rebuild the memory.
/// </summary>
internal sealed class UnitWalk
{
    private static readonly double LogTwoPi = DetMath.Log(2.0 * Math.PI);

    private readonly UnitRun _run;
    private readonly int _sensors;
    private readonly List<(SampleRow Row, bool Counts)> _rows;
    private readonly double[] _now;
    private int _next;
    private bool _counts, _sampled;
    private bool _detects;
    private int _counted;
    private double[] _trialSums;

    public UnitWalk(UnitRun run, double[]? trialSums = null)
    {
        _run = run;
        (Names, _sensors) = (UnitModels.Of(run.Model), run.Spec.Sensors.Length);
        Trial = run.Trial is { } trial ? UnitModels.Of(trial).Engine : null;
        _rows = Rows(run);
        _trialSums = trialSums ?? new double[5];
        if (run.Memory.Numbers() is { } numbers)
        {
            _now = UnitNumbers.Now(numbers).ToArray();
            Memory = UnitNumbers.Estimator(numbers).ToArray();
            Detectors = UnitNumbers.Detectors(numbers).ToArray();
            TrialMemory = Trial is null ? [] : UnitNumbers.Trial(numbers).ToArray();
        }
        else
        {
            var begin = (run.StartTicks ?? (_rows.Count > 0 ? _rows[0].Row.Ticks : 0)) / 1e7;
            _now = [begin, .. run.StartInputs, .. Enumerable.Repeat(double.NaN, _sensors)];
            Memory = Engine.Estimator.Start(begin, States(run.Start), run.StartInputs);
            (Detectors, TrialMemory) = ([], []);
        }
        if (Engine.Detector is { } detector && Detectors.Length == 0) Detectors = detector.Start();
        if (Trial is not null && TrialMemory.Length == 0) TrialMemory = Trial.Estimator.Start(_now[0], StatesFor(Trial), Inputs);
    }

    public UnitNames Names { get; }

    public UnitEngine Engine => Names.Engine;

    public UnitEngine? Trial { get; }

    /// <summary>The estimator's memory; whoever steps it puts the next one here.</summary>
    public double[] Memory { get; set; }

    public double[] TrialMemory { get; set; }

    public double[] Detectors { get; private set; }

    public double TimeS => _now[0];

    public ReadOnlySpan<double> Inputs => _now.AsSpan(1, _now.Length - 1 - _sensors);

    private Span<double> Values => _now.AsSpan(_now.Length - _sensors);

    /// <summary>The last step's output; null before the first.</summary>
    public EstimatorOutput? Last { get; private set; }

    /// <summary>What became of each sensor in the rows that count.</summary>
    public SensorReading[] Readings { get; private set; } = [];

    /// <summary>The detectors' last word in the rows that count; null without one.</summary>
    public DetectorOutput? Detected { get; private set; }

    public int Counted => _counted;

    public double[] TrialSums => _trialSums;

    public bool HasNext => _next < _rows.Count;

    /// <summary>The next step's input.</summary>
    public EstimatorInput Next()
    {
        var first = _next;
        var ticks = _rows[first].Row.Ticks;
        var samples = 0;
        while (_next < _rows.Count && _rows[_next].Row.Ticks == ticks && _rows[_next].Counts == _rows[first].Counts) samples += _rows[_next++].Row.Signals.Length;
        _counts = _rows[first].Counts;
        if (_counts) _counted += _next - first;
        var timeS = ticks / 1e7;
        var ahead = timeS >= _now[0];
        var taken = new Taken[samples];
        var count = 0;
        for (var i = first; i < _next; i++)
        {
            var row = _rows[i].Row;
            for (var k = 0; k < row.Signals.Length; k++)
            {
                if (row.Signals[k] < _sensors)
                {
                    taken[count++] = new Taken(row.Signals[k], timeS, row.Values[k]);
                    if (ahead) Values[row.Signals[k]] = row.Values[k];
                }
                else if (ahead) _now[1 + row.Signals[k] - _sensors] = row.Values[k];
            }
        }
        if (ahead) _now[0] = timeS;
        // What came late would upset charts that go by time.
        (_detects, _sampled) = (ahead, count > 0);
        return new EstimatorInput(_now[0], Inputs.ToArray(), count == samples ? taken : taken[..count]);
    }

    /// <summary>Takes the outputs of the step; <paramref name="trial"/> is the trial's.</summary>
    public void Stepped(EstimatorOutput output, EstimatorOutput? trial)
    {
        Last = output;
        var detected = _detects ? Detect(output) : null;
        if (!_counts) return;
        Detected = detected ?? Detected;
        if (Readings.Length == 0) Readings = output.Readings;
        else
        {
            for (var i = 0; i < Readings.Length; i++)
            {
                if (output.Readings[i].Status != Compute.Estimation.SensorStatus.Missing) Readings[i] = output.Readings[i];
            }
        }
        if (trial is null || output.NisSamples == 0) return;
        _trialSums =
        [
            _trialSums[0] + 1, _trialSums[1] + (output.Nis / output.NisSamples),
            _trialSums[2] + (trial.NisSamples > 0 ? trial.Nis / trial.NisSamples : 0), _trialSums[3] + LogScore(output), _trialSums[4] + LogScore(trial),
        ];
    }

    private DetectorOutput? Detect(EstimatorOutput output)
    {
        if (Engine.Detector is not { } detector) return null;
        var sensors = Engine.Charted;
        Span<double> innovations = stackalloc double[sensors], deviations = stackalloc double[sensors], values = stackalloc double[Engine.Watched.Length];
        for (var i = 0; i < sensors; i++)
        {
            var reading = output.Readings[i];
            // Also what the estimator left out as too far off: that is what a fault looks like.
            var seen = reading.Status is Compute.Estimation.SensorStatus.Ok or Compute.Estimation.SensorStatus.Gated && reading.Variance > 0;
            innovations[i] = seen ? reading.Innovation : double.NaN;
            deviations[i] = seen ? Math.Sqrt(reading.Variance) : 1.0;
        }
        for (var i = 0; i < values.Length; i++)
        {
            var watched = Engine.Watched[i];
            values[i] = watched >= _sensors ? _now[1 + watched - _sensors]
                : double.IsFinite(Values[watched]) ? Values[watched] : output.Readings[watched].Predicted;
        }
        var memory = Detectors;
        var result = detector.Step(ref memory, innovations, deviations, values);
        // A row of inputs alone leaves the charts as they are; what they say is recorded with it all the same.
        if (_sampled) Detectors = memory;
        return result;
    }

    /// <summary>What is kept after the last step.</summary>
    public double[] Numbers() => UnitNumbers.Join(_now, Memory, Detectors, TrialMemory);

    public static Status StatusOf(Compute.Estimation.SensorStatus status) => status switch
    {
        Compute.Estimation.SensorStatus.Ok => Status.Ok,
        Compute.Estimation.SensorStatus.Missing => Status.Missing,
        Compute.Estimation.SensorStatus.Gated => Status.Gated,
        Compute.Estimation.SensorStatus.Frozen => Status.Frozen,
        Compute.Estimation.SensorStatus.Wild => Status.Wild,
        _ => Status.Late,
    };

    private static List<(SampleRow, bool)> Rows(UnitRun run)
    {
        var signals = run.Spec.Sensors.Length + run.Spec.Inputs.Length;
        var rows = new List<(SampleRow, bool)>(run.Rows.Length);
        for (var i = 0; i < run.Rows.Length; i++)
        {
            foreach (var row in SampleRows.Unpack(run.Rows[i], signals)) rows.Add((row, i >= run.Stepped));
        }
        return rows;
    }

    /// <summary>Log likelihood of what was taken in, by the innovations of each sensor.</summary>
    private static double LogScore(EstimatorOutput output)
    {
        var sum = 0.0;
        foreach (var reading in output.Readings)
        {
            if (reading.Status == Compute.Estimation.SensorStatus.Ok)
                sum -= 0.5 * ((reading.Normalised * reading.Normalised) + DetMath.Log(reading.Variance) + LogTwoPi);
        }
        return sum;
    }

    /// <summary>The start that was carried over, nominal where nothing is known.</summary>
    private double[] States(double[] start)
    {
        var states = Engine.Model.NominalStates;
        for (var i = 0; i < states.Length && i < start.Length; i++)
        {
            if (double.IsFinite(start[i])) states[i] = start[i];
        }
        return states;
    }

    /// <summary>A trial begins where the present model is, by the names of the states.</summary>
    private double[] StatesFor(UnitEngine trial)
    {
        var here = Memory;
        var output = Engine.Estimator.Step(ref here, new EstimatorInput(TimeS, Inputs.ToArray(), []));
        var states = trial.Model.NominalStates;
        for (var i = 0; i < states.Length; i++)
        {
            for (var k = 0; k < output.Mean.Length; k++)
            {
                if (string.Equals(trial.Model.States[i].Name, Engine.Model.States[k].Name, StringComparison.OrdinalIgnoreCase)) states[i] = output.Mean[k];
            }
        }
        return states;
    }
}
