using Athanor.Compute.SteadyStates;

namespace Athanor.Compute.Continuation;

/// <summary>The curve f(x, p) = 0 in the space of X = (x, p), length n + 1: correction onto it within a hyperplane, and its tangent
/// (Keller's pseudo-arclength; Allgower and Georg, Introduction to Numerical Continuation Methods, 2003). Works in scaled
/// variables.</summary>
internal sealed class EquilibriumCurve(IVectorField field)
{
    private const int MaximumIterations = 12;
    private const double Tolerance = 1e-9;

    private readonly int _n = field.Dimension;
    private readonly double[] _jacobian = new double[field.Dimension * field.Dimension];
    private readonly double[] _derivative = new double[field.Dimension];
    private readonly double[] _step = new double[field.Dimension + 1];
    private readonly DenseLu _lu = new(field.Dimension + 1);

    /// <summary>Newton's method for f(X) = 0 and normal · (X - X at entry) = 0.</summary>
    /// <returns>Iterations taken, or -1 if it did not converge; X is then of no use.</returns>
    public int Correct(Span<double> x, ReadOnlySpan<double> normal)
    {
        Span<double> start = stackalloc double[_n + 1];
        x.CopyTo(start);
        var previous = double.PositiveInfinity;
        for (var iteration = 1; iteration <= MaximumIterations; iteration++)
        {
            Fill(x, normal);
            if (!_lu.Factor()) return -1;
            field.Rhs(x[.._n], x[_n], _step.AsSpan(0, _n));
            var plane = 0.0;
            for (var i = 0; i <= _n; i++) plane += normal[i] * (x[i] - start[i]);
            _step[_n] = plane;
            _lu.Solve(_step);
            var size = 0.0;
            for (var i = 0; i <= _n; i++)
            {
                x[i] -= _step[i];
                size = Math.Max(size, Math.Abs(_step[i]) / (1.0 + Math.Abs(x[i])));
            }
            if (!double.IsFinite(size)) return -1;
            if (size <= Tolerance) return iteration;
            if (iteration > 2 && size > 2.0 * previous) return -1;
            previous = size;
        }
        return -1;
    }

    /// <summary>Newton's method at a fixed parameter.</summary>
    public int CorrectAtParameter(Span<double> x)
    {
        Span<double> normal = stackalloc double[_n + 1];
        normal.Clear();
        normal[_n] = 1.0;
        return Correct(x, normal);
    }

    /// <summary>The unit tangent at X that goes along with <paramref name="direction"/>.</summary>
    /// <param name="direction">A vector that is not orthogonal to the tangent.</param>
    /// <param name="sign">Sign of the determinant of (df/dX; tangent): it changes at simple branch points and not at folds.</param>
    /// <returns>False if the curve has no single tangent there.</returns>
    public bool Tangent(ReadOnlySpan<double> x, ReadOnlySpan<double> direction, Span<double> tangent, out int sign)
    {
        Fill(x, direction);
        sign = 0;
        if (!_lu.Factor()) return false;
        _step.AsSpan().Clear();
        _step[_n] = 1.0;
        _lu.Solve(_step);
        var norm = 0.0;
        foreach (var s in _step) norm += s * s;
        norm = Math.Sqrt(norm);
        if (!double.IsFinite(norm) || norm == 0.0) return false;
        for (var i = 0; i <= _n; i++) tangent[i] = _step[i] / norm;
        // det(df/dX; direction) and det(df/dX; tangent) have the same sign because direction · tangent > 0.
        sign = _lu.DeterminantSign();
        return true;
    }

    /// <summary>The null vector of (df/dX; tangent) at a branch point: the second direction of the plane that holds both branches'
    /// tangents.</summary>
    public double[] SecondDirection(ReadOnlySpan<double> x, ReadOnlySpan<double> tangent)
    {
        Fill(x, tangent);
        _lu.FactorPerturbed();
        var v = new double[_n + 1];
        for (var i = 0; i <= _n; i++) v[i] = 1.0 / (1.0 + i);
        for (var k = 0; k < 4; k++)
        {
            _lu.Solve(v);
            var along = 0.0;
            for (var i = 0; i <= _n; i++) along += v[i] * tangent[i];
            var norm = 0.0;
            for (var i = 0; i <= _n; i++)
            {
                v[i] -= along * tangent[i];
                norm += v[i] * v[i];
            }
            norm = Math.Sqrt(norm);
            for (var i = 0; i <= _n; i++) v[i] /= norm;
        }
        return v;
    }

    private void Fill(ReadOnlySpan<double> x, ReadOnlySpan<double> lastRow)
    {
        field.Jacobian(x[.._n], x[_n], _jacobian);
        field.ParameterDerivative(x[.._n], x[_n], _derivative);
        var m = _lu.Matrix;
        for (var i = 0; i < _n; i++)
        {
            _jacobian.AsSpan(i * _n, _n).CopyTo(m.AsSpan(i * (_n + 1), _n));
            m[(i * (_n + 1)) + _n] = _derivative[i];
        }
        lastRow.CopyTo(m.AsSpan(_n * (_n + 1), _n + 1));
    }
}
