using System.Globalization;
using System.Text.Json;
using Athanor.Nodes.Cli;
using Athanor.Protocol;
using Nodes.Tests.Access;

namespace Nodes.Tests.Cli;

/// <summary>Every command that talks to a cluster, through the gateway of a running node, by a user of the tenant plant-a.</summary>
[Collection("console")]
public sealed class GatewayCommandsTests : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("athanor-commands-").FullName;
    private AccessHost _host = null!;
    private string _key = "";

    public async Task InitializeAsync()
    {
        _host = await AccessHost.Start();
        _key = _host.AddKey("alice", ["plant-a"], ["train", "administer"]);
        await File.WriteAllTextAsync(Path.Combine(_folder, "key"), _key + "\n");
        await File.WriteAllLinesAsync(
            Path.Combine(_folder, "table.csv"),
            ["a,b,y", .. Enumerable.Range(0, 200).Select(static i => string.Create(CultureInfo.InvariantCulture, $"{i},{i % 7},{(i * 0.5) + (i % 7)}"))]);
    }

    public async Task DisposeAsync()
    {
        await _host.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Commands_take_the_tenant_of_the_key_and_make_and_show_its_entities()
    {
        var table = Path.Combine(_folder, "table.csv");
        Assert.Contains("plant-a/training/run is started", await Run(0, "train", "run", "--data", table, "--targets", "y", "--no-wait"));
        Assert.Contains(
            "plant-a/evolution/wings is started", await Run(0, "evolve", "wings", "--data", table, "--target", "y", "--candidates", "4", "--no-wait"));
        Assert.Equal("plant-a/training/run", (await Json("training", "list"))[0].GetProperty("address").GetString());
        Assert.Equal("plant-a/evolution/wings", (await Json("evolution", "list", "--tenant", "plant-a"))[0].GetProperty("address").GetString());
        Assert.Contains("perceptron", await Run(0, "training", "show", "run", "--json"));
        foreach (var family in (string[])["twins", "ensembles", "peers", "models"]) Assert.Equal(0, (await Json(family, "list")).GetArrayLength());
        Assert.Empty(await _host.Node.Cluster.Client.List(EntityAddress.DefaultTenant, "training"));
        var history = await _host.Node.Cluster.Store.ReadEntity(new EntityAddress("plant-a", "training", "run"), true, default);
        Assert.Equal("key:alice", history.Events[0].Principal);

        var replayed = await Json("replay");
        Assert.Equal(2, replayed.GetArrayLength());
        Assert.All(replayed.EnumerateArray(), static r => Assert.True(r.GetProperty("same").GetBoolean()));
        Assert.Equal("plant-a/training/run", (await Json("replay", "training/run"))[0].GetProperty("address").GetString());

        var status = await Json("cluster", "status");
        Assert.Equal(16, status.GetProperty("shards").GetArrayLength());
        Assert.All(status.GetProperty("work").EnumerateArray(), static w => Assert.Equal("plant-a", w.GetProperty("tenant").GetString()));
        // It gets as far as the entity, which is whole.
        Assert.Contains("plant-a/training/run is not faulted", await Refused("cluster", "repair", "training/run"));
        Assert.Equal(0, (await Json("cluster", "unpark", "--all")).GetProperty("told").GetInt32());
        await _host.Project();
        Assert.Equal(2, (await Json("journal", "projections", "show", "entities")).GetArrayLength());
        Assert.Equal(0, (await Json("journal", "projections", "show", "alarms")).GetArrayLength());
    }

    [Fact]
    public async Task Another_tenant_and_what_is_the_whole_cluster_s_are_refused_in_words()
    {
        Assert.Contains("does not belong to the tenant 'plant-b'", await Refused("training", "list", "--tenant", "plant-b"));
        Assert.Contains("does not belong to the tenant 'plant-b'", await Refused(
            "evolve", "wings", "--data", Path.Combine(_folder, "table.csv"), "--target", "y", "--tenant", "plant-b", "--no-wait"));
        Assert.Contains("does not belong to the tenant 'default'", await Refused("replay", "default/training/run"));
        Assert.Contains("there is no plant-a/training/run", await Refused("training", "show", "run"));
        Assert.Contains("there is no plant-a/training/run", await Refused("replay", "training/run"));
        var node = (await Json("cluster", "status")).GetProperty("nodes")[0].GetProperty("node").GetString()!;
        Assert.Contains("does not reach every tenant", await Refused("cluster", "drain", node));
    }

    [Fact]
    public async Task Who_has_several_tenants_says_which_and_who_has_default_among_them_need_not()
    {
        await File.WriteAllTextAsync(Path.Combine(_folder, "key"), _host.AddKey("carol", ["plant-a", "plant-b"], ["view"]));
        Assert.Contains("key:carol has several tenants; say which with --tenant: plant-a, plant-b", await Refused("models", "list"));
        Assert.Equal(0, (await Json("models", "list", "--tenant", "plant-b")).GetArrayLength());
        await File.WriteAllTextAsync(Path.Combine(_folder, "key"), _host.AddKey("carol", ["default", "plant-b"], ["view"]));
        Assert.Equal(0, (await Json("models", "list")).GetArrayLength());
    }

    private string[] Remote => ["--gateway", _host.Node.Gateway!.Url.ToString(), "--pin", _host.Node.Gateway.Info.CertificateSha256,
        "--key-file", Path.Combine(_folder, "key")];

    private async Task<JsonElement> Json(params string[] arguments)
    {
        using var json = JsonDocument.Parse(await Run(0, [.. arguments, "--json"]));
        return json.RootElement.Clone();
    }

    private async Task<string> Refused(params string[] arguments)
    {
        var e = await Assert.ThrowsAsync<UserException>(() => Run(0, arguments));
        Assert.DoesNotContain(_key[13..], e.Message, StringComparison.Ordinal);
        return e.Message;
    }

    private async Task<string> Run(int code, params string[] arguments)
    {
        var output = await CommandLine.Run(code, [.. arguments, .. Remote]);
        Assert.DoesNotContain(_key[13..], output, StringComparison.Ordinal);
        return output;
    }
}
