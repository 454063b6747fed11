using Athanor.Compute.Fitting;
using Athanor.Hosting.Petab;

namespace Hosting.Tests.Petab;

/// <summary>Preequilibration and Laplace noise, on problems with closed forms.</summary>
public sealed class PetabRestTests
{
    /// <summary>A is made at rate k1 u and lost with k2; B and C turn into each other with k2 and k1 (their sum is conserved).</summary>
    private static PetabFiles Files(string measurements, string noise = "normal", string loss = "k2 * A", string conditions = "before\t1\t\nafter\t2\t\n") =>
        new("p.yaml", new Dictionary<string, string>
        {
            ["p.yaml"] = """
                format_version: 1
                parameter_file: parameters.tsv
                problems:
                - condition_files: [conditions.tsv]
                  measurement_files: [measurements.tsv]
                  observable_files: [observables.tsv]
                  sbml_files: [model.xml]
                """,
            ["parameters.tsv"] = "parameterId\tparameterScale\tlowerBound\tupperBound\tnominalValue\testimate\n"
                + "k1\tlog10\t1e-3\t1e3\t0.6\t1\nk2\tlog10\t1e-3\t1e3\t0.25\t1\nb\tlin\t1e-3\t10\t0.2\t0\n",
            ["conditions.tsv"] = "conditionId\tu\tB\n" + conditions,
            ["observables.tsv"] = "observableId\tobservableFormula\tnoiseFormula\tnoiseDistribution\n"
                + $"a\tA\tb\t{noise}\nshare\tB\tb\t{noise}\n",
            ["measurements.tsv"] = "observableId\tsimulationConditionId\tpreequilibrationConditionId\ttime\tmeasurement\n" + measurements,
            ["model.xml"] = $"""
                <sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1"><model id="m">
                  <listOfCompartments><compartment id="c" size="1" constant="true"/></listOfCompartments>
                  <listOfSpecies>
                    <species id="A" compartment="c" initialConcentration="0" hasOnlySubstanceUnits="false" boundaryCondition="false" constant="false"/>
                    <species id="B" compartment="c" initialConcentration="3" hasOnlySubstanceUnits="false" boundaryCondition="false" constant="false"/>
                    <species id="C" compartment="c" initialConcentration="0" hasOnlySubstanceUnits="false" boundaryCondition="false" constant="false"/>
                  </listOfSpecies>
                  <listOfParameters>
                    <parameter id="k1" value="1" constant="true"/><parameter id="k2" value="1" constant="true"/><parameter id="u" value="1" constant="true"/>
                  </listOfParameters>
                  <listOfReactions>
                    <reaction id="make" reversible="false"><listOfProducts><speciesReference species="A" stoichiometry="1" constant="true"/></listOfProducts>
                      <kineticLaw>{Math("c * k1 * u")}</kineticLaw></reaction>
                    <reaction id="lose" reversible="false"><listOfReactants><speciesReference species="A" stoichiometry="1" constant="true"/></listOfReactants>
                      <kineticLaw>{Math("c * " + loss)}</kineticLaw></reaction>
                    <reaction id="turn" reversible="true"><listOfReactants><speciesReference species="B" stoichiometry="1" constant="true"/></listOfReactants>
                      <listOfProducts><speciesReference species="C" stoichiometry="1" constant="true"/></listOfProducts>
                      <kineticLaw><math xmlns="http://www.w3.org/1998/Math/MathML"><apply><minus/>{Times("c * k2 * B")}{Times("c * k1 * C")}</apply></math></kineticLaw></reaction>
                  </listOfReactions>
                </model></sbml>
                """,
        });

    private static string Times(string product) =>
        $"<apply><times/>{string.Concat(product.Split(" * ").Select(f => char.IsDigit(f[0]) ? $"<cn>{f}</cn>" : $"<ci>{f}</ci>"))}</apply>";

    private static string Math(string product) => $"<math xmlns=\"http://www.w3.org/1998/Math/MathML\">{Times(product)}</math>";

    private const string Measured = "a\tafter\tbefore\t0\t2.3\na\tafter\tbefore\t2\t3.5\na\tafter\tbefore\t9\t4.4\nshare\tafter\tbefore\t5\t2.0\n";

    /// <summary>A rests at k1/k2 under u = 1 and rises to 2 k1/k2 under u = 2; B rests at 3 k1/(k1 + k2).</summary>
    private static double[] Closed(double k1, double k2) =>
        [k1 / k2, k1 / k2 * (2 - System.Math.Exp(-2 * k2)), k1 / k2 * (2 - System.Math.Exp(-9 * k2)), 3 * k1 / (k1 + k2)];

