using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Athanor.Hosting;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Journal.Feeds;
using Athanor.Hosting.Runtime;
using Athanor.Nodes.Access;
using Athanor.Nodes.Gateway;
using Athanor.Nodes.Local;
using Athanor.Nodes.Remote;
using Microsoft.Extensions.Logging;

namespace Nodes.Tests.Access;

/// <summary>A node with its gateway in a directory of its own, and clients that trust its certificate alone.</summary>
internal sealed class AccessHost : IAsyncDisposable
{
    private readonly NodeHost _node;
    private readonly AccessFile _file;

    private AccessHost(NodeHost node, string directory)
    {
        _node = node;
        Directory = directory;
        _file = new AccessFile(Path.Combine(Keys, AccessFile.Name));
    }

    public string Directory { get; }

    public string Keys => Path.Combine(Directory, "keys");

    public NodeHost Node => _node;

    public static async Task<AccessHost> Start(
        Func<AthanorOptions, AthanorOptions>? with = null, string? directory = null, ILoggerFactory? logs = null)
    {
        directory ??= System.IO.Directory.CreateTempSubdirectory("athanor-access-").FullName;
        var options = new AthanorOptions { StateDirectory = directory, Gateway = new GatewayOptions { Port = 0 } };
        return new AccessHost(await NodeHost.Start(with?.Invoke(options) ?? options, EmbeddedRole.AppendOnly, gateway: true, logs), directory);
    }

    /// <summary>Ends the node and leaves its directory, for one that goes on in it.</summary>
    public ValueTask End() => _node.DisposeAsync();

    public async ValueTask DisposeAsync()
    {
        await _node.DisposeAsync();
        System.IO.Directory.Delete(Directory, recursive: true);
    }

    public void Change(Func<AccessList, AccessList> change)
    {
        _file.Write(change(_file.Read()));
        // Two changes of one length within the clock's tick would look alike.
        File.SetLastWriteTimeUtc(_file.Path, File.GetLastWriteTimeUtc(_file.Path).AddMilliseconds(++_changes));
    }

    private int _changes;

    public string AddKey(string name, string tenant, string role, DateTimeOffset? expires = null) => AddKey(name, [tenant], [role], expires);

    public string AddKey(string name, string[] tenants, string[] roles, DateTimeOffset? expires = null)
    {
        var (text, kept) = ApiKey.Make(expires);
        Change(list => list.With(new KeptPrincipal(name, [.. tenants], [.. roles], [kept], [], false)));
        return text;
    }

    /// <summary>Takes the read models as far as the journal is: this host runs no timers and no feeds.</summary>
    public async Task Project()
    {
        var runner = new ProjectionRunner(_node.Cluster.Store, Projections.All, Families.Messages);
        while (await runner.Step([.. Enumerable.Range(0, _node.Cluster.Store.ShardCount)], default) > 0)
        {
            // The next page.
        }
    }

    /// <summary>The command line's client, which pins the gateway's certificate.</summary>
    public RemoteSettings Remote(string? secret, TimeSpan? patience = null) => new(
        _node.Gateway!.Url, "", _node.Gateway.Info.CertificateSha256, secret is null ? Credential.None : Credential.OfText(secret, "the test"),
        patience ?? TimeSpan.FromSeconds(20));

    public HttpClient Client(string? bearer = null, string? apiKey = null, X509Certificate2? certificate = null)
    {
        var handler = new SocketsHttpHandler();
        handler.SslOptions.RemoteCertificateValidationCallback = (_, shown, _, _) =>
            shown is not null && GatewayCertificate.PinOf(shown) == _node.Gateway!.Info.CertificateSha256;
        if (certificate is not null)
        {
            handler.SslOptions.ClientCertificates = [certificate];
            handler.SslOptions.LocalCertificateSelectionCallback = (_, _, _, _, _) => certificate;
        }
        var http = new HttpClient(handler) { BaseAddress = _node.Gateway!.Url };
        if (bearer is not null) http.DefaultRequestHeaders.TryAddWithoutValidation("Authorization", $"Bearer {bearer}");
        if (apiKey is not null) http.DefaultRequestHeaders.Add(Authenticator.KeyHeader, apiKey);
        return http;
    }

    /// <summary>Registers a model: the simplest command that leaves an event.</summary>
    public static Task<HttpResponseMessage> Register(HttpClient http, string tenant, string id) => Post(
        http, $"v1/ask/{tenant}/models/{id}", """{"kind": "models.register-model", "body": {"kind": "kinetics", "description": "test"}}""");

    public static Task<HttpResponseMessage> Post(HttpClient http, string path, string json) =>
        http.PostAsync(path, new StringContent(json, Encoding.UTF8, "application/json"));

    /// <summary>The title and the detail of a problem, after checking that the answer is one.</summary>
    public static async Task<string> Problem(HttpStatusCode expected, HttpResponseMessage answer)
    {
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(expected == answer.StatusCode, $"{answer.StatusCode}: {text}");
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
        using var problem = JsonDocument.Parse(text);
        Assert.Equal((int)expected, problem.RootElement.GetProperty("status").GetInt32());
        return $"{problem.RootElement.GetProperty("title")} | {problem.RootElement.GetProperty("detail")}";
    }
}
