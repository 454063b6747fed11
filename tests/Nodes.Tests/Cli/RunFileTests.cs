using System.Text.Json;
using Athanor.Compute.Training;
using Athanor.Nodes.Cli;
using Athanor.Nodes.Cli.Training;
using Athanor.Protocol.Training;

namespace Nodes.Tests.Cli;

public sealed class RunFileTests : IDisposable
{
    private const string Good = """
        name = small
        model { kind = perceptron, hidden = [4, 3] }
        loss { mse = 1, mae = 0.5 }
        data { file = "t.csv", targets = [y], validation = 0.25 }
        training {
          precision = float
          batch = 4
          check-every = 5
          optimiser { kind = adamw, learning-rate = 0.02 }
          stop { steps = 40, patience = 3 }
          segments { time = 2s, checkpoint-every = 500ms }
        }
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("athanor-run-").FullName;

    public RunFileTests() => File.WriteAllLines(
        At("t.csv"), ["x,y", .. Enumerable.Range(0, 20).Select(i => FormattableString.Invariant($"{i / 10.0},{i * i / 100.0}"))]);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_file_is_read_with_its_table_named_by_hash_and_its_model_as_canonical_json()
    {
        var file = Read(Good);
        Assert.Equal(("small", "small"), (file.Name, file.Spec.Registers));
        var table = Assert.Single(file.Tables);
        Assert.Equal([table.Key], file.Spec.Tables.ToArray());
        Assert.Equal(20, TrainingTable.FromBytes(table.Value).Rows);
        Assert.Equal("""{"hidden":[4,3],"kind":"perceptron","loss":{"mae":0.5,"mse":1}}""", file.Spec.Model);
        Assert.Equal($$"""{"table":"{{table.Key}}","targets":["y"],"validation":0.25}""", file.Spec.Data);
        Assert.Equal((RunPrecision.Float, RunOptimiserKind.AdamW, 0.02), (file.Spec.Precision, file.Spec.Optimiser.Kind, file.Spec.Optimiser.LearningRate));
        Assert.Equal((40L, 3, TimeSpan.FromSeconds(0.5)), (file.Spec.Stop.Steps, file.Spec.Stop.Patience, file.Spec.SaveEvery));
        // Other words for the same are the same run.
        var other = Read(Good.Replace("kind = perceptron, hidden = [4, 3]", "hidden = [4, 3]\n  kind = \"perceptron\"", StringComparison.Ordinal));
        Assert.Equal(file.Spec.Model, other.Spec.Model);
        Assert.Equal(9UL, RunFile.Read(At("run.hocon"), seed: 9).Spec.Seed);
    }

    [Theory]
    [InlineData("airfoil", "perceptron", 1503)]
    [InlineData("digits", "classifier", 3823)]
    [InlineData("klatt-engell", "hybrid", 0)]
    [InlineData("tanks", "hybrid", 1024)]
    [InlineData("yacht", "perceptron", 308)]
    public void The_examples_are_runs_that_can_be_started(string name, string kind, int rows)
    {
        var file = RunFile.Read(RepositoryFiles.Path("examples", $"{name}.hocon"));
        Assert.Equal(name, file.Name);
        Assert.Equal(rows, file.Tables.Values.Sum(table => TrainingTable.FromBytes(table).Rows));
        using var model = JsonDocument.Parse(file.Spec.Model);
        Assert.Equal(kind, model.RootElement.GetProperty("kind").GetString());
    }

    [Theory]
    [InlineData("name = small", "nam = small", ":1: there is no key 'nam'; valid are name, model")]
    [InlineData("batch = 4", "bach = 4", ":7: there is no key 'training.bach'; valid are precision, seed")]
    [InlineData("batch = 4", "batch = 4.5", ":7: 'training.batch' is '4.5'; a whole number would be right")]
    [InlineData("kind = adamw", "kind = lion", ":9: 'training.optimiser.kind' is 'lion'; one of sgd, adam, adamw, lbfgs would be right")]
    [InlineData("time = 2s", "time = soon", ":11: 'training.segments.time' is no duration")]
    [InlineData("kind = perceptron", "kind = transformer", ":2: model.kind is 'transformer'; one of perceptron")]
    [InlineData("hidden = [4, 3]", "hidden = [0]", ":2: model.hidden: layer 1 has width 0")]
    [InlineData("targets = [y]", "targets = [z]", "the table has no column 'z'; it has x, y")]
    [InlineData("targets = [y]", "target = [y]", "data has no key 'target'; valid are table, targets")]
    [InlineData("validation = 0.25", "validation = 1.5", ":4: data.validation is 1.5; a fraction")]
    [InlineData("t.csv", "none.csv", ":4: there is no file ")]
    [InlineData("targets = [y]", "targets = [y], rows = [5, 21]", ":4: data.rows is [5,21]; [FIRST, LAST] within rows 1 to 20 would be right")]
    [InlineData("batch = 4", "batch = 400", "there are 15 training samples, fewer than a batch of 400; a batch of at most 15")]
    [InlineData("learning-rate = 0.02", "learning-rate = -1", "the learning rate is -1; a positive number would be right")]
    [InlineData("precision = float", "precision = half", ":6: 'training.precision' is 'half'; one of float32, float64, bf16, fp16 would be right")]
    [InlineData("precision = float", "precision = bf16", ":6: training.precision is bf16, which only models with model.engine = libtorch have")]
    [InlineData("kind = perceptron,", "kind = perceptron, activation = gelu,", ":2: model.activation is 'gelu'; one of tanh, softplus, relu, silu")]
    [InlineData("name = small", "name = \"a b\"", ":1: 'name' is 'a b'")]
    [InlineData("mse = 1", "huber = 1", ":3: loss has no key 'huber'; valid are mse, mae, l2")]
    [InlineData("learning-rate = 0.02", "learning-rate = 0.02, memory = x, kind = lbfgs", ":9: 'training.optimiser.memory' is 'x'; a whole number")]
    [InlineData("kind = adamw", "kind = lbfgs, weight-decay = 0.1", "L-BFGS takes no weight decay")]
    [InlineData("t.csv\"", "t.csv\", header = maybe", ":4: 'data.header' is 'maybe'; true or false would be right")]
    [InlineData("kind = perceptron,", "kind = classifier, classes = 3,", "data has no key 'targets'; valid are table, target, inputs")]
    public void What_is_wrong_is_told_with_file_line_and_what_would_be_right(string from, string to, string says)
    {
        var error = Assert.Throws<UserException>(() => Read(Good.Replace(from, to, StringComparison.Ordinal)));
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
        Assert.StartsWith(_folder, error.Message, StringComparison.Ordinal);
        Assert.Equal(ExitCodes.BadInput, error.ExitCode);
    }

    [Fact]
    public void L_bfgs_takes_all_samples_and_full_steps_unless_told_otherwise()
    {
        var spec = Read(Good.Replace("batch = 4", "", StringComparison.Ordinal)
            .Replace("kind = adamw, learning-rate = 0.02", "kind = lbfgs", StringComparison.Ordinal)).Spec;
        Assert.Equal((0, 1.0, 20, RunScheduleKind.Constant), (spec.Batch, spec.Optimiser.LearningRate, spec.Optimiser.Memory, spec.Schedule.Kind));
        Assert.Equal(0, Read(Good.Replace("batch = 4", "batch = all", StringComparison.Ordinal)).Spec.Batch);
        Assert.Null(Read(Good).Spec.Optimiser.Memory);
    }

    [Fact]
    public void A_file_without_a_header_has_numbered_columns_and_a_label_out_of_range_is_told_with_its_row()
    {
        File.WriteAllLines(At("t.csv"), Enumerable.Range(0, 20).Select(i => FormattableString.Invariant($"{i / 10.0},{i % 3}")));
        var text = Good.Replace("kind = perceptron", "kind = classifier, classes = 3", StringComparison.Ordinal)
            .Replace("loss { mse = 1, mae = 0.5 }", "", StringComparison.Ordinal)
            .Replace("targets = [y]", "header = false, target = c2", StringComparison.Ordinal);
        var table = TrainingTable.FromBytes(Read(text).Tables.Values.Single());
        Assert.Equal((20, 1.9), (table.Rows, table["c1"][19]));
        Assert.Contains(
            ":3: model.classes is 1", Assert.Throws<UserException>(() => Read("\n" + text.Replace("classes = 3", "classes = 1", StringComparison.Ordinal))).Message,
            StringComparison.Ordinal);
        Assert.Contains(
            "data.target 'c2' holds the label 2 in row 3; a whole number from 0 to 1 would be right",
            Assert.Throws<UserException>(() => Read(text.Replace("classes = 3", "classes = 2", StringComparison.Ordinal))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("1.0,nan", "t.csv:3: column 'y' holds 'nan'; only finite numbers are taken")]
    [InlineData("1.0,", "t.csv:3: column 'y' is empty; expected a number")]
    [InlineData("1.0", "t.csv:3: 1 cells where the header has 2")]
    public void A_cell_that_is_no_number_is_told_with_file_and_line(string row, string says)
    {
        File.WriteAllLines(At("t.csv"), ["x,y", "0,1", row]);
        Assert.Contains(says, Assert.Throws<UserException>(() => Read(Good)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_curve_is_drawn_with_both_losses_between_their_extremes()
    {
        var lines = LossCurve.Draw([(0, 1.0), (50, 0.1), (100, 0.01)], [(100, 0.02), (90, double.NaN)], 100, 60, 9);
        Assert.Equal(11, lines.Count);
        Assert.StartsWith("         1 ┤*", lines[0], StringComparison.Ordinal);
        Assert.EndsWith("*", lines[8], StringComparison.Ordinal);
        Assert.Contains(lines, line => line.EndsWith('o'));
        Assert.Empty(LossCurve.Draw([(0, 1.0)], [], 100, 60, 9));
    }

    private string At(string name) => Path.Combine(_folder, name);

    private RunFile Read(string text)
    {
        File.WriteAllText(At("run.hocon"), text);
        return RunFile.Read(At("run.hocon"));
    }
}
