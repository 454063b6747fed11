using Athanor.Hosting.Configuration.Hocon;
using Athanor.Hosting.Specifications;

namespace Hosting.Tests.Specifications;

public sealed class SpecificationFileTests
{
    private const string Good = """
        kinetics {
          units { concentration = mol/L, time = min }
          species { A { initial = 1 }, B = 0 }
          parameters {
            k = "3 1/h"
            Ea { value = 50, unit = kJ/mol, lower = 0, upper = 100 }
          }
          tables { f { x = [300, 400], y = [1, 2], interpolation = linear } }
          reactions {
            r = "A -> B ; k = k"
          }
        }
        balance { temperature = "350 K", end = 2 }
        """;

    [Fact]
    public void A_file_becomes_a_problem()
    {
        var model = SpecificationFile.Parse("good.hocon", Good).Model();
        Assert.Equal("good", model.Problem.Name);
        Assert.Equal(["A", "B"], model.Problem.States.Select(state => state.Name));
        Assert.Equal(["k", "Ea", "T"], model.Problem.Parameters.Select(parameter => parameter.Name));
        Assert.Equal(100.0, model.Problem.Parameters[1].Upper);
        var end = model.Problem.Solve(new() { Times = [2.0] }).End;
        Assert.Equal(Math.Exp(-3.0 / 60.0 * 2.0), end[0], 1e-6);
    }

    [Theory]
    [InlineData("k = \"3 1/h\"", "k = \"3 mol\"", "bad.hocon:10: reaction 'r': column 10 of 'A -> B ; k = k': the rate constant k has the unit mol; it must be in s^-1")]
    [InlineData("A -> B ; k = k", "A -> Q ; k = k", "bad.hocon:10: reaction 'r': column 6 of 'A -> Q ; k = k': there is no species 'Q'; there are A, B")]
    [InlineData("initial = 1", "initial = -1", "bad.hocon:3: species 'A': it starts at -1 mol/L; a concentration is not negative")]
    [InlineData("initial = 1", "intial = 1", "bad.hocon:3: kinetics.species.A.intial: unknown key 'intial'; did you mean 'initial'?")]
    [InlineData("initial = 1", "initial = NaN", "bad.hocon:3: kinetics.species.A.initial: it is NaN; it must be a finite number")]
    [InlineData("unit = kJ/mol", "unit = kJ/mool", "bad.hocon:6: parameter 'Ea': unit 'kJ/mool', column 4: 'mool' is no unit")]
    [InlineData("[1, 2]", "[1, x]", "bad.hocon:8: kinetics.tables.f.y[1]: 'x' is no number")]
    [InlineData("[300, 400]", "[300, 300]", "bad.hocon:8: table 'f': argument 2 is 300 after 300; arguments must rise")]
    [InlineData("= linear", "= cubic", "bad.hocon:8: kinetics.tables.f.interpolation: it must be linear or monotone-cubic")]
    [InlineData("\"350 K\"", "350", "bad.hocon:13: balance.temperature: it must be a number with its unit, such as \"350 K\"")]
    [InlineData("\"350 K\"", "\"350 mol\"", "bad.hocon:13: balance: temperature is in 'mol', which is mol; it must be in K")]
    [InlineData("temperature", "kind = cstr, temperature", "bad.hocon:13: balance: a cstr needs 'flow' and 'volume'")]
    [InlineData("temperature", "feed { Z = 1 }, kind = cstr, flow = \"1 L/s\", volume = \"1 L\", temperature", "bad.hocon:13: balance: there is no species 'Z'")]
    [InlineData("balance", "balanced", "bad.hocon:1: balance: the file has no section balance")]
    [InlineData("kinetics {", "kinetik {", "bad.hocon:1: kinetics: the file has no section kinetics")]
    [InlineData("time = min", "time = mol", "bad.hocon:2: units: the unit of time is 'mol'")]
    public void What_is_wrong_is_named_with_file_line_and_key(string good, string bad, string message)
    {
        var error = Assert.Throws<HoconException>(() => SpecificationFile.Parse("bad.hocon", Good.Replace(good, bad, StringComparison.Ordinal)).Model());
        Assert.StartsWith(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_examples_are_right()
    {
        var folder = Path.Combine(Root(), "examples");
        string[] ours = ["exothermic-cstr", "enzyme-batch", "chemostat", "catalyst-batch"];
        foreach (var name in ours)
        {
            var problem = SpecificationFile.Load(Path.Combine(folder, name + ".hocon")).Model().Problem;
            var end = problem.Solve(new() { Times = [problem.End] }).End;
            foreach (var value in end) Assert.True(double.IsFinite(value) && value > -1e-6, $"{name}: {value}");
        }
    }

    private static string Root()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Cluster.sln"))) folder = Path.GetDirectoryName(folder)!;
        return folder;
    }
}
