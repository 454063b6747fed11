using Athanor.Compute.Linear;

namespace Athanor.Compute.Reconciliation;

/// <summary>
/// Balances A v = b, linear at a point, with the unmeasured variables taken out by a projection (Crowe, Garcia Campos and Hrymak, AIChE J.
/// 29:881, 1983): with A = [Ax Au], Q2 the left null space of Au and G = Q2ᵀ Ax, what is left for the measured ones is G x = c. Columns are
/// scaled by the deviations of the measured and the sizes of the unmeasured variables, rows by their length; dependent rows of G are
/// dropped.
/// </summary>
internal sealed class LinearisedBalances
{
    private const double Zero = 1e-8;

    private readonly double[] _a, _b, _scale, _rowScale;
    private readonly PivotedQr? _unmeasuredFactors;
    private readonly double[] _measuredA;
    private readonly double[] _factor;
    private readonly int[] _rows;
    private readonly int _n;

    /// <param name="v">The point.</param>
    /// <param name="deviations">Of measured variables; not a number for the others.</param>
    public LinearisedBalances(BalanceProblem problem, double[] v, double[] deviations)
    {
        _n = v.Length;
        var m = problem.Equations.Length;
        var jacobian = problem.Jacobian(v);
        var residuals = problem.Residuals(v);
        Measured = [.. Enumerable.Range(0, _n).Where(j => !double.IsNaN(deviations[j]))];
        Unmeasured = [.. Enumerable.Range(0, _n).Where(j => double.IsNaN(deviations[j]))];
        _scale = [.. Enumerable.Range(0, _n).Select(j => double.IsNaN(deviations[j]) ? Math.Max(Math.Abs(v[j]), 1e-3) : deviations[j])];
        (_a, _b, _rowScale) = (new double[m * _n], new double[m], new double[m]);
        for (var e = 0; e < m; e++)
        {
            double length = 0.0, right = -residuals[e];
            for (var j = 0; j < _n; j++)
            {
                right += jacobian[(e * _n) + j] * v[j];
                _a[(e * _n) + j] = jacobian[(e * _n) + j] * _scale[j];
                length += _a[(e * _n) + j] * _a[(e * _n) + j];
            }
            _rowScale[e] = length > 0.0 ? 1.0 / Math.Sqrt(length) : 1.0;
            for (var j = 0; j < _n; j++) _a[(e * _n) + j] *= _rowScale[e];
            _b[e] = right * _rowScale[e];
        }
        _measuredA = Columns(Measured);
        var rank = 0;
        if (Unmeasured.Length > 0)
        {
            _unmeasuredFactors = new PivotedQr(Columns(Unmeasured), m, Unmeasured.Length);
            rank = _unmeasuredFactors.Rank;
        }
        var left = m - rank;
        var g = new double[left * Measured.Length];
        for (var j = 0; j < Measured.Length; j++)
        {
            var column = Project([.. Enumerable.Range(0, m).Select(e => _measuredA[(e * Measured.Length) + j])]);
            for (var i = 0; i < left; i++) g[(i * Measured.Length) + j] = Math.Abs(column[i]) < 1e-13 ? 0.0 : column[i];
        }
        var independent = new PivotedQr(Transpose(g, left, Measured.Length), Measured.Length, left);
        _rows = [.. independent.Permutation[..independent.Rank].Order()];
        G = [.. _rows.SelectMany(i => g[(i * Measured.Length)..((i + 1) * Measured.Length)])];
        var c = Project([.. _b]);
        Right = [.. _rows.Select(i => c[i])];
        var r = Redundancy;
        _factor = new double[r * r];
        for (var i = 0; i < r; i++)
        {
            for (var k = 0; k <= i; k++)
            {
                for (var j = 0; j < Measured.Length; j++) _factor[(i * r) + k] += G[(i * Measured.Length) + j] * G[(k * Measured.Length) + j];
                _factor[(k * r) + i] = _factor[(i * r) + k];
            }
        }
        if (r > 0 && !SmallCholesky.Factor(_factor, r))
            throw new ReconciliationException("the projected balances are dependent to rounding");
    }

    public int[] Measured { get; }

    public int[] Unmeasured { get; }

    /// <summary>Independent balances among the measured variables: degrees of freedom of the global test.</summary>
    public int Redundancy => _rows.Length;

    /// <summary>Shape (redundancy, measured), for variables in units of their deviations.</summary>
    public double[] G { get; }

    /// <summary>c, shape (redundancy).</summary>
    public double[] Right { get; }

    /// <summary>Whether each measured variable is in a balance that others check.</summary>
    public bool[] Redundant => [.. Enumerable.Range(0, Measured.Length).Select(
        j => Enumerable.Range(0, Redundancy).Any(i => Math.Abs(G[(i * Measured.Length) + j]) > Zero))];

    /// <summary>Whether each unmeasured variable is fixed by the balances.</summary>
    public bool[] Observable
    {
        get
        {
            var observable = new bool[Unmeasured.Length];
            Array.Fill(observable, true);
            foreach (var direction in _unmeasuredFactors?.NullSpace() ?? [])
            {
                for (var j = 0; j < observable.Length; j++) observable[j] &= Math.Abs(direction[j]) <= Zero;
            }
            return observable;
        }
    }

