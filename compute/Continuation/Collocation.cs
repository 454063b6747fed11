namespace Athanor.Compute.Continuation;

/// <summary>
/// Piecewise polynomials of degree <see cref="Degree"/> on a mesh of [0, 1], given by their values at the mesh points and at three even
/// points between, and their Gauss points, at which a collocated equation holds (de Boor and Swartz, SIAM J. Numer. Anal. 10, 1973: order
/// 2 m at the mesh points). Profiles have shape (intervals * Degree + 1, n) row-major.
/// </summary>
internal static class Collocation
{
    public const int Degree = 4;

    /// <summary>Gauss-Legendre points of [0, 1].</summary>
    public static readonly double[] Points = GaussPoints();

    public static readonly double[] Weights = GaussWeights();

    /// <summary>Value of basis polynomial k at Gauss point c: entry [c * (Degree + 1) + k].</summary>
    public static readonly double[] Values = Table(derivative: false);

    /// <summary>Its derivative on [0, 1].</summary>
    public static readonly double[] Slopes = Table(derivative: true);

    /// <summary>The basis at any point of [0, 1].</summary>
    public static void Basis(double at, Span<double> values)
    {
        for (var k = 0; k <= Degree; k++)
        {
            var product = 1.0;
            for (var j = 0; j <= Degree; j++)
            {
                if (j != k) product *= ((Degree * at) - j) / (k - j);
            }
            values[k] = product;
        }
    }

    private static void BasisSlope(double at, Span<double> slopes)
    {
        for (var k = 0; k <= Degree; k++)
        {
            var sum = 0.0;
            for (var i = 0; i <= Degree; i++)
            {
                if (i == k) continue;
                var product = (double)Degree / (k - i);
                for (var j = 0; j <= Degree; j++)
                {
                    if (j != k && j != i) product *= ((Degree * at) - j) / (k - j);
                }
                sum += product;
            }
            slopes[k] = sum;
        }
    }

    /// <summary>The profile's values (or slopes) at all Gauss points, shape (intervals * Degree, n).</summary>
    public static double[] AtGauss(ReadOnlySpan<double> mesh, ReadOnlySpan<double> profile, int n, bool slope)
    {
        var intervals = mesh.Length - 1;
        var result = new double[intervals * Degree * n];
        for (var j = 0; j < intervals; j++)
        {
            var factor = slope ? 1.0 / (mesh[j + 1] - mesh[j]) : 1.0;
            for (var c = 0; c < Degree; c++)
            {
                for (var k = 0; k <= Degree; k++)
                {
                    var weight = factor * (slope ? Slopes : Values)[(c * (Degree + 1)) + k];
                    for (var i = 0; i < n; i++) result[(((j * Degree) + c) * n) + i] += weight * profile[(((j * Degree) + k) * n) + i];
                }
            }
        }
        return result;
    }

    /// <summary>The integral over [0, 1] of the product of two functions given at the Gauss points.</summary>
    public static double Product(ReadOnlySpan<double> mesh, ReadOnlySpan<double> a, ReadOnlySpan<double> b, int n)
    {
        var total = 0.0;
        for (var j = 0; j + 1 < mesh.Length; j++)
        {
            for (var c = 0; c < Degree; c++)
            {
                var sum = 0.0;
                for (var i = 0; i < n; i++) sum += a[(((j * Degree) + c) * n) + i] * b[(((j * Degree) + c) * n) + i];
                total += (mesh[j + 1] - mesh[j]) * Weights[c] * sum;
            }
        }
        return total;
    }

    /// <summary>Writes the profile's value at any place of [0, 1].</summary>
    public static void Evaluate(ReadOnlySpan<double> mesh, ReadOnlySpan<double> profile, double at, Span<double> value)
    {
        var j = mesh.BinarySearch(at);
        if (j < 0) j = ~j - 1;
        j = Math.Clamp(j, 0, mesh.Length - 2);
        Span<double> basis = stackalloc double[Degree + 1];
        Basis((at - mesh[j]) / (mesh[j + 1] - mesh[j]), basis);
        value.Clear();
        for (var k = 0; k <= Degree; k++)
        {
            for (var i = 0; i < value.Length; i++) value[i] += basis[k] * profile[(((j * Degree) + k) * value.Length) + i];
        }
    }

