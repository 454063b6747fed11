namespace Athanor.Compute.SteadyStates;

/// <summary>The field in variables of size one: x = s z, p = p0 + w π. Arc lengths, tolerances and difference steps then mean the same
/// for a concentration of 0.1 and a temperature of 400. Eigenvalues and times stay as they are.</summary>
internal sealed class ScaledField(IVectorField inner, double[] scale, double origin, double width) : IVectorField
{
    private readonly double[] _x = new double[inner.Dimension];

    public int Dimension => inner.Dimension;

    public double[] Scale => scale;

    public double ToParameter(double scaled) => origin + (width * scaled);

    public double FromParameter(double p) => (p - origin) / width;

    public double[] ToState(ReadOnlySpan<double> z)
    {
        var x = new double[scale.Length];
        for (var i = 0; i < x.Length; i++) x[i] = scale[i] * z[i];
        return x;
    }

    public double[] FromState(ReadOnlySpan<double> x)
    {
        var z = new double[scale.Length];
        for (var i = 0; i < z.Length; i++) z[i] = x[i] / scale[i];
        return z;
    }

    public void Rhs(ReadOnlySpan<double> x, double p, Span<double> f)
    {
        Unscale(x);
        inner.Rhs(_x, ToParameter(p), f);
        for (var i = 0; i < scale.Length; i++) f[i] /= scale[i];
    }

    public void Jacobian(ReadOnlySpan<double> x, double p, Span<double> jacobian)
    {
        Unscale(x);
        inner.Jacobian(_x, ToParameter(p), jacobian);
        var n = scale.Length;
        for (var i = 0; i < n; i++)
        {
            for (var j = 0; j < n; j++) jacobian[(i * n) + j] *= scale[j] / scale[i];
        }
    }

    public void ParameterDerivative(ReadOnlySpan<double> x, double p, Span<double> derivative)
    {
        Unscale(x);
        inner.ParameterDerivative(_x, ToParameter(p), derivative);
        for (var i = 0; i < scale.Length; i++) derivative[i] *= width / scale[i];
    }

    private void Unscale(ReadOnlySpan<double> z)
    {
        for (var i = 0; i < scale.Length; i++) _x[i] = scale[i] * z[i];
    }
}
