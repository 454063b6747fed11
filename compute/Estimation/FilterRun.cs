namespace Athanor.Compute.Estimation;

/// <summary>
/// One step of one twin. The estimate is a pure function of the window's start and its rows in order: a filter is never moved but to the
/// time of a row. So samples that came out of order give the bits of those that came in order, as long as they lie in the window.
/// </summary>
internal sealed class FilterRun
{
    private readonly FilterLayout _layout;
    private readonly JointModel _joint;
    private readonly double[] _blocks;
    private readonly double[] _inputs;
    private readonly List<FilterRow> _rows = [];
    private readonly SensorReading[] _readings;
    private readonly CoreSample[] _samples;
    private readonly Correction[] _corrections;
    private readonly double _now;
    private readonly bool _wentBack;
    private readonly int _refiltered;
    private int _next, _taken, _end;
    private double _nis;
    private int _nisSamples;
    private bool _anchoring, _anyNew;

    public FilterRun(in FilterLayout layout, double[] memory, EstimatorInput input)
    {
        layout.Check(memory);
        (_layout, _joint) = (layout, layout.Core.Joint);
        Check(input);
        _wentBack = input.TimeS < memory[1];
        if (input.TimeS - memory[1] > _joint.Settings.LongestGapS)
        {
            throw new EstimationException(FormattableString.Invariant(
                $"the clock jumps from {memory[1]:R} s to {input.TimeS:R} s, further than longest-gap-s ") +
                FormattableString.Invariant($"({_joint.Settings.LongestGapS:R} s); ") +
                "if the plant really stood, the estimator is to be started anew");
        }
        _now = _wentBack ? memory[1] : input.TimeS;
        _blocks = memory[layout.FirstBlock..layout.RowsAt];
        _inputs = memory[FilterLayout.InputsAt..layout.FirstBlock];
        _readings = new SensorReading[layout.Sensors];
        for (var s = 0; s < _readings.Length; s++)
            _readings[s] = new SensorReading(SensorStatus.Missing, double.NaN, double.NaN, 0, 0, 0, 0);
        for (var r = 0; r < (int)memory[2]; r++)
        {
            var row = memory.AsSpan(layout.RowsAt + (r * FilterLayout.RowSize), FilterLayout.RowSize);
            _rows.Add(new FilterRow(row[0], (int)row[1], row[2], false));
        }
        var old = _rows.Count;
        var first = Merge(input);
        if (first < old)
        {
            // Something belongs before what has been filtered: from the start of the window once more.
            Anchor.CopyTo(Current);
            _refiltered = Times(old, first);
            _next = 0;
        }
        else
        {
            _next = old;
        }
        _samples = new CoreSample[Math.Max(4, _rows.Count)];
        _corrections = new Correction[_samples.Length];
    }

    private Span<double> Anchor => _blocks.AsSpan(0, _layout.BlockSize);

    private Span<double> Current => _blocks.AsSpan(_layout.CurrentBlock - _layout.FirstBlock, _layout.BlockSize);

    private Span<double> Block => _anchoring ? Anchor : Current;

    /// <summary>The belief that the next group of rows is for.</summary>
    public Span<double> Belief => _layout.Belief(Block);

    public ReadOnlySpan<double> Inputs => Block.Slice(FilterLayout.BlockInputsAt, _layout.Inputs);

    /// <summary>Time to the next group, s.</summary>
    public double Ahead { get; private set; }

    public ReadOnlySpan<CoreSample> Samples => _samples.AsSpan(0, _taken);

    public Span<Correction> Corrections => _corrections.AsSpan(0, _taken);

    /// <summary>Finds the next rows of one time: first those that the filter has not seen, then those that leave the window.</summary>
    /// <returns>False once there are none.</returns>
    public bool NextGroup()
    {
        if (!_anchoring && _next >= _rows.Count)
        {
            _anchoring = true;
            _next = 0;
            if (!_layout.HasWindow) return false;
        }
        if (_next >= _rows.Count) return false;
        var time = _rows[_next].Time;
        if (_anchoring && (!_layout.HasWindow || time > _now - _joint.Settings.LagWindowS)) return false;
        Ahead = time - Block[FilterLayout.Time];
        _taken = 0;
        for (_end = _next; _end < _rows.Count && _rows[_end].Time == time; _end++)
        {
            var row = _rows[_end];
            if (row.Code < 0) continue;
            if (Moves(row)) _samples[_taken++] = new CoreSample(row.Code, row.Value);
            else Read(row, SensorStatus.Frozen, default);
        }
        return true;
    }

