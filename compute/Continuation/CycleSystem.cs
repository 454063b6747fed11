using Athanor.Compute.SteadyStates;

namespace Athanor.Compute.Continuation;

/// <summary>A periodic orbit, scaled: u(τ) on a mesh of [0, 1], the logarithm of its period, the parameter; and the branch's unit tangent
/// there.</summary>
internal sealed class Orbit
{
    public required double[] Mesh { get; init; }

    /// <summary>Shape (intervals * 4 + 1, n).</summary>
    public required double[] Profile { get; init; }

    public required double LogPeriod { get; init; }

    public required double P { get; init; }

    public required double[] TangentProfile { get; init; }

    public required double TangentLogPeriod { get; init; }

    public required double TangentP { get; init; }

    /// <summary>The reference of the phase condition, u' at the Gauss points.</summary>
    public required double[] ReferenceSlope { get; init; }

    /// <summary>Transfer matrices over the intervals, shape (intervals, n, n), from the last linearisation.</summary>
    public double[] Transfers { get; init; } = [];
}

/// <summary>
/// The boundary value problem of a periodic orbit, discretised by collocation (Doedel, Keller and Kernévez, Int. J. Bifurcation and
/// Chaos 1, 1991):
/// <code>
/// u' = T f(u, p)   u(0) = u(1)   ∫ u · u_ref' dτ = 0   ∫ (u - ũ) · t_u dτ + (ln T - ln T̃) t_T + (p - p̃) t_p = 0
/// </code>
/// with ũ, T̃, p̃ the prediction and t the last tangent. Newton's method; in each interval the inner unknowns are eliminated first, which
/// leaves (intervals + 1) n + 2 unknowns, and the transfer matrices that the Floquet multipliers are made of.
/// </summary>
internal sealed class CycleSystem(ScaledField field, int intervals)
{
    private const int M = Collocation.Degree;
    private const int MaximumIterations = 9;
    private const double Tolerance = 1e-9;

    private readonly int _n = field.Dimension;
    private readonly DenseLu _local = new(M * field.Dimension);
    private readonly DenseLu _global = new(((intervals + 1) * field.Dimension) + 2);
    private readonly double[] _rhs = new double[((intervals + 1) * field.Dimension) + 2];

    /// <summary>Per interval the inner unknowns as functions of the interval's first point, ln T, p and the residual:
    /// shape (intervals, M n, n + 3).</summary>
    private readonly double[] _inner = new double[intervals * M * field.Dimension * (field.Dimension + 3)];

    /// <summary>Corrects an orbit; the plane's normal is the tangent of <paramref name="from"/>, or, if <paramref name="fixedP"/>, the
    /// parameter's axis.</summary>
    /// <returns>The orbit with its tangent, and the iterations taken; null if Newton's method does not converge.</returns>
    public (Orbit Orbit, int Iterations)? Correct(
        Orbit from, double[] profile, double logPeriod, double p, bool fixedP, CancellationToken cancellation)
    {
        var mesh = from.Mesh;
        var predicted = Collocation.AtGauss(mesh, profile, _n, slope: false);
        var normal = Collocation.AtGauss(mesh, from.TangentProfile, _n, slope: false);
        var u = (double[])profile.Clone();
        double theta = logPeriod, parameter = p;
        for (var iteration = 1; iteration <= MaximumIterations; iteration++)
        {
            cancellation.ThrowIfCancellationRequested();
            if (!Linearise(mesh, u, theta, parameter, from.ReferenceSlope)) return null;
            LastRow(mesh, normal, from.TangentLogPeriod, from.TangentP, fixedP);
            if (!fixedP)
            {
                var moved = Collocation.AtGauss(mesh, u, _n, slope: false);
                for (var i = 0; i < moved.Length; i++) moved[i] -= predicted[i];
                _rhs[^1] -= Collocation.Product(mesh, moved, normal, _n) + ((theta - logPeriod) * from.TangentLogPeriod)
                    + ((parameter - p) * from.TangentP);
            }
            if (!_global.Factor()) return null;
            _global.Solve(_rhs);
            var change = Math.Max(Math.Abs(_rhs[^2]), Math.Abs(_rhs[^1]));
            var step = Expand(residual: true);
            for (var i = 0; i < u.Length; i++)
            {
                u[i] += step[i];
                change = Math.Max(change, Math.Abs(step[i]) / (1.0 + Math.Abs(u[i])));
            }
            theta += _rhs[^2];
            parameter += _rhs[^1];
            if (!double.IsFinite(change) || change > 3.0) return null;
            if (change <= Tolerance) return Finish(from, normal, u, theta, parameter, iteration);
        }
        return null;
    }

