using System.CommandLine;
using System.Globalization;
using Athanor.Compute.Continuation;
using Athanor.Compute.Problems;
using Athanor.Compute.SteadyStates;
using Athanor.Nodes.Cli.Simulation;

namespace Athanor.Nodes.Cli.Bifurcation;

/// <summary><c>bifurcate</c>: the steady states and limit cycles of a benchmark or a file over one parameter.</summary>
internal static class BifurcateCommand
{
    private static readonly Argument<string> What = new("what") { Description = ProblemSource.Help, HelpName = "NAME|FILE" };

    private static readonly Option<string> Parameter = new("--parameter") { Description = "The parameter to vary.", HelpName = "P", Required = true };

    private static readonly Option<double> From = new("--from") { Description = "One end of its range.", HelpName = "V", Required = true };

    private static readonly Option<double> To = new("--to") { Description = "The other end.", HelpName = "V", Required = true };

    private static readonly Option<string[]> Set = new("--set") { Description = "The value of another parameter.", HelpName = "P=V", AllowMultipleArgumentsPerToken = true };

    private static readonly Option<string[]> Box = new("--box") { Description = "Where steady states of a state are searched, instead of the problem's own bounds.", HelpName = "S=LOW:HIGH", AllowMultipleArgumentsPerToken = true };

    private static readonly Option<string[]> Show = new("--show") { Description = "States to draw, with commas; at most four otherwise.", HelpName = "STATES", AllowMultipleArgumentsPerToken = true };

    private static readonly Option<bool> NoCycles = new("--no-cycles") { Description = "Do not follow limit cycles from Hopf points." };

    private static readonly Option<double> MaximumStep = new("--max-step") { Description = "Longest step along a branch, as a share of the parameter's range and the states' size.", HelpName = "H", DefaultValueFactory = _ => 0.01 };

    private static readonly Option<int> Intervals = new("--intervals") { Description = "Mesh intervals of a cycle.", HelpName = "N", DefaultValueFactory = _ => 40 };

    private static readonly Option<int> Starts = new("--starts") { Description = "Starts of a search for steady states that cannot be proven complete.", HelpName = "N", DefaultValueFactory = _ => SteadyStateSearch.DefaultStarts };

    private static readonly Option<ulong> Seed = new("--seed") { Description = "Seed of those starts.", HelpName = "N", DefaultValueFactory = _ => 1 };

    private static readonly Outputs Outputs = new();

    public static Command Create()
    {
        var command = Cli.Command(
            "bifurcate",
            "Follows steady states and limit cycles over one parameter: folds, Hopf points, where cycles end; prints a table and draws the diagram.",
            "bifurcate exothermic-cstr --parameter Tc --from 290 --to 320 --plot cstr.svg",
            "bifurcate bioreactor --parameter D --from 0.05 --to 0.8", "bifurcate exothermic-cstr --parameter q --from 60 --to 160 --set Tc=300 --json");
        command.Arguments.Add(What);
        Option[] options = [Parameter, From, To, Set, Box, Show, NoCycles, MaximumStep, Intervals, Starts, Seed];
        foreach (var option in options) command.Options.Add(option);
        Outputs.AddTo(command);
        command.SetAction(Bifurcate);
        return command;
    }

    private static async Task<int> Bifurcate(ParseResult parsed, CancellationToken cancellation)
    {
        var problem = ProblemSource.Load(parsed.GetRequiredValue(What));
        Outputs.Check(parsed);
        var name = parsed.GetRequiredValue(Parameter);
        var index = Assignments.Index(problem.Name, "parameter", name, [.. problem.Parameters.Select(p => p.Name)]);
        var (from, to) = (parsed.GetRequiredValue(From), parsed.GetRequiredValue(To));
        CheckRange(problem.Parameters[index], from, to);
        var parameters = Assignments.Parameters(problem, parsed.GetValue(Set) ?? []);
        var (lower, upper) = SearchBox.Of(problem, parameters, parsed.GetValue(Box) ?? []);
        var shown = Shown(problem, parsed.GetValue(Show) ?? []);
        var run = new LongRun($"bifurcate {problem.Name}", "parts", Progress.Total, TimeProvider.System);
        var progress = new Progress(run);
        BifurcationDiagram diagram;
        try
        {
            var field = ProblemField.Of(problem, problem.Parameters[index].Name, parameters);
            var request = new BifurcationRequest
            {
                From = from,
                To = to,
                Lower = [.. lower],
                Upper = [.. upper],
                Guesses = [[.. problem.NominalInitial]],
                Cycles = !parsed.GetValue(NoCycles),
                MaximumStep = parsed.GetValue(MaximumStep),
                CycleIntervals = parsed.GetValue(Intervals),
                Starts = parsed.GetValue(Starts),
                Seed = parsed.GetValue(Seed),
            };
            diagram = await run.Run(
                () => Compute.Continuation.Bifurcation.Compute(field, request, progress.Report, cancellation), cancellation);
        }
        catch (Exception e) when (e is ArgumentException or ArithmeticException or NoSteadyStateException)
        {
            throw new UserException($"bifurcate {problem.Name}: {e.Message}");
        }
        var report = new DiagramReport(problem, index, diagram);
        if (!Outputs.Quiet(parsed)) report.Print(SearchBox.Describe(problem, lower, upper));
        Outputs.Write(parsed, report.Columns, report.Rows, report.Json, () => DiagramPlot.Panels(problem, index, diagram, shown));
        return ExitCodes.Success;
    }

    private static void CheckRange(OdeParameter parameter, double from, double to)
    {
        if (!double.IsFinite(from) || !double.IsFinite(to) || from == to)
            throw new UserException(string.Create(CultureInfo.InvariantCulture, $"--from {from:R} --to {to:R}: a range needs two different finite ends"));
        var (low, high) = (Math.Min(from, to), Math.Max(from, to));
        if (low < parameter.Lower || high > parameter.Upper)
        {
            throw new UserException(string.Create(
                CultureInfo.InvariantCulture,
                $"--from {from:R} --to {to:R}: {parameter.Name} makes sense from {parameter.Lower:R} to {parameter.Upper:R} {parameter.Unit}"));
        }
    }

    private static int[] Shown(OdeProblem problem, string[] names)
    {
        var wanted = names.SelectMany(n => n.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)).ToArray();
        var all = problem.States.Select(s => s.Name).ToArray();
        if (wanted.Length > 0) return [.. wanted.Select(name => Assignments.Index(problem.Name, "state", name, all))];
        return [.. Enumerable.Range(0, Math.Min(all.Length, 4))];
    }

    /// <summary>Puts the stages of a computation on one scale: the searches are its first tenth, branches go to a half, cycles to the
    /// end.</summary>
    private sealed class Progress(LongRun run)
    {
        public const int Total = 1000;

        public void Report(BifurcationProgress progress)
        {
            var (start, end) = progress.Stage[0] switch
            {
                's' => (0.0, 0.1),
                'b' => (0.1, 0.5),
                _ => (0.5, 1.0),
            };
            run.Report((int)(Total * (start + ((end - start) * Math.Clamp(progress.Share, 0.0, 1.0)))));
        }
    }
}
