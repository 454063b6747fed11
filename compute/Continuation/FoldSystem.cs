using Athanor.Compute.SteadyStates;

namespace Athanor.Compute.Continuation;

/// <summary>
/// The defining system of a fold, solved by Newton's method for (x, v, p), 2n + 1 unknowns (Moore and Spence, SIAM J. Numer. Anal. 17,
/// 1980):
/// <code>
/// f(x, p) = 0        J(x, p) v = 0        c · v = 1
/// </code>
/// It is regular at a quadratic fold, where the curve itself is only found to the square root of rounding by looking for a maximum of p.
/// </summary>
internal static class FoldSystem
{
    /// <param name="x">(x, p) near a fold at entry, the fold at exit; scaled.</param>
    /// <param name="direction">An estimate of the null vector: the curve's tangent without its parameter entry.</param>
    /// <returns>False if Newton's method does not converge.</returns>
    public static bool Solve(IVectorField field, Span<double> x, ReadOnlySpan<double> direction)
    {
        var n = field.Dimension;
        var size = (2 * n) + 1;
        var directional = new Directional(field);
        var lu = new DenseLu(size);
        double[] v = direction[..n].ToArray(), jacobian = new double[n * n], fp = new double[n];
        double[] step = new double[size], unit = new double[n];
        var norm = Math.Sqrt(v.Sum(e => e * e));
        if (!(norm > 0)) return false;
        for (var i = 0; i < n; i++) v[i] /= norm;
        var c = (double[])v.Clone();
        for (var iteration = 0; iteration < 15; iteration++)
        {
            field.Jacobian(x[..n], x[n], jacobian);
            field.ParameterDerivative(x[..n], x[n], fp);
            var m = lu.Matrix;
            Array.Clear(m);
            for (var i = 0; i < n; i++)
            {
                for (var j = 0; j < n; j++) m[(i * size) + j] = m[((n + i) * size) + n + j] = jacobian[(i * n) + j];
                m[(i * size) + (2 * n)] = fp[i];
                m[(2 * n * size) + n + i] = c[i];
            }
            for (var j = 0; j < n; j++)
            {
                Array.Clear(unit);
                unit[j] = 1.0;
                var column = directional.Second(x[..n], x[n], unit, v);
                for (var i = 0; i < n; i++) m[((n + i) * size) + j] = column[i];
            }
            var slope = directional.ParameterSlope(x[..n], x[n], v);
            for (var i = 0; i < n; i++) m[((n + i) * size) + (2 * n)] = slope[i];
            field.Rhs(x[..n], x[n], step.AsSpan(0, n));
            directional.JacobianTimes(x[..n], x[n], v, step.AsSpan(n, n));
            step[2 * n] = Dot(c, v) - 1.0;
            if (!lu.Factor()) return false;
            lu.Solve(step);
            var change = 0.0;
            for (var i = 0; i < n; i++)
            {
                x[i] -= step[i];
                v[i] -= step[n + i];
                change = Math.Max(change, Math.Abs(step[i]) / (1.0 + Math.Abs(x[i])));
            }
            x[n] -= step[2 * n];
            change = Math.Max(change, Math.Abs(step[2 * n]));
            if (!double.IsFinite(change)) return false;
            if (change <= 1e-11) return true;
        }
        return false;
    }

    private static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        var sum = 0.0;
        for (var i = 0; i < a.Length; i++) sum += a[i] * b[i];
        return sum;
    }
}
