using System.Numerics;
using Athanor.Compute.Training.Distributed;

namespace Athanor.Compute.Training;

/// <summary>One step: the ranks' gradients, their sum, what is done with it.</summary>
public sealed partial class TrainingLoop<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>All ranks' sum: this process's, and the others' from the exchange where there is one.</summary>
    private (T[] Gradient, double Loss) Sum(CancellationToken cancellation)
    {
        AddOwn();
        if (_exchange is null) return (_leaves[0], _leafLosses[0]);
        return (_sum, _exchange.Sum(Largest(), _sum, cancellation));
    }

    /// <summary>The exchange, where its members share the update. In float alone: there the gradient's length is finite just where all elements
    /// are, in whatever order they are added. A longest norm must be known before the update, and a scaled loss may skip it.</summary>
    private ISharedUpdate<T>? Sharing => typeof(T) == typeof(float) && Settings.ClipNorm == 0.0 && _scaling is null && !IsQuasiNewton
        && _exchange is ISharedUpdate<T> { CanShare: true } sharing ? sharing : null;

    /// <summary>A step whose update the members share. Each has the moments of its own part alone until the next check-point.</summary>
    /// <param name="last">Before a check-point: the norm is then that of one process, bit by bit.</param>
    private double ShareStep(ISharedUpdate<T> exchange, bool last, CancellationToken cancellation)
    {
        AddOwn();
        var (from, end) = exchange.Part;
        var (rate, factor) = (Rate(Step), T.CreateChecked(1.0 / BatchSize / _state.Scale));
        var norm = 0.0;
        var (loss, squares) = exchange.SumAndUpdate(Largest(), _sum, _parameters, Update, cancellation);
        _norm = last ? norm : Math.Sqrt(squares) / BatchSize;
        _state = _state with { Step = Step + 1 };
        Follow();
        return loss / BatchSize;

        double Update()
        {
            if (last)
            {
                exchange.Gather(_sum, cancellation);
                norm = Norm(_sum) / BatchSize / _state.Scale;
            }
            var gradient = _sum.AsSpan(from..end);
            var own = last ? 0.0 : Norm(gradient);
            foreach (ref var g in gradient) g *= factor;
            Optimiser.Step<T>(
                Settings.Optimiser, rate, Step + 1, _parameters.AsSpan(from..end), gradient, PartOf(_first), PartOf(_second));
            return own * own;
        }

        Span<T> PartOf(T[] moments) => moments.Length > 0 ? moments.AsSpan(from..end) : [];
    }

    private SubtreeSum<T>[] Largest() =>
        [.. _own.Largest.Select(node => new SubtreeSum<T>(node.First, node.Level, _leaves[node.First], _leafLosses[node.First]))];

    /// <summary>This process's ranks, added up as far as they go.</summary>
    private void AddOwn()
    {
        Leaves(_firstRank, _ownRanks);
        foreach (var (to, from) in _own.Additions)
        {
            RankTree.Add<T>(_leaves[_firstRank + to], _leaves[_firstRank + from]);
            _leafLosses[_firstRank + to] += _leafLosses[_firstRank + from];
        }
    }

    private void Leaves(int first, int count)
    {
        _draw.Fill(_stage, Step - StageStart, _staged.Samples, _batch, whole: Settings.Batch == 0);
        var workers = Math.Min(_threads, count);
        if (workers == 1)
        {
            for (var rank = first; rank < first + count; rank++) Leaf(rank, _scratch[0]);
            return;
        }
        Parallel.For(0, workers, worker =>
        {
            for (var rank = first + worker; rank < first + count; rank += workers) Leaf(rank, _scratch[worker]);
        });
    }

    private void Leaf(int rank, object scratch)
    {
        var (from, end) = RankTree.Share(BatchSize, Settings.Ranks, rank);
        while (true)
        {
            var piece = Math.Min(_micro, Settings.MicroBatch > 0 ? Settings.MicroBatch : end - from);
            try
            {
                _leafLosses[rank] = Leaf(rank, from, end, piece, scratch);
                return;
            }
            catch (DeviceMemoryException e)
            {
                Cut(Math.Min(piece, end - from), e);
            }
        }
    }

    private double Leaf(int rank, int from, int end, int piece, object scratch)
    {
        var gradient = _leaves[rank].AsSpan();
        gradient.Clear();
        var loss = 0.0;
        for (; from < end; from += piece)
        {
            var samples = _batch.AsSpan(from, Math.Min(piece, end - from));
            loss += _scaling is not null
                ? ((IScaledTask<T>)_staged).Gradient(_parameters, samples, gradient, scratch, _state.Scale)
                : _staged.Gradient(_parameters, samples, gradient, scratch);
        }
        return loss;
    }

    /// <summary>Half as many samples at once from here on.</summary>
    private void Cut(int piece, DeviceMemoryException cause)
    {
        lock (_cutting)
        {
            // Another thread's rank may have come here first.
            if (_micro < piece) return;
            if (piece == 1)
            {
                throw new TrainingException(
                    $"not even one sample at once fits into the device's memory; a smaller model or another device would be right: {cause.Message}",
                    cause);
            }
            _micro = piece / 2;
            _cuts.Add(new MicroBatchCut(Step, piece, _micro, cause.Message));
        }
    }

    /// <param name="skipped">The scaled gradient was not finite: nothing was done but to halve the scale.</param>
    private double Finish(T[] root, double loss, out bool skipped)
    {
        var gradient = root.AsSpan();
        _norm = Norm(gradient) / BatchSize / _state.Scale;
        skipped = _scaling is not null && !(double.IsFinite(_norm) && double.IsFinite(loss)) && _state.Scale > LossScaling.Least;
        if (skipped)
        {
            _state = _state with { Step = Step + 1, Skipped = _state.Skipped + 1, Scale = _state.Scale / 2.0, SinceGrowth = 0 };
            return loss / BatchSize;
        }
        var scale = 1.0 / BatchSize / _state.Scale;
        if (Settings.ClipNorm > 0.0 && _norm > Settings.ClipNorm) scale *= Settings.ClipNorm / _norm;
        var factor = T.CreateChecked(scale);
        foreach (ref var g in gradient) g *= factor;
        var rate = Rate(Step);
        _state = _state with { Step = Step + 1 };
        if (_scaling is not null) Grow();
        // Moments are as old as the steps done, also after a rollback.
        Optimiser.Step<T>(Settings.Optimiser, rate, Step - _state.Skipped, _parameters, gradient, _first, _second);
        Follow();
        return loss / BatchSize;
    }

    /// <summary>The moving average, after a step.</summary>
    private void Follow()
    {
        if (_average.Length == 0) return;
        var share = T.CreateChecked(1.0 - Settings.EmaDecay);
        for (var i = 0; i < _average.Length; i++) _average[i] += share * (_parameters[i] - _average[i]);
    }

    private void Grow()
    {
        var grows = _state.SinceGrowth + 1 >= _scaling!.Every;
        _state = _state with
        {
            Scale = grows ? Math.Min(2.0 * _state.Scale, LossScaling.Most) : _state.Scale,
            SinceGrowth = grows ? 0 : _state.SinceGrowth + 1,
        };
    }

    /// <summary>Euclidean length, in double: four running sums, element i in sum i mod 4, added as (0 + 2) + (1 + 3).</summary>
    private static double Norm(ReadOnlySpan<T> gradient)
    {
        var (a, b, c, d) = (0.0, 0.0, 0.0, 0.0);
        var i = 0;
        for (; i + 4 <= gradient.Length; i += 4)
        {
            a += Square(gradient[i]);
            b += Square(gradient[i + 1]);
            c += Square(gradient[i + 2]);
            d += Square(gradient[i + 3]);
        }
        if (i < gradient.Length) a += Square(gradient[i]);
        if (i + 1 < gradient.Length) b += Square(gradient[i + 1]);
        if (i + 2 < gradient.Length) c += Square(gradient[i + 2]);
        return Math.Sqrt((a + c) + (b + d));

        static double Square(T value)
        {
            var x = double.CreateChecked(value);
            return x * x;
        }
    }
}
