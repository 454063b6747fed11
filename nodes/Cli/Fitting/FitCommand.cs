using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Athanor.Actors;
using Athanor.Compute.Fitting;
using Athanor.Hosting.Fits;
using Athanor.Hosting.Runtime;
using Athanor.Nodes.Cli.Simulation;
using Athanor.Protocol;
using Athanor.Protocol.Models;
using FitModel = Athanor.Protocol.Models.FitModel;

namespace Athanor.Nodes.Cli.Fitting;

/// <summary><c>fit</c>: fits a model to measurements. The fit belongs to the entity models/NAME: the same command again shows its result, or
/// goes on where it was.</summary>
internal static class FitCommand
{
    private const int MostParts = 16;

    private static readonly Argument<string> What = new("what")
    {
        Description = "A HOCON file with an object 'fit', a PEtab problem (*.yaml), or a benchmark's name with --data.",
        HelpName = "NAME|FILE.hocon|PETAB.yaml",
    };

    private static readonly Option<string?> Data = new("--data") { Description = "For a benchmark: a table whose first column is time; its first row is the start.", HelpName = "FILE.csv" };

    private static readonly Option<string?> Estimate = new("--estimate") { Description = "For a benchmark: parameters to estimate, with commas (default: all).", HelpName = "NAMES" };

    private static readonly Option<int> Starts = new("--starts") { Description = "Starts, drawn as a Latin hypercube.", HelpName = "N", DefaultValueFactory = _ => 50 };

    private static readonly Option<ulong> Seed = new("--seed") { Description = "All starts are drawn from it.", HelpName = "S", DefaultValueFactory = _ => 1 };

    private static readonly Option<bool> Profiles = new("--profiles") { Description = "Also the profile likelihood of every parameter." };

    private static readonly Option<double> Level = new("--level") { Description = "Level of the intervals.", HelpName = "P", DefaultValueFactory = _ => 0.95 };

    private static readonly Option<string?> Model = new("--model") { Description = "Id of the model entity that keeps the fits (default: the fit's name).", HelpName = "ID" };

    private static readonly Outputs Outputs = new();

    public static Command Create()
    {
        var command = Cli.Command(
            "fit", "Fits a model's parameters to measurements, with intervals and warnings, from many starts.",
            "fit examples/alpha-pinene.hocon --plot pinene.svg", "fit examples/methanol.hocon --starts 20 --profiles",
            "fit van-de-vusse --data run.csv --estimate k1,k2", "fit Boehm.yaml --starts 50 --seed 7 --csv residuals.csv");
        command.Arguments.Add(What);
        Option[] options = [Data, Estimate, Starts, Seed, Profiles, Level, Model, Cli.Tenant];
        foreach (var option in options) command.Options.Add(option);
        Outputs.AddTo(command);
        command.SetAction(Fit);
        return command;
    }

    private static async Task<int> Fit(ParseResult parsed, CancellationToken cancellation)
    {
        var texts = FitInput.Load(parsed.GetRequiredValue(What), parsed.GetValue(Data), parsed.GetValue(Estimate));
        var starts = parsed.GetValue(Starts);
        Outputs.Check(parsed);
        FitProblem problem;
        try
        {
            problem = texts.Build();
            if (starts < 1) throw new UserException($"--starts {starts}: at least one is needed");
            if (!(parsed.GetValue(Level) is > 0.5 and < 1)) throw new UserException(FormattableString.Invariant($"--level {parsed.GetValue(Level):R}: it must be above 0.5 and below 1"));
            _ = new FitSearch(problem).Starts(1, 1);
        }
        catch (FitException error)
        {
            throw new UserException($"fit: {error.Message}");
        }
        var spec = Spec(texts, problem, starts, parsed);
        await using var cluster = await CliCluster.Open(parsed, EmbeddedRole.Full, cancellation);
        var model = Cli.Address(parsed, cluster, "models", parsed.GetValue(Model) ?? Id(problem.Name));
        foreach (var text in texts.Texts.Values)
            await cluster.Client.PutBlob(Encoding.UTF8.GetBytes(text), cancellation, model.Tenant);
        foreach (var ask in new ICommand[] { new RegisterModel("fit", $"Fits of {problem.Name}"), spec })
        {
            if (await cluster.Client.Ask(model, ask, cancellation: cancellation) is Rejected rejected) throw new UserException($"fit: {rejected.Reason}");
        }
        var report = await Wait(cluster.Client, model, spec, problem, cancellation);
        if (report.Failure.Length > 0) throw new UserException($"fit: {report.Failure}", ExitCodes.Failure);
        if (!Outputs.Quiet(parsed)) FitPrinter.Print(problem, report, model);
        // The predictions of the best parameters, for tables and pictures.
        problem.Value(report.Best!.Theta);
        Outputs.Write(
            parsed, ["experiment", "response", SimulateCommand.Label("time", problem.TimeUnit), "measured", "fitted", "sigma"], () => Rows(problem), () => FitPrinter.Json(problem, report, model),
            () => FitPictures.Draw(problem, report, cancellation));
        return ExitCodes.Success;
    }

