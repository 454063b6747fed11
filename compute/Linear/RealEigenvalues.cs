using System.Numerics;

namespace Athanor.Compute.Linear;

/// <summary>Eigenvalues of a small real matrix: balancing (Parlett and Reinsch, Numer. Math. 13, 1969), reduction to Hessenberg form by
/// elimination with pivoting, and the double-shift QR algorithm of Francis (hqr of Martin, Peters and Wilkinson, Numer. Math. 14,
/// 1970). Without vectors: whoever needs one takes inverse iteration.</summary>
public static class RealEigenvalues
{
    private const int MaximumIterations = 60;
    private const double Epsilon = 2.220446049250313e-16;

    /// <param name="matrix">Shape (n, n) row-major; not changed.</param>
    /// <returns>The n eigenvalues, real parts descending; of a conjugate pair the one with positive imaginary part comes first.</returns>
    /// <exception cref="ArithmeticException">An entry is not finite, or the iteration did not converge.</exception>
    public static Complex[] Solve(ReadOnlySpan<double> matrix, int n)
    {
        if (matrix.Length != n * n) throw new ArgumentException($"A matrix of {n} x {n} has {n * n} entries, not {matrix.Length}.");
        foreach (var entry in matrix)
        {
            if (!double.IsFinite(entry))
                throw new ArithmeticException("A matrix whose eigenvalues are wanted has an entry that is not finite.");
        }
        var a = matrix.ToArray();
        Balance(a, n);
        ToHessenberg(a, n);
        var values = HessenbergQr(a, n);
        Array.Sort(values, (x, y) => x.Real != y.Real ? y.Real.CompareTo(x.Real) : y.Imaginary.CompareTo(x.Imaginary));
        return values;
    }

    /// <summary>Scales rows and columns by powers of two until their sizes are alike; eigenvalues stay the same to the last bit.</summary>
    private static void Balance(double[] a, int n)
    {
        for (var settled = false; !settled;)
        {
            settled = true;
            for (var i = 0; i < n; i++)
            {
                double row = 0.0, column = 0.0;
                for (var j = 0; j < n; j++)
                {
                    if (j == i) continue;
                    column += Math.Abs(a[(j * n) + i]);
                    row += Math.Abs(a[(i * n) + j]);
                }
                if (column == 0.0 || row == 0.0) continue;
                double factor = 1.0, sum = column + row;
                for (; column < row / 2.0; column *= 4.0) factor *= 2.0;
                for (; column >= row * 2.0; column /= 4.0) factor /= 2.0;
                if ((column + row) / factor >= 0.95 * sum) continue;
                settled = false;
                for (var j = 0; j < n; j++) a[(i * n) + j] /= factor;
                for (var j = 0; j < n; j++) a[(j * n) + i] *= factor;
            }
        }
    }

    private static void ToHessenberg(double[] a, int n)
    {
        for (var m = 1; m < n - 1; m++)
        {
            var pivot = m;
            var x = 0.0;
            for (var i = m; i < n; i++)
            {
                if (Math.Abs(a[(i * n) + m - 1]) <= Math.Abs(x)) continue;
                x = a[(i * n) + m - 1];
                pivot = i;
            }
            if (pivot != m)
            {
                for (var j = m - 1; j < n; j++) (a[(pivot * n) + j], a[(m * n) + j]) = (a[(m * n) + j], a[(pivot * n) + j]);
                for (var i = 0; i < n; i++) (a[(i * n) + pivot], a[(i * n) + m]) = (a[(i * n) + m], a[(i * n) + pivot]);
            }
            if (x == 0.0) continue;
            for (var i = m + 1; i < n; i++)
            {
                var y = a[(i * n) + m - 1] / x;
                if (y == 0.0) continue;
                a[(i * n) + m - 1] = 0.0;
                for (var j = m; j < n; j++) a[(i * n) + j] -= y * a[(m * n) + j];
                for (var k = 0; k < n; k++) a[(k * n) + m] += y * a[(k * n) + i];
            }
        }
    }

    private static Complex[] HessenbergQr(double[] a, int n)
    {
        var values = new Complex[n];
        var norm = 0.0;
        for (var i = 0; i < n; i++)
        {
            for (var j = Math.Max(i - 1, 0); j < n; j++) norm += Math.Abs(a[(i * n) + j]);
        }
        if (norm == 0.0) return values;
        var last = n - 1;
        var shift = 0.0;
        var iterations = 0;
        while (last >= 0)
        {
            var first = SmallSubdiagonal(a, n, last, norm);
            var x = a[(last * n) + last];
            if (first == last)
            {
                values[last--] = x + shift;
                iterations = 0;
                continue;
            }
            var y = a[((last - 1) * n) + last - 1];
            var w = a[(last * n) + last - 1] * a[((last - 1) * n) + last];
            if (first == last - 1)
            {
                (values[last - 1], values[last]) = Pair(x, y, w, shift);
                last -= 2;
                iterations = 0;
                continue;
            }
            if (iterations == MaximumIterations) throw new ArithmeticException("The QR algorithm did not converge.");
            if (iterations % 10 == 9)
            {
                shift += x;
                for (var i = 0; i <= last; i++) a[(i * n) + i] -= x;
                var s = Math.Abs(a[(last * n) + last - 1]) + Math.Abs(a[((last - 1) * n) + last - 2]);
                x = y = 0.75 * s;
                w = -0.4375 * s * s;
            }
            iterations++;
            Sweep(a, n, first, last, x, y, w);
        }
        return values;
    }

