using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Athanor.Nodes.Cli;

namespace Nodes.Tests.Cli;

[Collection("console")]
public sealed class TrainingCommandsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("athanor-train-").FullName;

    public TrainingCommandsTests() => File.WriteAllLines(
        At("t.csv"), ["x,y", .. Enumerable.Range(0, 40).Select(i => FormattableString.Invariant($"{i / 20.0},{i * i / 400.0}"))]);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_run_is_trained_shown_drawn_compared_and_known_the_second_time()
    {
        var file = Write("first", 400);
        var text = await Finished(Start(["train", file, "--state", At("state")]), ExitCodes.Success);
        Assert.Contains("default/training/first: 400 steps", text, StringComparison.Ordinal);
        Assert.Contains("They are a version of models/first.", text, StringComparison.Ordinal);
        Assert.Equal(text, await Finished(Start(["train", file, "--state", At("state")]), ExitCodes.Success));
        await Finished(Start(["train", file, "--seed", "5", "--run", "second", "--state", At("state")]), ExitCodes.Success);

        var conflict = await Assert.ThrowsAsync<UserException>(() => Run("train", file, "--seed", "6"));
        Assert.Contains("another id would be right; --run ID starts it beside default/training/first", conflict.Message, StringComparison.Ordinal);

        using var list = JsonDocument.Parse(await Run("training", "list", "--json"));
        Assert.Equal(["first", "second"], list.RootElement.EnumerateArray().Select(e => e.GetProperty("address").GetString()!.Split('/')[2]));
        Assert.All(list.RootElement.EnumerateArray(), e => Assert.Equal("finished", e.GetProperty("phase").GetString()));
        Assert.Contains("400 of 400", await Run("training", "list"), StringComparison.Ordinal);

        var shown = await Run("training", "show", "first", "--csv", At("loss.csv"), "--plot", At("loss.svg"));
        foreach (var word in (string[])["finished", "step 400", "weights", "nmse", "└"]) Assert.Contains(word, shown, StringComparison.Ordinal);
        var lines = await File.ReadAllLinesAsync(At("loss.csv"));
        Assert.Equal("step,loss,rate,gradient-norm,validation-loss,validation-nmse,validation-rmse", lines[0]);
        Assert.Equal(Enumerable.Range(1, 8).Select(k => 50 * k), lines.Skip(1).Select(l => int.Parse(l.Split(',')[0], CultureInfo.InvariantCulture)));
        Assert.Contains("validation", await File.ReadAllTextAsync(At("loss.svg")), StringComparison.Ordinal);
        using var json = JsonDocument.Parse(await Run("training", "show", "first", "--json"));
        Assert.Equal(64, json.RootElement.GetProperty("weights").GetString()!.Length);

        var compared = await Run("training", "compare", "first", "second");
        Assert.Contains("training.Seed", compared, StringComparison.Ordinal);
        Assert.DoesNotContain("training.Batch", compared, StringComparison.Ordinal);

        var done = await Assert.ThrowsAsync<UserException>(() => Run("training", "cancel", "first"));
        Assert.Contains("finished already", done.Message, StringComparison.Ordinal);
        var none = await Assert.ThrowsAsync<UserException>(() => Run("training", "show", "third"));
        Assert.Contains("there is no default/training/third", none.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_interrupted_run_goes_on_by_the_same_command_and_ends_with_the_weights_of_the_unbroken_one()
    {
        var file = Write("long", 150_000);
        using (var first = Start(["train", file, "--state", At("broken")]))
        {
            string? line;
            do
            {
                line = await first.StandardError.ReadLineAsync();
                Assert.True(line is not null, "the run ended before it was interrupted");
            }
            while (!line.Contains("step", StringComparison.Ordinal));
            // Ctrl-C's signal is ignored by children of a shell that put them into the background; this one never is, and does the same.
            using var kill = Process.Start("kill", ["-TERM", first.Id.ToString(CultureInfo.InvariantCulture)])!;
            await kill.WaitForExitAsync();
            var rest = await first.StandardError.ReadToEndAsync();
            await first.WaitForExitAsync();
            Assert.True(first.ExitCode == ExitCodes.Interrupted, rest);
        }
        var broken = await Finished(Start(["train", file, "--state", At("broken")]), ExitCodes.Success);
        var whole = await Finished(Start(["train", file, "--state", At("whole")]), ExitCodes.Success);
        Assert.Equal(whole, broken);
        Assert.Contains("Weights ", whole, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cross_validation_broken_off_amid_its_folds_shows_their_figures_with_mean_and_deviation()
    {
        var file = Write("folds", 40_000, "folds = 3");
        using (var first = Start(["train", file, "--state", At("state")]))
        {
            string? line;
            do
            {
                line = await first.StandardError.ReadLineAsync();
                Assert.True(line is not null, "the run ended before it was interrupted");
            }
            while (!line.Contains("fold ", StringComparison.Ordinal));
            first.Kill(entireProcessTree: true);
            await first.WaitForExitAsync();
        }
        var whole = await Finished(Start(["train", file, "--state", At("whole")]), ExitCodes.Success);
        Assert.Equal(whole, await Finished(Start(["train", file, "--state", At("state")]), ExitCodes.Success));
        using var json = JsonDocument.Parse(await Run("training", "show", "folds", "--json"));
        var folds = json.RootElement.GetProperty("folds").EnumerateArray().ToArray();
        Assert.Equal([1, 2, 3], folds.Select(f => f.GetProperty("fold").GetInt32()));
        double[] losses = [.. folds.Select(f => f.GetProperty("figures").GetProperty("rmse").GetDouble())];
        var (mean, sd) = (losses.Average(), Math.Sqrt(losses.Sum(l => (l - losses.Average()) * (l - losses.Average())) / 2.0));
        var over = json.RootElement.GetProperty("overFolds").GetProperty("rmse");
        Assert.Equal(mean, over.GetProperty("mean").GetDouble(), 1e-12);
        Assert.Equal(sd, over.GetProperty("sd").GetDouble(), 1e-12);
        Assert.Equal(sd, json.RootElement.GetProperty("metrics").GetProperty("cv-rmse-sd").GetDouble(), 1e-12);
        var shown = await Run("training", "show", "folds");
        foreach (var words in (string[])["fold 1 of 3", "fold 3 of 3", "rmse over the folds", "±", "after 3 folds"])
            Assert.Contains(words, shown, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_goes_on_from_a_version_and_its_own_is_that_ones_child()
    {
        await Finished(Start(["train", Write("net", 200), "--state", At("state")]), ExitCodes.Success);
        var next = Write("next", 40, "batch = all\n  optimiser { kind = lbfgs }", "register = net\nstart-from = \"net@1\"");
        await Finished(Start(["train", next, "--state", At("state")]), ExitCodes.Success);
        using var model = JsonDocument.Parse(await Run("models", "show", "net", "--version", "2", "--json"));
        Assert.Equal(("training/next", 1), (model.RootElement.GetProperty("source").GetString(), model.RootElement.GetProperty("parent").GetInt32()));
        var losses = new List<double>();
        foreach (var run in (string[])["net", "next"])
        {
            using var shown = JsonDocument.Parse(await Run("training", "show", run, "--json"));
            losses.Add(shown.RootElement.GetProperty("metrics").GetProperty("train-loss").GetDouble());
        }
        Assert.True(losses[1] < losses[0], $"{losses[1]} after {losses[0]}");

        await Refused("net@3", "default/models/net has no version 3; it has 1 to 2");
        await Refused("net", "start-from is 'net'; a model's version, MODEL@2, would be right");
        await Refused("none@1", "there is no default/models/none");
        var wide = await File.ReadAllTextAsync(next);
        await File.WriteAllTextAsync(next, wide.Replace("hidden = [8]", "hidden = [9]", StringComparison.Ordinal));
        await Refused("net@1", "net@1 does not fit the file's model: the model's tensor 'layers.0.weight' is F32 (8, 1) where F32 (9, 1) would be right");

        async Task Refused(string from, string says)
        {
            var text = await File.ReadAllTextAsync(next);
            await File.WriteAllTextAsync(At("other.hocon"), text.Replace("\"net@1\"", $"\"{from}\"", StringComparison.Ordinal));
            var error = await Assert.ThrowsAsync<UserException>(() => Run("train", At("other.hocon")));
            Assert.Contains(says, error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_run_that_diverges_is_parked_and_can_be_resumed_and_cancelled()
    {
        var file = Write("wild", 400, "optimiser { kind = sgd, learning-rate = 1e9 }\n  guard { max-rollbacks = 1 }");
        var text = await Finished(Start(["train", file, "--state", At("state")]), ExitCodes.Failure, errors: true);
        Assert.Contains("is parked at step 0: diverged: ", text, StringComparison.Ordinal);
        Assert.Contains("'athanor training resume wild' lets it go on", text, StringComparison.Ordinal);
        Assert.Contains("rolled back", await Run("training", "show", "wild"), StringComparison.Ordinal);
        Assert.Contains("goes on while a node runs", await Run("training", "resume", "wild"), StringComparison.Ordinal);
        Assert.Contains("running", await Run("training", "list"), StringComparison.Ordinal);
        Assert.Contains("is cancelled", await Run("training", "cancel", "wild", "--reason", "enough"), StringComparison.Ordinal);
        Assert.Contains("cancelled: enough", await Run("training", "show", "wild"), StringComparison.Ordinal);
    }

    private string At(string name) => Path.Combine(_folder, name);

    private string Write(string name, int steps, string more = "optimiser { learning-rate = 0.01 }", string first = "")
    {
        File.WriteAllText(At($"{name}.hocon"), $$"""
            {{first}}
            model { kind = perceptron, hidden = [8] }
            data { file = "t.csv", targets = [y], validation = 0.25, shuffle-seed = 2 }
            training {
              precision = float
              batch = 10
              check-every = 50
              {{more}}
              stop { steps = {{steps}} }
            }
            """);
        return At($"{name}.hocon");
    }

    private Task<string> Run(params string[] arguments) => CommandLine.Run(ExitCodes.Success, [.. arguments, "--state", At("state")]);

    /// <summary>The program itself: its slots are processes of it, too.</summary>
    private static Process Start(string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardError = true, RedirectStandardOutput = true, UseShellExecute = false };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "athanor.dll"));
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }

    private static async Task<string> Finished(Process process, int code, bool errors = false)
    {
        using (process)
        {
            var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
            await process.WaitForExitAsync();
            Assert.True(process.ExitCode == code, $"{process.ExitCode}: {await output}{await error}");
            return errors ? await error : await output;
        }
    }
}
