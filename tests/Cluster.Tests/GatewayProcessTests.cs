using System.Globalization;
using System.Text.Json;
using Athanor.Nodes.Cli;

namespace Cluster.Tests;

/// <summary>The built program on both sides: a node, and commands of somebody who has nothing but its address, a key and a token.</summary>
public sealed class GatewayProcessTests : IDisposable
{
    private readonly TestDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    private string File(string name) => Path.Combine(_directory.Path, name);

    [Fact]
    public async Task A_training_run_is_started_watched_and_replayed_through_the_gateway_and_is_its_tenant_s_alone()
    {
        await using var node = await NodeProcess.Start(_directory.State);
        var key = await Secret("access", "add", "alice", "--tenant", "plant-a", "--role", "train", "--key");
        var token = await Secret("access", "token", "boris", "--tenant", "plant-b", "--role", "administer");
        await System.IO.File.WriteAllTextAsync(File("a"), key);
        await System.IO.File.WriteAllTextAsync(File("b"), token);
        await System.IO.File.WriteAllLinesAsync(File("table.csv"),
            ["a,b,y", .. Enumerable.Range(0, 64).Select(static i => string.Create(CultureInfo.InvariantCulture, $"{i},{i % 5},{(0.5 * i) + (i % 5)}"))]);
        string[] alice = ["--gateway", node.Gateway.Url.ToString(), "--pin", node.Gateway.CertificateSha256, "--key-file", File("a")];
        string[] boris = ["--gateway", node.Gateway.Url.ToString(), "--pin", node.Gateway.CertificateSha256, "--token-file", File("b")];

        var trained = await NodeProcess.Run(
            ["train", "run", "--data", File("table.csv"), "--targets", "y", "--steps", "60", "--segment-steps", "30", "--json", .. alice]);
        Assert.True(trained.ExitCode == 0, trained.Error);
        using var result = JsonDocument.Parse(trained.Output);
        Assert.Equal("plant-a/training/run", result.RootElement.GetProperty("run").GetString());
        // The slot's checkpoint is the tenant's, because its work was.
        var checkpoint = result.RootElement.GetProperty("checkpoint").GetString()!;
        Assert.True(System.IO.File.Exists(Path.Combine(_directory.State, "blobs", "owners", checkpoint[..2], $"{checkpoint}~plant-a")));
        var replayed = await NodeProcess.Run(["replay", "training/run", "--json", .. alice]);
        Assert.True(replayed.ExitCode == 0 && replayed.Output.Contains("\"same\": true", StringComparison.Ordinal), replayed.Output + replayed.Error);

        var seen = await NodeProcess.Run(["training", "show", "run", .. boris]);
        Assert.Equal(ExitCodes.Failure, seen.ExitCode);
        Assert.Contains("there is no plant-b/training/run", seen.Error);
        var reached = await NodeProcess.Run(["training", "show", "run", "--tenant", "plant-a", .. boris]);
        Assert.Equal(ExitCodes.Failure, reached.ExitCode);
        Assert.Contains("athanor: https://", reached.Error);
        Assert.Contains("token:boris does not belong to the tenant 'plant-a'", reached.Error);
        var untrusted = await NodeProcess.Run("training", "list", "--gateway", node.Gateway.Url.ToString(), "--key-file", File("a"));
        Assert.Equal(ExitCodes.Environment, untrusted.ExitCode);
        Assert.Contains("is of no authority that this system trusts", untrusted.Error);

        var ended = await node.Terminate();
        foreach (var secret in (string[])[key[13..], token.Split('.')[2]])
        {
            foreach (var run in (string[])[trained.Output, trained.Error, replayed.Output, seen.Error, reached.Error, untrusted.Error, ended.Output])
                Assert.DoesNotContain(secret, run);
        }
    }

    private async Task<string> Secret(params string[] arguments)
    {
        var run = await NodeProcess.Run([.. arguments, "--state", _directory.State]);
        Assert.True(run.ExitCode == 0, run.Error);
        return run.Output.Trim().Split('\n')[^1];
    }
}
