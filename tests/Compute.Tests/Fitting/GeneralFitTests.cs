using Athanor.Compute.Fitting;
using Athanor.Compute.Kinetics.Expressions;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Tests.Fitting;

/// <summary>Fits with known answers: y' = -k y from y(0) = a, and small changes of it.</summary>
public sealed class GeneralFitTests
{
    private static readonly double[] Times = [0, 1, 2, 3, 4, 5, 6, 8, 10, 12];

    [Fact]
    public void Experiments_share_what_is_bound_to_one_parameter_and_keep_what_is_not()
    {
        var problem = Decay(FitNoise.Relative, 0.0, ErrorLaw.Normal, experiments: 2);
        var fit = new FitSearch(problem).From([0.5, 1.0, 1.0]);
        Assert.Equal([0.3, 2.0, 5.0], fit.Theta, (a, b) => Math.Abs(a - b) < 1e-6);
    }

    [Fact]
    public void An_estimated_standard_deviation_is_the_root_mean_square_of_the_residuals()
    {
        foreach (var law in new[] { ErrorLaw.Normal, ErrorLaw.LogNormal, ErrorLaw.Log10Normal })
        {
            var problem = Decay(FitNoise.Absolute, 0.05, law, experiments: 1, sigma: true);
            var fit = new FitSearch(problem).From([0.5, 1.0, 0.3]);
            problem.Value(fit.Theta);
            var sum = 0.0;
            for (var i = 0; i < problem.Measurements; i++)
            {
                double y = problem.Experiments[0].Measurements[i].Value, f = problem.Predictions[0].Mean[i];
                var residual = law switch { ErrorLaw.Normal => y - f, ErrorLaw.LogNormal => Math.Log(y / f), _ => Math.Log10(y / f) };
                sum += residual * residual;
            }
            // The search ends within 1e-9 of the best log-likelihood, so within sqrt(1e-9 / 10) of sigma.
            Assert.Equal(Math.Sqrt(sum / problem.Measurements), fit.Theta[2], 2e-5 * fit.Theta[2]);
        }
    }

    [Fact]
    public void The_log_likelihood_has_every_constant_of_its_density()
    {
        var problem = Decay(FitNoise.Absolute, 0.1, ErrorLaw.LogNormal, experiments: 1, sigma: true);
        double[] theta = [0.25, 2.2, 0.2];
        var expected = 0.0;
        foreach (var m in problem.Experiments[0].Measurements)
        {
            var z = Math.Log(m.Value / (2.2 * Math.Exp(-0.25 * m.Time))) / 0.2;
            expected += (0.5 * z * z) + Math.Log(0.2 * Math.Sqrt(2 * Math.PI) * m.Value);
        }
        Assert.Equal(expected, problem.Value(theta), 1e-6);
    }

    [Fact]
    public void The_gradient_is_that_of_the_value_for_every_law_and_noise()
    {
        foreach (var law in new[] { ErrorLaw.Normal, ErrorLaw.LogNormal, ErrorLaw.Log10Normal })
        {
            var problem = Decay(FitNoise.Absolute, 0.1, law, experiments: 2, sigma: true);
            double[] x = problem.Coordinates([0.25, 2.2, 4.5, 0.3]), gradient = new double[4];
            Assert.True(problem.Evaluate(problem.AtCoordinates(x), out _, gradient, new double[16]));
            for (var k = 0; k < 4; k++)
            {
                double[] up = [.. x], down = [.. x];
                (up[k], down[k]) = (x[k] + 1e-5, x[k] - 1e-5);
                var difference = (problem.Value(problem.AtCoordinates(up)) - problem.Value(problem.AtCoordinates(down))) / 2e-5;
                Assert.Equal(difference, gradient[k], 1e-5 * Math.Max(1.0, Math.Abs(difference)));
            }
        }
    }

    [Fact]
    public void Two_constants_of_which_only_the_product_acts_are_named_as_one_singular_direction_and_their_profiles_are_open()
    {
        var graph = new ExpressionGraph();
        var rate = graph.Negate(graph.Multiply(graph.Multiply(graph.Parameter(0), graph.Parameter(1)), graph.State(0)));
        var model = ExpressionModel.Of(graph, ["y"], ["k", "activity"], [rate]);
        var problem = new FitProblem(
            "product", [Rate("k", 0.5), Rate("activity", 0.6) with { Lower = 1e-6, Upper = 1e6 }], [Experiment("one", model, [0, 1], graph.Constant(2.0), graph, 2.0, 0.01, 7)]);
        var fit = new FitSearch(problem).From([0.5, 0.8]);
        var analysis = new FitAnalysis(problem, fit);
        var warning = Assert.Single(analysis.Warnings, w => w.Kind == "singular");
        Assert.Contains("ln k", warning.Message, StringComparison.Ordinal);
        Assert.Contains("ln activity", warning.Message, StringComparison.Ordinal);
        Assert.All(analysis.Estimates, e => Assert.False(e.IsDetermined));
        var profile = new ProfileLikelihood(problem, fit, analysis).Of(0);
        Assert.Null(profile.Low);
        Assert.Null(profile.High);
        Assert.All(profile.Points, p => Assert.InRange(p.Rise, 0.0, 1e-6));
    }

    [Fact]
    public void A_fixed_parameter_keeps_its_value_and_has_no_error()
    {
        var problem = Decay(FitNoise.Relative, 0.01, ErrorLaw.Normal, experiments: 1, fixedStart: true);
        var fit = new FitSearch(problem).From([0.5, 2.0]);
        Assert.Equal(2.0, fit.Theta[1]);
        var estimate = new FitAnalysis(problem, fit).Estimates[1];
        Assert.True(estimate.Fixed);
        Assert.Equal(0.0, estimate.Error);
        Assert.Throws<FitException>(() => new ProfileLikelihood(problem, fit, new FitAnalysis(problem, fit)).Of(1));
    }

