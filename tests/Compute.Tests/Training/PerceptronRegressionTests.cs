using System.Text.Json;
using Athanor.Compute.Numerics;
using Athanor.Compute.Training;

namespace Compute.Tests.Training;

public sealed class PerceptronRegressionTests
{
    private const string Model = """{"kind":"perceptron","hidden":[8]}""";

    private static readonly TrainingTable Table = Make(60);

    [Fact]
    public void It_learns_a_product_and_tells_its_error_in_the_columns_unit()
    {
        var task = Create(Model, """{"table":"t","targets":["y"],"validation":0.2,"shuffle-seed":4}""");
        Assert.Equal((48, 2 * 8 + 8 + 8 + 1), (task.Samples, task.ParameterCount));
        Assert.Equal(["layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias"], task.Tensors.Select(t => t.Name));
        var settings = Loops.Settings with
        {
            Optimiser = new OptimiserSettings(OptimiserKind.Adam, 0.02),
            Stop = new StopSettings(1500),
            CheckEvery = 100
        };
        var loop = new TrainingLoop<float>(task, settings, "x").Run();
        Assert.True(loop.BestFigures["nmse"] < 0.05, $"{loop.BestFigures["nmse"]}");
        Assert.True(loop.BestFigures["rmse"] < 0.1);
        using var model = JsonDocument.Parse(task.Model);
        Assert.Equal(["a", "b"], model.RootElement.GetProperty("inputs").EnumerateArray().Select(e => e.GetString()));
        Assert.Equal(2, model.RootElement.GetProperty("input-means").GetArrayLength());
    }

    [Theory]
    [InlineData("""{"mse":1}""", "tanh")]
    [InlineData("""{"mse":0.5,"mae":0.25}""", "silu")]
    public void Its_gradient_is_the_slope_of_its_loss(string loss, string activation)
    {
        var task = TrainingTasks.Create<double>(
            $$"""{"kind":"perceptron","hidden":[5],"activation":"{{activation}}","loss":{{loss}}}""", """{"table":"t","targets":["y","a"]}""",
            _ => Table.ToBytes(), SplitRequest.OfData);
        var p = new double[task.ParameterCount];
        task.Initialize(p, 3);
        // The outputs' biases, so high that no error changes its sign: there the absolute error has no slope.
        (p[^1], p[^2]) = (6.0, 6.0);
        var gradient = new double[p.Length];
        int[] samples = [.. Enumerable.Range(0, 40)];
        var scratch = task.NewScratch();
        task.Gradient(p, samples, gradient, scratch);
        for (var k = 0; k < p.Length; k++)
        {
            var (kept, step) = (p[k], 1e-5);
            p[k] = kept + step;
            var up = task.Gradient(p, samples, new double[p.Length], scratch);
            p[k] = kept - step;
            var down = task.Gradient(p, samples, new double[p.Length], scratch);
            p[k] = kept;
            Assert.Equal((up - down) / (2.0 * step), gradient[k], 1e-5 + 1e-6 * Math.Abs(gradient[k]));
        }
    }

    [Fact]
    public void Folds_are_contiguous_parts_that_cover_every_row_once()
    {
        for (var fold = 0; fold < 7; fold++)
        {
            var (first, end) = new SplitRequest(7, fold).Part(60);
            var task = Create(Model, """{"table":"t","targets":["y"]}""", new SplitRequest(7, fold));
            Assert.Equal(60 - (end - first), task.Samples);
            Assert.Equal(fold == 0 ? 0 : new SplitRequest(7, fold - 1).Part(60).End, first);
        }
        Assert.Equal(60, new SplitRequest(7, 6).Part(60).End);
    }

    [Fact]
    public void Of_the_rows_only_those_named_are_used()
    {
        var task = Create(Model, """{"table":"t","targets":["y"],"rows":[11,50],"validation":[41,50]}""");
        Assert.Equal(30, task.Samples);
        // What lies outside changes nothing, not even the scales.
        double[][] columns = [.. Table.Names.Select(name => Table[name].ToArray())];
        foreach (var column in columns) column[5] = column[55] = 1e6;
        var bytes = new TrainingTable(Table.Names, columns).ToBytes();
        var other = TrainingTasks.Create<float>(
            Model, """{"table":"t","targets":["y"],"rows":[11,50],"validation":[41,50]}""", _ => bytes, SplitRequest.OfData);
        Assert.Equal(task.Model, other.Model);
    }

