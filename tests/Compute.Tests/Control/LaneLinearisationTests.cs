using System.Runtime.Intrinsics;
using Athanor.Compute.Benchmarks;
using Athanor.Compute.Numerics;
using Athanor.Compute.Plants;

namespace Athanor.Compute.Tests.Control;

/// <summary>Eight intervals at a time have the bits of one at a time: a plan does not depend on which lane an interval fell into.</summary>
public class LaneLinearisationTests
{
    [Theory]
    [InlineData("exothermic-cstr", "Tc,q", "k0,UA", 6.0)]
    [InlineData("klatt-engell", "q,Qk", "k10,kwA", 20.0)]
    public void Lanes_have_the_bits_of_single_intervals(string name, string inputs, string parameters, double dtS)
    {
        var model = PlantModel.Of(Catalogue.Find(name), inputs.Split(','), parameters.Split(','));
        Assert.True(model.Accept<Compare, bool>(new Compare(dtS)));
    }

    private readonly struct Compare(double dtS) : IPlantVisitor<bool>
    {
        public bool Visit<TMap>(in TMap map, PlantModel model)
            where TMap : struct, IPlantMap
        {
            int n = map.States, m = map.Inputs, k = map.Parameters;
            var random = new Philox(3);
            Vector512<double>[] x = Draw(model.NominalStates, ref random), u = Draw(model.NominalInputs, ref random), p = Draw(model.NominalParameters, ref random);
            Vector512<double>[] next = new Vector512<double>[n], a = new Vector512<double>[n * n], b = new Vector512<double>[n * m], e = new Vector512<double>[n * k];
            map.LineariseLanes(x, u, p, Vector512.Create(dtS), next, a, b, e);
            for (var lane = 0; lane < 8; lane++)
            {
                double[] next1 = new double[n], a1 = new double[n * n], b1 = new double[n * m], e1 = new double[n * k];
                map.Linearise(At(x, lane), At(u, lane), At(p, lane), dtS, next1, a1, b1, e1);
                Assert.Equal(next1, At(next, lane));
                Assert.Equal(a1, At(a, lane));
                Assert.Equal(b1, At(b, lane));
                Assert.Equal(e1, At(e, lane));
            }
            return true;
        }

        private static double[] At(Vector512<double>[] of, int lane) => [.. of.Select(v => v[lane])];

        private static Vector512<double>[] Draw(double[] centre, ref Philox random)
        {
            var result = new Vector512<double>[centre.Length];
            for (var i = 0; i < result.Length; i++)
            {
                for (var lane = 0; lane < 8; lane++) result[i] = result[i].WithElement(lane, centre[i] * (1.0 + (0.02 * random.NextNormal())));
            }
            return result;
        }
    }
}
