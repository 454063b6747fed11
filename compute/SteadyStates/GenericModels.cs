using Athanor.Compute.Benchmarks;
using Athanor.Compute.Problems;

namespace Athanor.Compute.SteadyStates;

/// <summary>Equations of benchmarks for any kind of number: the same as the benchmark's own (a test compares them), written so that
/// intervals through them stay narrow (each variable as seldom as may be). Constants are the benchmark's doubles; what is proven is proven
/// of those.</summary>
internal static class GenericModels
{
    /// <summary>The equations of a problem of the catalogue; null if there are none here, or it is another problem of that
    /// name.</summary>
    public static IIntervalModel? Find(OdeProblem problem)
    {
        if (!Catalogue.Has(problem.Name) || !ReferenceEquals(Catalogue.Find(problem.Name), problem)) return null;
        IGenericField? field = problem.Name switch
        {
            "exothermic-cstr" => new ExothermicTank(),
            "van-de-vusse" => new IsothermalTank(),
            "klatt-engell" => new JacketedTank(),
            "bioreactor" => new Chemostat(),
            "williams-otto" => new WilliamsOttoTank(),
            "van-der-pol" => new Oscillator(),
            _ => null,
        };
        return field is null ? null : new GenericIntervalModel(field);
    }

    private sealed class ExothermicTank : IGenericField
    {
        public int Dimension => 2;

        public void Rhs<T>(ReadOnlySpan<T> x, ReadOnlySpan<double> p, Span<T> f)
            where T : struct, IEnclosure<T>
        {
            T dilution = p[3] * (1.0 / 100.0), cooling = p[7] * (1.0 / (100.0 * 239.0));
            var rate = (T)p[4] * T.Exp((T)(-p[5]) / x[1]) * x[0];
            f[0] = (dilution * ((T)p[2] - x[0])) - rate;
            f[1] = (dilution * ((T)p[1] - x[1])) - ((T)(p[6] * (1.0 / 239.0)) * rate) + (cooling * ((T)p[0] - x[1]));
        }
    }

    private sealed class IsothermalTank : IGenericField
    {
        public int Dimension => 2;

        public void Rhs<T>(ReadOnlySpan<T> x, ReadOnlySpan<double> p, Span<T> f)
            where T : struct, IEnclosure<T>
        {
            f[0] = ((T)p[0] * ((T)p[1] - x[0])) - ((T)p[2] * x[0]) - ((T)p[4] * T.Square(x[0]));
            f[1] = ((T)p[2] * x[0]) - (((T)p[0] + (T)p[3]) * x[1]);
        }
    }

    private sealed class JacketedTank : IGenericField
    {
        private const double PerCapacity = 1.0 / (0.9342 * 3.01);

        public int Dimension => 4;

        public void Rhs<T>(ReadOnlySpan<T> x, ReadOnlySpan<double> p, Span<T> f)
            where T : struct, IEnclosure<T>
        {
            var kelvin = x[2] + (T)273.15;
            T k1 = (T)p[4] * T.Exp((T)(-9758.3) / kelvin), k3 = (T)p[5] * T.Exp((T)(-8560.0) / kelvin);
            T r1 = k1 * x[0], r2 = k1 * x[1], r3 = k3 * T.Square(x[0]), heat = (T)p[6] * (x[2] - x[3]);
            f[0] = ((T)p[0] * ((T)p[2] - x[0])) - r1 - r3;
            f[1] = r1 - r2 - ((T)p[0] * x[1]);
            f[2] = ((T)p[0] * ((T)p[3] - x[2]))
                - (((T)(4.2 * PerCapacity) * r1) + ((T)(-11.0 * PerCapacity) * r2) + ((T)(-41.85 * PerCapacity) * r3))
                - ((T)(PerCapacity / 10.0) * heat);
            f[3] = ((T)p[1] + heat) * (T)0.1;
        }
    }

    private sealed class Chemostat : IGenericField
    {
        public int Dimension => 3;

        public void Rhs<T>(ReadOnlySpan<T> x, ReadOnlySpan<double> p, Span<T> f)
            where T : struct, IEnclosure<T>
        {
            // s / (Ks + s) as 1 - Ks / (Ks + s): s once, so the enclosure is as narrow as can be.
            var growth = (T)p[2] * ((T)1.0 - ((T)p[3] / ((T)p[3] + x[0])));
            f[0] = ((T)p[0] * ((T)p[1] - x[0])) - (growth * x[1] / (T)p[4]);
            f[1] = (growth - (T)p[0]) * x[1];
            f[2] = ((T)p[5] * x[1]) - ((T)p[0] * x[2]);
        }
    }

    private sealed class WilliamsOttoTank : IGenericField
    {
        public int Dimension => 6;

        public void Rhs<T>(ReadOnlySpan<T> x, ReadOnlySpan<double> p, Span<T> f)
            where T : struct, IEnclosure<T>
        {
            var kelvin = (T)p[2] + (T)273.15;
            T inA = p[0] / p[3], inB = p[1] / p[3], dilution = (p[0] + p[1]) / p[3];
            var r1 = (T)p[4] * T.Exp((T)(-6666.7) / kelvin) * x[0] * x[1];
            var r2 = (T)p[5] * T.Exp((T)(-8333.3) / kelvin) * x[1] * x[2];
            var r3 = (T)p[6] * T.Exp((T)(-11111.0) / kelvin) * x[2] * x[5];
            f[0] = inA - (dilution * x[0]) - r1;
            f[1] = inB - (dilution * x[1]) - r1 - r2;
            f[2] = ((T)2.0 * (r1 - r2)) - r3 - (dilution * x[2]);
            f[3] = ((T)2.0 * r2) - (dilution * x[3]);
            f[4] = ((T)1.5 * r3) - (dilution * x[4]);
            f[5] = r2 - ((T)0.5 * r3) - (dilution * x[5]);
        }
    }

    private sealed class Oscillator : IGenericField
    {
        public int Dimension => 2;

        public void Rhs<T>(ReadOnlySpan<T> x, ReadOnlySpan<double> p, Span<T> f)
            where T : struct, IEnclosure<T>
        {
            f[0] = x[1];
            f[1] = ((T)p[0] * ((T)1.0 - T.Square(x[0])) * x[1]) - x[0];
        }
    }
}
