using System.Globalization;
using Athanor.Compute.Linear;

namespace Athanor.Compute.Estimation;

/// <summary>
/// Whether the sensors show every entry of the joint state: the information that a horizon of samples gives about the start, W = Σ Φᵀ Hᵀ
/// R⁻¹ H Φ along the nominal course, scaled by the standard deviations at the start. Eigenvalue 1 is as much as was known before. An
/// eigenvector with next to none is a direction that no sensor shows.
/// </summary>
internal static class Observability
{
    private const int Steps = 200;

    // Below this part of the prior's information over the whole horizon, a direction might as well never be seen.
    private const double Least = 1e-7;

    public static void Check(JointModel joint)
    {
        int n = joint.States, size = joint.Size, parameters = joint.NominalParameters.Length;
        var model = joint.Model;
        var periods = joint.Settings.Sensors.Select(static s => s.PeriodS).Where(static p => p > 0).DefaultIfEmpty(0.0);
        var step = joint.Settings.PeriodS > 0 ? joint.Settings.PeriodS : Math.Max(model.TimeUnitS / 60.0, periods.Min());
        double[] x = joint.Start[..n], next = new double[n], a = new double[n * n];
        double[] e = joint.Estimated.Length > 0 ? new double[n * parameters] : [];
        double[] u = model.NominalInputs, p = model.NominalParameters, information = new double[size * size];
        var flow = new double[size * size];
        for (var i = 0; i < size; i++) flow[(i * size) + i] = joint.InitialSd[i];
        double[] moved = new double[size * size], row = new double[size];
        var seen = false;
        // Steps grow, so that the horizon becomes longer than any memory of the plant.
        for (var k = 0; k < Steps && !seen; k++)
        {
            foreach (var sensor in joint.Sensors) Add(joint, sensor, flow, row, information);
            seen = k >= size && (k % 10 == 0) && Solve(information, size).Unseen == 0;
            if (seen) return;
            model.Linearise(x, u, p, step, next, a, [], e);
            if (!Finite(next) || !Finite(a)) break;
            next.CopyTo(x, 0);
            Move(joint, a, e, flow, moved);
            moved.CopyTo(flow, 0);
            // An unstable plant has shown by now what it can: beyond, rounding is all that grows.
            if (!Finite(flow) || Largest(flow) > 1e5 * Largest(joint.InitialSd)) break;
            if (k >= 50) step *= 1.05;
        }
        var (unseen, vectors) = Solve(information, size);
        if (unseen == 0) return;
        var names = new SortedSet<string>(StringComparer.Ordinal);
        for (var v = 0; v < unseen; v++)
        {
            for (var i = 0; i < size; i++)
            {
                if (Math.Abs(vectors[(v * size) + i]) > 0.01) names.Add(joint.Names[i]);
            }
        }
        throw new EstimationException(string.Create(
            CultureInfo.InvariantCulture,
            $"no sensor shows {string.Join(" or ", names)}: over {Steps} steps about the nominal course the sensors " +
            $"{string.Join(", ", joint.Sensors.Select(static s => s.Name))} tell nothing of {(names.Count > 1 ? "their combination" : "it")}; " +
            $"a sensor more, one estimated parameter or bias less, or another nominal state would be right (allow-unobservable lets it pass)"));
    }

    private static void Add(JointModel joint, JointSensor sensor, double[] flow, double[] row, double[] information)
    {
        var size = joint.Size;
        Array.Clear(row);
        for (var i = 0; i < sensor.Entries.Length; i++)
        {
            for (var c = 0; c < size; c++) row[c] += sensor.Weights[i] * flow[(sensor.Entries[i] * size) + c];
        }
        for (var i = 0; i < size; i++)
        {
            for (var j = 0; j < size; j++) information[(i * size) + j] += row[i] * row[j] / sensor.Variance;
        }
    }

    private static void Move(JointModel joint, double[] a, double[] e, double[] flow, double[] moved)
    {
        int n = joint.States, size = joint.Size, parameters = joint.NominalParameters.Length;
        flow.CopyTo(moved, 0);
        for (var i = 0; i < n; i++)
        {
            for (var c = 0; c < size; c++)
            {
                var sum = 0.0;
                for (var j = 0; j < n; j++) sum += a[(i * n) + j] * flow[(j * size) + c];
                for (var k = 0; k < joint.Estimated.Length; k++)
                    sum += e[(i * parameters) + joint.Estimated[k]] * flow[((n + k) * size) + c];
                moved[(i * size) + c] = sum;
            }
        }
    }

    /// <summary>How many directions are not seen, and the eigenvectors by rows, those first.</summary>
    private static (int Unseen, double[] Vectors) Solve(double[] information, int size)
    {
        var (values, vectors) = SymmetricEigen.Solve(information, size);
        var least = Math.Max(Least, 1e-14 * size * values[^1]);
        return (values.Count(value => !(value > least)), vectors);
    }

    private static double Largest(double[] values)
    {
        var largest = 0.0;
        foreach (var value in values) largest = Math.Max(largest, Math.Abs(value));
        return largest;
    }

    private static bool Finite(double[] values) => Array.TrueForAll(values, double.IsFinite);
}
