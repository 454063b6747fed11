using System.Net;
using System.Text.Json;
using Athanor.Actors;
using Athanor.Hosting;
using Athanor.Nodes.Gateway;
using Athanor.Nodes.Local;
using Athanor.Protocol;
using Athanor.Protocol.Models;

namespace Cluster.Tests;

/// <summary>The built program from outside: processes, signals, HTTPS, the socket.</summary>
public sealed class NodeTests : IDisposable
{
    private static readonly EntityAddress Model = EntityAddress.Of("models", "m1");

    private readonly TestDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task A_node_answers_health_under_its_pinned_certificate_and_drains_on_SIGTERM()
    {
        await using var node = await NodeProcess.Start(_directory.State);
        using var pinned = Pinned(node.Gateway.CertificateSha256);
        foreach (var path in (string[])["health/live", "health/ready"])
            Assert.Equal("yes\n", await pinned.GetStringAsync(new Uri(node.Gateway.Url, path)));
        using var unknown = await pinned.GetAsync(new Uri(node.Gateway.Url, "health"));
        Assert.Equal((HttpStatusCode.Unauthorized, "application/problem+json"), (unknown.StatusCode, unknown.Content.Headers.ContentType?.MediaType));

        var (added, key, error) = await NodeProcess.Run("access", "add", "watcher", "--role", "view", "--key", "--json", "--state", _directory.State);
        Assert.True(added == 0, error);
        using (var made = JsonDocument.Parse(key)) pinned.DefaultRequestHeaders.Add("X-Api-Key", made.RootElement.GetProperty("key").GetString());
        using var health = await pinned.GetAsync(new Uri(node.Gateway.Url, "health"));
        Assert.Equal(HttpStatusCode.OK, health.StatusCode);
        using (var json = JsonDocument.Parse(await health.Content.ReadAsStringAsync())) Assert.True(json.RootElement.GetProperty("ready").GetBoolean());
        using var missing = await pinned.GetAsync(new Uri(node.Gateway.Url, "v1/nothing"));
        Assert.Equal((HttpStatusCode.NotFound, "application/problem+json"), (missing.StatusCode, missing.Content.Headers.ContentType?.MediaType));

        using var stranger = Pinned(new string('0', 64));
        await Assert.ThrowsAsync<HttpRequestException>(() => stranger.GetAsync(new Uri(node.Gateway.Url, "health")));
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(
                UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(_directory.State, "keys", "gateway.pem")));
        }

        var (exit, output) = await node.Terminate();
        Assert.Equal(0, exit);
        Assert.Contains("drained", output);
        Assert.False(File.Exists(Path.Combine(_directory.State, GatewayFile.Name)));
        Assert.False(File.Exists(SocketPath.Of(_directory.State)));
    }

    [Fact]
    public async Task A_killed_node_goes_on_after_a_restart_with_its_keys_and_its_certificate()
    {
        var key = Guid.CreateVersion7();
        var register = new RegisterModel("kinetics", "from outside");
        string pin;
        await using (var node = await NodeProcess.Start(_directory.State))
        {
            pin = node.Gateway.CertificateSha256;
            using var client = Client();
            Assert.IsNotType<Rejected>(await client.Ask(Model, register, key));
            await node.KillNow();
            await Assert.ThrowsAsync<HostGoneException>(() => client.Query(Model, new Describe()));
        }
        await using (var node = await NodeProcess.Start(_directory.State))
        {
            Assert.Equal(pin, node.Gateway.CertificateSha256);
            using var client = Client();
            Assert.IsNotType<Rejected>(await client.Ask(Model, register, key));
            var description = Assert.IsType<Description>(await client.Query(Model, new Describe(), consistent: true));
            Assert.Equal(1, description.EventNumber);
            Assert.Equal("conflict", Assert.IsType<Rejected>(await client.Ask(Model, register with { Kind = "other" }, key)).Code);

            // A second process reaches the node over its socket; without a node it hosts by itself and sees the same.
            var listed = await NodeProcess.Run("models", "list", "--state", _directory.State, "--json");
            Assert.Equal((0, ""), (listed.ExitCode, listed.Error));
            Assert.Contains("default/models/m1", listed.Output);
            Assert.Equal(0, (await node.Terminate()).ExitCode);
            Assert.Equal(listed.Output, (await NodeProcess.Run("models", "list", "--state", _directory.State, "--json")).Output);
        }
    }

    [Fact]
    public async Task Ctrl_C_drains_a_node_and_ends_it_cleanly()
    {
        await using var node = await NodeProcess.Start(_directory.State);
        var (exit, output) = await node.Interrupt();
        Assert.Equal(0, exit);
        Assert.Contains("drained", output);
    }

    [Fact]
    public async Task A_second_node_on_the_same_directory_is_refused_in_one_sentence()
    {
        await using var node = await NodeProcess.Start(_directory.State);
        var (exit, _, error) = await NodeProcess.Run("node", "--state", _directory.State, "--port", "0");
        Assert.Equal(3, exit);
        Assert.Contains("is locked by process " + node.Id, error);
        Assert.DoesNotContain("   at ", error);
    }

    private SocketClient Client() => new(SocketPath.Of(_directory.State), Families.Messages, TimeProvider.System);

    private static HttpClient Pinned(string pin) => new(new HttpClientHandler
    {
        ServerCertificateCustomValidationCallback = (_, certificate, _, _) => GatewayCertificate.PinOf(certificate!) == pin,
    });
}
