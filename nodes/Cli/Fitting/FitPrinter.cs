using System.Globalization;
using Athanor.Compute.Fitting;
using Athanor.Protocol;
using Athanor.Protocol.Models;
using Spectre.Console;

namespace Athanor.Nodes.Cli.Fitting;

/// <summary>A fit's result for people and for programs.</summary>
internal static class FitPrinter
{
    public static void Print(FitProblem problem, FitReport report, EntityAddress model)
    {
        var (best, analysis) = (report.Best!, report.Analysis!);
        Console.Out.WriteLine($"{problem.Name}: {problem.Measurements} measurements in {problem.Experiments.Length} experiment(s), {problem.Estimated.Length} parameters estimated");
        Console.Out.WriteLine(best.Absolute
            ? string.Create(CultureInfo.InvariantCulture, $"log-likelihood {-best.Value:G9}")
            : string.Create(CultureInfo.InvariantCulture, $"sum of squares {2 * best.Value:G9}, residual standard deviation {Math.Sqrt(analysis.Variance):G4} ({analysis.Freedom} degrees of freedom)"));
        Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{report.AtBest} of {report.Spec.Starts} starts found it ({100.0 * report.AtBest / report.Spec.Starts:F0} %), {best.Evaluations.Average():F0} evaluations a start in the best part"));
        var table = new Table { Border = TableBorder.Rounded };
        table.AddColumn("parameter");
        foreach (var column in new[] { "value", "std. error", string.Create(CultureInfo.InvariantCulture, $"{100 * analysis.Level:G3} % interval") })
            table.AddColumn(new TableColumn(column).RightAligned());
        if (report.Spec.Profiles) table.AddColumn(new TableColumn("by profile").RightAligned());
        var notes = analysis.Estimates.Any(e => Note(e).Length > 0);
        if (notes) table.AddColumn("");
        foreach (var e in analysis.Estimates)
        {
            var cells = new List<string>
            {
                e.Unit.Length > 0 ? $"{e.Name} / {e.Unit}" : e.Name, Number(e.Value),
                e.Fixed ? "" : e.Error < 0 ? "-" : Number(e.Error), Interval(problem, e),
            };
            if (report.Spec.Profiles) cells.Add(ProfileOf(report, e));
            if (notes) cells.Add(Note(e));
            table.AddRow([.. cells.Select(c => new Text(c))]);
        }
        AnsiConsole.Write(table);
        foreach (var notice in analysis.Notices) Console.Out.WriteLine($"{notice.Kind}: {notice.Message}");
        foreach (var profile in report.Profiles.Where(p => p.Stopped.Length > 0)) Console.Out.WriteLine($"profile of {profile.Parameter}: {profile.Stopped}");
        Console.Out.WriteLine(best.Absolute
            ? "The intervals take the standard deviations, given or estimated, at their word and the scatter as independent and of the law stated; normal quantiles."
            : "The intervals take the residuals as independent and normal with one variance, which is estimated from them; Student's quantiles.");
        Console.Out.WriteLine($"Kept as version {report.Version} of {model}, fit {report.Spec.Fit}.");
    }

    public static object Json(FitProblem problem, FitReport report, EntityAddress model) => new
    {
        model = model.ToString(),
        fit = report.Spec.Fit,
        report.Version,
        name = problem.Name,
        measurements = problem.Measurements,
        objective = report.Best!.Absolute ? "negative-log-likelihood" : "half-sum-of-squares",
        value = report.Best.Value,
        report.Analysis!.Variance,
        report.Analysis.Freedom,
        level = report.Analysis.Level,
        starts = report.Spec.Starts,
        seed = report.Spec.Seed,
        startsAtBest = report.AtBest,
        values = report.Values,
        parameters = report.Analysis.Estimates.Select(e => new { e.Name, e.Unit, e.Value, e.Error, e.Low, e.High, bound = Side(e.Bound), e.Fixed }),
        notices = report.Analysis.Notices,
        spectrum = report.Analysis.Spectrum,
        profiles = report.Profiles.Select(p => new { p.Parameter, p.At, p.Rise, p.Threshold, p.Low, p.High, p.Stopped }),
    };

    private static string Interval(FitProblem problem, FitEstimate e)
    {
        if (e.Fixed) return "";
        // A one-sided limit on the parameter's other bound is the box's, not the data's.
        var p = problem.Parameters.First(p => p.Name == e.Name);
        if (e.Bound != 0 && (e.Bound < 0 ? e.High >= p.Upper : e.Low <= p.Lower)) return "open";
        if (e.Bound < 0) return $"at most {Number(e.High)}";
        if (e.Bound > 0) return $"at least {Number(e.Low)}";
        return e.Error < 0 ? "open" : $"{Number(e.Low)} to {Number(e.High)}";
    }

    private static string ProfileOf(FitReport report, FitEstimate e)
    {
        if (report.Profiles.FirstOrDefault(p => p.Parameter == e.Name) is not { } profile) return "";
        return $"{(profile.Low is { } low ? Number(low) : "open")} to {(profile.High is { } high ? Number(high) : "open")}";
    }

    private static string Note(FitEstimate e) => e.Fixed ? "fixed" : e.Bound != 0 ? $"on its {Side(e.Bound)} bound" : e.Error < 0 ? "not determined" : "";

    private static string Side(int bound) => bound < 0 ? "lower" : bound > 0 ? "upper" : "";

    private static string Number(double value) => value.ToString("G5", CultureInfo.InvariantCulture);
}
