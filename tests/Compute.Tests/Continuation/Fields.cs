using Athanor.Compute.SteadyStates;

namespace Athanor.Compute.Tests.Continuation;

/// <summary>A field written by hand in the test, with derivatives of its own.</summary>
internal sealed class Field(
    int dimension, Action<double[], double, double[]> rhs, Action<double[], double, double[]> jacobian, Action<double[], double, double[]> slope)
    : IVectorField
{
    public int Dimension => dimension;

    public void Rhs(ReadOnlySpan<double> x, double p, Span<double> f) => Call(rhs, x, p, f, dimension);

    public void Jacobian(ReadOnlySpan<double> x, double p, Span<double> jacobianEntries) =>
        Call(jacobian, x, p, jacobianEntries, dimension * dimension);

    public void ParameterDerivative(ReadOnlySpan<double> x, double p, Span<double> derivative) => Call(slope, x, p, derivative, dimension);

    private static void Call(Action<double[], double, double[]> function, ReadOnlySpan<double> x, double p, Span<double> result, int length)
    {
        var values = new double[length];
        function(x.ToArray(), p, values);
        values.CopyTo(result);
    }
}

internal static class Fields
{
    /// <summary>x' = a - (b + 1) x + x² y, y' = b x - x² y (Prigogine and Lefever, J. Chem. Phys. 48, 1968) in b: steady state (a, b/a), Hopf
    /// point at b = 1 + a² with frequency a; supercritical.</summary>
    public static Field Brusselator(double a) => new(
        2,
        (x, b, f) =>
        {
            f[0] = a - ((b + 1.0) * x[0]) + (x[0] * x[0] * x[1]);
            f[1] = (b * x[0]) - (x[0] * x[0] * x[1]);
        },
        (x, b, j) =>
        {
            j[0] = -(b + 1.0) + (2.0 * x[0] * x[1]);
            j[1] = x[0] * x[0];
            j[2] = b - (2.0 * x[0] * x[1]);
            j[3] = -x[0] * x[0];
        },
        (x, _, d) =>
        {
            d[0] = -x[0];
            d[1] = x[0];
        });

    /// <summary>x'' - (p - x²) x' + x = 0: Van der Pol's oscillator at p = 1, born at a supercritical Hopf point at p = 0.</summary>
    public static Field VanDerPol() => new(
        2,
        (x, p, f) =>
        {
            f[0] = x[1];
            f[1] = ((p - (x[0] * x[0])) * x[1]) - x[0];
        },
        (x, p, j) =>
        {
            j[1] = 1.0;
            j[2] = (-2.0 * x[0] * x[1]) - 1.0;
            j[3] = p - (x[0] * x[0]);
        },
        (x, _, d) => d[1] = x[1]);

    /// <summary>x' = p + x - x³/3: folds at x = ±1, p = ∓2/3.</summary>
    public static Field Cubic() => new(
        1,
        (x, p, f) => f[0] = p + x[0] - (x[0] * x[0] * x[0] / 3.0),
        (x, _, j) => j[0] = 1.0 - (x[0] * x[0]),
        (_, _, d) => d[0] = 1.0);

    /// <summary>x' = p x - x³: a pitchfork at the origin.</summary>
    public static Field Pitchfork() => new(
        1,
        (x, p, f) => f[0] = (p * x[0]) - (x[0] * x[0] * x[0]),
        (x, p, j) => j[0] = p - (3.0 * x[0] * x[0]),
        (x, _, d) => d[0] = x[0]);

    /// <summary>The unit circle x² + p² = 1: an isola with folds at p = ±1.</summary>
    public static Field Circle() => new(
        1,
        (x, p, f) => f[0] = 1.0 - (x[0] * x[0]) - (p * p),
        (x, _, j) => j[0] = -2.0 * x[0],
        (_, p, d) => d[0] = -2.0 * p);

    /// <summary>The chemostat with Monod growth, S and X in g/L, dilution rate D free (Herbert, Elsworth and Telling, J. Gen. Microbiol. 14,
    /// 1956): wash-out where D = μmax Sf / (Ks + Sf).</summary>
    public static Field Chemostat(double muMax = 0.5, double half = 0.1, double yield = 0.5, double feed = 20.0) => new(
        2,
        (x, d, f) =>
        {
            var growth = muMax * x[0] / (half + x[0]) * x[1];
            f[0] = (d * (feed - x[0])) - (growth / yield);
            f[1] = growth - (d * x[1]);
        },
        (x, d, j) =>
        {
            var rate = muMax * x[0] / (half + x[0]);
            var slope = muMax * half / ((half + x[0]) * (half + x[0])) * x[1];
            j[0] = -d - (slope / yield);
            j[1] = -rate / yield;
            j[2] = slope;
            j[3] = rate - d;
        },
        (x, _, g) =>
        {
            g[0] = feed - x[0];
            g[1] = -x[1];
        });

    /// <summary>The normal form of a generalised (Bautin) Hopf point in the plane: r' = r (p + r² - r⁴), angle' = 1. Subcritical Hopf point at
    /// p = 0, fold of cycles at p = -1/4 with r² = 1/2, period 2π.</summary>
    public static Field Bautin() => new(
        2,
        (x, p, f) =>
        {
            var s = (x[0] * x[0]) + (x[1] * x[1]);
            var g = p + s - (s * s);
            f[0] = (g * x[0]) - x[1];
            f[1] = (g * x[1]) + x[0];
        },
        (x, p, j) =>
        {
            var s = (x[0] * x[0]) + (x[1] * x[1]);
            var g = p + s - (s * s);
            double gx = (1.0 - (2.0 * s)) * 2.0 * x[0], gy = (1.0 - (2.0 * s)) * 2.0 * x[1];
            j[0] = g + (gx * x[0]);
            j[1] = (gy * x[0]) - 1.0;
            j[2] = (gx * x[1]) + 1.0;
            j[3] = g + (gy * x[1]);
        },
        (x, _, d) =>
        {
            d[0] = x[0];
            d[1] = x[1];
        });