    [Fact]
    public void An_experiment_goes_on_from_the_rest_before_it()
    {
        var problem = PetabProblem.Build(Files(Measured));
        Assert.Equal("after after before", Assert.Single(problem.Experiments).Name);
        double[] measured = [2.3, 3.5, 4.4, 2.0], gradient = new double[2];
        Assert.True(problem.Evaluate(problem.Nominal, out var value, gradient, new double[4]));
        var expected = Closed(0.6, 0.25);
        for (var i = 0; i < 4; i++) Assert.Equal(expected[i], problem.Predictions[0].Mean[i], 1e-6);
        double Likelihood(double k1, double k2) =>
            Closed(k1, k2).Zip(measured, (f, y) => (0.5 * (y - f) * (y - f) / 0.04) + System.Math.Log(0.2) + (0.5 * System.Math.Log(2 * System.Math.PI))).Sum();
        Assert.Equal(Likelihood(0.6, 0.25), value, 1e-5);
        const double H = 1e-5;
        Assert.Equal((Likelihood(0.6 * System.Math.Exp(H), 0.25) - Likelihood(0.6 * System.Math.Exp(-H), 0.25)) / (2 * H), gradient[0] * Ln(problem, 0), 2e-5 * System.Math.Abs(gradient[0]));
        Assert.Equal((Likelihood(0.6, 0.25 * System.Math.Exp(H)) - Likelihood(0.6, 0.25 * System.Math.Exp(-H))) / (2 * H), gradient[1] * Ln(problem, 1), 2e-5 * System.Math.Abs(gradient[1]));
    }

    /// <summary>d(search coordinate)/d ln p.</summary>
    private static double Ln(FitProblem problem, int k)
    {
        var moved = problem.Nominal;
        moved[problem.Estimated[k]] *= System.Math.E;
        return problem.Coordinates(moved)[k] - problem.Coordinates(problem.Nominal)[k];
    }

    [Fact]
    public void A_start_that_the_condition_gives_is_not_that_of_the_rest()
    {
        var problem = PetabProblem.Build(Files("share\tafter\tbefore\t0\t2\na\tafter\tbefore\t0\t2\n", conditions: "before\t1\t\nafter\t2\t0.5\n"));
        Assert.True(double.IsFinite(problem.Value(problem.Nominal)));
        Assert.Equal(0.5, problem.Predictions[0].Mean[0]);
        Assert.Equal(2.4, problem.Predictions[0].Mean[1], 1e-6);
    }

    [Fact]
    public void What_never_comes_to_rest_says_so()
    {
        var problem = PetabProblem.Build(Files(Measured, loss: "k2 * 0"));
        Assert.Equal(double.PositiveInfinity, problem.Value(problem.Nominal));
        Assert.Contains("experiment 'after after before': its model does not come to rest before it", problem.Failure, StringComparison.Ordinal);
    }

    /// <summary>-ln L = Σ |y - f|/b + ln 2b; and the fit of a constant to an odd number of values is their median, however far the outlier.</summary>
    [Fact]
    public void Laplace_noise_counts_absolute_residuals_and_fits_medians()
    {
        var problem = PetabProblem.Build(Files(Measured, "laplace"));
        var expected = Closed(0.6, 0.25).Zip((double[])[2.3, 3.5, 4.4, 2.0], (f, y) => (System.Math.Abs(y - f) / 0.2) + System.Math.Log(0.4)).Sum();
        Assert.Equal(expected, problem.Value(problem.Nominal), 1e-5);
        double[] values = [1.1, 1.3, 1.2, 2.9, 50, 1.25, 1.6];
        var constant = PetabProblem.Build(Files(
            string.Concat(values.Select(v => FormattableString.Invariant($"a\tbefore\tbefore\t0\t{v}\n")))
            + "share\tbefore\tbefore\t0\t1.4\nshare\tbefore\tbefore\t0\t1.5\nshare\tbefore\tbefore\t0\t1.9\n", "laplace"));
        var best = new FitSearch(constant).Starts(3, 6).Select(start => new FitSearch(constant).From(start)).MinBy(f => f.Value)!;
        // k1/k2 is the median of the one, 3 k1/(k1 + k2) = 3 r/(1 + r) of the other cannot be, too: 1.3 gives 1.696.
        Assert.Equal(1.3, best.Theta[0] / best.Theta[1], 1e-3);
    }

    [Fact]
    public void Another_law_of_noise_is_refused_by_name() => Assert.Contains(
        "observable 'a' has cauchy noise, which is not supported; normal and laplace are",
        Assert.Throws<PetabException>(() => PetabProblem.Build(Files(Measured, "cauchy"))).Message, StringComparison.Ordinal);
}
