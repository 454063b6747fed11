using System.Numerics;
using Athanor.Compute.Numerics;
using Athanor.Compute.Training;

namespace Athanor.Compute.Neural.Models.Protocols;

/// <summary>One phase of a fit.</summary>
/// <param name="Window">Intervals of a window.</param>
/// <param name="Stride">Intervals from one window's start to the next.</param>
/// <param name="Rate">Learning rate at the start; it falls to 1 % of it along a cosine.</param>
internal sealed record FitPhase(int Window, int Stride, int Steps, int Batch, double Rate);

/// <summary>Adam over shuffled windows, in double: the same bits for the same seed.</summary>
internal static class AdamFit
{
    /// <param name="told">Steps done and loss of the batch, after each step.</param>
    public static double[] Run(
        ITrainingTask<double> task, IReadOnlyList<FitPhase> phases, ulong seed, Action<int, double>? told = null, double decay = 0.0,
        double[]? from = null)
    {
        var p = from?.ToArray() ?? new double[task.ParameterCount];
        if (from is null) task.Initialize(p, seed);
        var done = 0;
        for (var i = 0; i < phases.Count; i++)
        {
            var phase = phases[i];
            var stage = phase.Window == 0
                ? task
                : task.With(new Dictionary<string, double> { ["window"] = phase.Window, ["stride"] = phase.Stride });
            done = Phase(stage, phase, p, seed, (ulong)i + 1, done, told, decay);
        }
        return p;
    }

    private static int Phase(
        ITrainingTask<double> task, FitPhase phase, double[] p, ulong seed, ulong stream, int done, Action<int, double>? told, double decay)
    {
        var scratch = task.NewScratch();
        double[] g = new double[p.Length], m = new double[p.Length], v = new double[p.Length];
        var draws = new Philox(seed, stream);
        var order = draws.Permutation(task.Samples);
        var (at, batch) = (0, Math.Min(phase.Batch, task.Samples));
        double c1 = 1.0, c2 = 1.0;
        for (var step = 0; step < phase.Steps; step++)
        {
            if (at + batch > order.Length)
            {
                draws.Shuffle<int>(order);
                at = 0;
            }
            Array.Clear(g);
            var loss = task.Gradient(p, order.AsSpan(at, batch), g, scratch) / batch;
            at += batch;
            var norm = Math.Sqrt(g.Sum(x => x * x)) / batch;
            // A batch that ran away tells nothing; a steep one is cut.
            if (double.IsFinite(norm))
            {
                var scale = (norm > 1.0 ? 1.0 / norm : 1.0) / batch;
                var rate = phase.Rate * (0.01 + (0.99 * 0.5 * (1.0 + DetMath.CosPi((double)step / phase.Steps))));
                c1 *= 0.9;
                c2 *= 0.999;
                for (var k = 0; k < p.Length; k++)
                {
                    var slope = g[k] * scale;
                    m[k] = (0.9 * m[k]) + (0.1 * slope);
                    v[k] = (0.999 * v[k]) + (0.001 * slope * slope);
                    p[k] -= rate * ((m[k] / (1.0 - c1) / (Math.Sqrt(v[k] / (1.0 - c2)) + 1e-8)) + (decay * p[k]));
                }
            }
            told?.Invoke(++done, loss);
        }
        return done;
    }
}