    public static TheoryData<string, string, string> Bad => new()
    {
        { "data has no key 'target'; valid are table, targets, inputs", Model, """{"table":"t","target":["y"]}""" },
        { "data.targets is missing; an array of texts would be right", Model, """{"table":"t"}""" },
        { "the table has no column 'z'; it has a, b, y", Model, """{"table":"t","targets":["z"]}""" },
        { "the column 'y' is both among data.inputs and data.targets", Model, """{"table":"t","targets":["y"],"inputs":["y"]}""" },
        { "data.targets holds every column", Model, """{"table":"t","targets":["a","b","y"]}""" },
        { "data.validation is 1; a fraction", Model, """{"table":"t","targets":["y"],"validation":1}""" },
        { "[FIRST, LAST] within rows 1 to 60 would be right", Model, """{"table":"t","targets":["y"],"validation":[50,61]}""" },
        { "data.validation is [1,20]; [FIRST, LAST] within rows 11 to 50", Model, """{"table":"t","targets":["y"],"rows":[11,50],"validation":[1,20]}""" },
        { "data.rows is [0,20]; [FIRST, LAST] within rows 1 to 60", Model, """{"table":"t","targets":["y"],"rows":[0,20]}""" },
        { "leaves no row for training", Model, """{"table":"t","targets":["y"],"validation":[1,60]}""" },
        { "model.hidden: layer 1 has width 0", """{"kind":"perceptron","hidden":[0]}""", """{"table":"t","targets":["y"]}""" },
        { "loss has no key 'huber'; valid are mse, mae", """{"kind":"perceptron","loss":{"huber":1}}""", """{"table":"t","targets":["y"]}""" },
        { "model.kind is 'transformer'; one of perceptron", """{"kind":"transformer"}""", """{"table":"t","targets":["y"]}""" },
        { "the data is not valid JSON", Model, "{" },
    };

    [Theory]
    [MemberData(nameof(Bad))]
    public void What_does_not_fit_is_refused_with_the_key_and_what_would_be_right(string says, string model, string data) =>
        Assert.Contains(says, Assert.Throws<TrainingException>(() => Create(model, data)).Message);

    [Fact]
    public void A_table_that_is_cut_short_or_holds_what_is_no_number_is_refused()
    {
        var bytes = Table.ToBytes();
        Assert.Equal(Table["b"].ToArray(), TrainingTable.FromBytes(bytes)["b"].ToArray());
        for (var length = 0; length < bytes.Length; length += 11)
            Assert.Throws<TrainingException>(() => TrainingTable.FromBytes(bytes.AsSpan(0, length)));
        var error = Assert.Throws<TrainingException>(() => new TrainingTable(["x"], [[1.0, double.NaN]]));
        Assert.Equal("column 'x' holds NaN in row 2; it must be finite", error.Message);
        bytes[^1] = 0x7F;
        bytes[^2] = 0xF0;
        Assert.Contains("it must be finite", Assert.Throws<TrainingException>(() => TrainingTable.FromBytes(bytes)).Message);
    }

    private static ITrainingTask<float> Create(string model, string data, SplitRequest split = default) =>
        TrainingTasks.Create<float>(model, data, hash => hash == "t" ? Table.ToBytes() : throw new ArgumentException(hash), split);

    private static TrainingTable Make(int rows)
    {
        var random = new Philox(11);
        double[] a = new double[rows], b = new double[rows], y = new double[rows];
        for (var i = 0; i < rows; i++)
        {
            (a[i], b[i]) = (random.NextDouble(-1.0, 1.0), random.NextDouble(-1.0, 1.0));
            y[i] = 3.0 + a[i] * b[i];
        }
        return new TrainingTable(["a", "b", "y"], [a, b, y]);
    }
}