    /// <summary>r = G y - c for measurements in units of their deviations.</summary>
    public double[] Imbalance(ReadOnlySpan<double> y)
    {
        var r = new double[Redundancy];
        for (var i = 0; i < r.Length; i++)
        {
            r[i] = -Right[i];
            for (var j = 0; j < Measured.Length; j++) r[i] += G[(i * Measured.Length) + j] * y[j];
        }
        return r;
    }

    /// <summary>S⁻¹ r, S = G Gᵀ.</summary>
    public double[] Weigh(ReadOnlySpan<double> r)
    {
        var w = r.ToArray();
        if (w.Length > 0) SmallCholesky.Solve(_factor, w.Length, w);
        return w;
    }

    /// <summary>Gᵀ w, shape (measured).</summary>
    public double[] Spread(ReadOnlySpan<double> w)
    {
        var d = new double[Measured.Length];
        for (var i = 0; i < w.Length; i++)
        {
            for (var j = 0; j < d.Length; j++) d[j] += G[(i * Measured.Length) + j] * w[i];
        }
        return d;
    }

    /// <summary>Column j of G.</summary>
    public double[] Signature(int measured) => [.. Enumerable.Range(0, Redundancy).Select(i => G[(i * Measured.Length) + measured])];

    /// <summary>What an error in the equations themselves adds to the imbalance.</summary>
    public double[] Signature(IEnumerable<(int Equation, double Coefficient)> terms)
    {
        var f = new double[_b.Length];
        foreach (var (equation, coefficient) in terms) f[equation] += coefficient * _rowScale[equation];
        var projected = Project(f);
        return [.. _rows.Select(i => projected[i])];
    }

    /// <summary>All variables from reconciled measured ones (in units of deviations): unmeasured ones that the balances do not fix stay as
    /// near to <paramref name="before"/> as those that they fix allow.</summary>
    public double[] Complete(ReadOnlySpan<double> x, ReadOnlySpan<double> before)
    {
        var v = new double[_n];
        for (var j = 0; j < Measured.Length; j++) v[Measured[j]] = x[j] * _scale[Measured[j]];
        if (_unmeasuredFactors is null) return v;
        var right = (double[])_b.Clone();
        for (var e = 0; e < right.Length; e++)
        {
            for (var j = 0; j < x.Length; j++) right[e] -= _measuredA[(e * x.Length) + j] * x[j];
        }
        _unmeasuredFactors.ApplyTranspose(right);
        var u = _unmeasuredFactors.SolveTransposed(right);
        var free = _unmeasuredFactors.NullSpace();
        if (free.Length > 0)
        {
            var (normal, gap) = (new double[free.Length * free.Length], new double[free.Length]);
            for (var f = 0; f < free.Length; f++)
            {
                for (var j = 0; j < u.Length; j++) gap[f] += free[f][j] * ((before[Unmeasured[j]] / _scale[Unmeasured[j]]) - u[j]);
                for (var k = 0; k < free.Length; k++)
                {
                    for (var j = 0; j < u.Length; j++) normal[(f * free.Length) + k] += free[f][j] * free[k][j];
                }
            }
            SmallCholesky.Factor(normal, free.Length);
            SmallCholesky.Solve(normal, free.Length, gap);
            for (var f = 0; f < free.Length; f++)
            {
                for (var j = 0; j < u.Length; j++) u[j] += gap[f] * free[f][j];
            }
        }
        for (var j = 0; j < u.Length; j++) v[Unmeasured[j]] = u[j] * _scale[Unmeasured[j]];
        return v;
    }

    /// <summary>Standard deviations of reconciled variables, by the linear map from measurements to them; not a number for unobservable
    /// ones.</summary>
    public double[] Deviations()
    {
        var variance = new double[_n];
        var (observable, zero) = (Observable, new double[_n]);
        var offset = Complete(Adjust(new double[Measured.Length]), zero);
        for (var k = 0; k < Measured.Length; k++)
        {
            var unit = new double[Measured.Length];
            unit[k] = 1.0;
            var moved = Complete(Adjust(unit), zero);
            for (var j = 0; j < _n; j++) variance[j] += (moved[j] - offset[j]) * (moved[j] - offset[j]);
        }
        for (var j = 0; j < Unmeasured.Length; j++)
        {
            if (!observable[j]) variance[Unmeasured[j]] = double.NaN;
        }
        return [.. variance.Select(Math.Sqrt)];
    }

    /// <summary>Reconciled measured variables, in units of deviations.</summary>
    public double[] Adjust(ReadOnlySpan<double> y)
    {
        var shift = Spread(Weigh(Imbalance(y)));
        var x = y.ToArray();
        for (var j = 0; j < x.Length; j++) x[j] -= shift[j];
        return x;
    }

    /// <summary>The part of a vector over the equations that no unmeasured variable can make.</summary>
    private double[] Project(double[] column)
    {
        if (_unmeasuredFactors is null) return column;
        _unmeasuredFactors.ApplyTranspose(column);
        return column[_unmeasuredFactors.Rank..];
    }

    private double[] Columns(int[] which)
    {
        var rows = _b.Length;
        var part = new double[rows * which.Length];
        for (var e = 0; e < rows; e++)
        {
            for (var j = 0; j < which.Length; j++) part[(e * which.Length) + j] = _a[(e * _n) + which[j]];
        }
        return part;
    }

    private static double[] Transpose(double[] a, int rows, int columns)
    {
        var t = new double[rows * columns];
        for (var i = 0; i < rows; i++)
        {
            for (var j = 0; j < columns; j++) t[(j * rows) + i] = a[(i * columns) + j];
        }
        return t;
    }
}
