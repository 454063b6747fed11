using System.Runtime.Intrinsics;

namespace Athanor.Compute.Estimation;

/// <summary>Puts twins whose next group of rows is of the same kind (the same sensors, all ahead in time or none) into lanes, up to four
/// times eight at once.</summary>
internal sealed class FilterLanes(FilterLayout layout)
{
    private const int Lanes = 8, Groups = 4;

    private readonly Vector512<double>[] _belief = new Vector512<double>[Groups * layout.Core.BeliefSize];
    private readonly Vector512<double>[] _inputs = new Vector512<double>[Groups * layout.Inputs];
    private readonly Vector512<double>[] _ahead = new Vector512<double>[Groups], _nis = new Vector512<double>[Groups];
    private readonly List<FilterRun> _batch = new(Groups * Lanes);
    private Vector512<double>[] _values = [], _predicted = [], _variance = [], _used = [];
    private int[] _sensors = [];

    public void Step(List<FilterRun> runs)
    {
        _batch.Clear();
        foreach (var run in runs)
        {
            if (_batch.Count > 0 && !Alike(_batch[0], run)) Flush();
            _batch.Add(run);
            if (_batch.Count == Groups * Lanes) Flush();
        }
        Flush();
    }

    private static bool Alike(FilterRun a, FilterRun b)
    {
        if (a.Samples.Length != b.Samples.Length || a.Ahead > 0 != b.Ahead > 0) return false;
        for (var i = 0; i < a.Samples.Length; i++)
        {
            if (a.Samples[i].Sensor != b.Samples[i].Sensor) return false;
        }
        return true;
    }

    private void Flush()
    {
        var core = layout.Core;
        // Fewer cost more in lanes than one by one.
        if (_batch.Count < 3)
        {
            foreach (var run in _batch)
            {
                var (nis, samples) = core.Step(run.Belief, run.Inputs, run.Ahead, run.Samples, run.Corrections);
                run.Done(nis, samples);
            }
            _batch.Clear();
            return;
        }
        int count = _batch[0].Samples.Length, groups = (_batch.Count + Lanes - 1) / Lanes, size = core.BeliefSize, inputs = layout.Inputs;
        if (_sensors.Length != count)
        {
            (_values, _predicted) = (new Vector512<double>[Groups * count], new Vector512<double>[Groups * count]);
            (_variance, _used, _sensors) = (new Vector512<double>[Groups * count], new Vector512<double>[Groups * count], new int[count]);
        }
        for (var s = 0; s < count; s++) _sensors[s] = _batch[0].Samples[s].Sensor;
        for (var at = 0; at < groups * Lanes; at++)
        {
            // Lanes without a twin repeat the last one.
            var run = _batch[Math.Min(at, _batch.Count - 1)];
            int group = at / Lanes, lane = at % Lanes;
            Into(run.Belief, _belief, group * size, lane);
            Into(run.Inputs, _inputs, group * inputs, lane);
            _ahead[group] = _ahead[group].WithElement(lane, run.Ahead);
            for (var s = 0; s < count; s++)
                _values[(group * count) + s] = _values[(group * count) + s].WithElement(lane, run.Samples[s].Value);
        }
        core.StepLanes(
            groups, _belief.AsSpan(0, groups * size), _inputs.AsSpan(0, groups * inputs), _ahead.AsSpan(0, groups), _sensors,
            _values.AsSpan(0, groups * count), _predicted, _variance, _used, _nis);
        for (var at = 0; at < _batch.Count; at++)
        {
            var run = _batch[at];
            int group = at / Lanes, lane = at % Lanes;
            var belief = run.Belief;
            for (var i = 0; i < belief.Length; i++) belief[i] = _belief[(group * size) + i][lane];
            var taken = 0;
            for (var s = 0; s < count; s++)
            {
                var from = (group * count) + s;
                var used = _used[from][lane] > 0.5;
                run.Corrections[s] = new Correction(_predicted[from][lane], _variance[from][lane], used);
                if (used) taken++;
            }
            run.Done(_nis[group][lane], taken);
        }
        _batch.Clear();
    }

    private static void Into(ReadOnlySpan<double> values, Vector512<double>[] lanes, int first, int lane)
    {
        for (var i = 0; i < values.Length; i++) lanes[first + i] = lanes[first + i].WithElement(lane, values[i]);
    }
}
