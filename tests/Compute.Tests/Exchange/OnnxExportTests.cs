using Athanor.Compute.Exchange;
using Athanor.Compute.Exchange.Onnx;
using Athanor.Compute.Kernels;

namespace Compute.Tests.Exchange;

/// <summary>Exported graphs are run by ONNX Runtime and held to the kernels here.</summary>
public sealed class OnnxExportTests
{
    private const int Seed = 20, Rows = 257;
    private const string Classes = "\"target\":\"y\",\"classes\":[\"no\",\"yes\"]";

    [Fact]
    public async Task An_exported_perceptron_gives_what_the_kernels_give_its_scales_inside()
    {
        var parameters = SampleModels.Weights(Seed);
        var file = ModelFile.Read(SampleModels.File(SampleModels.Perceptron, parameters, 3, 16, 16, 2));
        var (x, z) = (new float[Rows * 3], new float[Rows * 3]);
        double[] means = [1, -1, 100], deviations = [2, 0.5, 10];
        var random = new Random(Seed);
        for (var i = 0; i < x.Length; i++)
        {
            x[i] = (float)(means[i % 3] + (deviations[i % 3] * 3 * (random.NextDouble() - 0.5)));
            z[i] = (x[i] - (float)means[i % 3]) / (float)deviations[i % 3];
        }
        var network = new Perceptron(3, 16, 16, 2);
        var y = new float[Rows * 2];
        network.Forward(parameters, z, Rows, y, new PerceptronWorkspace(network, 64));

        var run = new OnnxRun(OnnxExport.Write(file), new() { ["inputs"] = OtherTensor.Of(x, Rows, 3) });
        var shown = (await OtherRuntimes.RunOnnx(run))[0]["outputs"];
        Assert.Equal([Rows, 2], shown.Dims);
        for (var i = 0; i < y.Length; i++)
        {
            var expected = i % 2 == 0 ? (3f * y[i]) + 10f : 0.1f * y[i];
            // Two sums in other orders of products below 1: a few units in the last place of the scaled output.
            Assert.InRange(shown.Data[i] - expected, i % 2 == 0 ? -1e-5 : -3e-7, i % 2 == 0 ? 1e-5 : 3e-7);
        }
    }

    [Fact]
    public async Task An_exported_classifier_gives_the_softmax_of_what_the_kernels_give()
    {
        var json = SampleModels.Perceptron.Replace("perceptron", "classifier", StringComparison.Ordinal)
            .Replace("\"target-deviations\":[3,0.1],\"target-means\":[10,0],\"targets\":[\"y\",\"z\"]", Classes, StringComparison.Ordinal);
        var parameters = SampleModels.Weights(Seed);
        var file = ModelFile.Read(SampleModels.File(json, parameters, 3, 16, 16, 2));
        Assert.Equal(["y=no", "y=yes"], file.Outputs.ToArray());
        var (x, z, y) = (new float[Rows * 3], new float[Rows * 3], new float[Rows * 2]);
        double[] means = [1, -1, 100], deviations = [2, 0.5, 10];
        var random = new Random(Seed);
        for (var i = 0; i < x.Length; i++)
        {
            x[i] = (float)(means[i % 3] + (deviations[i % 3] * 3 * (random.NextDouble() - 0.5)));
            z[i] = (x[i] - (float)means[i % 3]) / (float)deviations[i % 3];
        }
        var network = new Perceptron(3, 16, 16, 2);
        network.Forward(parameters, z, Rows, y, new PerceptronWorkspace(network, 64));

        var shown = (await OtherRuntimes.RunOnnx(new OnnxRun(OnnxExport.Write(file), new() { ["inputs"] = OtherTensor.Of(x, Rows, 3) })))[0]["outputs"];
        Assert.Equal([Rows, 2], shown.Dims);
        for (var row = 0; row < Rows; row++)
        {
            var yes = 1.0 / (1.0 + Math.Exp(y[2 * row] - y[(2 * row) + 1]));
            Assert.Equal(yes, shown.Data[(2 * row) + 1], 1e-6);
            Assert.Equal(1.0 - yes, shown.Data[2 * row], 1e-6);
        }
        var loaded = Assert.Single(await OtherRuntimes.LoadTorch(await Written(file)));
        Assert.Equal(parameters.Select(p => (double)p), loaded.Tensors.SelectMany(t => t.Values));

        static async Task<string> Written(ModelFile file)
        {
            var path = Path.Combine(Directory.CreateTempSubdirectory("athanor-classifier-").FullName, "net.pt");
            await File.WriteAllBytesAsync(path, file.StateDict());
            return path;
        }
    }

    [Fact]
    public async Task Every_activation_in_either_precision_gives_what_the_kernels_give()
    {
        var nets = NetWeights.Activations.SelectMany(
            activation => (bool[])[false, true], (activation, isDouble) => RandomNets.Make(activation, isDouble, Seed, 4, 20, 20, 3)).ToList();
        var random = new Random(Seed + 1);
        // Up to ±40: where exponentials would overflow a float's sum.
        var x = Enumerable.Range(0, Rows * 4).Select(i => (double)(float)((random.NextDouble() - 0.5) * (i < Rows ? 80 : 2))).ToArray();
        var shown = await OtherRuntimes.RunOnnx(
        [
            .. nets.Select(net => new OnnxRun(
                new PerceptronModel(net, [0, 0, 0, 0], [1, 1, 1, 1], [0, 0, 0], [1, 1, 1]).Graph().ToModel("", []),
                new() { ["inputs"] = new OtherTensor(net.IsDouble ? "float64" : "float32", [Rows, 4], x) })),
        ]);
        foreach (var (net, outputs) in nets.Zip(shown))
        {
            var expected = RandomNets.Apply(net, x);
            for (var i = 0; i < expected.Length; i++)
            {
                // Rounding, by the size of what is summed: a few units in the last place of it.
                var unit = net.IsDouble ? Math.Pow(2, -53) : Math.Pow(2, -24);
                var rounding = 4 * unit * RandomNets.Magnitude(net, x[(i / 3 * 4)..((i / 3 * 4) + 4)]);
                Assert.True(
                    Math.Abs(outputs["outputs"].Data[i] - expected[i]) <= rounding,
                    $"{net.Activation}, double {net.IsDouble}, output {i}: {outputs["outputs"].Data[i]:R} for {expected[i]:R} within {rounding:G2}");
            }
        }
    }
}
