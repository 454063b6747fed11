using System.Text.Json;
using Athanor.Compute.Benchmarks;
using Athanor.Compute.Ode;
using Athanor.Compute.Problems;
using Xunit.Abstractions;

namespace Athanor.Compute.Tests.Ode.Stiff;

/// <summary>The references of ../shared/data/ode (Bari test set), which are good to 1e-11 relative, those of E5 to 1e-3 in y2 and y3.</summary>
public sealed class StiffReferenceTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("van-der-pol", "vdpol", 1e-4, 1e-11)]
    [InlineData("oregonator", "oregonator", 1e-4, 1e-11)]
    [InlineData("hires", "hires", 1e-4, 1e-11)]
    [InlineData("robertson", "robertson", 1e-12, 1e-11)]
    [InlineData("e5", "e5", 1e-19, 1e-3)]
    public void Every_reference_is_met_to_its_digits_by_each_method(string name, string key, double atol, double digits)
    {
        if (Reference(key) is not { } reference)
        {
            output.WriteLine("../shared/data/ode is not here; skipped");
            return;
        }
        foreach (var method in new[] { OdeMethod.Rodas5P, OdeMethod.Esdirk5 })
        {
            var options = new OdeOptions { RelativeTolerance = 1e-12, AbsoluteTolerance = Math.Min(1e-12 * atol, 1e-16) };
            var end = Catalogue.Find(name).Solve(new OdeRequest { Times = [reference.End], Method = method, Options = options });
            var error = Error(name, end.End, reference.Values);
            Assert.True(error <= digits, $"{name} by {method}: {error:E1}");
        }
    }

    [Theory]
    [InlineData("van-der-pol", "vdpol", 1e-11)]
    [InlineData("oregonator", "oregonator", 1e-11)]
    [InlineData("hires", "hires", 1e-11)]
    [InlineData("robertson", "robertson", 1e-19)]
    public void At_a_tolerance_of_1e_7_six_digits_are_met_by_every_way_to_solve(string name, string key, double atol)
    {
        if (Reference(key) is not { } reference)
        {
            output.WriteLine("../shared/data/ode is not here; skipped");
            return;
        }
        var options = new OdeOptions { RelativeTolerance = 1e-7, AbsoluteTolerance = atol };
        foreach (var method in new[] { OdeMethod.Auto, OdeMethod.Rodas4, OdeMethod.Rodas5P, OdeMethod.Esdirk5 })
        {
            var end = Catalogue.Find(name).Solve(new OdeRequest { Times = [reference.End], Method = method, Options = options });
            Assert.InRange(Error(name, end.End, reference.Values), 0.0, 1e-6);
            Assert.True(end.Statistics.ImplicitSteps > 0, $"{method} took no stiff step");
        }
    }

    [Theory]
    [InlineData(OdeMethod.Rodas4)]
    [InlineData(OdeMethod.Rodas5P)]
    [InlineData(OdeMethod.Esdirk5)]
    [InlineData(OdeMethod.Auto)]
    public void What_reactions_cannot_change_is_kept_to_1e_10(OdeMethod method)
    {
        var loose = new OdeOptions { RelativeTolerance = 1e-5, AbsoluteTolerance = 1e-10 };
        double[] times = [1e-2, 1, 1e3, 1e5, 1e8];
        var robertson = Catalogue.Find("robertson").Solve(new OdeRequest { Times = times, Method = method, Options = loose });
        for (var row = 0; row < times.Length; row++)
        {
            var sum = 0.0;
            foreach (var y in robertson.At(row)) sum += y;
            Assert.InRange(sum, 1 - 1e-10, 1 + 1e-10);
        }
        var hires = Catalogue.Find("hires").Solve(new OdeRequest { Times = [1, 50, 321.8122], Method = method, Options = loose });
        for (var row = 0; row < 3; row++) Assert.InRange((hires[row, 6] + hires[row, 7]) / 0.0057, 1 - 1e-10, 1 + 1e-10);
    }

    [Theory]
    [InlineData(OdeMethod.Rodas4)]
    [InlineData(OdeMethod.Rodas5P)]
    [InlineData(OdeMethod.Esdirk5)]
    [InlineData(OdeMethod.Auto)]
    public void The_balance_of_E5_is_kept_to_1e_10_of_its_largest_term(OdeMethod method)
    {
        var options = new OdeOptions { RelativeTolerance = 1e-7, AbsoluteTolerance = 1e-26 };
        double[] times = [1e-2, 1, 1e3, 1e6, 1e9, 1e11, 1e13];
        var e5 = Catalogue.Find("e5").Solve(new OdeRequest { Times = times, Method = method, Options = options with { HitOutputTimes = true } });
        for (var row = 0; row < times.Length; row++)
        {
            double y2 = e5[row, 1], y3 = e5[row, 2], y4 = e5[row, 3];
            var error = Math.Abs(y2 - y3 - y4) / Math.Max(Math.Abs(y2), Math.Max(Math.Abs(y3), Math.Abs(y4)));
            Assert.True(error <= 1e-10, $"{method} at {times[row]:E0}: y2 = {y2:R}, y3 + y4 = {y3 + y4:R}, {error:E1}");
        }
    }

    private static double Error(string name, ReadOnlySpan<double> y, double[] reference)
    {
        var largest = 0.0;
        for (var i = 0; i < reference.Length; i++)
        {
            if (name == "e5" && (i == 0 || i == 3)) continue;
            largest = Math.Max(largest, Math.Abs((y[i] / reference[i]) - 1));
        }
        return largest;
    }

    private static (double End, double[] Values)? Reference(string key)
    {
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            var file = Path.Combine(at.FullName, "shared", "data", "ode", "ivp_testset.json");
            if (!File.Exists(file)) continue;
            using var document = JsonDocument.Parse(File.ReadAllText(file));
            var problem = document.RootElement.GetProperty(key);
            return (problem.GetProperty("t1").GetDouble(), [.. problem.GetProperty("ref").EnumerateArray().Select(v => v.GetDouble())]);
        }
        return null;
    }
}
