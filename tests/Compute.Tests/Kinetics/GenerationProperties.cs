using System.Runtime.Intrinsics;
using Athanor.Compute.Kinetics;
using Athanor.Compute.Kinetics.Text;
using Athanor.Compute.Ode;
using FsCheck;
using FsCheck.Fluent;

namespace Athanor.Compute.Tests.Kinetics;

/// <summary>Of networks made from seeds; a failure prints its seed.</summary>
public sealed class GenerationProperties
{
    private static readonly Config Config = Config.QuickThrowOnFailure.WithMaxTest(20);

    private static readonly Arbitrary<int> Seeds = Gen.Choose(0, 1_000_000).ToArbitrary();

    [Fact]
    public void Generated_rates_and_derivatives_have_the_bits_of_interpreted_ones() => Check.One(Config, Prop.ForAll(Seeds, seed =>
    {
        var network = KineticNetwork.Of(RandomNetworks.Of(seed));
        var generated = network.Rates(form: CodeForm.Generated);
        Assert.True(generated.IsGenerated);
        Same(generated.Rates, network.Rates(form: CodeForm.Interpreted).Rates, seed);
        Same(network.Productions(form: CodeForm.Generated).Rates, network.Productions(form: CodeForm.Interpreted).Rates, seed);
    }));

    [Fact]
    public void Lanes_have_the_bits_of_scalar_code() => Check.One(Config, Prop.ForAll(Seeds, seed =>
    {
        var network = KineticNetwork.Of(RandomNetworks.Of(seed));
        foreach (var form in (CodeForm[])[CodeForm.Generated, CodeForm.Interpreted])
        {
            network.Rates(network.Units, form).Accept(new LanesAreScalar(seed));
            Batch(network, form).Compiled.Accept(new ModelLanesAreScalar(seed));
        }
    }));

    [Fact]
    public void Derivatives_agree_with_finite_differences() => Check.One(Config, Prop.ForAll(Seeds, seed =>
    {
        var network = KineticNetwork.Of(RandomNetworks.Of(seed));
        network.Rates(network.Units).Accept(new DifferencesAgree(seed));
        Batch(network, CodeForm.Generated).Compiled.Accept(new ModelDifferencesAgree(seed));
    }));

    [Fact]
    public void A_generated_model_has_the_bits_of_an_interpreted_one() => Check.One(Config, Prop.ForAll(Seeds, seed =>
    {
        var network = KineticNetwork.Of(RandomNetworks.Of(seed));
        var generated = Batch(network, CodeForm.Generated).Compiled.Model;
        var interpreted = Batch(network, CodeForm.Interpreted).Compiled.Model;
        var n = generated.Dimension;
        var y = Point(seed, n);
        Assert.Equal(interpreted.IsAutonomous, generated.IsAutonomous);
        Assert.Equal(Bits(n, d => interpreted.Rhs(0, y, d)), Bits(n, d => generated.Rhs(0, y, d)));
        Assert.Equal(Bits(n * n, d => interpreted.Jacobian(0, y, d)), Bits(n * n, d => generated.Jacobian(0, y, d)));
        Assert.Equal(
            Bits(interpreted.Pattern.Count, d => interpreted.JacobianValues(0, y, d)),
            Bits(generated.Pattern.Count, d => generated.JacobianValues(0, y, d)));
    }));

    [Fact]
    public void Atoms_are_kept_over_a_solve_to_1e_minus_10() => Check.One(Config.WithMaxTest(10), Prop.ForAll(Seeds, seed =>
    {
        var model = Batch(KineticNetwork.Of(RandomNetworks.Of(seed)), CodeForm.Auto);
        var trajectory = model.Problem.Solve(new() { Method = Compute.Problems.OdeMethod.Rodas4, Times = [0.5, 1.0] });
        double Carbon(ReadOnlySpan<double> c)
        {
            var sum = 0.0;
            for (var i = 0; i < c.Length; i++) sum += model.Network.Species[i].Atoms!["C"] * c[i];
            return sum;
        }
        var start = Carbon(model.Problem.NominalInitial);
        for (var row = 0; row < 2; row++) Assert.InRange(Carbon(trajectory.At(row)) / start, 1 - 1e-10, 1 + 1e-10);
    }));

    private static KineticModel Batch(KineticNetwork network, CodeForm form) =>
        network.Balance(new BalanceText { Temperature = new(340, "K"), End = 1.0 }, form);

    private static double[] Point(int seed, int n)
    {
        var random = new Random(seed + 1);
        return [.. Enumerable.Range(0, n).Select(_ => 0.05 + random.NextDouble())];
    }

    private delegate void Fill(Span<double> values);