    private static int SmallSubdiagonal(double[] a, int n, int last, double norm)
    {
        for (var l = last; l >= 1; l--)
        {
            var size = Math.Abs(a[((l - 1) * n) + l - 1]) + Math.Abs(a[(l * n) + l]);
            if (size == 0.0) size = norm;
            if (Math.Abs(a[(l * n) + l - 1]) > Epsilon * size) continue;
            a[(l * n) + l - 1] = 0.0;
            return l;
        }
        return 0;
    }

    private static (Complex, Complex) Pair(double x, double y, double w, double shift)
    {
        var p = 0.5 * (y - x);
        var q = (p * p) + w;
        var z = Math.Sqrt(Math.Abs(q));
        x += shift;
        if (q < 0.0) return (new Complex(x + p, z), new Complex(x + p, -z));
        z = p + Math.CopySign(z, p);
        return (x + z, z != 0.0 ? x - (w / z) : x + z);
    }

    /// <summary>One double-shift sweep over rows and columns first..last.</summary>
    private static void Sweep(double[] a, int n, int first, int last, double x, double y, double w)
    {
        double p = 0.0, q = 0.0, r = 0.0;
        var start = last - 2;
        for (; start >= first; start--)
        {
            var z = a[(start * n) + start];
            var rr = x - z;
            var ss = y - z;
            p = (((rr * ss) - w) / a[((start + 1) * n) + start]) + a[(start * n) + start + 1];
            q = a[((start + 1) * n) + start + 1] - z - rr - ss;
            r = a[((start + 2) * n) + start + 1];
            var size = Math.Abs(p) + Math.Abs(q) + Math.Abs(r);
            p /= size;
            q /= size;
            r /= size;
            if (start == first) break;
            var u = Math.Abs(a[(start * n) + start - 1]) * (Math.Abs(q) + Math.Abs(r));
            var v = Math.Abs(p) * (Math.Abs(a[((start - 1) * n) + start - 1]) + Math.Abs(z) + Math.Abs(a[((start + 1) * n) + start + 1]));
            if (u <= Epsilon * v) break;
        }
        for (var i = start; i < last - 1; i++)
        {
            a[((i + 2) * n) + i] = 0.0;
            if (i != start) a[((i + 2) * n) + i - 1] = 0.0;
        }
        for (var k = start; k < last; k++)
        {
            var three = k + 1 != last;
            var size = 0.0;
            if (k != start)
            {
                p = a[(k * n) + k - 1];
                q = a[((k + 1) * n) + k - 1];
                r = three ? a[((k + 2) * n) + k - 1] : 0.0;
                size = Math.Abs(p) + Math.Abs(q) + Math.Abs(r);
                if (size == 0.0) continue;
                p /= size;
                q /= size;
                r /= size;
            }
            var s = Math.CopySign(Math.Sqrt((p * p) + (q * q) + (r * r)), p);
            if (s == 0.0) continue;
            if (k != start) a[(k * n) + k - 1] = -s * size;
            else if (first != start) a[(k * n) + k - 1] = -a[(k * n) + k - 1];
            p += s;
            x = p / s;
            y = q / s;
            var z = r / s;
            q /= p;
            r /= p;
            for (var j = k; j <= last; j++)
            {
                var t = a[(k * n) + j] + (q * a[((k + 1) * n) + j]);
                if (three)
                {
                    t += r * a[((k + 2) * n) + j];
                    a[((k + 2) * n) + j] -= t * z;
                }
                a[((k + 1) * n) + j] -= t * y;
                a[(k * n) + j] -= t * x;
            }
            var bottom = Math.Min(last, k + 3);
            for (var i = first; i <= bottom; i++)
            {
                var t = (x * a[(i * n) + k]) + (y * a[(i * n) + k + 1]);
                if (three)
                {
                    t += z * a[(i * n) + k + 2];
                    a[(i * n) + k + 2] -= t * r;
                }
                a[(i * n) + k + 1] -= t * q;
                a[(i * n) + k] -= t;
            }
        }
    }
}