    private (Orbit, int)? Finish(Orbit from, double[] normal, double[] u, double theta, double parameter, int iterations)
    {
        var mesh = from.Mesh;
        var reference = Collocation.AtGauss(mesh, u, _n, slope: true);
        if (!Linearise(mesh, u, theta, parameter, reference)) return null;
        LastRow(mesh, normal, from.TangentLogPeriod, from.TangentP, fixedP: false);
        Array.Clear(_rhs);
        _rhs[^1] = 1.0;
        if (!_global.Factor()) return null;
        _global.Solve(_rhs);
        var tangent = Expand(residual: false);
        var values = Collocation.AtGauss(mesh, tangent, _n, slope: false);
        var norm = Math.Sqrt(Collocation.Product(mesh, values, values, _n) + (_rhs[^1] * _rhs[^1]) + (_rhs[^2] * _rhs[^2]));
        for (var i = 0; i < tangent.Length; i++) tangent[i] /= norm;
        return (new Orbit
        {
            Mesh = mesh,
            Profile = u,
            LogPeriod = theta,
            P = parameter,
            TangentProfile = tangent,
            TangentLogPeriod = _rhs[^2] / norm,
            TangentP = _rhs[^1] / norm,
            ReferenceSlope = reference,
            Transfers = Transfers(),
        }, iterations);
    }

    private double[] Transfers()
    {
        var width = _n + 3;
        var transfers = new double[intervals * _n * _n];
        for (var j = 0; j < intervals; j++)
        {
            for (var r = 0; r < _n; r++)
            {
                var inner = _inner.AsSpan((((((j * M) + M - 1) * _n) + r) * width), _n);
                inner.CopyTo(transfers.AsSpan(((j * _n) + r) * _n, _n));
            }
        }
        return transfers;
    }

    /// <summary>Fills the global matrix but for its last row, and the right-hand side with the residuals.</summary>
    private bool Linearise(double[] mesh, double[] u, double theta, double p, double[] reference)
    {
        int size = _global.Size, width = _n + 3, block = M * _n, phaseRow = size - 2;
        var matrix = _global.Matrix;
        Array.Clear(matrix);
        Array.Clear(_rhs);
        var columns = new double[width][];
        for (var c = 0; c < width; c++) columns[c] = new double[block];
        var period = Math.Exp(theta);
        for (var j = 0; j < intervals; j++)
        {
            var h = mesh[j + 1] - mesh[j];
            Interval(u.AsSpan(j * block, block + _n), h, period, p, columns);
            if (!_local.Factor()) return false;
            foreach (var column in columns) _local.Solve(column);
            for (var r = 0; r < block; r++)
            {
                for (var c = 0; c < width; c++) _inner[(((j * block) + r) * width) + c] = columns[c][r];
            }
            for (var i = 0; i < _n; i++)
            {
                var row = (j * _n) + i;
                var last = ((M - 1) * _n) + i;
                matrix[(row * size) + ((j + 1) * _n) + i] = 1.0;
                for (var l = 0; l < _n; l++) matrix[(row * size) + (j * _n) + l] = -columns[l][last];
                matrix[(row * size) + size - 2] = -columns[_n][last];
                matrix[(row * size) + size - 1] = -columns[_n + 1][last];
                _rhs[row] = columns[_n + 2][last];
            }
            AddProduct(phaseRow, j, h, reference);
        }
        for (var i = 0; i < _n; i++)
        {
            var row = (intervals * _n) + i;
            matrix[(row * size) + (intervals * _n) + i] = 1.0;
            matrix[(row * size) + i] = -1.0;
            _rhs[row] = u[i] - u[(intervals * block) + i];
        }
        var values = Collocation.AtGauss(mesh, u, _n, slope: false);
        _rhs[phaseRow] -= Collocation.Product(mesh, values, reference, _n);
        return Array.TrueForAll(_rhs, double.IsFinite);
    }

