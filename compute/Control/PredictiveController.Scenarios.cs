using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Control;

/// <summary>
/// Chance constraints by scenarios. The plan is followed by many plants at once, with parameters and start drawn from the estimate's
/// uncertainty and the quadratic program's own feedback law u = ū + K (x - x̄) correcting each (clamped to the hard bounds), as the
/// controller will at later samples; the first move is the same for all. How far a bounded state strays from the plan with the wanted
/// probability, stage by stage, is the margin that its bound is tightened by (Lorenzen et al., IEEE Trans. Automatic Control 62 (2017)
/// 3165). Open-loop spread would be useless on an unstable plant.
/// </summary>
internal sealed partial class PredictiveController<TMap>
{
    private const int Lanes = 8;

    /// <summary>Writes the bounds, less the margins in memory.</summary>
    private void Tighten(Work work, double[] memory)
    {
        var problem = work.Problem;
        int bounds = problem.Bounded.Length;
        if (Settings.Kind != ControllerKind.Stochastic) return;
        for (var k = 0; k < _stages; k++)
        {
            for (var j = 0; j < bounds; j++)
            {
                int at = (k * bounds) + j, margin = MarginsAt + (2 * at);
                var bound = Settings.Bounds[j];
                double low = bound.Minimum ?? double.NegativeInfinity, high = bound.Maximum ?? double.PositiveInfinity;
                (low, high) = (low + memory[margin], high - memory[margin + 1]);
                // Where the spread is wider than the room, the middle is the best there is.
                if (low > high) low = high = 0.5 * (low + high);
                if (low == high) (low, high) = (low - (1e-3 * bound.Scale), high + (1e-3 * bound.Scale));
                (problem.BoundLow[at], problem.BoundHigh[at]) = (low, high);
            }
        }
    }

    /// <summary>Measures the margins along the new plan and plans once more where they have changed.</summary>
    private ControlStatus Scenarios(Work work, double[] memory, ControlInput input, ControlStatus status, IDeadline deadline)
    {
        for (var round = 0; round < 3; round++)
        {
            if (deadline.Expired) return ControlStatus.Feasible;
            var before = memory.AsSpan(MarginsAt, 2 * _soft).ToArray();
            Measure(work, memory, input);
            var most = 0.0;
            for (var i = 0; i < 2 * _soft; i++)
                most = Math.Max(most, Math.Abs(memory[MarginsAt + i] - before[i]) / Settings.Bounds[i / 2 % Settings.Bounds.Length].Scale);
            if (most < 0.002) return status;
            Tighten(work, memory);
            work.Problem.WriteBounds(work.Solver.Qp);
            work.Solver.Warm = false;
            var again = work.Solver.Solve(Settings.SqpIterations, Settings.Tolerance, deadline);
            if (again == ControlStatus.Fallback) return ControlStatus.Feasible;
            status = again;
        }
        return status;
    }

    private void Measure(Work work, double[] memory, ControlInput input)
    {
        var settings = Settings.Scenarios ?? new();
        int bounds = Settings.Bounds.Length, rounds = (settings.Count + Lanes - 1) / Lanes, count = rounds * Lanes;
        var away = new double[_stages * bounds * count];
        for (var round = 0; round < rounds; round++) Roll(work, input, round, count, (ulong)settings.Seed, away);
        for (var k = 0; k < _stages; k++)
        {
            for (var j = 0; j < bounds; j++)
            {
                var entry = (k * bounds) + j;
                var spread = away.AsSpan(entry * count, count);
                spread.Sort();
                if (Settings.Bounds[j].Probability is not { } probability) continue;
                // The order statistic that holds the wanted share with the count's own uncertainty on the safe side.
                var beyond = (int)Math.Floor((1.0 - probability) * count * 0.9);
                memory[MarginsAt + (2 * entry)] = Math.Max(0.0, -spread[beyond]);
                memory[MarginsAt + (2 * entry) + 1] = Math.Max(0.0, spread[count - 1 - beyond]);
            }
        }
    }

