using Athanor.Compute.SteadyStates;

namespace Athanor.Compute.Continuation;

/// <summary>
/// The defining system of a Hopf point, solved by Newton's method for (x, a, b, p, ω) with q = a + ib, 3n + 2 unknowns (Griewank and
/// Reddien, IMA J. Numer. Anal. 3, 1983):
/// <code>
/// f(x, p) = 0      J a + ω b = 0      J b - ω a = 0      Re(q0* q) = 1      Im(q0* q) = 0
/// </code>
/// A neutral saddle has no solution with ω &gt; 0, so this system cannot take it for a Hopf point.
/// </summary>
internal static class HopfSystem
{
    /// <summary>What the system found, all scaled: (x, p), eigenvector q = a + ib with |q| = 1, frequency ω.</summary>
    internal readonly record struct Point(double[] X, double[] A, double[] B, double Frequency);

    /// <param name="start">(x, p) near the point.</param>
    /// <param name="frequency">An estimate of ω.</param>
    public static Point? Solve(IVectorField field, ReadOnlySpan<double> start, double frequency)
    {
        var n = field.Dimension;
        var size = (3 * n) + 2;
        var x = start.ToArray();
        var (a, b) = ImaginaryEigenvector(field, x, frequency);
        double[] a0 = (double[])a.Clone(), b0 = (double[])b.Clone();
        var omega = frequency;
        var directional = new Directional(field);
        var lu = new DenseLu(size);
        double[] jacobian = new double[n * n], fp = new double[n], step = new double[size], unit = new double[n];
        for (var iteration = 0; iteration < 15; iteration++)
        {
            field.Jacobian(x.AsSpan(0, n), x[n], jacobian);
            field.ParameterDerivative(x.AsSpan(0, n), x[n], fp);
            var m = lu.Matrix;
            Array.Clear(m);
            int rowA = n, rowB = 2 * n, p = 3 * n, w = (3 * n) + 1;
            var slopeA = directional.ParameterSlope(x.AsSpan(0, n), x[n], a);
            var slopeB = directional.ParameterSlope(x.AsSpan(0, n), x[n], b);
            for (var i = 0; i < n; i++)
            {
                for (var j = 0; j < n; j++)
                {
                    m[(i * size) + j] = m[((rowA + i) * size) + n + j] = m[((rowB + i) * size) + (2 * n) + j] = jacobian[(i * n) + j];
                }
                m[(i * size) + p] = fp[i];
                m[((rowA + i) * size) + (2 * n) + i] = omega;
                m[((rowB + i) * size) + n + i] = -omega;
                m[((rowA + i) * size) + p] = slopeA[i];
                m[((rowB + i) * size) + p] = slopeB[i];
                m[((rowA + i) * size) + w] = b[i];
                m[((rowB + i) * size) + w] = -a[i];
                m[(p * size) + n + i] = m[(w * size) + (2 * n) + i] = a0[i];
                m[(p * size) + (2 * n) + i] = b0[i];
                m[(w * size) + n + i] = -b0[i];
            }
            for (var j = 0; j < n; j++)
            {
                Array.Clear(unit);
                unit[j] = 1.0;
                var columnA = directional.Second(x.AsSpan(0, n), x[n], unit, a);
                var columnB = directional.Second(x.AsSpan(0, n), x[n], unit, b);
                for (var i = 0; i < n; i++)
                {
                    m[((rowA + i) * size) + j] = columnA[i];
                    m[((rowB + i) * size) + j] = columnB[i];
                }
            }
            field.Rhs(x.AsSpan(0, n), x[n], step.AsSpan(0, n));
            directional.JacobianTimes(x.AsSpan(0, n), x[n], a, step.AsSpan(rowA, n));
            directional.JacobianTimes(x.AsSpan(0, n), x[n], b, step.AsSpan(rowB, n));
            step[p] = -1.0;
            step[w] = 0.0;
            for (var i = 0; i < n; i++)
            {
                step[rowA + i] += omega * b[i];
                step[rowB + i] -= omega * a[i];
                step[p] += (a0[i] * a[i]) + (b0[i] * b[i]);
                step[w] += (a0[i] * b[i]) - (b0[i] * a[i]);
            }
            if (!lu.Factor()) return null;
            lu.Solve(step);
            var change = 0.0;
            for (var i = 0; i < n; i++)
            {
                x[i] -= step[i];
                a[i] -= step[n + i];
                b[i] -= step[(2 * n) + i];
                change = Math.Max(change, Math.Abs(step[i]) / (1.0 + Math.Abs(x[i])));
            }
            x[n] -= step[p];
            omega -= step[w];
            change = Math.Max(change, Math.Max(Math.Abs(step[p]), Math.Abs(step[w] / omega)));
            if (!double.IsFinite(change)) return null;
            if (change <= 1e-11) return omega > 0 ? new Point(x, a, b, omega) : null;
        }
        return null;
    }

    /// <summary>q = a + ib with J q = iω q as nearly as may be, |q| = 1, by inverse iteration on the real form of J - iω.</summary>
    private static (double[] A, double[] B) ImaginaryEigenvector(IVectorField field, ReadOnlySpan<double> x, double omega)
    {
        var n = field.Dimension;
        var jacobian = new double[n * n];
        field.Jacobian(x[..n], x[n], jacobian);
        return Eigenvector(jacobian, n, omega, transposed: false);
    }

    /// <summary>The eigenvector of J (or of its transpose) for iω: (J - iω)(a + ib) = 0 reads J a + ω b = 0, J b - ω a = 0.</summary>
    internal static (double[] A, double[] B) Eigenvector(ReadOnlySpan<double> jacobian, int n, double omega, bool transposed)
    {
        var lu = new DenseLu(2 * n);
        for (var i = 0; i < n; i++)
        {
            for (var j = 0; j < n; j++)
            {
                var entry = transposed ? jacobian[(j * n) + i] : jacobian[(i * n) + j];
                lu.Matrix[(i * 2 * n) + j] = entry;
                lu.Matrix[((n + i) * 2 * n) + n + j] = entry;
            }
            lu.Matrix[(i * 2 * n) + n + i] = omega;
            lu.Matrix[((n + i) * 2 * n) + i] = -omega;
        }
        lu.FactorPerturbed();
        var v = new double[2 * n];
        for (var i = 0; i < 2 * n; i++) v[i] = 1.0 / (1.0 + i);
        for (var k = 0; k < 4; k++)
        {
            lu.Solve(v);
            var norm = Math.Sqrt(v.Sum(e => e * e));
            for (var i = 0; i < 2 * n; i++) v[i] /= norm;
        }
        return (v[..n], v[n..]);
    }
}