    /// <summary>Notes what the filter made of the group.</summary>
    public void Done(double nis, int samples)
    {
        var block = Block;
        var time = _rows[_next].Time;
        block[FilterLayout.Time] = time;
        if (samples > 0) Tally(block, nis, samples);
        var sample = 0;
        for (var r = _next; r < _end; r++)
        {
            var row = _rows[r];
            if (row.Code < 0)
            {
                block[FilterLayout.BlockInputsAt - 1 - row.Code] = row.Value;
            }
            else if (sample < _taken && _samples[sample].Sensor == row.Code && _samples[sample].Value == row.Value)
            {
                var correction = _corrections[sample++];
                Read(row, correction.Used ? SensorStatus.Ok : SensorStatus.Gated, correction);
                if (row.IsNew && !_anchoring) _anyNew = true;
            }
        }
        if (_anyNew && !_anchoring)
        {
            _nis += nis;
            _nisSamples += samples;
        }
        _anyNew = false;
        _next = _end;
    }

    /// <summary>The estimate of now, and the memory to go on from.</summary>
    public EstimatorOutput Finish(out double[] memory)
    {
        var core = _layout.Core;
        var left = _anchoring && _layout.HasWindow ? _rows.Count - _next : 0;
        memory = new double[_layout.RowsAt + (FilterLayout.RowSize * left)];
        (memory[0], memory[1], memory[2]) = (FilterLayout.Version, _now, left);
        _inputs.CopyTo(memory, FilterLayout.InputsAt);
        _blocks.CopyTo(memory, _layout.FirstBlock);
        for (var r = 0; r < left; r++)
        {
            var row = _rows[_next + r];
            var at = _layout.RowsAt + (r * FilterLayout.RowSize);
            (memory[at], memory[at + 1], memory[at + 2]) = (row.Time, row.Code, row.Value);
        }
        var block = Current;
        Span<double> belief = core.BeliefSize <= 256 ? stackalloc double[256] : new double[core.BeliefSize];
        belief = belief[..core.BeliefSize];
        _layout.Belief(block).CopyTo(belief);
        if (_now > block[FilterLayout.Time])
            core.Step(belief, block.Slice(FilterLayout.BlockInputsAt, _layout.Inputs), _now - block[FilterLayout.Time], [], []);
        return Output(belief, block);
    }

    private EstimatorOutput Output(Span<double> belief, ReadOnlySpan<double> block)
    {
        var core = _layout.Core;
        int n = _joint.States, k = _joint.NominalParameters.Length;
        Span<double> mean = _joint.Size <= 64 ? stackalloc double[64] : new double[_joint.Size];
        Span<double> sd = _joint.Size <= 64 ? stackalloc double[64] : new double[_joint.Size];
        mean = mean[.._joint.Size];
        sd = sd[.._joint.Size];
        core.Moments(belief, mean, sd);
        double[] parameters = new double[k], parameterSd = new double[k], bias = new double[_layout.Sensors];
        double[] biasSd = new double[_layout.Sensors];
        _joint.Parameters(mean, parameters);
        for (var i = 0; i < _joint.Estimated.Length; i++) parameterSd[_joint.Estimated[i]] = sd[n + i];
        for (var s = 0; s < _layout.Sensors; s++)
        {
            var sensor = _joint.Sensors[s];
            if (sensor.BiasEntry >= 0) (bias[s], biasSd[s]) = (mean[sensor.BiasEntry], sd[sensor.BiasEntry]);
            if (_readings[s].Variance == 0.0)
            {
                _readings[s] = _readings[s] with { Predicted = _joint.Expected(sensor, mean), Variance = core.Variance(belief, s) };
            }
        }
        double freedom = block[FilterLayout.Freedom], low = 0.0, high = double.PositiveInfinity, nisMean = 1.0;
        if (freedom > 0)
        {
            nisMean = block[FilterLayout.NisSum] / freedom;
            (low, high) = ChiSquared.Band(freedom * freedom / block[FilterLayout.FreedomSquares], ChiSquared.Of999);
        }
        return new EstimatorOutput
        {
            TimeS = _now,
            Mean = mean[..n].ToArray(),
            Sd = sd[..n].ToArray(),
            Parameters = parameters,
            ParameterSd = parameterSd,
            Bias = bias,
            BiasSd = biasSd,
            Readings = _readings,
            Nis = _nis,
            NisSamples = _nisSamples,
            NisMean = nisMean,
            NisLow = low,
            NisHigh = high,
            Consistent = block[FilterLayout.Updates] < _joint.Settings.NisWindow || (nisMean >= low && nisMean <= high),
            Refiltered = _refiltered,
            ClockWentBack = _wentBack,
        };
    }

