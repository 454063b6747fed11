using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using static Athanor.Compute.Ode.StiffLaneShape;

namespace Athanor.Compute.Ode;

/// <content>Loads trajectories into lanes.</content>
internal partial struct Rodas5PLaneRun<TModel>
    where TModel : struct, IOdeModel<TModel>
{
    private const uint AllLanes = 0xFF;

    /// <summary>Loads the first trajectories; lanes for which there are none rest at the first's start.</summary>
    public void Start<TObserver>(ref Vector512<double> c, int group, ref TObserver observer)
        where TObserver : struct, IStiffLaneObserver
    {
        for (var lane = 0; lane < Lanes; lane++) Rest(ref c, lane);
        Refill(ref c, group, AllLanes, ref observer);
    }

    /// <summary>Loads the next trajectories into these lanes.</summary>
    private void Refill<TObserver>(ref Vector512<double> c, int group, uint lanes, ref TObserver observer)
        where TObserver : struct, IStiffLaneObserver
    {
        int n = _shape.Dimension, np = _shape.Parameters;
        Span<double> own = stackalloc double[np];
        while (lanes != 0)
        {
            var loaded = 0u;
            for (var bits = lanes; bits != 0; bits &= bits - 1)
            {
                var lane = BitOperations.TrailingZeroCount(bits);
                Rest(ref c, lane);
                var trajectory = _work.Take();
                if (trajectory < 0) continue;
                loaded |= 1u << lane;
                Alive++;
                for (var k = 0; k < np; k++) own[k] = Lane(ref c, ParametersAt + k, lane) = _work.Parameter(trajectory, k);
                _models[(group * Lanes) + lane] = _model.With(own);
                Load(ref c, (group * Lanes) + lane, lane, trajectory);
                observer.Load((group * Lanes) + lane, trajectory);
            }
            _alive[group] |= loaded;
            _stale[group] |= loaded;
            if (loaded == 0) return;
            _model.RhsLanes(
                At(ref c, T), MemoryMarshal.CreateReadOnlySpan(ref At(ref c, _shape.Y), n),
                MemoryMarshal.CreateReadOnlySpan(ref At(ref c, ParametersAt), np),
                MemoryMarshal.CreateSpan(ref At(ref c, _shape.Start), n));
            lanes = 0;
            for (var bits = loaded; bits != 0; bits &= bits - 1)
            {
                var lane = BitOperations.TrailingZeroCount(bits);
                Gather(ref c, _shape.Y, lane, _y0);
                Gather(ref c, _shape.Start, lane, _y1);
                var t = Lane(ref c, T, lane);
                var trajectory = _trajectory[(group * Lanes) + lane];
                if (ErrorNorm.NonFinite(_y1) is >= 0 and var bad)
                {
                    _work.Fail(trajectory, new NonFiniteException(t, bad));
                    Alive--;
                    _alive[group] &= ~(1u << lane);
                    lanes |= 1u << lane;
                    continue;
                }
                var first = FirstStep(trajectory);
                if (!(first > 0)) first = ErrorNorm.FirstStep(_y0, _y1, _rtol, _atol, _work.Stops[^1] - t);
                Lane(ref c, H, lane) = Math.Min(first, _maxStep);
            }
        }
    }

    private readonly void Load(ref Vector512<double> c, int number, int lane, int trajectory)
    {
        var point = _work.Point(trajectory);
        var start = point?.Time ?? _work.StartTime;
        (_trajectory[number], _stop[number]) = (trajectory, _work.FirstStop(start));
        Lane(ref c, T, lane) = start;
        Lane(ref c, Stop, lane) = _work.Stops[_stop[number]];
        Lane(ref c, Limit, lane) = Math.Max(1, _work.Options.MaxSteps - (point?.Tried ?? 0));
        Lane(ref c, CalmWanted, lane) = point is null ? double.PositiveInfinity : point.Measures.Calm;
        Lane(ref c, Pays, lane) = point is { Try: true } ? AutoSolve.TryPays * point.Step : 0.0;
        for (var i = 0; i < _shape.Dimension; i++)
            Lane(ref c, _shape.Y + i, lane) = point is null ? _work.Initial(trajectory, i) : point.State[i];
    }

    private readonly double FirstStep(int trajectory) => _work.Point(trajectory) is { } point
        ? point.Try ? AutoSolve.TryStep * point.Step : point.Step
        : _work.Options.InitialStep;

    /// <summary>A lane at rest stays where it is: no step of it is accepted.</summary>
    private readonly void Rest(ref Vector512<double> c, int lane)
    {
        for (var i = 0; i < ParametersAt; i++) Lane(ref c, i, lane) = 0.0;
        Lane(ref c, T, lane) = _work.StartTime;
        Lane(ref c, Stop, lane) = Lane(ref c, Limit, lane) = Lane(ref c, CalmWanted, lane) = double.PositiveInfinity;
        for (var k = 0; k < _shape.Parameters; k++) Lane(ref c, ParametersAt + k, lane) = _work.Parameter(0, k);
        for (var i = 0; i < _shape.Dimension; i++) Lane(ref c, _shape.Y + i, lane) = _work.Initial(0, i);
    }
}