    private static long[] Bits(int count, Fill fill)
    {
        var values = new double[count];
        fill(values);
        Assert.All(values, value => Assert.True(double.IsFinite(value)));
        return [.. values.Select(BitConverter.DoubleToInt64Bits)];
    }

    private static void Same(IRateSet a, IRateSet b, int seed)
    {
        var c = Point(seed, a.SpeciesCount);
        Assert.Equal(b.Pattern.Columns, a.Pattern.Columns);
        Assert.Equal(Bits(b.ReactionCount, d => b.Rates(340, c, d)), Bits(a.ReactionCount, d => a.Rates(340, c, d)));
        Assert.Equal(Bits(b.Pattern.Count, d => b.ConcentrationDerivatives(340, c, d)), Bits(a.Pattern.Count, d => a.ConcentrationDerivatives(340, c, d)));
        Assert.Equal(Bits(b.ReactionCount, d => b.TemperatureDerivatives(340, c, d)), Bits(a.ReactionCount, d => a.TemperatureDerivatives(340, c, d)));
        var count = b.ParameterCount * b.ReactionCount;
        Assert.Equal(Bits(count, d => b.ParameterDerivatives(340, c, d)), Bits(count, d => a.ParameterDerivatives(340, c, d)));
    }

    private sealed class LanesAreScalar(int seed) : IRateSetVisitor<bool>
    {
        public bool Visit<TRates>(in TRates rates)
            where TRates : struct, IRateSet<TRates>
        {
            int n = rates.SpeciesCount, p = rates.ParameterCount, m = rates.ReactionCount, e = rates.Pattern.Count;
            var random = new Random(seed);
            Vector512<double>[] c = new Vector512<double>[n], k = new Vector512<double>[p], r = new Vector512<double>[m], d = new Vector512<double>[e];
            var t = Vector512<double>.Zero;
            for (var lane = 0; lane < 8; lane++)
            {
                // One lane in three has a negative concentration, as solvers make them.
                for (var i = 0; i < n; i++) c[i] = c[i].WithElement(lane, lane % 3 == 2 && i == 0 ? -1e-9 : 0.01 + random.NextDouble());
                for (var i = 0; i < p; i++) k[i] = k[i].WithElement(lane, rates.Parameter(i) * (0.8 + (0.4 * random.NextDouble())));
                t = t.WithElement(lane, 280 + (140 * random.NextDouble()));
            }
            rates.RatesLanes(t, c, k, r);
            rates.ConcentrationDerivativesLanes(t, c, k, d);
            for (var lane = 0; lane < 8; lane++)
            {
                var own = rates.With([.. k.Select(x => x[lane])]);
                double[] cs = [.. c.Select(x => x[lane])];
                var temperature = t[lane];
                Assert.Equal(Bits(m, v => own.Rates(temperature, cs, v)), r.Select(x => BitConverter.DoubleToInt64Bits(x[lane])).ToArray());
                Assert.Equal(Bits(e, v => own.ConcentrationDerivatives(temperature, cs, v)), d.Select(x => BitConverter.DoubleToInt64Bits(x[lane])).ToArray());
            }
            return true;
        }
    }

    private sealed class ModelLanesAreScalar(int seed) : IModelVisitor<bool>
    {
        public bool Visit<TModel>(in TModel model)
            where TModel : struct, IOdeModel<TModel>, ISparseOdeModel
        {
            int n = model.Dimension, p = model.ParameterCount;
            var random = new Random(seed);
            Vector512<double>[] y = new Vector512<double>[n], k = new Vector512<double>[p], dy = new Vector512<double>[n];
            for (var lane = 0; lane < 8; lane++)
            {
                for (var i = 0; i < n; i++) y[i] = y[i].WithElement(lane, 0.01 + random.NextDouble());
                for (var i = 0; i < p; i++) k[i] = k[i].WithElement(lane, model.Parameter(i) * (0.9 + (0.2 * random.NextDouble())));
            }
            model.RhsLanes(default, y, k, dy);
            var derivatives = (ILaneDerivatives)model;
            Vector512<double>[] values = new Vector512<double>[model.Pattern.Count], byP = new Vector512<double>[p * n];
            derivatives.JacobianValuesLanes(default, y, k, values);
            derivatives.ParameterDerivativesLanes(default, y, k, byP);
            for (var lane = 0; lane < 8; lane++)
            {
                var own = model.With([.. k.Select(x => x[lane])]);
                double[] ys = [.. y.Select(x => x[lane])];
                Assert.Equal(Bits(n, v => own.Rhs(0, ys, v)), Lane(dy, lane));
                Assert.Equal(Bits(values.Length, v => own.JacobianValues(0, ys, v)), Lane(values, lane));
                Assert.Equal(Bits(byP.Length, v => own.ParameterDerivatives(0, ys, v)), Lane(byP, lane));
            }
            return true;

            static long[] Lane(Vector512<double>[] vectors, int lane) => [.. vectors.Select(x => BitConverter.DoubleToInt64Bits(x[lane]))];
        }
    }