    /// <summary>Puts samples and changed inputs among the rows.</summary>
    /// <returns>Position of the first new row.</returns>
    private int Merge(EstimatorInput input)
    {
        var first = _rows.Count;
        double done = Current[FilterLayout.Time], oldest = _layout.HasWindow ? Anchor[FilterLayout.Time] : done;
        // With a window a time that has been filtered is filtered again with the new sample in its place; without one it goes on from
        // there.
        foreach (var sample in input.Samples)
        {
            var sensor = _joint.Sensors[sample.Sensor];
            var time = sample.TimeS - sensor.DelayS;
            var row = new FilterRow(time, sample.Sensor, sample.Value, true);
            if (!double.IsFinite(sample.Value) || sample.Value < sensor.Low || sample.Value > sensor.High)
                Read(row, SensorStatus.Wild, default);
            else if (time > _now) Read(row, SensorStatus.Future, default);
            else if (time < oldest || (_layout.HasWindow && time == oldest && Anchor[FilterLayout.Updates] > 0))
                Read(row, SensorStatus.Late, default);
            else first = Math.Min(first, Insert(row));
        }
        for (var i = 0; i < _inputs.Length; i++)
        {
            if (_inputs[i] == input.Inputs[i]) continue;
            _inputs[i] = input.Inputs[i];
            first = Math.Min(first, Insert(new FilterRow(_now, -1 - i, input.Inputs[i], true)));
        }
        return first;
    }

    private int Insert(in FilterRow row)
    {
        var at = _rows.Count;
        while (at > 0 && row.IsBefore(_rows[at - 1])) at--;
        if (at > 0 && _rows[at - 1].Time == row.Time && _rows[at - 1].Code == row.Code)
        {
            // Delivered twice, or corrected since.
            at--;
            if (_rows[at].Value == row.Value) return _rows.Count;
            _rows[at] = row;
        }
        else
        {
            _rows.Insert(at, row);
        }
        // Of a group of one time that has been filtered in part, the first row is where filtering begins again.
        while (at > 0 && _rows[at - 1].Time == row.Time) at--;
        return at;
    }

    private int Times(int old, int first)
    {
        var times = 0;
        for (var r = 0; r < old; r++)
        {
            if (r == 0 || _rows[r].Time != _rows[r - 1].Time) times++;
        }
        return first < old ? times : 0;
    }

    /// <summary>Counts equal values one after the other; false once they are too many.</summary>
    private bool Moves(in FilterRow row)
    {
        var sensor = _joint.Sensors[row.Code];
        if (sensor.FrozenAfter <= 0) return true;
        var state = Block.Slice(_layout.SensorsAt + (2 * row.Code), 2);
        state[1] = state[0] == row.Value ? state[1] + 1.0 : 1.0;
        state[0] = row.Value;
        return state[1] < sensor.FrozenAfter;
    }

    private void Read(in FilterRow row, SensorStatus status, in Correction correction)
    {
        if (!row.IsNew || _anchoring) return;
        var innovation = correction.Variance > 0 ? row.Value - correction.Predicted : 0.0;
        _readings[row.Code] = new SensorReading(
            status, row.Time, row.Value, correction.Predicted, innovation, correction.Variance,
            correction.Variance > 0 ? innovation / Math.Sqrt(correction.Variance) : 0.0);
    }

    private void Tally(Span<double> block, double nis, int samples)
    {
        var keep = 1.0 - (1.0 / Math.Max(1, _joint.Settings.NisWindow));
        block[FilterLayout.NisSum] = (keep * block[FilterLayout.NisSum]) + nis;
        block[FilterLayout.Freedom] = (keep * block[FilterLayout.Freedom]) + samples;
        block[FilterLayout.FreedomSquares] = (keep * keep * block[FilterLayout.FreedomSquares]) + samples;
        block[FilterLayout.Updates] += 1.0;
    }

    private void Check(EstimatorInput input)
    {
        if (!double.IsFinite(input.TimeS)) throw new EstimationException($"the time is {input.TimeS}");
        if (input.Inputs.Length != _layout.Inputs)
        {
            throw new EstimationException(
                $"the model has {_layout.Inputs} inputs ({string.Join(", ", _joint.Model.Inputs.Select(static q => q.Name))}); " +
                $"{input.Inputs.Length} values are given");
        }
        for (var i = 0; i < input.Inputs.Length; i++)
        {
            if (!double.IsFinite(input.Inputs[i]))
                throw new EstimationException($"input {_joint.Model.Inputs[i].Name} is {input.Inputs[i]}");
        }
        foreach (var sample in input.Samples)
        {
            if ((uint)sample.Sensor >= (uint)_layout.Sensors)
                throw new EstimationException($"there is no sensor {sample.Sensor}; there are {_layout.Sensors}, from 0");
            if (!double.IsFinite(sample.TimeS))
                throw new EstimationException($"a sample of {_joint.Sensors[sample.Sensor].Name} has the time {sample.TimeS}");
        }
    }
}
