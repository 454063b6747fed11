using System.Runtime.Intrinsics;
using Athanor.Compute.Numerics;
using Athanor.Compute.Plants;

namespace Athanor.Compute.Estimation;

/// <summary>
/// The ensemble Kalman filter for units discretised into many states (Evensen, J. Geophys. Res. 99 (1994) 10143), with the serial
/// square-root update of Whitaker and Hamill (Monthly Weather Review 130 (2002) 1913), which needs no perturbed measurements. The belief
/// is the number of steps so far, then the members: entry i of member c at 1 + i M + c. Draws are a function of seed and step, so a filter
/// that goes over the same samples again has the same bits. Members are solved eight at a time.
/// </summary>
internal sealed class EnsembleCore<TMap> : FilterCore
    where TMap : struct, IPlantMap
{
    private readonly TMap _map;
    private readonly int _states, _size, _members;
    private readonly double _gateSquared;

    public EnsembleCore(JointModel joint, in TMap map)
        : base(joint)
    {
        _map = map;
        (_states, _size, _members) = (joint.States, joint.Size, joint.Settings.Members);
        if (_members < 8) throw new EstimationException($"members is {_members}; 8 or more would be right for an ensemble");
        _gateSquared = joint.Settings.Gate > 0 ? joint.Settings.Gate * joint.Settings.Gate : double.PositiveInfinity;
    }

    public override int BeliefSize => 1 + (_size * _members);

    public override void Start(Span<double> belief, ReadOnlySpan<double> x0)
    {
        belief[0] = 0.0;
        var random = new Philox(Joint.Settings.Seed, 0);
        for (var i = 0; i < _size; i++)
        {
            var row = Row(belief, i);
            row.Clear();
            Scatter(row, Joint.InitialSd[i], ref random);
            var start = i < _states ? x0[i] : Joint.Start[i];
            for (var c = 0; c < row.Length; c++) row[c] = Math.Clamp(start + row[c], Joint.Low[i], Joint.High[i]);
        }
    }

    public override (double Nis, int Samples) Step(
        Span<double> belief, ReadOnlySpan<double> u, double dtS, ReadOnlySpan<CoreSample> samples, Span<Correction> corrections)
    {
        if (dtS > 0) Predict(belief, u, dtS);
        if (samples.Length > 0 && Joint.Settings.Inflation != 1.0) Inflate(belief);
        var expected = new double[_members];
        for (var s = 0; s < samples.Length; s++)
        {
            var (mean, variance) = Expect(belief, samples[s].Sensor, expected);
            var distance = samples[s].Value - mean;
            corrections[s] = new Correction(mean, variance, !(distance * distance > _gateSquared * variance));
        }
        double nis = 0.0;
        var taken = 0;
        for (var s = 0; s < samples.Length; s++)
        {
            if (!corrections[s].Used) continue;
            nis += Take(belief, samples[s], expected);
            taken++;
        }
        for (var i = 0; i < _size; i++)
        {
            foreach (ref var value in Row(belief, i))
            {
                if (!double.IsFinite(value)) Joint.CheckFinite([.. Enumerable.Range(0, _size).Select(j => j == i ? double.NaN : 0.0)]);
                value = Math.Clamp(value, Joint.Low[i], Joint.High[i]);
            }
        }
        return (nis, taken);
    }

    public override void Moments(ReadOnlySpan<double> belief, Span<double> mean, Span<double> sd)
    {
        for (var i = 0; i < _size; i++) (mean[i], sd[i]) = Moments(belief.Slice(1 + (i * _members), _members));
    }

    public override void Factor(ReadOnlySpan<double> belief, Span<double> packed)
    {
        var m = new double[_size * _members];
        for (var i = 0; i < _size; i++)
        {
            var row = belief.Slice(1 + (i * _members), _members);
            var (mean, _) = Moments(row);
            for (var c = 0; c < row.Length; c++) m[(i * _members) + c] = (row[c] - mean) / Math.Sqrt(_members - 1);
        }
        SquareRoot<double, ScalarLanes<double>>.Triangularise(m, _size, _members, packed);
    }

    public override double Variance(ReadOnlySpan<double> belief, int sensor) => Expect(belief, sensor, new double[_members]).Variance;

    private static (double Mean, double Sd) Moments(ReadOnlySpan<double> values)
    {
        var sum = 0.0;
        foreach (var value in values) sum += value;
        double mean = sum / values.Length, squares = 0.0;
        foreach (var value in values) squares = Math.FusedMultiplyAdd(value - mean, value - mean, squares);
        return (mean, Math.Sqrt(squares / (values.Length - 1)));
    }

    private Span<double> Row(Span<double> belief, int entry) => belief.Slice(1 + (entry * _members), _members);

    /// <summary>Adds noise whose mean over the members is zero: else the mean of all would wander by chance alone.</summary>
    private static void Scatter(Span<double> row, double sd, ref Philox random)
    {
        Span<double> noise = row.Length <= 256 ? stackalloc double[row.Length] : new double[row.Length];
        var sum = 0.0;
        for (var c = 0; c < noise.Length; c++) sum += noise[c] = random.NextNormal();
        var mean = sum / noise.Length;
        // What the mean takes away of the spread is given back.
        var scale = sd * Math.Sqrt(noise.Length / (noise.Length - 1.0));
        for (var c = 0; c < noise.Length; c++) row[c] = Math.FusedMultiplyAdd(scale, noise[c] - mean, row[c]);
    }

    private void Predict(Span<double> belief, ReadOnlySpan<double> u, double dtS)
    {
        int n = _states, lanes = Vector512<double>.Count;
        Vector512<double>[] x = new Vector512<double>[n], next = new Vector512<double>[n], inputs = new Vector512<double>[u.Length];
        var p = new Vector512<double>[Joint.NominalParameters.Length];
        for (var i = 0; i < inputs.Length; i++) inputs[i] = Vector512.Create(u[i]);
        for (var k = 0; k < p.Length; k++) p[k] = Vector512.Create(Joint.NominalParameters[k]);
        for (var first = 0; first < _members; first += lanes)
        {
            var count = Math.Min(lanes, _members - first);
            for (var i = 0; i < n; i++) x[i] = Eight(Row(belief, i).Slice(first, count));
            for (var k = 0; k < Joint.Estimated.Length; k++) p[Joint.Estimated[k]] = Eight(Row(belief, n + k).Slice(first, count));
            _map.AdvanceLanes(x, inputs, p, Vector512.Create(dtS), next);
            for (var i = 0; i < n; i++)
            {
                var row = Row(belief, i);
                for (var c = 0; c < count; c++) row[first + c] = next[i][c];
            }
        }
        belief[0] += 1.0;
        var random = new Philox(Joint.Settings.Seed, (ulong)belief[0]);
        var root = Math.Sqrt(dtS);
        for (var i = 0; i < _size; i++)
        {
            if (Joint.Noise[i] > 0) Scatter(Row(belief, i), Joint.Noise[i] * root, ref random);
        }
    }

    /// <summary>Lanes beyond the last member repeat it.</summary>
    private static Vector512<double> Eight(ReadOnlySpan<double> values)
    {
        var lanes = Vector512.Create(values[^1]);
        for (var c = 0; c < values.Length; c++) lanes = lanes.WithElement(c, values[c]);
        return lanes;
    }

    private void Inflate(Span<double> belief)
    {
        for (var i = 0; i < _size; i++)
        {
            var row = Row(belief, i);
            var (mean, _) = Moments(row);
            foreach (ref var value in row) value = Math.FusedMultiplyAdd(Joint.Settings.Inflation, value - mean, mean);
        }
    }

    private (double Mean, double Variance) Expect(ReadOnlySpan<double> belief, int number, double[] expected)
    {
        var sensor = Joint.Sensors[number];
        Array.Fill(expected, sensor.Offset);
        for (var e = 0; e < sensor.Entries.Length; e++)
        {
            var row = belief.Slice(1 + (sensor.Entries[e] * _members), _members);
            for (var c = 0; c < row.Length; c++) expected[c] = Math.FusedMultiplyAdd(sensor.Weights[e], row[c], expected[c]);
        }
        var (mean, sd) = Moments(expected);
        return (mean, Math.FusedMultiplyAdd(sd, sd, sensor.Variance));
    }

    private double Take(Span<double> belief, in CoreSample sample, double[] expected)
    {
        var (mean, variance) = Expect(belief, sample.Sensor, expected);
        var innovation = sample.Value - mean;
        var reduced = 1.0 / (1.0 + Math.Sqrt(Joint.Sensors[sample.Sensor].Variance / variance));
        for (var c = 0; c < expected.Length; c++) expected[c] -= mean;
        for (var i = 0; i < _size; i++)
        {
            var row = Row(belief, i);
            var (center, _) = Moments(row);
            var covariance = 0.0;
            for (var c = 0; c < row.Length; c++) covariance = Math.FusedMultiplyAdd(row[c] - center, expected[c], covariance);
            var gain = covariance / ((_members - 1) * variance);
            for (var c = 0; c < row.Length; c++)
                row[c] = Math.FusedMultiplyAdd(gain, innovation - (reduced * expected[c]), row[c]);
        }
        return innovation * innovation / variance;
    }
}
