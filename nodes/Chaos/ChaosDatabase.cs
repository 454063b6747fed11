using Athanor.Hosting.Services;
using Npgsql;

namespace Athanor.Nodes.Chaos;

/// <summary>The run's own PostgreSQL, with a synchronous standby while there is one, in a folder that may be a small file system of its own
/// so that a full disk is really one.</summary>
internal sealed class ChaosDatabase : IAsyncDisposable
{
    public const string Name = "chaos";

    private const string Standby = "standby";
    private readonly string _root;
    private readonly bool _ownFileSystem;
    private readonly List<string> _mounted = [];
    private PostgresService _primary;
    private PostgresService? _standby;
    private int _folders = 1;

    private ChaosDatabase(string root, PostgresService primary, bool ownFileSystem, string folder)
    {
        (_root, _primary, _ownFileSystem) = (root, primary, ownFileSystem);
        if (ownFileSystem) _mounted.Add(folder);
    }

    public int Port => _primary.Port;

    public int ProcessId => _primary.ProcessId;

    public string Folder => _primary.Folder;

    public bool HasStandby => _standby is not null;

    /// <summary>Why the disk cannot be filled here; null if it can.</summary>
    public string? NoFullDisk => _ownFileSystem ? null : "the data folder is not on a file system of its own (needs root and mount)";

    private static IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>
    {
        ["max_connections"] = "100",
        ["shared_buffers"] = "64MB",
        ["max_wal_size"] = "256MB",
        ["wal_keep_size"] = "64MB",
        ["tcp_keepalives_idle"] = "2",
        ["tcp_keepalives_interval"] = "1",
        ["tcp_keepalives_count"] = "3",
        ["wal_level"] = "replica",
        ["max_wal_senders"] = "6",
        ["hot_standby"] = "on",
    };

    public static async Task<ChaosDatabase> Start(string root, CancellationToken cancellation)
    {
        var folder = Path.Combine(root, "database-0");
        var mounted = await Mount(folder);
        var primary = await PostgresService.Start(new PostgresServiceOptions { Folder = folder, Settings = Settings }, cancellation);
        await primary.CreateDatabase(Name, cancellation);
        return new ChaosDatabase(root, primary, mounted, folder);
    }

    private static async Task<bool> Mount(string folder)
    {
        Directory.CreateDirectory(folder);
        if (!Environment.IsPrivilegedProcess || !OperatingSystem.IsLinux()) return false;
        var (code, _) = await Shell.Run("mount", "-t", "tmpfs", "-o", "size=2500m", "tmpfs", folder);
        return code == 0;
    }

    /// <summary>As nodes reach it through a relay.</summary>
    public string Connection(int port) => new NpgsqlConnectionStringBuilder(_primary.ConnectionString(Name)) { Port = port }.ConnectionString;

    public string Connection() => _primary.ConnectionString(Name);

    public Task Stop(bool immediate) => _primary.Stop(immediate);

    public Task StartAgain() => _primary.StartAgain();

    public Task<string> Sql(string sql) => _primary.Sql("postgres", sql);

    /// <summary>Sends a signal to the server and all its processes.</summary>
    public async Task Signal(string signal)
    {
        var id = ProcessId;
        foreach (var child in Shell.Children(id, "postgres")) await Shell.Run("kill", $"-{signal}", $"{child}");
        await Shell.Run("kill", $"-{signal}", $"{id}");
    }

    /// <summary>Every commit waits for it from now on.</summary>
    public async Task AddStandby(CancellationToken cancellation)
    {
        var folder = Path.Combine(_root, $"database-{_folders++}");
        if (_ownFileSystem && await Mount(folder)) _mounted.Add(folder);
        _standby = await _primary.StartStandby(new PostgresServiceOptions { Folder = folder, Settings = Settings }, Standby, cancellation);
        await Sql($"alter system set synchronous_standby_names = '{Standby}'");
        await Sql("select pg_reload_conf()");
    }

    /// <summary>The primary dies as with its host; the standby takes over, alone until a new one is added.</summary>
    public async Task FailOver()
    {
        var standby = _standby ?? throw new InvalidOperationException("there is no standby");
        await Signal("KILL");
        await standby.Promote();
        var old = _primary;
        (_primary, _standby) = (standby, null);
        await Sql("alter system reset synchronous_standby_names");
        await Sql("select pg_reload_conf()");
        await Forget(old);
    }

    private async Task Forget(PostgresService old)
    {
        var folder = old.Folder;
        await old.DisposeAsync();
        await Unmount(folder);
        if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
    }

    private async Task Unmount(string folder)
    {
        if (!_mounted.Contains(folder)) return;
        var (code, _) = await Shell.Run("umount", "-l", folder);
        if (code == 0) _mounted.Remove(folder);
    }

    public async ValueTask DisposeAsync()
    {
        if (_standby is not null) await _standby.DisposeAsync();
        await _primary.DisposeAsync();
    }

    /// <summary>Gives the file systems back; what lay on them is copied out first if it is to be kept.</summary>
    public async Task Unmount(bool keep)
    {
        foreach (var folder in _mounted.ToList())
        {
            if (keep) await Shell.Run("cp", "-a", folder, folder + "-kept");
            await Unmount(folder);
        }
    }
}