    /// <summary>The Bogdanov-Takens normal form x' = y, y' = b1 + b2 y + x² + x y with b1 free (Kuznetsov, Elements of Applied Bifurcation
    /// Theory, 8.4): folds at b1 = 0, Hopf point at b1 = -b2², homoclinic orbit at b1 = -49/25 b2² + O(|b2|^5/2).</summary>
    public static Field BogdanovTakens(double b2) => new(
        2,
        (x, b1, f) =>
        {
            f[0] = x[1];
            f[1] = b1 + (b2 * x[1]) + (x[0] * x[0]) + (x[0] * x[1]);
        },
        (x, _, j) =>
        {
            j[1] = 1.0;
            j[2] = (2.0 * x[0]) + x[1];
            j[3] = b2 + x[0];
        },
        (_, _, d) => d[1] = 1.0);

    /// <summary>Rössler's system with b = 2, c = 4 in a (O. Rössler, Phys. Lett. 57A, 1976): its cycle goes round once at a = 0.3, twice at
    /// 0.35.</summary>
    public static Field Roessler() => new(
        3,
        (x, a, f) =>
        {
            f[0] = -x[1] - x[2];
            f[1] = x[0] + (a * x[1]);
            f[2] = 2.0 + (x[2] * (x[0] - 4.0));
        },
        (x, a, j) =>
        {
            j[1] = -1.0;
            j[2] = -1.0;
            j[3] = 1.0;
            j[4] = a;
            j[6] = x[2];
            j[8] = x[0] - 4.0;
        },
        (x, _, d) => d[1] = x[1]);

    /// <summary>Langford's system with a free, symmetric about its axis (W. Langford, Numerical studies of torus bifurcations, ISNM 70, 1984;
    /// b = 0.7, c = 0.6, d = 3.5, e = 0.25, f = 0): in cylindrical coordinates r' = (z - b) r, z' = c + a z - z³/3 - r² (1 + e z), so its
    /// Hopf point, cycles and torus are known by hand.</summary>
    public static Field Langford() => new(
        3,
        (x, a, f) =>
        {
            f[0] = ((x[2] - 0.7) * x[0]) - (3.5 * x[1]);
            f[1] = (3.5 * x[0]) + ((x[2] - 0.7) * x[1]);
            f[2] = 0.6 + (a * x[2]) - (x[2] * x[2] * x[2] / 3.0) - (((x[0] * x[0]) + (x[1] * x[1])) * (1.0 + (0.25 * x[2])));
        },
        (x, a, j) =>
        {
            j[0] = x[2] - 0.7;
            j[1] = -3.5;
            j[2] = x[0];
            j[3] = 3.5;
            j[4] = x[2] - 0.7;
            j[5] = x[1];
            j[6] = -2.0 * x[0] * (1.0 + (0.25 * x[2]));
            j[7] = -2.0 * x[1] * (1.0 + (0.25 * x[2]));
            j[8] = a - (x[2] * x[2]) - (0.25 * ((x[0] * x[0]) + (x[1] * x[1])));
        },
        (x, _, d) => d[2] = x[2]);

    /// <summary>Morris and Lecar's neuron in the applied current, the set of excitability class I of Rinzel and Ermentrout (Analysis of neural
    /// excitability and oscillations, 1998, table 7.1): its cycle ends at low current where a saddle-node appears on it. (V in mV, w), time in ms.</summary>
    public static Field MorrisLecar() => new(
        2,
        (x, current, f) =>
        {
            var (m, w, rate) = Gates(x[0]);
            f[0] = (current - (2.0 * (x[0] + 60.0)) - (4.0 * m * (x[0] - 120.0)) - (8.0 * x[1] * (x[0] + 84.0))) / 20.0;
            f[1] = rate * (w - x[1]);
        },
        (x, _, j) =>
        {
            var (m, w, rate) = Gates(x[0]);
            double dm = (1.0 - Square(Math.Tanh((x[0] + 1.2) / 18.0))) / 36.0, dw = (1.0 - Square(Math.Tanh((x[0] - 12.0) / 17.4))) / 34.8;
            var drate = 0.066 * Math.Sinh((x[0] - 12.0) / 34.8) / 34.8;
            j[0] = (-2.0 - (4.0 * m) - (4.0 * dm * (x[0] - 120.0)) - (8.0 * x[1])) / 20.0;
            j[1] = -8.0 * (x[0] + 84.0) / 20.0;
            j[2] = (drate * (w - x[1])) + (rate * dw);
            j[3] = -rate;
        },
        (_, _, d) => d[0] = 1.0 / 20.0);

    /// <summary>The current at which the neuron above rests at a voltage.</summary>
    public static double MorrisLecarCurrent(double v)
    {
        var (m, w, _) = Gates(v);
        return (2.0 * (v + 60.0)) + (4.0 * m * (v - 120.0)) + (8.0 * w * (v + 84.0));
    }

    private static (double M, double W, double Rate) Gates(double v) => (
        0.5 * (1.0 + Math.Tanh((v + 1.2) / 18.0)), 0.5 * (1.0 + Math.Tanh((v - 12.0) / 17.4)), 0.066 * Math.Cosh((v - 12.0) / 34.8));

    private static double Square(double x) => x * x;
}