    private sealed class DifferencesAgree(int seed) : IRateSetVisitor<bool>
    {
        public bool Visit<TRates>(in TRates rates)
            where TRates : struct, IRateSet<TRates>
        {
            int n = rates.SpeciesCount, m = rates.ReactionCount, p = rates.ParameterCount;
            var set = rates;
            var c = Point(seed, n);
            const double T = 341.7;
            double[] byC = new double[rates.Pattern.Count], byT = new double[m], byP = new double[p * m], dense = new double[m * n];
            rates.ConcentrationDerivatives(T, c, byC);
            rates.TemperatureDerivatives(T, c, byT);
            rates.ParameterDerivatives(T, c, byP);
            for (var i = 0; i < m; i++)
            {
                for (var e = rates.Pattern.RowStarts[i]; e < rates.Pattern.RowStarts[i + 1]; e++) dense[(i * n) + rates.Pattern.Columns[e]] = byC[e];
            }
            for (var j = 0; j < n; j++)
                Agree(x => At(set, T, With(c, j, x)), c[j], m, i => dense[(i * n) + j], $"seed {seed}, species {j}");
            Agree(x => At(set, x, c), T, m, i => byT[i], $"seed {seed}, T");
            double[] parameters = [.. Enumerable.Range(0, p).Select(set.Parameter)];
            for (var k = 0; k < p; k++)
                Agree(x => At(set.With(With(parameters, k, x)), T, c), parameters[k], m, i => byP[(k * m) + i], $"seed {seed}, parameter {k}");
            return true;
        }

        private static double[] At<TRates>(TRates rates, double temperature, double[] c)
            where TRates : struct, IRateSet<TRates>
        {
            var values = new double[rates.ReactionCount];
            rates.Rates(temperature, c, values);
            return values;
        }
    }

    private sealed class ModelDifferencesAgree(int seed) : IModelVisitor<bool>
    {
        public bool Visit<TModel>(in TModel model)
            where TModel : struct, IOdeModel<TModel>, ISparseOdeModel
        {
            int n = model.Dimension, p = model.ParameterCount;
            var own = model;
            var y = Point(seed, n);
            double[] jacobian = new double[n * n], byP = new double[p * n], values = new double[model.Pattern.Count];
            model.Jacobian(0, y, jacobian);
            model.JacobianValues(0, y, values);
            model.ParameterDerivatives(0, y, byP);
            for (var i = 0; i < n; i++)
            {
                for (var e = model.Pattern.RowStarts[i]; e < model.Pattern.RowStarts[i + 1]; e++)
                    Assert.Equal(jacobian[(i * n) + model.Pattern.Columns[e]], values[e]);
            }
            for (var j = 0; j < n; j++)
                Agree(x => At(own, With(y, j, x)), y[j], n, i => jacobian[(i * n) + j], $"seed {seed}, state {j}");
            double[] parameters = [.. Enumerable.Range(0, p).Select(own.Parameter)];
            for (var k = 0; k < p; k++)
                Agree(x => At(own.With(With(parameters, k, x)), y), parameters[k], n, i => byP[(k * n) + i], $"seed {seed}, parameter {k}");
            return true;
        }

        private static double[] At<TModel>(TModel model, double[] y)
            where TModel : struct, IOdeModel<TModel>
        {
            var values = new double[y.Length];
            model.Rhs(0, y, values);
            return values;
        }
    }

    private static double[] With(double[] values, int index, double value)
    {
        var copy = (double[])values.Clone();
        copy[index] = value;
        return copy;
    }

    /// <summary>Richardson's extrapolation of central differences: of order 4.</summary>
    private static void Agree(Func<double, double[]> f, double x, int rows, Func<int, double> derivative, string what)
    {
        var h = 1e-3 * Math.Abs(x);
        double[] a = f(x + h), b = f(x - h), c = f(x + (h / 2)), d = f(x - (h / 2));
        for (var i = 0; i < rows; i++)
        {
            double coarse = (a[i] - b[i]) / (2 * h), fine = (c[i] - d[i]) / h;
            // Where a kink (table, min, max) lies between, the two disagree and nothing can be said.
            if (Math.Abs(coarse - fine) > 1e-4 * (Math.Abs(coarse) + Math.Abs(fine))) continue;
            var expected = ((4 * fine) - coarse) / 3;
            var tolerance = (1e-7 * Math.Abs(expected)) + (1e-11 * Math.Abs(a[i]) / h) + 1e-13;
            Assert.True(Math.Abs(expected - derivative(i)) <= tolerance, $"{what}, row {i}: {derivative(i):R}, differences give {expected:R}");
        }
    }
}
