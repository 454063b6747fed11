using Athanor.Compute.Linear;

namespace Athanor.Compute.Control;

internal sealed partial class ShootingSolver<TMap>
{
    /// <summary>Least curvature along any direction of a stage, in scaled variables: with a linear objective the steps would have no
    /// length of their own.</summary>
    private const double LeastCurvature = 1e-5;

    // Of the finite differences of the derivatives, in scaled variables.
    private const double Difference = 1e-4;

    private double[] _curvature = [], _near = [];

    // Whether the multipliers of the dynamics are of this solve: what is left in the work arrays belongs to another twin.
    private bool _hasCostates;

    /// <summary>Gradient and curvature of the Lagrangian about the plan. Second derivatives of the dynamics are differences of the exact
    /// first ones, weighted by the multipliers of the last quadratic program (0 in the first); negative curvature is mirrored, stage by
    /// stage.
    /// </summary>
    private void WriteEconomic(EconomicCost economic)
    {
        int width = Qp.Width, block = width * width, stages = _problem.Stages;
        if (_curvature.Length == 0)
        {
            _curvature = new double[(stages + 1) * block];
            _near = new double[_jacobians.Length];
        }
        _problem.WriteCost(Qp);
        Array.Clear(_curvature);
        economic.AddDerivatives(Qp, _problem, X, U, _curvature);
        if (_hasCostates) AddDynamics();
        for (var k = 0; k <= stages; k++)
        {
            var extra = _curvature.AsSpan(k * block, block);
            Mirror(extra, width);
            var point = Qp.Point(k);
            var gradient = Qp.Gradient(k);
            for (var r = 0; r < width; r++)
            {
                var row = Qp.Cost(k, r);
                var rest = 0.0;
                for (var c = 0; c < width; c++)
                {
                    row[c] += extra[(r * width) + c];
                    rest += extra[(r * width) + c] * point[c];
                }
                // The program's gradient is that at w = 0.
                gradient[r] -= rest;
            }
        }
    }

    private void Mirror(Span<double> matrix, int width)
    {
        var (values, vectors) = SymmetricEigen.Solve(matrix, width);
        for (var r = 0; r < width; r++)
        {
            for (var c = 0; c < width; c++)
            {
                var sum = 0.0;
                for (var v = 0; v < width; v++)
                    sum += Math.Max(Math.Abs(values[v]), LeastCurvature) * vectors[(v * width) + r] * vectors[(v * width) + c];
                matrix[(r * width) + c] = sum;
            }
        }
    }

    /// <summary>Σ π_{k+1} times the second derivatives of stage k's dynamics.</summary>
    private void AddDynamics()
    {
        int n = _problem.States, m = _problem.Inputs, all = _problem.AllInputs, stages = _problem.Stages;
        int size = n * (n + all), width = Qp.Width;
        double[] sx = _problem.StateScale, su = _problem.InputScale, ends = [.. _ends], defects = [.. _defects];
        _jacobians.CopyTo(_near, 0);
        X.CopyTo(_tryX, 0);
        U.CopyTo(_tryU, 0);
        for (var direction = 0; direction < n + m; direction++)
        {
            for (var k = 0; k < stages; k++)
            {
                if (direction < m) U[(k * m) + direction] = _tryU[(k * m) + direction] + (Difference * su[direction]);
                else X[(k * n) + direction - m] = _tryX[(k * n) + direction - m] + (Difference * sx[direction - m]);
            }
            Linearise();
            for (var k = 0; k < stages; k++)
            {
                var pi = Qp.Costate(k + 1);
                var block = _curvature.AsSpan(k * width * width, width * width);
                ReadOnlySpan<double> now = _jacobians.AsSpan(k * size, size), before = _near.AsSpan(k * size, size);
                for (var c = 0; c < n + m; c++)
                {
                    var sum = 0.0;
                    for (var i = 0; i < n; i++)
                    {
                        var at = c < m ? (n * n) + (i * all) + _problem.Moved[c] : (i * n) + c - m;
                        sum += pi[i] / sx[i] * (now[at] - before[at]);
                    }
                    sum *= 0.5 * (c < m ? su[c] : sx[c - m]) / Difference;
                    // Half to each triangle: the differences are symmetric only in the limit.
                    block[(direction * width) + c] += sum;
                    block[(c * width) + direction] += sum;
                }
            }
            _tryX.CopyTo(X, 0);
            _tryU.CopyTo(U, 0);
        }
        _near.CopyTo(_jacobians, 0);
        ends.CopyTo(_ends, 0);
        defects.CopyTo(_defects, 0);
    }
}
