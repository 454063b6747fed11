namespace Athanor.Hosting.Services;

/// <summary>
/// A private RabbitMQ on loopback for tests and tools, with MQTT and the consistent-hash exchange: own node name, cookie, port mapper, data
/// folder and ports, run as user rabbitmq when this process is root. It ends with this process, however that ends.
/// </summary>
public sealed class RabbitService : IAsyncDisposable
{
    private readonly RabbitFolder _folder;
    private readonly RabbitServiceOptions _options;
    private readonly RabbitPorts _ports;
    private TiedProcess? _epmd;
    private TiedProcess? _server;

    private RabbitService(RabbitFolder folder, RabbitServiceOptions options, RabbitPorts ports) =>
        (_folder, _options, _ports) = (folder, options, ports);

    public int AmqpPort => _ports.Amqp;

    public int MqttPort => _ports.Mqtt;

    public string Folder => _folder.Folder;

    /// <summary>Process id of the broker; 0 while it is stopped.</summary>
    public int ProcessId => _server is { Exited.IsCompleted: false } ? _server.ProcessId : 0;

    /// <summary>amqp:// with the cluster's own user, who may do everything in the virtual host <c>athanor</c>.</summary>
    public string Uri => _folder.Uri(_ports);

    /// <summary>Starts a broker; back when it takes AMQP and MQTT connections.</summary>
    /// <exception cref="ServiceException">With the log's last lines.</exception>
    public static async Task<RabbitService> Start(RabbitServiceOptions options, CancellationToken cancellation = default)
    {
        var folder = await RabbitFolder.Prepare(options.Folder, options.Install, cancellation);
        var service = new RabbitService(folder, options, RabbitPorts.Free(options.AmqpPort, options.MqttPort));
        try
        {
            await folder.Configure(service._ports, [RabbitUser.All(RabbitFolder.VirtualHost, folder.Password()), .. options.Users], cancellation);
            await service.Launch(cancellation);
            return service;
        }
        catch
        {
            await service.DisposeAsync();
            throw;
        }
    }

    /// <summary>Adds users, or changes those of the same names.</summary>
    public Task AddUsers(IEnumerable<RabbitUser> users, CancellationToken cancellation = default) => _folder.Import(_ports, users, cancellation);

    /// <summary>Runs rabbitmqctl with the arguments given and returns what it prints.</summary>
    public Task<string> Control(IReadOnlyList<string> arguments, CancellationToken cancellation = default) =>
        _folder.Control(_ports, arguments, cancellation);

    /// <summary>Ends the broker, in order or by kill -9.</summary>
    public async Task Stop(bool immediate)
    {
        if (_server is not { } server) return;
        await server.End(immediate ? "KILL" : "TERM", _options.Timeout, _options.Time);
        _server = null;
    }

    /// <summary>Starts the stopped or killed broker again on the same folder and ports.</summary>
    public async Task StartAgain()
    {
        await Stop(immediate: true);
        await Launch(CancellationToken.None);
    }

    /// <summary>Sends the broker a signal by name: STOP makes it hang, CONT lets it go on.</summary>
    public Task Signal(string name) => _server?.Signal(name) ?? Task.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await Stop(immediate: _options.Folder is null);
        if (_epmd is not null) await _epmd.DisposeAsync();
        if (_options.Folder is null && Directory.Exists(Folder)) Directory.Delete(Folder, recursive: true);
    }

    private async Task Launch(CancellationToken cancellation)
    {
        var variables = _folder.Variables(_ports);
        if (_epmd is not { Exited.IsCompleted: false })
            _epmd = await TiedProcess.Start(_folder.User, _folder.Log, null, "KILL", RabbitFolder.EpmdCommand(_ports), variables);
        var from = File.Exists(_folder.Log) ? new FileInfo(_folder.Log).Length : 0;
        _server = await TiedProcess.Start(
            _folder.User, _folder.Log, _options.Folder is null ? Folder : null, "KILL", _folder.Command, variables);
        if (await RabbitLog.Started(_folder.Log, from, _server.Exited, _options.Timeout, _options.Time, cancellation)) return;
        throw new ServiceException($"RabbitMQ in {Folder} did not start on port {AmqpPort}:\n{_server.LogTail()}");
    }
}
