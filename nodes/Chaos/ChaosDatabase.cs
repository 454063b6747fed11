using Athanor.Hosting.Services;
using Npgsql;

namespace Athanor.Nodes.Chaos;

/// <summary>The run's own PostgreSQL, with a synchronous standby while there is one. Each server's data lie on a disk, so that fsync is
/// one; where file systems can be mounted it is a small one of the server's own, so that a full disk is really full.</summary>
internal sealed class ChaosDatabase : IAsyncDisposable
{
    public const string Name = "chaos";

    private const string Standby = "standby";

    // More than an hour's journal; the file is sparse, so it takes what is written.
    private const long FileSystemBytes = 3L << 30;

    private readonly string _root;
    private readonly bool _networked;
    private readonly SlowDisk? _slow;
    private readonly List<string> _mounted = [];
    private PostgresService _primary = null!;
    private PostgresService? _standby;
    private int _folders;

    private ChaosDatabase(string root, bool networked, string? noMount, SlowDisk? slow, string? noSlow) =>
        (_root, _networked, NoFullDisk, _slow, NoSlowDisk) = (root, networked, noMount, slow, noSlow);

    public int ProcessId => _primary.ProcessId;

    public string Folder => _primary.Folder;

    public int Port => _primary.Port;

    public bool HasStandby => _standby is not null;

    /// <summary>Why the disk cannot be filled here; null if it can.</summary>
    public string? NoFullDisk { get; private set; }

    /// <summary>Why the disk cannot be slowed here; null if it can.</summary>
    public string? NoSlowDisk { get; }

    private PostgresServiceOptions Options(string folder) => new()
    {
        Folder = folder,
        Environment = _slow?.Environment ?? new Dictionary<string, string>(),
        Settings = new Dictionary<string, string>
        {
            ["listen_addresses"] = _networked ? $"127.0.0.1,{ChaosNetwork.Database}" : "127.0.0.1",
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
        },
    };

    /// <param name="networked">Whether nodes come over a network (<see cref="ChaosNetwork"/>) and not from this host.</param>
    /// <param name="noMount">Why no file systems can be mounted here; null if they can.</param>
    public static async Task<ChaosDatabase> Start(string root, bool networked, string? noMount, CancellationToken cancellation)
    {
        var (slow, noSlow) = await SlowDisk.Compile(root);
        var database = new ChaosDatabase(root, networked, noMount, slow, noSlow);
        var folder = await database.MakeFolder();
        database._primary = await PostgresService.Start(database.Options(folder), cancellation);
        await database._primary.CreateDatabase(Name, cancellation);
        if (networked)
        {
            await File.AppendAllTextAsync(Path.Combine(folder, "data", "pg_hba.conf"), $"host all all {ChaosNetwork.Everybody} scram-sha-256\n", cancellation);
            await database.Reload();
        }
        return database;
    }

    /// <summary>What the data lie on and what an fsync there takes, for people.</summary>
    public string Disk()
    {
        var type = ChaosFolder.Format(Folder);
        if (_mounted.Contains(Folder)) type = $"{type} of its own in a file on {ChaosFolder.Format(_root)}";
        var path = Path.Combine(Folder, "probe");
        var took = new List<double>();
        using (var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, 0, FileOptions.DeleteOnClose))
        {
            for (var i = 0; i < 21; i++)
            {
                file.Write(new byte[8192]);
                var begun = TimeProvider.System.GetTimestamp();
                file.Flush(flushToDisk: true);
                took.Add(TimeProvider.System.GetElapsedTime(begun).TotalMilliseconds);
            }
        }
        var warning = ChaosFolder.Format(_root) == "tmpfs" ? "; IN MEMORY: fsync is none" : "";
        return string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{type}, fsync {took.Order().ElementAt(10):0.00} ms{warning}");
    }

    public string Connection() => _networked
        ? new NpgsqlConnectionStringBuilder(_primary.ConnectionString(Name)) { Host = ChaosNetwork.Database }.ConnectionString
        : _primary.ConnectionString(Name);

    public Task Stop(bool immediate) => _primary.Stop(immediate);

    public Task StartAgain() => _primary.StartAgain();

    public Task<string> Sql(string sql) => _primary.Sql("postgres", sql);

    public Task<string> Reload() => Sql("select pg_reload_conf()");

    /// <summary>Sends a signal to the server and all its processes.</summary>
    public async Task Signal(string signal)
    {
        var id = ProcessId;
        foreach (var child in Shell.Children(id, "postgres")) await Shell.Run("kill", $"-{signal}", $"{child}");
        await Shell.Run("kill", $"-{signal}", $"{id}");
    }

    /// <summary>Each fsync and fdatasync of the servers takes so much longer; null heals.</summary>
    public void Slow(TimeSpan? each)
    {
        if (each is { } time) _slow!.Slow(time);
        else _slow!.Heal();
    }

    /// <summary>How long a commit takes that writes a few bytes.</summary>
    public async Task<TimeSpan> OneCommit()
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(Connection()) { Pooling = false, CommandTimeout = 60 }.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand("select pg_logical_emit_message(true, 'chaos', 'a few bytes')", connection);
        var begun = TimeProvider.System.GetTimestamp();
        await command.ExecuteNonQueryAsync();
        return TimeProvider.System.GetElapsedTime(begun);
    }

    /// <summary>Every commit waits for it from now on.</summary>
    public async Task AddStandby(CancellationToken cancellation)
    {
        _standby = await _primary.StartStandby(Options(await MakeFolder()), Standby, cancellation);
        await Sql($"alter system set synchronous_standby_names = '{Standby}'");
        await Reload();
    }

    /// <summary>The primary dies as with its host; the standby comes up at its address, takes no writes yet, is promoted, and is
    /// alone until a new one is added.</summary>
    public async Task FailOver()
    {
        var standby = _standby ?? throw new InvalidOperationException("there is no standby");
        var port = Port;
        await Signal("KILL");
        var old = _primary;
        (_primary, _standby) = (standby, null);
        await old.DisposeAsync();
        await standby.StartAgain(port);
        await standby.Promote();
        await Sql("alter system reset synchronous_standby_names");
        await Reload();
        await Unmount(old.Folder);
        ChaosFolder.Delete(old.Folder);
    }

    private async Task<string> MakeFolder()
    {
        var folder = Path.Combine(_root, $"database-{_folders++}");
        Directory.CreateDirectory(folder);
        if (NoFullDisk is null) NoFullDisk = await Mount(folder);
        return folder;
    }

    /// <summary>The file has no name once it is mounted: it is gone with the mount, and that with the namespace.</summary>
    private async Task<string?> Mount(string folder)
    {
        var image = folder + ".ext4";
        try
        {
            await using (var file = File.Create(image)) file.SetLength(FileSystemBytes);
            var (code, words) = await Shell.Run("mkfs.ext4", "-q", "-F", "-m", "0", "-E", "nodiscard", image);
            if (code == 0) (code, words) = await Shell.Run("mount", "-o", "loop,noinit_itable", image, folder);
            if (code != 0) return $"no file system of its own for the database: {Shell.FirstLine(words)}";
            _mounted.Add(folder);
            return null;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            return $"needs mount and mkfs.ext4 ({e.Message})";
        }
        finally
        {
            File.Delete(image);
        }
    }

    private async Task Unmount(string folder)
    {
        if (!_mounted.Remove(folder)) return;
        var (code, words) = await Shell.Run("umount", "-l", folder);
        if (code != 0) throw new InvalidOperationException(words.Trim());
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
