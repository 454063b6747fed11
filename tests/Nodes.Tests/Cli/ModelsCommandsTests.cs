using System.Collections.Immutable;
using System.Text.Json;
using Athanor.Compute.Exchange;
using Athanor.Compute.Kernels;
using Athanor.Compute.Tensors;
using Athanor.Compute.Twins;
using Athanor.Hosting.Runtime;
using Athanor.Nodes.Cli;
using Athanor.Nodes.Local;
using Athanor.Protocol;
using Athanor.Protocol.Models;
using Athanor.Protocol.Training;
using Athanor.Protocol.Twins;

namespace Nodes.Tests.Cli;

/// <summary>The commands of models and adoption on a state directory, with the files that they write run by the runtimes they are for.</summary>
[Collection("console")]
public sealed class ModelsCommandsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("athanor-models-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string At(string name) => Path.Combine(_folder, name);

    [Fact]
    public async Task Versions_are_imported_compared_promoted_and_exported_as_other_programs_read_them()
    {
        Assert.Contains("There are no models yet", await Run(0, "models", "list"), StringComparison.Ordinal);
        await WriteNet("net.safetensors", 1);
        await WriteNet("wider.safetensors", 2, "v");
        Assert.Contains("models/net@1 holds 4 tensors of net.safetensors: perceptron [u] -> [y]", await Run(0, "models", "import", At("net.safetensors")), StringComparison.Ordinal);
        // The same file is the same version.
        Assert.Equal(1, (await Json("models", "import", At("net.safetensors"))).GetProperty("version").GetInt32());
        await WriteNet("net.safetensors", 3);
        Assert.Contains("models/net@2", await Run(0, "models", "import", At("net.safetensors"), "--parent", "1"), StringComparison.Ordinal);
        Assert.Contains("models/net@3", await Run(0, "models", "import", At("wider.safetensors"), "--model", "net"), StringComparison.Ordinal);

        Assert.Contains("models/net@2 is production now.", await Run(0, "models", "promote", "net", "--version", "2", "--why", "better"), StringComparison.Ordinal);
        Assert.Contains("was production already", await Run(0, "models", "promote", "net", "--version", "2", "--why", "better"), StringComparison.Ordinal);
        var line = Assert.Single((await Json("models", "list")).EnumerateArray());
        Assert.Equal(("default/models/net", "perceptron", 3, 2), (
            line.GetProperty("address").GetString(), line.GetProperty("kind").GetString(), line.GetProperty("versions").GetInt32(), line.GetProperty("production").GetInt32()));
        Assert.Contains("takes and gives [v] -> [y], and version 2, which is in production, [u] -> [y]", await Refused(ExitCodes.Failure, "models", "promote", "net", "--why", "x"), StringComparison.Ordinal);

        var shown = await Json("models", "show", "net", "--version", "2");
        Assert.Equal(("production", 1), (shown.GetProperty("stage").GetString(), shown.GetProperty("parent").GetInt32()));
        Assert.Equal("better", shown.GetProperty("stages")[0].GetProperty("why").GetString());
        Assert.Contains("production", await Run(0, "models", "show", "net"), StringComparison.Ordinal);
        Assert.Contains("models/net@1", await Run(0, "models", "show", "net", "--version", "1"), StringComparison.Ordinal);
        Assert.Equal(["models/net@1", "models/net@3"], (await Json("models", "compare", "net@1", "net@3")).EnumerateArray().Select(v => v.GetProperty("name").GetString()));
        var table = await Run(0, "models", "compare", "net");
        foreach (var word in (string[])["net@1", "net@2", "net@3", "[v] -> [y]", "import:net.safetensors#"]) Assert.Contains(word, table, StringComparison.Ordinal);

        // Without a version it is the one in production.
        Assert.Contains(
            "models/net@2 is written to", await Run(0, "models", "export", "net", "--onnx", At("out/net.onnx"), "--state-dict", At("out/net.pt"), "--safetensors", At("out/net.safetensors")), StringComparison.Ordinal);
        Assert.Equal(await File.ReadAllBytesAsync(At("net.safetensors")), await File.ReadAllBytesAsync(At("out/net.safetensors")));
        var (parameters, network) = (Parameters(3), new Perceptron(1, 8, 1));
        float[] x = [-1, 0, 0.5f, 2], y = new float[4];
        network.Forward(parameters, x, 4, y, new PerceptronWorkspace(network, 16));
        var outputs = await OtherRuntimes.RunOnnx(new OnnxRun(await File.ReadAllBytesAsync(At("out/net.onnx")), new() { ["inputs"] = OtherTensor.Of(x, 4, 1) }));
        foreach (var (expected, actual) in y.Zip(outputs[0]["outputs"].Data)) Assert.Equal(expected, actual, 1e-6);
        var loaded = Assert.Single(await OtherRuntimes.LoadTorch(At("out/net.pt")));
        Assert.Equal(parameters.Select(p => (double)p), loaded.Tensors.SelectMany(t => t.Values));

        Assert.Contains("models/net@1 is retired now.", await Run(0, "models", "retire", "net", "--version", "1", "--why", "old"), StringComparison.Ordinal);
        Assert.Contains("version 1 is retired", await Refused(ExitCodes.Failure, "models", "promote", "net", "--version", "1", "--why", "x"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_twin_adopts_a_version_goes_back_and_the_model_knows_who_uses_it()
    {
        var (textbook, better) = (HeaterParameters.Textbook, HeaterParameters.Textbook with { Gain = 0.006, Memory = 100 });
        await File.WriteAllBytesAsync(At("heater.safetensors"), HeaterFile.Of(HeaterModel.Hybrid(better, ResidualNet.Initial(4, 1))).Write());
        await WriteNet("net.safetensors", 1);
        await Run(0, "models", "import", At("heater.safetensors"));
        await Run(0, "models", "import", At("net.safetensors"));
        await using (var cluster = await ClusterConnection.Open(At("state"), EmbeddedRole.AppendOnly))
        {
            var spec = new TwinSpec("heater", new TwinModel(HeaterModel.BalanceKind, 1, "textbook", textbook.ToArray(), []), 1, 30, 10, 4);
            Assert.Equal(new Done(), await cluster.Client.Ask(EntityAddress.Of("twins", "unit"), new RegisterTwin(spec)));
        }

        Assert.Contains(
            "default/twins/unit runs models/heater@1 (heater.hybrid) from row 1 on; before: textbook.",
            await Run(0, "twins", "adopt", "unit", "heater", "--why", "less error"), StringComparison.Ordinal);
        Assert.Contains("runs models/heater@1 already", await Run(0, "twins", "adopt", "unit", "heater"), StringComparison.Ordinal);
        Assert.Equal("twins/unit", (await Json("models", "show", "heater", "--version", "1")).GetProperty("usedBy")[0].GetString());
        Assert.Contains("in use by twins/unit", await Refused(ExitCodes.Failure, "models", "retire", "heater", "--version", "1", "--why", "x"), StringComparison.Ordinal);

        var back = await Json("twins", "adopt", "unit", "--back", "--why", "it drifts");
        Assert.Equal(("textbook", 3, "it drifts"), (back.GetProperty("now").GetString(), back.GetProperty("version").GetInt32(), back.GetProperty("why").GetString()));
        Assert.Contains("keeps no model from before", await Refused(ExitCodes.Failure, "twins", "adopt", "unit", "--back"), StringComparison.Ordinal);

        Assert.Equal(
            "the twin unit cannot run models/net@1: it is a model of the kind 'perceptron' where heater.balance or heater.hybrid would be right",
            await Refused(ExitCodes.Failure, "twins", "adopt", "unit", "net"));
        await Released("heater", "twins/unit");
        await Run(0, "models", "retire", "heater", "--version", "1", "--why", "wrong sensor");
        Assert.Contains("models/heater@1 is retired (by ", await Refused(ExitCodes.Failure, "twins", "adopt", "unit", "heater"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Versions_that_a_heaters_training_made_are_exported_and_adopted_as_the_models_that_they_are()
    {
        const int Hidden = 4, Rows = 600;
        var record = new HeaterRecord(
            [.. Enumerable.Range(0, Rows).Select(static i => (double)i)], [.. Enumerable.Repeat(40.0, Rows)],
            [.. Enumerable.Range(0, Rows).Select(static i => 25 + (20 * (1 - (1 / (1 + (i / 200.0))))))]);
        var theta = Enumerable.Range(0, 3 + ResidualNet.WeightCount(Hidden)).Select(static i => 0.01 * i).ToArray();
        var balance = (HeaterParameters.Textbook with { Gain = 0.006 }).ToArray();
        var state = new HybridState(10, [balance], [new RollOutState(theta, theta, theta, theta)], 2, 1, 10, theta);
        await using (var cluster = await ClusterConnection.Open(At("state"), EmbeddedRole.AppendOnly))
        {
            var client = cluster.Client;
            var data = await client.PutBlob(HybridBytes.OfData(HeaterParameters.Textbook, record));
            var weights = await client.PutBlob(HybridBytes.OfState(state));
            // The run is only asked for its settings; no slot works on it here.
            var settings = ImmutableSortedDictionary<string, double>.Empty.Add("memory-s", 100).Add("refresh-every", 10);
            var spec = new TrainingSpec("heater-hybrid", [ResidualNet.Inputs, Hidden, 1], data, ResidualNet.Inputs, 1, 1, 20, 10, 1, 0.003, 0.003, 0.1, settings);
            var metrics = ImmutableSortedDictionary<string, double>.Empty;
            (EntityAddress To, ICommand Command)[] asks =
            [
                (EntityAddress.Of("training", "run"), new StartTraining(spec)), (EntityAddress.Of("models", "board"), new RegisterModel("hybrid", "a board")),
                (EntityAddress.Of("models", "board"), new AddVersion("training/run#balance", 0, data, weights, metrics)),
                (EntityAddress.Of("models", "board"), new AddVersion("training/run#hybrid", 1, data, weights, metrics)),
                (EntityAddress.Of("models", "board"), new AddVersion("training/gone#hybrid", 1, data, weights, metrics)),
                (EntityAddress.Of("twins", "unit"), new RegisterTwin(new TwinSpec(
                    "a board", new TwinModel(HeaterModel.BalanceKind, 1, "textbook", HeaterParameters.Textbook.ToArray(), []), 1, 30, 10, 4))),
            ];
            foreach (var (to, command) in asks) Assert.IsNotType<Rejected>(await client.Ask(to, command));
        }
        await Run(0, "models", "export", "board", "--version", "2", "--safetensors", At("hybrid.safetensors"));
        var hybrid = HeaterFile.Read(ModelFile.Read(await File.ReadAllBytesAsync(At("hybrid.safetensors"))));
        var expected = new HybridTrainer(record, new HybridSettings(Hidden, 0.003, 0.1, 10, 100)).HybridOf(state);
        Assert.Equal(expected.Parameters, hybrid.Parameters);
        Assert.Equal(expected.Weights.ToArray(), hybrid.Weights.ToArray());
        Assert.Contains("runs models/board@1 (heater.balance)", await Run(0, "twins", "adopt", "unit", "board", "--version", "1"), StringComparison.Ordinal);
        Assert.Contains("runs models/board@2 (heater.hybrid) from row 1 on; before: models/board@1.", await Run(0, "twins", "adopt", "unit", "board", "--version", "2"), StringComparison.Ordinal);
        Assert.Contains("runs models/board@1 (heater.balance)", await Run(0, "twins", "adopt", "unit", "--back"), StringComparison.Ordinal);
        Assert.EndsWith("default/training/gone, which made the version, is not here any more", await Refused(
            ExitCodes.Failure, "twins", "adopt", "unit", "board", "--version", "3"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ExitCodes.Failure, "there is no default/models/nobody; 'athanor models list' shows those that are", "models", "show", "nobody")]
    [InlineData(ExitCodes.Failure, "there is no default/twins/nobody; 'athanor twins list' shows those that are", "twins", "adopt", "nobody", "net")]
    [InlineData(ExitCodes.BadInput, "'net@x' names no version; MODEL or MODEL@2 would be right", "models", "compare", "net@x")]
    [InlineData(ExitCodes.BadInput, "as what? --onnx FILE, --safetensors FILE or --state-dict FILE", "models", "export", "net")]
    [InlineData(ExitCodes.BadInput, "what speaks for it? --why TEXT; the journal keeps it", "models", "promote", "net")]
    [InlineData(ExitCodes.BadInput, "which version is to be retired? --version N", "models", "retire", "net", "--why", "x")]
    [InlineData(ExitCodes.BadInput, "which model? twins adopt UNIT MODEL, or --back for the one before", "twins", "adopt", "unit")]
    [InlineData(ExitCodes.BadInput, "MODEL and --version are for a new one", "twins", "adopt", "unit", "net", "--back")]
    [InlineData(ExitCodes.BadInput, "nothing.safetensors: there is no such file", "models", "import", "nothing.safetensors")]
    [InlineData(ExitCodes.BadInput, "'a b' is no id", "models", "show", "a b")]
    public async Task A_mistake_gets_one_clear_line(int code, string problem, params string[] arguments) =>
        Assert.Contains(problem, await Refused(code, arguments), StringComparison.Ordinal);

    [Fact]
    public async Task A_file_that_is_no_model_or_another_model_is_not_imported()
    {
        await File.WriteAllTextAsync(At("text.safetensors"), "no such file at all");
        Assert.Contains("text.safetensors: this is no safetensors file", await Refused(ExitCodes.BadInput, "models", "import", At("text.safetensors")), StringComparison.Ordinal);
        await WriteNet("net.safetensors", 1);
        var bytes = await File.ReadAllBytesAsync(At("net.safetensors"));
        await File.WriteAllBytesAsync(At("short.safetensors"), bytes[..^3]);
        Assert.Contains("MetadataIncompleteBuffer", await Refused(ExitCodes.BadInput, "models", "import", At("short.safetensors")), StringComparison.Ordinal);
        Assert.Contains("says itself what it is", await Refused(ExitCodes.BadInput, "models", "import", At("net.safetensors"), "--activation", "relu"), StringComparison.Ordinal);

        await File.WriteAllBytesAsync(At("layers.safetensors"), new SafeTensors(
            [new("0.weight", SafeTensor.Of([1f, 2f], 1, 2)), new("0.bias", SafeTensor.Of([3f], 1))]).Write());
        Assert.Contains(
            "models/line@1 holds 2 tensors of layers.safetensors: perceptron [a, b] -> [y1].",
            await Run(0, "models", "import", At("layers.safetensors"), "--model", "line", "--activation", "relu", "--inputs", "a,b"), StringComparison.Ordinal);
        await File.WriteAllBytesAsync(At("heater.safetensors"), HeaterFile.Of(HeaterModel.Balance(HeaterParameters.Textbook)).Write());
        Assert.Contains(
            "default/models/line is a perceptron, and", await Refused(ExitCodes.BadInput, "models", "import", At("heater.safetensors"), "--model", "line"), StringComparison.Ordinal);
        // Tensors that say nothing of themselves are kept, and are no graph.
        Assert.Contains("no model, only tensors", await Run(0, "models", "import", At("layers.safetensors")), StringComparison.Ordinal);
        Assert.Contains("models/layers@1: the file does not say what its tensors are", await Refused(
            ExitCodes.Failure, "models", "export", "layers", "--onnx", At("x.onnx")), StringComparison.Ordinal);
        Assert.False(File.Exists(At("x.onnx")));
    }

    private static float[] Parameters(ulong seed)
    {
        var network = new Perceptron(1, 8, 1);
        var parameters = new float[network.ParameterCount];
        network.Initialize(parameters, seed);
        return parameters;
    }

    private async Task WriteNet(string name, ulong seed, string input = "u")
    {
        var parameters = Parameters(seed);
        var tensors = ImmutableSortedDictionary<string, SafeTensor>.Empty.WithComparers(StringComparer.Ordinal)
            .Add("layers.0.weight", SafeTensor.Of(parameters.AsSpan(0, 8), 8, 1)).Add("layers.0.bias", SafeTensor.Of(parameters.AsSpan(8, 8), 8))
            .Add("layers.1.weight", SafeTensor.Of(parameters.AsSpan(16, 8), 1, 8)).Add("layers.1.bias", SafeTensor.Of(parameters.AsSpan(24, 1), 1));
        var json = $$"""
            {"activation":"tanh","input-deviations":[1],"input-means":[0],"inputs":["{{input}}"],"kind":"perceptron","sizes":[1,8,1],"target-deviations":[1],"target-means":[0],"targets":["y"]}
            """;
        await File.WriteAllBytesAsync(At(name), ModelFile.Of(json, tensors).Write());
    }

    /// <summary>The message to the model that is left arrives after the command's answer.</summary>
    private async Task Released(string model, string by)
    {
        await using var cluster = await ClusterConnection.Open(At("state"), EmbeddedRole.AppendOnly);
        await Peers.PeerHost.Until(
            async () => await cluster.Client.Query(EntityAddress.Of("models", model), new ModelQuery()) is ModelView view && !view.InUse.ContainsKey(by),
            () => $"models/{model} is not told that {by} has left it");
    }

    private Task<string> Run(int code, params string[] arguments) => CommandLine.Run(code, [.. arguments, "--state", At("state")]);

    private async Task<JsonElement> Json(params string[] arguments)
    {
        using var json = JsonDocument.Parse(await Run(0, [.. arguments, "--json"]));
        return json.RootElement.Clone();
    }

    private async Task<string> Refused(int code, params string[] arguments)
    {
        var error = await Assert.ThrowsAsync<UserException>(() => CommandLine.Invoke([.. arguments, "--state", At("state")]));
        Assert.Equal(code, error.ExitCode);
        Assert.DoesNotContain('\n', error.Message);
        return error.Message;
    }
}