    /// <summary>Eight scenarios along the plan; writes how far bounded states are from it.</summary>
    private void Roll(Work work, ControlInput input, int round, int count, ulong seed, double[] away)
    {
        var problem = work.Problem;
        var qp = work.Solver.Qp;
        int all = problem.AllInputs, bounds = Settings.Bounds.Length, parameters = problem.Parameters.Length;
        Vector512<double>[] x = new Vector512<double>[_n], u = new Vector512<double>[all];
        Vector512<double>[] p = new Vector512<double>[parameters], next = new Vector512<double>[_n];
        var moves = new double[_m * Lanes];
        var xs = MemoryMarshal.Cast<Vector512<double>, double>(x.AsSpan());
        var us = MemoryMarshal.Cast<Vector512<double>, double>(u.AsSpan());
        var ps = MemoryMarshal.Cast<Vector512<double>, double>(p.AsSpan());
        for (var lane = 0; lane < Lanes; lane++)
        {
            var random = new Philox(seed, (ulong)((round * Lanes) + lane));
            for (var i = 0; i < parameters; i++)
                ps[(i * Lanes) + lane] = Draw(problem.Parameters, input.ParameterSd, i, ref random);
            for (var i = 0; i < _n; i++) xs[(i * Lanes) + lane] = Draw(input.Mean, input.Sd, i, ref random);
        }
        var deviation = new double[qp.Width];
        for (var k = 0; k < _stages; k++)
        {
            for (var i = 0; i < all; i++) u[i] = Vector512.Create(problem.Held[i]);
            for (var lane = 0; lane < Lanes; lane++)
            {
                for (var i = 0; i < _n; i++)
                    deviation[_m + i] = (xs[(i * Lanes) + lane] - work.Solver.X[(k * _n) + i]) / problem.StateScale[i];
                for (var i = 0; i < _m && problem.HasMoves; i++)
                {
                    var strayed = k == 0 ? 0.0 : moves[(i * Lanes) + lane] - work.Solver.U[((k - 1) * _m) + i];
                    deviation[_m + _n + i] = strayed / problem.InputScale[i];
                }
                for (var i = _m - 1; i >= 0; i--)
                {
                    var sum = 0.0;
                    var gain = qp.Gain(k, i);
                    for (var c = i + 1; c < gain.Length; c++) sum += gain[c] * deviation[c];
                    deviation[i] = k == 0 ? 0.0 : -sum;
                }
                for (var i = 0; i < _m; i++)
                {
                    var planned = work.Solver.U[(k * _m) + i];
                    var move = Math.Clamp(planned + (problem.InputScale[i] * deviation[i]), problem.LowAt(k, i), problem.HighAt(k, i));
                    var before = k == 0 ? problem.Held[problem.Moved[i]] : moves[(i * Lanes) + lane];
                    move = Math.Min(Math.Max(move, before - problem.Rates[i]), before + problem.Rates[i]);
                    deviation[i] = (move - planned) / problem.InputScale[i];
                    moves[(i * Lanes) + lane] = move;
                    us[(problem.Moved[i] * Lanes) + lane] = move;
                }
            }
            _map.AdvanceLanes(x, u, p, Vector512.Create(problem.IntervalS[k]), next);
            for (var i = 0; i < _n; i++) x[i] = next[i] + Vector512.Create(problem.Disturbance[i]);
            for (var j = 0; j < bounds; j++)
            {
                var state = problem.Bounded[j];
                for (var lane = 0; lane < Lanes; lane++)
                {
                    var stray = xs[(state * Lanes) + lane] - work.Solver.X[((k + 1) * _n) + state];
                    ref var at = ref away[(((k * bounds) + j) * count) + (round * Lanes) + lane];
                    at = double.IsFinite(stray) ? stray : 1e6 * problem.StateScale[state];
                }
            }
        }
    }

    private static double Draw(double[] mean, double[] sd, int i, ref Philox random) =>
        mean[i] + (sd.Length > 0 ? sd[i] * random.NextNormal() : 0.0);
}
