using System.Globalization;
using System.IO.Compression;
using System.Text.Json;
using Athanor.Compute.Numerics;
using Athanor.Compute.Training;

namespace Compute.Tests.Training;

public sealed class PerceptronClassificationTests
{
    private const string Model = """{"kind":"classifier","classes":3,"hidden":[8]}""";
    private const string Data = """{"table":"t","target":"class","shuffle-seed":1,"validation":0.25}""";

    private static readonly TrainingTable Table = Make(160);

    [Fact]
    public void It_learns_which_third_of_the_plane_a_point_lies_in_and_says_its_accuracy()
    {
        var task = Create<float>(Model, Data, Table);
        var settings = Loops.Settings with { Optimiser = new OptimiserSettings(OptimiserKind.Adam, 0.02), Stop = new StopSettings(600) };
        var loop = new TrainingLoop<float>(task, settings, "x").Run();
        Assert.True(loop.BestFigures["accuracy"] > 0.9, $"{loop.BestFigures["accuracy"]}");
        // Guessing gives ln 3.
        Assert.True(loop.BestFigures["loss"] < 0.3, $"{loop.BestFigures["loss"]}");
        using var model = JsonDocument.Parse(task.Model);
        Assert.Equal(["0", "1", "2"], model.RootElement.GetProperty("classes").EnumerateArray().Select(e => e.GetString()));
    }

    [Theory]
    [InlineData("""{"cross-entropy":1}""", "relu")]
    [InlineData("""{"cross-entropy":0.5,"l2":0.01}""", "tanh")]
    [InlineData("""{"l2":0.3}""", "silu")]
    public void Its_gradient_is_the_slope_of_its_loss(string loss, string activation)
    {
        var task = Create<double>(
            $$"""{"kind":"classifier","classes":["a","b","c"],"hidden":[5],"activation":"{{activation}}","loss":{{loss}}}""", Data, Table);
        var p = new double[task.ParameterCount];
        task.Initialize(p, 3);
        int[] samples = [.. Enumerable.Range(0, 50)];
        var (gradient, scratch) = (new double[p.Length], task.NewScratch());
        task.Gradient(p, samples, gradient, scratch);
        for (var k = 0; k < p.Length; k++)
        {
            var (kept, step) = (p[k], 1e-5);
            p[k] = kept + step;
            var up = task.Gradient(p, samples, new double[p.Length], scratch);
            p[k] = kept - step;
            var down = task.Gradient(p, samples, new double[p.Length], scratch);
            p[k] = kept;
            Assert.Equal((up - down) / (2.0 * step), gradient[k], 1e-6 + (1e-6 * Math.Abs(gradient[k])));
        }
    }

    [Fact]
    public void Outputs_far_apart_overflow_nothing()
    {
        var task = Create<double>(Model, Data, Table);
        var p = new double[task.ParameterCount];
        task.Initialize(p, 3);
        (p[^1], p[^2], p[^3]) = (2000.0, -2000.0, 0.0);
        var gradient = new double[p.Length];
        var loss = task.Gradient(p, [0, 1, 2, 3], gradient, task.NewScratch());
        Assert.True(double.IsFinite(loss) && gradient.All(double.IsFinite), $"{loss}");
    }

    [Theory]
    [InlineData(3.0, "3")]
    [InlineData(-1.0, "-1")]
    [InlineData(0.5, "0.5")]
    public void A_label_out_of_range_is_refused_with_row_and_value(double label, string text)
    {
        double[][] columns = [.. Table.Names.Select(name => Table[name].ToArray())];
        columns[2][17] = label;
        var error = Assert.Throws<TrainingException>(() => Create<double>(Model, Data, new TrainingTable(Table.Names, columns)));
        Assert.Equal(
            $"data.target 'class' holds the label {text} in row 18; a whole number from 0 to 2 would be right (model.classes gives 3)",
            error.Message);
    }

    [Theory]
    [InlineData("\"classes\":3", "\"classes\":1", "model.classes is 1; 2 to 4096, or the classes' names, would be right")]
    [InlineData("\"classes\":3", "\"classes\":[\"a\",\"a\"]", "model.classes has 2 names; 2 to 4096 different ones")]
    [InlineData("\"classes\":3,", "", "model.classes is missing; a whole number would be right")]
    [InlineData("\"hidden\":[8]", "\"hidden\":[8],\"loss\":{\"mse\":1}", "loss has no key 'mse'; valid are cross-entropy, l2")]
    [InlineData("\"hidden\":[8]", "\"hidden\":[8],\"loss\":{\"l2\":-1}", "loss.l2 is -1; a weight of 0 or more would be right")]
    public void What_is_wrong_is_told_with_its_key(string from, string to, string says) => Assert.Contains(
        says, Assert.Throws<TrainingException>(() => Create<double>(Model.Replace(from, to, StringComparison.Ordinal), Data, Table)).Message,
        StringComparison.Ordinal);

    [Fact]
    public void Handwritten_digits_are_told_apart_as_well_as_a_small_net_can()
    {
        using var file = new StreamReader(new GZipStream(
            File.OpenRead(RepositoryFiles.Path("data", "digits", "optdigits.tra.gz")), CompressionMode.Decompress));
        var rows = file.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split(',').Select(cell => double.Parse(cell, CultureInfo.InvariantCulture)).ToArray()).ToArray();
        var table = new TrainingTable(
            [.. Enumerable.Range(1, 65).Select(i => $"c{i}")], [.. Enumerable.Range(0, 65).Select(c => rows.Select(r => r[c]).ToArray())]);
        var task = Create<float>(
            """{"kind":"classifier","classes":10,"hidden":[64],"activation":"relu","loss":{"l2":0.0001}}""",
            """{"table":"t","target":"c65","validation":0.2}""", table);
        Assert.Equal(3059, task.Samples);
        var settings = new LoopSettings(
            new OptimiserSettings(OptimiserKind.AdamW, 0.003, WeightDecay: 1e-4), new ScheduleSettings(WarmUp: 100, FinalRate: 1e-5),
            new StopSettings(1000), new GuardSettings(), 1, 32, Ranks: 4);
        var loop = new TrainingLoop<float>(task, settings, "x").Run();
        Assert.True(loop.BestFigures["accuracy"] >= 0.97, $"{loop.BestFigures["accuracy"]}");
    }

    private static ITrainingTask<T> Create<T>(string model, string data, TrainingTable table)
        where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T> =>
        TrainingTasks.Create<T>(model, data, _ => table.ToBytes(), SplitRequest.OfData);

    private static TrainingTable Make(int rows)
    {
        var random = new Philox(5);
        double[] x = new double[rows], y = new double[rows], c = new double[rows];
        for (var i = 0; i < rows; i++)
        {
            (x[i], y[i]) = (random.NextDouble(-1.0, 1.0), random.NextDouble(-1.0, 1.0));
            c[i] = y[i] > 0.3 ? 2 : x[i] > 0.0 ? 1 : 0;
        }
        return new TrainingTable(["x", "y", "class"], [x, y, c]);
    }
}