    /// <summary>The same profile on another mesh.</summary>
    public static double[] Move(double[] mesh, double[] profile, double[] newMesh, int n)
    {
        var intervals = newMesh.Length - 1;
        var result = new double[((intervals * Degree) + 1) * n];
        for (var j = 0; j < intervals; j++)
        {
            for (var k = 0; k <= Degree; k++)
            {
                var at = newMesh[j] + ((newMesh[j + 1] - newMesh[j]) * k / Degree);
                Evaluate(mesh, profile, at, result.AsSpan(((j * Degree) + k) * n, n));
            }
        }
        return result;
    }

    /// <summary>A mesh on which the profile's error is about the same in every interval: the (m + 1)-th root of the estimated (m + 1)-th
    /// derivative is distributed evenly (Ascher, Mattheij and Russell, Numerical Solution of Boundary Value Problems, 9.2).</summary>
    public static double[] Adapt(double[] mesh, double[] profile, int n)
    {
        var intervals = mesh.Length - 1;
        var top = new double[intervals * n];
        ReadOnlySpan<double> difference = [1.0, -4.0, 6.0, -4.0, 1.0];
        for (var j = 0; j < intervals; j++)
        {
            var h = (mesh[j + 1] - mesh[j]) / Degree;
            for (var i = 0; i < n; i++)
            {
                for (var k = 0; k <= Degree; k++) top[(j * n) + i] += difference[k] * profile[(((j * Degree) + k) * n) + i];
                top[(j * n) + i] /= h * h * h * h;
            }
        }
        var jumps = new double[intervals];
        for (var j = 0; j < intervals; j++)
        {
            var next = (j + 1) % intervals;
            var between = 0.5 * (mesh[j + 1] - mesh[j] + mesh[next + 1] - mesh[next]);
            for (var i = 0; i < n; i++) jumps[j] = Math.Max(jumps[j], Math.Abs(top[(next * n) + i] - top[(j * n) + i]) / between);
        }
        var density = new double[intervals];
        double mean = 0.0, total = 0.0;
        for (var j = 0; j < intervals; j++)
        {
            density[j] = Math.Pow(Math.Max(jumps[j], jumps[(j + intervals - 1) % intervals]), 1.0 / (Degree + 1));
            mean += density[j] * (mesh[j + 1] - mesh[j]);
        }
        for (var j = 0; j < intervals; j++)
        {
            density[j] += 0.2 * mean;
            total += density[j] * (mesh[j + 1] - mesh[j]);
        }
        if (!(total > 0) || !double.IsFinite(total)) return (double[])mesh.Clone();
        var result = new double[intervals + 1];
        result[intervals] = 1.0;
        var from = 0;
        var before = 0.0;
        for (var j = 1; j < intervals; j++)
        {
            var target = total * j / intervals;
            while (from < intervals - 1 && before + (density[from] * (mesh[from + 1] - mesh[from])) < target)
            {
                before += density[from] * (mesh[from + 1] - mesh[from]);
                from++;
            }
            result[j] = mesh[from] + ((target - before) / density[from]);
        }
        return result;
    }

    private static double[] GaussPoints()
    {
        double inner = Math.Sqrt((3.0 - (2.0 * Math.Sqrt(1.2))) / 7.0), outer = Math.Sqrt((3.0 + (2.0 * Math.Sqrt(1.2))) / 7.0);
        return [0.5 * (1.0 - outer), 0.5 * (1.0 - inner), 0.5 * (1.0 + inner), 0.5 * (1.0 + outer)];
    }

    private static double[] GaussWeights()
    {
        double inner = (18.0 + Math.Sqrt(30.0)) / 72.0, outer = (18.0 - Math.Sqrt(30.0)) / 72.0;
        return [outer, inner, inner, outer];
    }

    private static double[] Table(bool derivative)
    {
        var table = new double[Degree * (Degree + 1)];
        for (var c = 0; c < Degree; c++)
        {
            var row = table.AsSpan(c * (Degree + 1), Degree + 1);
            if (derivative) BasisSlope(Points[c], row);
            else Basis(Points[c], row);
        }
        return table;
    }
}
