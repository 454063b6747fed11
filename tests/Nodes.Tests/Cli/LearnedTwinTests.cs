using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Athanor.Compute.Exchange;
using Athanor.Compute.Neural.Models;
using Athanor.Compute.Tensors;
using Athanor.Hosting.Runtime;
using Athanor.Nodes.Cli;
using Athanor.Nodes.Local;
using Athanor.Protocol;
using Athanor.Protocol.Models;

namespace Nodes.Tests.Cli;

/// <summary>Unit twins that run registered learned models, by the command line on a state directory.</summary>
[Collection("console")]
public sealed class LearnedTwinTests : IDisposable
{
    private const string Unit = """
        twin {
          unit = tank
          sample = "6 s"
          model { benchmark = exothermic-cstr }
          initial { Ca = 0.9, T = "310 K" }
          inputs { Tc { low = "280 K", high = "320 K", start = "290 K" } }
          sensors { T { noise = "0.2 K" }, Ca { noise = "0.01 mol/L" } }
          estimator {
            process-noise { T = "0.2 K per min", Ca = "0.002 mol/L per min" }
            estimate { UA { sd = "10 %", walk = "1 % per min" } }
          }
          controller { mode = advisory, horizon = 5, interval = "6 s", track { T { setpoint = "312 K", scale = "5 K" } } }
        }
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("athanor-learned-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_unit_adopts_a_registered_model_goes_on_and_back_and_the_model_knows_it()
    {
        await File.WriteAllTextAsync(At("tank.hocon"), Unit);
        await WriteNet("net", """[{"name":"Ca","positive":true,"offset":0.8,"scale":0.1},{"name":"T","offset":305,"scale":5}]""", "Tc");
        await Run("twins", "create", At("tank.hocon"));
        await Run("models", "import", At("net.safetensors"));
        Feed("first.csv", 0, 10);
        await Run("twins", "feed", "tank", "--csv", At("first.csv"));
        var before = await Json("twins", "watch", "tank");

        var text = await Run("twins", "adopt", "tank", "net", "--why", "it follows the ageing");
        Assert.Contains("models/net@1 has no UA, so it is estimated no longer.", text, StringComparison.Ordinal);
        Assert.Contains("default/twins/tank runs models/net@1 as its model 2; before: ", text, StringComparison.Ordinal);
        Assert.Contains("runs models/net@1 already", await Run("twins", "adopt", "tank", "net", "--version", "1"), StringComparison.Ordinal);
        Assert.Equal("twins/tank", (await Json("models", "show", "net", "--version", "1")).GetProperty("usedBy")[0].GetString());

        // Rows go on from the estimate that was there, not from the data's mean, and moves are made by the learned model.
        Feed("second.csv", 10, 20);
        await Run("twins", "feed", "tank", "--csv", At("second.csv"));
        var after = await Json("twins", "watch", "tank");
        Assert.Equal((20, "models/net@1"), (after.GetProperty("row").GetInt32(), after.GetProperty("source").GetString()));
        Assert.Equal(["Ca", "T"], after.GetProperty("estimates").EnumerateArray().Select(static e => e.GetProperty("name").GetString()));
        Assert.Equal("K", after.GetProperty("estimates")[1].GetProperty("unit").GetString());
        Assert.InRange(after.GetProperty("estimates")[1].GetProperty("value").GetDouble(), 311.0, 313.0);
        Assert.Equal(3, before.GetProperty("estimates").GetArrayLength());

        Assert.Contains("tank.hocon as its model 3; before: models/net@1", await Run("twins", "adopt", "tank", "--back"), StringComparison.Ordinal);
        await using (var cluster = await ClusterConnection.Open(At("state"), EmbeddedRole.AppendOnly))
        {
            await Peers.PeerHost.Until(
                async () => await cluster.Client.Query(EntityAddress.Of("models", "net"), new ModelQuery()) is ModelView view && view.InUse.IsEmpty,
                () => "models/net is not told that the twin has left it");
        }
        await Run("models", "retire", "net", "--version", "1", "--why", "wrong sensor");
        Assert.Contains("models/net@1 is retired (by ", await Refused("twins", "adopt", "tank", "net"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_model_that_does_not_fit_is_refused_by_the_signals_name_and_changes_nothing()
    {
        const string States = """[{"name":"Ca","offset":0.8,"scale":0.1},{"name":"T","offset":305,"scale":5}]""";
        await File.WriteAllTextAsync(At("tank.hocon"), Unit);
        await Run("twins", "create", At("tank.hocon"));
        await WriteNet("flow", States, "F");
        await WriteNet("free", States);
        await WriteNet("cold", """[{"name":"Ca","offset":0.8,"scale":0.1}]""", "Tc");
        await WriteNet("wide", States, "Tc", 90);
        foreach (var name in (string[])["flow", "free", "cold", "wide"]) await Run("models", "import", At($"{name}.safetensors"));
        foreach (var (name, says) in ((string, string)[])
        [
            ("flow", "tank cannot run models/flow@1: the model has the input 'F', which tank has not; its inputs are Tc"),
            ("free", "tank cannot run models/free@1: tank has the input 'Tc', which the model does not take; it takes none"),
            ("cold", "tank cannot run models/cold@1: the sensor 'T' of tank shows 'T', which is no state of models/cold@1; its states are Ca"),
            ("wide", "a net with fewer hidden units would be right"),
            ("none", "there is no default/models/none"),
        ])
        {
            Assert.Contains(says, await Refused("twins", "adopt", "tank", name), StringComparison.Ordinal);
        }
        Assert.Equal(1, (await Json("twins", "watch", "tank")).GetProperty("version").GetInt32());
    }

    [Fact]
    public async Task A_file_may_name_a_registered_model_for_a_new_twin_or_for_a_trial()
    {
        await WriteNet("net", """[{"name":"Ca","positive":true,"offset":0.8,"scale":0.1},{"name":"T","offset":305,"scale":5}]""", "Tc");
        await Run("models", "import", At("net.safetensors"));
        var learned = Unit.Replace("{ benchmark = exothermic-cstr }", """{ registered = "net@1", time-unit = min, units { T = K, Tc = K, Ca = "mol/L" } }""", StringComparison.Ordinal)
            .Replace("estimate { UA { sd = \"10 %\", walk = \"1 % per min\" } }", "", StringComparison.Ordinal);
        await File.WriteAllTextAsync(At("tank.hocon"), Unit);
        await File.WriteAllTextAsync(At("learned.hocon"), learned);
        await File.WriteAllTextAsync(At("plant.hocon"), learned.Replace("unit = tank", "unit = tank, plant { duration = \"5 min\" }", StringComparison.Ordinal));
        await File.WriteAllTextAsync(At("late.hocon"), learned.Replace("net@1", "net@2", StringComparison.Ordinal));

        await Run("twins", "create", At("learned.hocon"), "--unit", "tank-2");
        Feed("first.csv", 0, 10);
        await Run("twins", "feed", "tank-2", "--csv", At("first.csv"));
        Assert.Equal("models/net@1", (await Json("twins", "watch", "tank-2")).GetProperty("source").GetString());
        await using (var cluster = await ClusterConnection.Open(At("state"), EmbeddedRole.AppendOnly))
        {
            await Peers.PeerHost.Until(
                async () => await cluster.Client.Query(EntityAddress.Of("models", "net"), new ModelQuery()) is ModelView view && view.InUse.ContainsKey("twins/tank-2"),
                () => "models/net is not told that the new twin uses it");
        }

        await Run("twins", "create", At("tank.hocon"));
        await Run("twins", "compare", "tank", At("learned.hocon"));
        await Run("twins", "feed", "tank", "--csv", At("first.csv"));
        Assert.Contains("models/net@1", await Run("twins", "compare", "tank"), StringComparison.Ordinal);
        Assert.Contains("runs models/net@1 as its model 2", await Run("twins", "adopt", "tank", "--trial"), StringComparison.Ordinal);

        Assert.Contains("default/models/net has no version 2; it has 1 to 1", await Refused("twins", "create", At("late.hocon")), StringComparison.Ordinal);
        Assert.Contains("a learned model has no equations to simulate a plant with", await Refused("twins", "create", At("plant.hocon")), StringComparison.Ordinal);
        Assert.Contains("a learned model has no equations to simulate a plant with", await Refused("twins", "run", At("plant.hocon")), StringComparison.Ordinal);
    }

    private string At(string name) => Path.Combine(_folder, name);

    private void Feed(string name, int from, int until) => File.WriteAllLines(
        At(name), ["time [s],T [K],Ca [mol/L]", .. Enumerable.Range(from, until - from).Select(static k => string.Create(
            CultureInfo.InvariantCulture, $"{6 * k},{310.0 + (0.1 * k)},0.9"))]);

    /// <summary>A neural ODE with small weights, as if trained.</summary>
    private async Task WriteNet(string name, string states, string? control = null, int hidden = 4)
    {
        var controls = control is null ? "" : $$"""{"name":"{{control}}","offset":295,"scale":5}""";
        var specification = ModelJson.Read(
            $$"""{"kind":"neural-ode","hidden":[{{hidden}},{{hidden}}],"time-scale":5,"states":{{states}},"controls":[{{controls}}]}""");
        var tensors = ImmutableSortedDictionary.CreateBuilder<string, SafeTensor>(StringComparer.Ordinal);
        foreach (var (tensor, shape) in NeuralModel<double>.Of(specification).Tensors)
        {
            double[] values = [.. Enumerable.Range(0, shape.Aggregate(1, static (product, size) => product * size)).Select(static i => 0.02 * ((i % 7) - 3))];
            tensors.Add(tensor, SafeTensor.Of(values, [.. shape.Select(static s => (long)s)]));
        }
        await File.WriteAllBytesAsync(At($"{name}.safetensors"), ModelFile.Of(ModelJson.Write(specification), tensors.ToImmutable()).Write());
    }

    private Task<string> Run(params string[] arguments) => CommandLine.Run(ExitCodes.Success, [.. arguments, "--state", At("state")]);

    private async Task<string> Refused(params string[] arguments) => (await Assert.ThrowsAsync<UserException>(() => Run(arguments))).Message;

    private async Task<JsonElement> Json(params string[] arguments) => JsonDocument.Parse(await Run([.. arguments, "--json"])).RootElement;
}
