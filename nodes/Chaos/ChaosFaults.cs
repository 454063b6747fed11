using Npgsql;

namespace Athanor.Nodes.Chaos;

/// <summary>What can befall a chaos run: each fault is injected, lasts, and is healed before the next one.</summary>
internal sealed class ChaosFaults(ChaosDatabase database, IReadOnlyList<ChaosProcess> nodes, Random random, Func<ChaosProcess, string> connectionOf)
{
    /// <summary>All faults by name, with what they do.</summary>
    public static readonly IReadOnlyDictionary<string, string> All = new SortedDictionary<string, string>(StringComparer.Ordinal)
    {
        ["kill-node"] = "kill -9 of a node, started again a little later",
        ["kill-two-nodes"] = "kill -9 of two nodes at once",
        ["stop-node"] = "SIGSTOP of a node past its lease, then SIGCONT",
        ["drain-node"] = "a node hands over and ends, and is started again",
        ["kill-slot"] = "kill -9 of a slot at work",
        ["database-fast"] = "the database is restarted in order",
        ["database-immediate"] = "the database is ended without a checkpoint and started again",
        ["database-hangs"] = "SIGSTOP of every process of the database for some seconds",
        ["fail-over"] = "kill -9 of the primary; the synchronous standby takes over",
        ["read-only"] = "the database takes no writes for some seconds",
        ["full-disk"] = "the database's file system is filled to the last byte for some seconds",
        ["slow-disk"] = "each commit takes 100 ms longer (commit_delay)",
        ["connection-storm"] = "all of the database's connections are taken for some seconds",
        ["cut-database"] = "a node's packets to and from the database are held",
        ["cut-node"] = "the other nodes' packets to a node are held",
        ["cut-all"] = "a node reaches neither the database nor is reached by others",
    };

    /// <summary>Why a fault cannot be injected here; null if it can.</summary>
    public string? Skipped(string fault) => fault switch
    {
        "full-disk" => database.NoFullDisk,
        _ => null,
    };

    public async Task Inject(string fault, CancellationToken cancellation)
    {
        var node = nodes[random.Next(nodes.Count)];
        switch (fault)
        {
            case "kill-node":
                await node.Kill();
                await Wait(0, 4);
                node.Start(connectionOf(node));
                break;
            case "kill-two-nodes":
                var other = nodes[(nodes.ToList().IndexOf(node) + 1) % nodes.Count];
                await Task.WhenAll(node.Kill(), other.Kill());
                await Wait(0, 3);
                node.Start(connectionOf(node));
                other.Start(connectionOf(other));
                break;
            case "stop-node":
                await node.Signal("STOP");
                await Wait(ChaosRun.Lease.TotalSeconds * 1.1, ChaosRun.Lease.TotalSeconds * 2);
                await node.Signal("CONT");
                break;
            case "drain-node":
                await node.Drain(TimeSpan.FromSeconds(15));
                node.Start(connectionOf(node));
                break;
            case "kill-slot": await KillSlot(node); break;
            case "database-fast" or "database-immediate":
                await database.Stop(immediate: fault == "database-immediate");
                await Wait(0, 2);
                await database.StartAgain();
                break;
            case "database-hangs":
                await database.Signal("STOP");
                await Wait(2, 6);
                await database.Signal("CONT");
                break;
            case "fail-over": await FailOver(cancellation); break;
            case "read-only": await Setting("default_transaction_read_only", "on", 3, 7); break;
            case "slow-disk":
                await database.Sql("alter system set commit_siblings = 0");
                await Setting("commit_delay", "100000", 4, 8);
                break;
            case "full-disk": await FillDisk(); break;
            case "connection-storm": await Storm(); break;
            case "cut-database": await Cut(node, database: true, door: false); break;
            case "cut-node": await Cut(node, database: false, door: true); break;
            case "cut-all": await Cut(node, database: true, door: true); break;
            default: throw new ArgumentException($"there is no fault '{fault}'", nameof(fault));
        }
    }

    private Task Wait(double least, double most) =>
        Task.Delay(TimeSpan.FromSeconds(least + (most - least) * random.NextDouble()), TimeProvider.System);

    private async Task KillSlot(ChaosProcess node)
    {
        for (var tries = 0; tries < 3; tries++)
        {
            foreach (var slot in Shell.Children(node.Id, "chaos-slot")) await Shell.Run("kill", "-KILL", $"{slot}");
            await Wait(0.2, 0.8);
        }
    }

    private async Task FailOver(CancellationToken cancellation)
    {
        if (!database.HasStandby) await database.AddStandby(cancellation);
        // Commits wait for the standby for a while, so that some are under way when the primary dies.
        await Wait(1, 3);
        await database.FailOver();
        foreach (var node in nodes) node.Database.Retarget(database.Port);
    }

    private async Task Setting(string name, string value, double least, double most)
    {
        await database.Sql($"alter system set {name} = {value}");
        await database.Sql("select pg_reload_conf()");
        await Wait(least, most);
        // A session of our own is read-only as well, but "alter system" is no write of a transaction.
        await database.Sql($"alter system reset {name}");
        await database.Sql("select pg_reload_conf()");
    }

    private async Task FillDisk()
    {
        var filler = Path.Combine(database.Folder, "filler");
        try
        {
            await using (var file = File.Create(filler))
            {
                var block = new byte[1 << 20];
                try
                {
                    while (true) await file.WriteAsync(block);
                }
                catch (IOException)
                {
                    // Full, as it shall be.
                }
            }
            await Wait(2, 6);
        }
        catch (IOException)
        {
            // Closing wrote what could not be written.
        }
        finally
        {
            File.Delete(filler);
        }
        if (database.ProcessId == 0) await database.StartAgain();
    }

    private async Task Storm()
    {
        var held = new List<NpgsqlConnection>();
        try
        {
            for (var i = 0; i < 120; i++)
            {
                var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(database.Connection()) { Pooling = false, Timeout = 3 }.ConnectionString);
                try
                {
                    await connection.OpenAsync();
                    held.Add(connection);
                }
                catch (NpgsqlException)
                {
                    await connection.DisposeAsync();
                    if (held.Count > 20) break;
                }
            }
            await Wait(2, 6);
        }
        finally
        {
            foreach (var connection in held) await connection.DisposeAsync();
        }
    }

    private async Task Cut(ChaosProcess node, bool database, bool door)
    {
        if (database) node.Database.Cut();
        if (door) node.Door.Cut();
        await Wait(1, ChaosRun.Lease.TotalSeconds * 2);
        node.Database.Heal();
        node.Door.Heal();
    }
}
