using System.Diagnostics;
using System.Text.Json.Nodes;
using Athanor.Compute.Kinetics;

namespace Athanor.Compute.Tests.Kinetics;

public sealed class SameBitsTests
{
    [Theory]
    [InlineData("AVX-512 off", "EnableAVX512F", "EnableAVX512")]
    [InlineData("AVX2 off", "EnableAVX512F", "EnableAVX512", "EnableAVX2", "EnableAVX")]
    public async Task Generated_code_gives_the_same_bits_at_every_vector_width(string name, params string[] off)
    {
        var lines = await Child(name, start =>
        {
            foreach (var flag in off) start.Environment["DOTNET_" + flag] = "0";
        });
        Assert.Equal(KineticsHashes.All(), lines);
    }

    [Fact]
    public async Task Where_the_runtime_refuses_code_generation_the_interpreter_gives_the_same_bits()
    {
        var config = JsonNode.Parse(await File.ReadAllTextAsync(Path.ChangeExtension(Assembly, ".runtimeconfig.json")))!;
        var options = config["runtimeOptions"]!;
        if (options["configProperties"] is not JsonObject) options["configProperties"] = new JsonObject();
        options["configProperties"]!["System.Runtime.CompilerServices.RuntimeFeature.IsDynamicCodeSupported"] = false;
        var file = Path.Combine(Path.GetTempPath(), $"athanor-no-code-{Environment.ProcessId}.runtimeconfig.json");
        await File.WriteAllTextAsync(file, config.ToJsonString());
        try
        {
            var lines = await Child("no dynamic code", start =>
            {
                start.ArgumentList.Insert(1, "--runtimeconfig");
                start.ArgumentList.Insert(2, file);
            });
            Assert.Equal("generated False", lines[0]);
            Assert.Equal(KineticsHashes.All().Skip(1), lines[1..]);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void A_switch_turns_code_generation_off()
    {
        var network = KineticNetwork.Of(Networks.Exothermic);
        Assert.True(network.Rates().IsGenerated);
        AppContext.SetSwitch("Athanor.Kinetics.Interpret", true);
        try
        {
            Assert.False(network.Rates().IsGenerated);
            Assert.True(network.Rates(form: CodeForm.Generated).IsGenerated);
        }
        finally
        {
            AppContext.SetSwitch("Athanor.Kinetics.Interpret", false);
        }
    }

    private static string Assembly => typeof(SameBitsTests).Assembly.Location;

    private static async Task<string[]> Child(string name, Action<ProcessStartInfo> change)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath is { } p && Path.GetFileNameWithoutExtension(p) == "dotnet" ? p : "dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            ArgumentList = { "exec", Assembly },
            Environment = { [KineticsHashes.Variable] = "1" },
        };
        change(start);
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, $"{name}: exit code {process.ExitCode}: {await errors}");
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }
}