    [Fact]
    public void A_prior_pulls_by_its_weight()
    {
        var free = Decay(FitNoise.Absolute, 0.05, ErrorLaw.Normal, experiments: 1, sigma: true);
        var held = new FitProblem(
            "prior", free.Parameters.Select(p => p.Name == "k" ? p with { Prior = new FitPrior(Math.Log(0.5), 1e-4) } : p), free.Experiments, FitNoise.Absolute);
        Assert.Equal(0.5, new FitSearch(held).From([0.4, 1.0, 0.3]).Theta[0], 1e-3);
    }

    [Fact]
    public void Every_slice_of_every_dimension_of_a_hypercube_holds_one_point()
    {
        const int Points = 37, Dimensions = 5;
        var cube = LatinHypercube.Draw(3, Points, Dimensions);
        for (var d = 0; d < Dimensions; d++)
            Assert.Equal(Enumerable.Range(0, Points), Enumerable.Range(0, Points).Select(i => (int)(cube[(i * Dimensions) + d] * Points)).Order());
        Assert.Equal(cube, LatinHypercube.Draw(3, Points, Dimensions));
    }

    [Theory]
    [InlineData(0.975, 1, 12.706204736174698)]
    [InlineData(0.975, 10, 2.2281388519649385)]
    [InlineData(0.95, 5, 2.0150483733330233)]
    [InlineData(0.975, 300, 1.967903011261082)]
    [InlineData(0.5, 4, 0.0)]
    public void Quantiles_of_Student_s_t_are_those_of_the_tables(double p, double freedom, double t)
    {
        Assert.Equal(t, StudentT.Quantile(p, freedom), 1e-9);
        Assert.Equal(-t, StudentT.Quantile(1 - p, freedom), 1e-9);
    }

    [Fact]
    public void What_cannot_be_fitted_is_refused_with_the_component_s_name()
    {
        var good = Decay(FitNoise.Relative, 0.0, ErrorLaw.Normal, experiments: 1);
        var k = good.Parameters[0];
        Assert.Contains("'k'", Refused([k with { Lower = -1 }, good.Parameters[1]], FitNoise.Relative), StringComparison.Ordinal);
        Assert.Contains("'k'", Refused([k, k], FitNoise.Relative), StringComparison.Ordinal);
        Assert.Contains("all are fixed", Refused([k with { Fixed = true }, good.Parameters[1] with { Fixed = true }], FitNoise.Relative), StringComparison.Ordinal);
        Assert.Contains(
            "log-normal",
            Assert.Throws<FitException>(() => Decay(FitNoise.Relative, 0.0, ErrorLaw.LogNormal, experiments: 1)).Message, StringComparison.Ordinal);

        string Refused(FitParameter[] parameters, FitNoise noise) =>
            Assert.Throws<FitException>(() => new FitProblem("bad", parameters, good.Experiments, noise)).Message;
    }

    private static FitParameter Rate(string name, double value) => new(name, value, 1e-3, 1e3) { Scale = ParameterScale.Log };

    /// <summary>y' = -k y; k is shared, y(0) = a is each experiment's own (2 and 5), the last parameter is sigma if there is one.</summary>
    private static FitProblem Decay(
        FitNoise noise, double scatter, ErrorLaw law, int experiments, bool sigma = false, bool fixedStart = false)
    {
        var graph = new ExpressionGraph();
        var model = ExpressionModel.Of(graph, ["y"], ["k"], [graph.Negate(graph.Multiply(graph.Parameter(0), graph.State(0)))]);
        var parameters = new List<FitParameter> { Rate("k", 0.5) };
        double[] starts = [2.0, 5.0];
        for (var e = 0; e < experiments; e++)
            parameters.Add(fixedStart ? new FitParameter($"a{e}", starts[e], 0, 0) { Fixed = true } : Rate($"a{e}", 1.0));
        if (sigma) parameters.Add(Rate("sigma", 0.3));
        var all = new List<FitExperiment>();
        for (var e = 0; e < experiments; e++)
        {
            var bound = sigma ? new[] { 0, 1 + e, 1 + experiments } : [0, 1 + e];
            var deviation = sigma ? graph.Parameter(2) : graph.One;
            all.Add(Experiment($"run {e}", model, bound, graph.Parameter(1), graph, starts[e], scatter, (ulong)e, deviation, law));
        }
        return new FitProblem("decay", parameters, all, noise);
    }

    private static OdeExperiment Experiment(
        string name, FitModel model, int[] bound, Expression start, ExpressionGraph graph, double a, double scatter, ulong seed,
        Expression? deviation = null, ErrorLaw law = ErrorLaw.Normal)
    {
        var stream = new Philox(11, seed);
        var p = bound.Length;
        return new OdeExperiment
        {
            Name = name,
            Model = model,
            Bindings = [.. bound.Select(ParameterBinding.To)],
            Initial = [new ExpressionFormula(graph, start, 0, p)],
            Responses =
            [
                new FitResponse(
                    "y", new ExpressionFormula(graph, graph.State(0), 1, p), new ExpressionFormula(graph, deviation ?? graph.One, 1, p), law),
            ],
            Measurements = [.. Times.Select(t => new Measurement(0, t, a * Math.Exp((-0.3 * t) + (scatter * stream.NextNormal()))))],
        };
    }
}
