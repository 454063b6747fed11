using System.Numerics;
using Athanor.Compute.SteadyStates;

namespace Athanor.Compute.Continuation;

/// <summary>
/// The first Lyapunov coefficient of a Hopf point (Kuznetsov, Elements of Applied Bifurcation Theory, 3rd ed., equation 5.34): with
/// A q = iω q, A^T p = -iω p, &lt;p, q&gt; = 1 and the second and third derivatives B and C of f,
/// <code>
/// l1 = 1/(2ω) Re( &lt;p, C(q, q, q̄)&gt; - 2 &lt;p, B(q, A⁻¹ B(q, q̄))&gt; + &lt;p, B(q̄, (2iω - A)⁻¹ B(q, q))&gt; )
/// </code>
/// Negative: supercritical, a stable cycle (within the centre manifold) is born. Positive: subcritical, an unstable one. Its size depends
/// on how q is scaled, its sign does not; here q has unit length in the model's own units.
/// </summary>
internal static class LyapunovCoefficient
{
    /// <param name="field">Scaled.</param>
    /// <param name="hopf">A solution of <see cref="HopfSystem"/>.</param>
    /// <param name="scale">Size of each state, to give q unit length in the model's units.</param>
    public static double Compute(IVectorField field, in HopfSystem.Point hopf, ReadOnlySpan<double> scale)
    {
        var n = field.Dimension;
        var x = hopf.X.AsSpan(0, n);
        var parameter = hopf.X[n];
        var omega = hopf.Frequency;
        var jacobian = new double[n * n];
        field.Jacobian(x, parameter, jacobian);
        double[] a = (double[])hopf.A.Clone(), b = (double[])hopf.B.Clone();
        Normalise(a, b, scale);

        // A^T p = -iω p is the conjugate of the eigenvector of A^T for +iω.
        var (pa, pb) = HopfSystem.Eigenvector(jacobian, n, omega, transposed: true);
        var p = new Complex[n];
        for (var i = 0; i < n; i++) p[i] = new Complex(pa[i], -pb[i]);
        var product = Complex.Zero;
        for (var i = 0; i < n; i++) product += Complex.Conjugate(p[i]) * new Complex(a[i], b[i]);
        for (var i = 0; i < n; i++) p[i] /= Complex.Conjugate(product);

        var forms = new Directional(field);
        double[] aa = forms.Second(x, parameter, a, a), ab = forms.Second(x, parameter, a, b), bb = forms.Second(x, parameter, b, b);
        double[] realForm = new double[n];
        var complexForm = new Complex[n];
        for (var i = 0; i < n; i++)
        {
            realForm[i] = aa[i] + bb[i];
            complexForm[i] = new Complex(aa[i] - bb[i], 2.0 * ab[i]);
        }

        var shifted = SolveReal(jacobian, n, realForm);
        var doubled = SolveShifted(jacobian, n, 2.0 * omega, complexForm);
        double[] daa = new double[n], dbb = new double[n];
        for (var i = 0; i < n; i++) (daa[i], dbb[i]) = (doubled[i].Real, doubled[i].Imaginary);

        double[] aShift = forms.Second(x, parameter, a, shifted), bShift = forms.Second(x, parameter, b, shifted);
        // B(q̄, d) with d = da + i db: (B(a, da) + B(b, db)) + i (B(a, db) - B(b, da)).
        double[] ada = forms.Second(x, parameter, a, daa), adb = forms.Second(x, parameter, a, dbb);
        double[] bda = forms.Second(x, parameter, b, daa), bdb = forms.Second(x, parameter, b, dbb);
        // C(q, q, q̄) = C(a,a,a) + C(b,b,a) + i (C(a,a,b) + C(b,b,b)).
        double[] caaa = forms.Third(x, parameter, a, a), cbba = forms.Third(x, parameter, b, a);
        double[] caab = forms.Third(x, parameter, a, b), cbbb = forms.Third(x, parameter, b, b);
        var sum = Complex.Zero;
        for (var i = 0; i < n; i++)
        {
            var cubic = new Complex(caaa[i] + cbba[i], caab[i] + cbbb[i]);
            var mean = new Complex(aShift[i], bShift[i]);
            var second = new Complex(ada[i] + bdb[i], adb[i] - bda[i]);
            sum += Complex.Conjugate(p[i]) * (cubic - (2.0 * mean) + second);
        }
        return sum.Real / (2.0 * omega);
    }

    private static void Normalise(double[] a, double[] b, ReadOnlySpan<double> scale)
    {
        var norm = 0.0;
        for (var i = 0; i < a.Length; i++) norm += scale[i] * scale[i] * ((a[i] * a[i]) + (b[i] * b[i]));
        norm = Math.Sqrt(norm);
        for (var i = 0; i < a.Length; i++)
        {
            a[i] /= norm;
            b[i] /= norm;
        }
    }

    private static double[] SolveReal(ReadOnlySpan<double> matrix, int n, ReadOnlySpan<double> rhs)
    {
        var lu = new DenseLu(n);
        matrix.CopyTo(lu.Matrix);
        if (!lu.Factor()) throw new ArithmeticException("The Jacobian is singular at a Hopf point.");
        var x = rhs.ToArray();
        lu.Solve(x);
        return x;
    }

    /// <summary>Solves (iσ - A) d = r in its real form: -A d1 - σ d2 = r1, σ d1 - A d2 = r2.</summary>
    private static Complex[] SolveShifted(ReadOnlySpan<double> matrix, int n, double sigma, ReadOnlySpan<Complex> rhs)
    {
        var lu = new DenseLu(2 * n);
        var x = new double[2 * n];
        for (var i = 0; i < n; i++)
        {
            for (var j = 0; j < n; j++)
            {
                lu.Matrix[(i * 2 * n) + j] = -matrix[(i * n) + j];
                lu.Matrix[((n + i) * 2 * n) + n + j] = -matrix[(i * n) + j];
            }
            lu.Matrix[(i * 2 * n) + n + i] = -sigma;
            lu.Matrix[((n + i) * 2 * n) + i] = sigma;
            (x[i], x[n + i]) = (rhs[i].Real, rhs[i].Imaginary);
        }
        if (!lu.Factor()) throw new ArithmeticException("Twice the Hopf frequency is an eigenvalue too.");
        lu.Solve(x);
        var result = new Complex[n];
        for (var i = 0; i < n; i++) result[i] = new Complex(x[i], x[n + i]);
        return result;
    }
}