    /// <summary>The collocation equations of one interval: the inner unknowns' matrix into _local, and the columns of what they depend
    /// on (first point, ln T, p, residual).</summary>
    private void Interval(ReadOnlySpan<double> u, double h, double period, double p, double[][] columns)
    {
        var block = M * _n;
        Span<double> x = stackalloc double[_n], slope = stackalloc double[_n], f = stackalloc double[_n], fp = stackalloc double[_n];
        Span<double> jacobian = stackalloc double[_n * _n];
        for (var c = 0; c < M; c++)
        {
            var values = Collocation.Values.AsSpan(c * (M + 1), M + 1);
            var slopes = Collocation.Slopes.AsSpan(c * (M + 1), M + 1);
            x.Clear();
            slope.Clear();
            for (var k = 0; k <= M; k++)
            {
                for (var i = 0; i < _n; i++)
                {
                    x[i] += values[k] * u[(k * _n) + i];
                    slope[i] += slopes[k] / h * u[(k * _n) + i];
                }
            }
            field.Rhs(x, p, f);
            field.Jacobian(x, p, jacobian);
            field.ParameterDerivative(x, p, fp);
            for (var i = 0; i < _n; i++)
            {
                var row = (c * _n) + i;
                for (var k = 0; k <= M; k++)
                {
                    for (var l = 0; l < _n; l++)
                    {
                        var entry = (i == l ? slopes[k] / h : 0.0) - (period * values[k] * jacobian[(i * _n) + l]);
                        if (k == 0) columns[l][row] = -entry;
                        else _local.Matrix[(row * block) + ((k - 1) * _n) + l] = entry;
                    }
                }
                columns[_n][row] = period * f[i];
                columns[_n + 1][row] = period * fp[i];
                columns[_n + 2][row] = (period * f[i]) - slope[i];
            }
        }
    }

    private void LastRow(double[] mesh, double[] normal, double normalTheta, double normalP, bool fixedP)
    {
        var size = _global.Size;
        var row = size - 1;
        _global.Matrix.AsSpan(row * size, size).Clear();
        _rhs[row] = 0.0;
        if (fixedP)
        {
            _global.Matrix[(row * size) + size - 1] = 1.0;
            return;
        }
        for (var j = 0; j < intervals; j++) AddProduct(row, j, mesh[j + 1] - mesh[j], normal);
        _global.Matrix[(row * size) + size - 2] += normalTheta;
        _global.Matrix[(row * size) + size - 1] += normalP;
    }

    /// <summary>Adds to a row the integral over interval j of δu times a function given at the Gauss points, with the inner δu
    /// eliminated.</summary>
    private void AddProduct(int row, int j, double h, double[] function)
    {
        int size = _global.Size, width = _n + 3, block = M * _n;
        var matrix = _global.Matrix;
        for (var k = 0; k <= M; k++)
        {
            for (var i = 0; i < _n; i++)
            {
                var weight = 0.0;
                for (var c = 0; c < M; c++)
                    weight += h * Collocation.Weights[c] * Collocation.Values[(c * (M + 1)) + k] * function[(((j * M) + c) * _n) + i];
                if (k == 0)
                {
                    matrix[(row * size) + (j * _n) + i] += weight;
                    continue;
                }
                var inner = _inner.AsSpan(((j * block) + ((k - 1) * _n) + i) * width, width);
                for (var l = 0; l < _n; l++) matrix[(row * size) + (j * _n) + l] += weight * inner[l];
                matrix[(row * size) + size - 2] += weight * inner[_n];
                matrix[(row * size) + size - 1] += weight * inner[_n + 1];
                _rhs[row] -= weight * inner[_n + 2];
            }
        }
    }

    /// <summary>The solution of the global system with its inner unknowns, as a profile.</summary>
    private double[] Expand(bool residual)
    {
        int width = _n + 3, block = M * _n;
        var step = new double[((intervals * M) + 1) * _n];
        _rhs.AsSpan(0, _n).CopyTo(step);
        for (var j = 0; j < intervals; j++)
        {
            for (var r = 0; r < block; r++)
            {
                var inner = _inner.AsSpan(((j * block) + r) * width, width);
                var sum = residual ? inner[_n + 2] : 0.0;
                for (var l = 0; l < _n; l++) sum += inner[l] * _rhs[(j * _n) + l];
                step[(j * block) + _n + r] = sum + (inner[_n] * _rhs[^2]) + (inner[_n + 1] * _rhs[^1]);
            }
        }
        // The mesh points' own values are better than those carried through the interval.
        for (var j = 1; j <= intervals; j++) _rhs.AsSpan(j * _n, _n).CopyTo(step.AsSpan(j * block, _n));
        return step;
    }
}