    private static FitModel Spec(FitTexts texts, FitProblem problem, int starts, ParseResult parsed)
    {
        var spec = new FitModel(
            "-", texts.Source, parsed.GetValue(Seed), starts, Math.Min(starts, MostParts), parsed.GetValue(Level), parsed.GetValue(Profiles),
            [.. problem.Estimated.Select(i => problem.Parameters[i].Name)]);
        // The same question is the same fit.
        var bytes = Hosting.Families.Messages.Encode(spec);
        return spec with { Fit = Convert.ToHexStringLower(SHA256.HashData(bytes))[..16] };
    }

    private static async Task<FitReport> Wait(
        IClusterClient client, EntityAddress model, FitModel spec, FitProblem problem, CancellationToken cancellation)
    {
        var live = !Console.IsErrorRedirected;
        var said = "";
        var begun = TimeProvider.System.GetTimestamp();
        while (true)
        {
            if (await client.Query(model, new FitReportQuery(spec.Fit), cancellation: cancellation) is not FitReport report)
                throw new UserException($"{model} cannot be read", ExitCodes.Environment);
            if (report.Version > 0 || report.Failure.Length > 0)
            {
                if (live && said.Length > 0) Console.Error.Write("\r" + new string(' ', 100) + "\r");
                return report;
            }
            var seconds = TimeProvider.System.GetElapsedTime(begun).TotalSeconds;
            var line = Line(report, seconds, problem.Noise);
            // Logs get a line when something was done, a terminal also the time left.
            var progress = live ? line : string.Create(CultureInfo.InvariantCulture, $"{report.StartsDone} {report.Profiles.Length}");
            if (seconds > 1 && progress != said)
            {
                if (live) Console.Error.Write("\r" + line.PadRight(100));
                else if (report.StartsDone > 0) Console.Error.WriteLine(line);
                said = progress;
            }
            await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, cancellation);
        }
    }

    internal static string Line(FitReport report, double seconds, FitNoise noise)
    {
        var starts = report.Spec.Starts;
        var best = report.Best is { } part
            ? noise == FitNoise.Relative
                ? string.Create(CultureInfo.InvariantCulture, $", least sum of squares {2 * part.Value:G8}")
                : string.Create(CultureInfo.InvariantCulture, $", best log-likelihood {-part.Value:G8}")
            : "";
        if (report.StartsDone >= starts)
        {
            return report.Spec.Profiles
                ? $"fit: all starts done{best}; profiles: {report.Profiles.Length} of {report.Spec.Estimated.Length}" : $"fit: all starts done{best}; intervals";
        }
        var left = report.StartsDone > 0
            ? string.Create(CultureInfo.InvariantCulture, $", {report.StartsDone / seconds:G3} /s, {seconds * (starts - report.StartsDone) / report.StartsDone:F0} s left") : "";
        return $"fit: {report.StartsDone} of {starts} starts{best}{left}";
    }

    private static IEnumerable<IEnumerable<string>> Rows(FitProblem problem)
    {
        for (var e = 0; e < problem.Experiments.Length; e++)
        {
            var (experiment, prediction) = (problem.Experiments[e], problem.Predictions[e]);
            for (var i = 0; i < experiment.Measurements.Count; i++)
            {
                var m = experiment.Measurements[i];
                double[] numbers = [m.Time, m.Value, prediction.Mean[i], prediction.Deviation[i]];
                yield return [experiment.Name, experiment.Responses[m.Response].Name, .. numbers.Select(Outputs.Exact)];
            }
        }
    }

    private static string Id(string name)
    {
        var id = new string([.. name.Select(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-' ? c : '-')]);
        return id.Length > 0 ? id : "fit";
    }
}
