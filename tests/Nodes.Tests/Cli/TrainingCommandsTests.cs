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

    private string Write(string name, int steps, string more = "optimiser { learning-rate = 0.01 }")
    {
        File.WriteAllText(At($"{name}.hocon"), $$"""
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
