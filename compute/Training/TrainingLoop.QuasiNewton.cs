using System.Numerics;

namespace Athanor.Compute.Training;

/// <summary>
/// Steps of L-BFGS. One step is one iteration: the gradient where the parameters are, a direction, and a backtracking line search (Armijo's
/// condition, the next length by quadratic interpolation) whose every trial is a sum over all ranks of one and the same batch. So the pairs
/// that are remembered never mix two batches, and all members of a gang come to the same trials from the same sums.
///
/// What a check-point keeps is the parameters and the pairs. The gradient at a step's beginning is that of the accepted trial before; where
/// it is not known (a new batch, a restored state) it is summed again, to the same bits.
/// A step that finds no lower loss forgets the pairs; one that finds none along the gradient itself, on all samples and in a curriculum's last
/// stage, ends the training as converged: the loss is at a minimum within rounding.
/// </summary>
public sealed partial class TrainingLoop<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int MostTrials = 25;
    private const double FirstStep = 0.1;
    private const double Decrease = 1e-4;

    private readonly T[] _base, _slope, _trialSlope, _direction;
    private LimitedMemory<T> _memory = LimitedMemory<T>.Empty;
    private double _value;
    private bool _known, _converged;

    private bool IsQuasiNewton => Settings.Optimiser.Kind == OptimiserKind.Lbfgs;

    /// <returns>Mean loss of the batch after the step.</returns>
    private double Iterate(CancellationToken cancellation)
    {
        if (!_known)
        {
            _value = Mean(_slope, cancellation);
            // The next step's batch is this one only where it is everything.
            _known = Settings.Batch == 0;
        }
        _norm = Math.Sqrt(LimitedMemory<T>.Dot(_slope, _slope));
        if (!double.IsFinite(_value) || !double.IsFinite(_norm)) return _value;
        var found = _norm > 0.0 && !_converged && Search(cancellation);
        _state = _state with { Step = Step + 1 };
        Follow();
        if (found) return _value;
        if (!_memory.IsEmpty) _memory = LimitedMemory<T>.Empty;
        else if (Settings.Batch == 0 && _stage == Settings.Curriculum.Length) _converged = true;
        return _value;
    }

    /// <summary>Goes downhill; the parameters stay where nothing lower is found.</summary>
    private bool Search(CancellationToken cancellation)
    {
        _memory.Direction(_slope, _direction);
        var descent = LimitedMemory<T>.Dot(_slope, _direction);
        if (!(descent < 0.0))
        {
            _memory = LimitedMemory<T>.Empty;
            _memory.Direction(_slope, _direction);
            descent = -_norm * _norm;
        }
        _parameters.CopyTo(_base, 0);
        // Along the bare gradient nothing tells how far: a step of a tenth at most.
        var length = Rate(Step) * (_memory.IsEmpty ? Math.Min(1.0, FirstStep / Math.Sqrt(-descent)) : 1.0);
        try
        {
            for (var trial = 0; trial < MostTrials; trial++)
            {
                var factor = T.CreateChecked(length);
                for (var k = 0; k < _base.Length; k++) _parameters[k] = _base[k] + (factor * _direction[k]);
                var after = Mean(_trialSlope, cancellation);
                if (after <= _value + (Decrease * length * descent) && after < _value)
                {
                    Remember(after);
                    return true;
                }
                var ratio = double.IsFinite(after) ? -descent * length / (2.0 * (after - _value - (length * descent))) : 0.1;
                length *= double.IsNaN(ratio) ? 0.1 : Math.Clamp(ratio, 0.1, 0.5);
            }
        }
        catch
        {
            // Whoever stops a step amid its trials finds the state before it.
            _base.CopyTo(_parameters, 0);
            throw;
        }
        _base.CopyTo(_parameters, 0);
        return false;
    }

    private void Remember(double after)
    {
        T[] s = new T[_base.Length], y = new T[_base.Length];
        for (var k = 0; k < s.Length; k++) (s[k], y[k]) = (_parameters[k] - _base[k], _trialSlope[k] - _slope[k]);
        _memory = _memory.With(s, y, Settings.Optimiser.Memory);
        _trialSlope.CopyTo(_slope, 0);
        _value = after;
    }

    private double Mean(T[] slope, CancellationToken cancellation)
    {
        var (sum, loss) = Sum(cancellation);
        var factor = T.CreateChecked(1.0 / BatchSize / _state.Scale);
        for (var k = 0; k < slope.Length; k++) slope[k] = sum[k] * factor;
        return loss / BatchSize;
    }
}
