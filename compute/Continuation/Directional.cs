using Athanor.Compute.SteadyStates;

namespace Athanor.Compute.Continuation;

/// <summary>Second and third derivatives of f as multilinear forms, by central differences of the analytic Jacobian along directions
/// (fourth order, steps of 1e-3 in scaled variables: about 1e-11 relative for the second, 1e-9 for the third derivatives).</summary>
internal sealed class Directional(IVectorField field)
{
    private const double SecondStep = 1e-3;
    private const double ThirdStep = 4e-3;

    private readonly int _n = field.Dimension;
    private readonly double[] _jacobian = new double[field.Dimension * field.Dimension];
    private readonly double[] _x = new double[field.Dimension];

    /// <summary>J(x, p) v.</summary>
    public void JacobianTimes(ReadOnlySpan<double> x, double p, ReadOnlySpan<double> v, Span<double> result)
    {
        field.Jacobian(x, p, _jacobian);
        for (var i = 0; i < _n; i++)
        {
            var sum = 0.0;
            for (var j = 0; j < _n; j++) sum += _jacobian[(i * _n) + j] * v[j];
            result[i] = sum;
        }
    }

    /// <summary>B(u, v) = d/dh J(x + h u) v at h = 0.</summary>
    public double[] Second(ReadOnlySpan<double> x, double p, ReadOnlySpan<double> u, ReadOnlySpan<double> v)
    {
        var h = SecondStep / Size(u);
        Span<double> weights = [1.0 / 12.0, -8.0 / 12.0, 0.0, 8.0 / 12.0, -1.0 / 12.0];
        return Difference(x, p, u, v, h, weights, 1.0 / h);
    }

    /// <summary>C(u, u, v) = d²/dh² J(x + h u) v at h = 0.</summary>
    public double[] Third(ReadOnlySpan<double> x, double p, ReadOnlySpan<double> u, ReadOnlySpan<double> v)
    {
        var h = ThirdStep / Size(u);
        Span<double> weights = [-1.0 / 12.0, 16.0 / 12.0, -30.0 / 12.0, 16.0 / 12.0, -1.0 / 12.0];
        return Difference(x, p, u, v, h, weights, 1.0 / (h * h));
    }

    /// <summary>d/dp of J(x, p) v.</summary>
    public double[] ParameterSlope(ReadOnlySpan<double> x, double p, ReadOnlySpan<double> v)
    {
        const double h = 1e-4;
        double[] plus = new double[_n], minus = new double[_n];
        JacobianTimes(x, p + h, v, plus);
        JacobianTimes(x, p - h, v, minus);
        for (var i = 0; i < _n; i++) plus[i] = (plus[i] - minus[i]) / (2.0 * h);
        return plus;
    }

    private double[] Difference(
        ReadOnlySpan<double> x, double p, ReadOnlySpan<double> u, ReadOnlySpan<double> v, double h, ReadOnlySpan<double> weights,
        double factor)
    {
        var result = new double[_n];
        Span<double> term = stackalloc double[_n];
        for (var k = 0; k < weights.Length; k++)
        {
            if (weights[k] == 0.0) continue;
            for (var i = 0; i < _n; i++) _x[i] = x[i] + ((k - 2) * h * u[i]);
            JacobianTimes(_x, p, v, term);
            for (var i = 0; i < _n; i++) result[i] += weights[k] * factor * term[i];
        }
        return result;
    }

    private static double Size(ReadOnlySpan<double> u)
    {
        var size = 0.0;
        foreach (var entry in u) size = Math.Max(size, Math.Abs(entry));
        return size > 0 ? size : 1.0;
    }
}
