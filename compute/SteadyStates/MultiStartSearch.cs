using Athanor.Compute.Numerics;

namespace Athanor.Compute.SteadyStates;

/// <summary>
/// Steady states in a box from many starts: points of a randomised Halton sequence, and from each Newton's method with damping on f and on
/// f deflated by the roots known so far (Farrell, Birkisson and Funke, SIAM J. Sci. Comput. 37, 2015):
/// <code>
/// g(x) = f(x) Π (1 / |x - r|² + 1)
/// </code>
/// which does not vanish at r again. It finds what it finds: nothing proves that no root is missing, and the result says so.
/// </summary>
internal sealed class MultiStartSearch(IVectorField field, double[] lower, double[] upper)
{
    private const int MaximumIterations = 60;
    private const ulong Stream = 0x53_5445_4144;

    private readonly int _n = field.Dimension;
    private readonly double[] _width = [.. upper.Zip(lower, (u, l) => Math.Max(u - l, 1e-300))];
    private readonly DenseLu _lu = new(field.Dimension);

    /// <returns>The roots in the order found, and the number of the start (from 1) that found the last one.</returns>
    public (List<double[]> Roots, int LastNew) Run(
        double p, int starts, ulong seed, IReadOnlyList<double[]> guesses, CancellationToken cancellation)
    {
        var roots = new List<double[]>();
        var lastNew = 0;
        var random = new Philox(seed, Stream);
        var shift = new double[_n];
        for (var i = 0; i < _n; i++) shift[i] = random.NextDouble();
        for (var k = 0; k < starts + guesses.Count; k++)
        {
            cancellation.ThrowIfCancellationRequested();
            var start = new double[_n];
            if (k < guesses.Count) guesses[k].CopyTo(start, 0);
            else
            {
                for (var i = 0; i < _n; i++)
                {
                    var u = Halton(k - guesses.Count + 1, Prime(i)) + shift[i];
                    start[i] = lower[i] + (_width[i] * (u - Math.Floor(u)));
                }
            }
            foreach (var deflate in (ReadOnlySpan<bool>)[false, true])
            {
                var x = (double[])start.Clone();
                if (!Newton(x, p, deflate ? roots : [])) continue;
                if (deflate && !Newton(x, p, [])) continue;
                if (!Within(x) || roots.Any(r => Distance(r, x) < 1e-7)) continue;
                roots.Add(x);
                lastNew = k + 1;
            }
        }
        return (roots, lastNew);
    }

    private bool Newton(double[] x, double p, List<double[]> deflated)
    {
        double[] step = new double[_n], trial = new double[_n], simplified = new double[_n];
        for (var iteration = 0; iteration < MaximumIterations; iteration++)
        {
            if (!Step(x, p, step)) return false;
            var plain = Norm(step);
            var factor = DeflationFactor(x, step, deflated);
            var size = plain * Math.Abs(factor);
            if (!double.IsFinite(size)) return false;
            if (size < 1e-12)
            {
                for (var i = 0; i < _n; i++) x[i] -= factor * step[i];
                return true;
            }
            // The natural monotonicity test (Deuflhard, Newton Methods for Nonlinear Problems, 3.3): seen through the old Jacobian, f
            // (times its deflation) must shrink.
            var weight = Weight(x, deflated);
            var damping = Math.Min(1.0, 0.5 / size);
            for (; ; damping *= 0.5)
            {
                if (damping < 1e-4) return false;
                for (var i = 0; i < _n; i++) trial[i] = x[i] - (damping * factor * step[i]);
                field.Rhs(trial, p, simplified);
                if (!AllFinite(simplified)) continue;
                _lu.Solve(simplified);
                if (Norm(simplified) * Weight(trial, deflated) / weight <= (1.0 - (0.25 * damping)) * plain) break;
            }
            trial.CopyTo(x, 0);
        }
        return false;
    }

    private bool Step(double[] x, double p, double[] step)
    {
        field.Rhs(x, p, step);
        if (!AllFinite(step)) return false;
        field.Jacobian(x, p, _lu.Matrix);
        if (!_lu.Factor()) return false;
        _lu.Solve(step);
        return true;
    }

    /// <summary>The Newton step of g = w f goes along that of f, by the Sherman-Morrison formula: with d = J⁻¹ f and m = ∇ ln w it is
    /// d / (1 + m · d).</summary>
    private double DeflationFactor(double[] x, double[] step, List<double[]> deflated)
    {
        var along = 0.0;
        foreach (var root in deflated)
        {
            var square = Distance(root, x);
            square *= square;
            var factor = -2.0 / (square * (1.0 + square));
            for (var i = 0; i < _n; i++) along += factor * (x[i] - root[i]) / (_width[i] * _width[i]) * step[i];
        }
        return 1.0 / (1.0 + along);
    }

    private double Weight(double[] x, List<double[]> deflated)
    {
        var weight = 1.0;
        foreach (var root in deflated)
        {
            var distance = Distance(root, x);
            weight *= (1.0 / (distance * distance)) + 1.0;
        }
        return weight;
    }

    private double Distance(double[] a, double[] b)
    {
        var sum = 0.0;
        for (var i = 0; i < _n; i++)
        {
            var d = (a[i] - b[i]) / _width[i];
            sum += d * d;
        }
        return Math.Sqrt(sum);
    }

    private double Norm(double[] v)
    {
        var sum = 0.0;
        for (var i = 0; i < _n; i++)
        {
            var d = v[i] / _width[i];
            sum += d * d;
        }
        return Math.Sqrt(sum);
    }

    private bool Within(double[] x)
    {
        for (var i = 0; i < _n; i++)
        {
            var slack = 1e-9 * _width[i];
            if (!(x[i] >= lower[i] - slack && x[i] <= upper[i] + slack)) return false;
        }
        return true;
    }

    private static bool AllFinite(double[] v) => Array.TrueForAll(v, double.IsFinite);

    private static double Halton(int index, int radix)
    {
        double value = 0.0, factor = 1.0;
        for (; index > 0; index /= radix)
        {
            factor /= radix;
            value += factor * (index % radix);
        }
        return value;
    }

    private static int Prime(int index)
    {
        var candidate = 2;
        for (var found = 0; ; candidate++)
        {
            var prime = true;
            for (var d = 2; d * d <= candidate && prime; d++) prime = candidate % d != 0;
            if (prime && found++ == index) return candidate;
        }
    }
}
