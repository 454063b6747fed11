using System.Runtime.Intrinsics;
using Athanor.Compute.Benchmarks;
using Athanor.Compute.Plants;
using Athanor.Compute.Problems;

namespace Athanor.Compute.Tests.Plants;

public sealed class OdePlantTests
{
    public static TheoryData<string, string, string> Models => new()
    {
        { "exothermic-cstr", "Tc,q", "k0,UA" },
        { "exothermic-cstr", "Tf,Cf", "ER,dH" },
        { "exothermic-cstr", "", "" },
        { "klatt-engell", "q,Qk", "k10,kwA" },
        { "klatt-engell", "A0,T0", "k30" },
        { "van-de-vusse", "", "" },
        { "penicillin", "F", "mumax" },
        { "williams-otto", "", "" },
        { "bioreactor", "", "" },
    };

    [Theory]
    [MemberData(nameof(Models))]
    public void The_map_is_the_solution_of_the_equations(string name, string inputs, string parameters)
    {
        var problem = Catalogue.Find(name);
        var dtS = 0.002 * (problem.End - problem.Start) * Plant(name, inputs, parameters).TimeUnitS;
        var plant = PlantModel.Of(problem, Split(inputs), Split(parameters), dtS / 50.0);
        double[] x = Start(problem), next = new double[x.Length];
        plant.Advance(x, plant.NominalInputs, plant.NominalParameters, dtS, next);
        var exact = problem.Solve(new OdeRequest
        {
            Initial = x,
            Times = [problem.Start + (dtS / plant.TimeUnitS)],
            Options = problem.DefaultOptions with { RelativeTolerance = 1e-10 },
        });
        for (var i = 0; i < x.Length; i++)
            Assert.Equal(exact.Values[i], next[i], 2e-6 * (Math.Abs(exact.Values[i]) + 1e-3));
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Derivatives_are_those_of_the_map(string name, string inputs, string parameters)
    {
        var plant = Plant(name, inputs, parameters);
        var dtS = 0.002 * Catalogue.Find(name).End * plant.TimeUnitS;
        double[] x = Start(Catalogue.Find(name)), u = plant.NominalInputs, p = plant.NominalParameters;
        int n = x.Length, m = u.Length, k = p.Length;
        double[] next = new double[n], a = new double[n * n], b = new double[n * m], e = new double[n * k];
        plant.Linearise(x, u, p, dtS, next, a, b, e);
        var alone = new double[n];
        plant.Advance(x, u, p, dtS, alone);
        Assert.Equal(alone, next);
        Compare(x, a, n, (v, y) => plant.Advance(v, u, p, dtS, y));
        Compare(u, b, n, (v, y) => plant.Advance(x, v, p, dtS, y));
        Compare(p, e, n, (v, y) => plant.Advance(x, u, v, dtS, y));
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Lanes_have_the_bits_of_one_at_a_time(string name, string inputs, string parameters)
    {
        Plant(name, inputs, parameters).Accept<LaneCheck, bool>(new LaneCheck(false));
        Plant(name, inputs, parameters).Accept<LaneCheck, bool>(new LaneCheck(true));
    }

    [Fact]
    public void A_model_is_made_from_json()
    {
        var plant = PlantModels.Create(
            """{"benchmark":"exothermic-cstr","inputs":["Tc"],"parameters":["UA"],"substep-s":1.5,"constants":{"Tf":351}}""");
        Assert.Equal(["Ca", "T"], plant.States.Select(s => s.Name));
        Assert.Equal(60.0, plant.TimeUnitS);
        Assert.Equal(305.0, plant.Inputs[0].Nominal);
        var other = PlantModels.Create("""{"benchmark":"exothermic-cstr","inputs":["Tc"],"parameters":["UA"],"substep-s":1.5}""");
        Assert.NotEqual(other.Key, plant.Key);
        Assert.Equal(other.Key, PlantModels.Create("""{"substep-s":1.5,"benchmark":"exothermic-cstr","parameters":["UA"],"inputs":["Tc"]}""").Key);
    }

    [Theory]
    [InlineData("""{"benchmark":"no-such"}""", "klatt-engell")]
    [InlineData("""{"benchmark":"klatt-engell","inputs":["F"]}""", "inputs: klatt-engell has no parameter F")]
    [InlineData("""{"benchmark":"klatt-engell","inputs":["q"],"parameters":["q"]}""", "q is named twice")]
    [InlineData("""{"benchmark":"klatt-engell","substep":1}""", "no key 'substep'")]
    [InlineData("""{"bench":"klatt-engell"}""", "\"benchmark\"")]
    [InlineData("""{"benchmark":"klatt-engell","substep-s":"1 s"}""", "model.substep-s")]
    [InlineData("[1", "not JSON")]
    public void A_wrong_model_is_refused_with_the_key(string json, string expected) =>
        Assert.Contains(expected, Assert.Throws<PlantException>(() => PlantModels.Create(json)).Message, StringComparison.Ordinal);

    private static PlantModel Plant(string name, string inputs, string parameters) =>
        PlantModel.Of(Catalogue.Find(name), Split(inputs), Split(parameters));

    private static string[] Split(string names) => names.Split(',', StringSplitOptions.RemoveEmptyEntries);

    // Away from zeros, where a relative comparison means something.
    private static double[] Start(OdeProblem problem) => [.. problem.NominalInitial.Select((v, i) => v == 0.0 ? 0.05 * (i + 1) : v)];

    internal static void Compare(double[] at, double[] derivatives, int n, Action<double[], double[]> map)
    {
        var width = at.Length;
        double[] up = new double[n], down = new double[n];
        for (var j = 0; j < width; j++)
        {
            var step = 1e-5 * Math.Max(Math.Abs(at[j]), 1e-2);
            var moved = (double[])at.Clone();
            moved[j] = at[j] + step;
            map(moved, up);
            moved[j] = at[j] - step;
            map(moved, down);
            for (var i = 0; i < n; i++)
            {
                var difference = (up[i] - down[i]) / (2.0 * step);
                var size = Math.Abs(derivatives[(i * width) + j]) + (1e-5 * Math.Abs(up[i]) / step);
                Assert.Equal(difference, derivatives[(i * width) + j], 1e-4 * size);
            }
        }
    }

    internal readonly struct LaneCheck(bool sameTime) : IPlantVisitor<bool>
    {
        public bool Visit<TMap>(in TMap map, PlantModel model)
            where TMap : struct, IPlantMap
        {
            int n = map.States, m = map.Inputs, k = map.Parameters;
            Vector512<double>[] x = new Vector512<double>[n], u = new Vector512<double>[m], p = new Vector512<double>[k];
            Vector512<double>[] next = new Vector512<double>[n], a = new Vector512<double>[n * n], b = new Vector512<double>[n * m];
            Vector512<double>[] e = new Vector512<double>[n * k], advanced = new Vector512<double>[n];
            var dt = Vector512<double>.Zero;
            for (var lane = 0; lane < 8; lane++)
            {
                var scale = 1.0 + (0.003 * lane);
                for (var i = 0; i < n; i++) x[i] = x[i].WithElement(lane, (model.States[i].Nominal + 0.01) * scale);
                for (var i = 0; i < m; i++) u[i] = u[i].WithElement(lane, model.Inputs[i].Nominal * scale);
                for (var i = 0; i < k; i++) p[i] = p[i].WithElement(lane, model.Parameters[i].Nominal * scale);
                dt = dt.WithElement(lane, 7.0 * (sameTime ? 1 : 1 + lane));
            }
            map.LineariseLanes(x, u, p, dt, next, a, b, e);
            map.AdvanceLanes(x, u, p, dt, advanced);
            Assert.Equal(next, advanced);
            double[] next1 = new double[n], a1 = new double[n * n], b1 = new double[n * m], e1 = new double[n * k];
            for (var lane = 0; lane < 8; lane++)
            {
                map.Linearise(Of(x, lane), Of(u, lane), Of(p, lane), dt[lane], next1, a1, b1, e1);
                Assert.Equal(next1, Of(next, lane));
                Assert.Equal(a1, Of(a, lane));
                Assert.Equal(b1, Of(b, lane));
                Assert.Equal(e1, Of(e, lane));
            }
            return true;
        }

        private static double[] Of(Vector512<double>[] lanes, int lane) => [.. lanes.Select(v => v[lane])];
    }
}
