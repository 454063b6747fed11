using Npgsql;

namespace Athanor.Nodes.Chaos;

/// <summary>What can befall a chaos run: each fault is injected, lasts, and is healed before the next one.</summary>
internal sealed class ChaosFaults(ChaosDatabase database, ChaosNetwork? network, string? noNetwork, IReadOnlyList<ChaosProcess> nodes, Random random)
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
        ["slow-disk"] = "each fsync of the database takes 50 to 300 ms longer for some seconds",
        ["connection-storm"] = "all of the database's connections are taken for some seconds",
        ["cut-database"] = "no packet passes between a node and the database",
        ["cut-database-one-way"] = "no packet passes from a node to the database, or from the database to a node",
        ["cut-database-from-all"] = "no packet passes between any node and the database",
        ["cut-node"] = "no packet passes between a node and the other nodes",
        ["cut-node-one-way"] = "no packet passes from a node to the others, or from the others to it",
        ["cut-all"] = "no packet passes to or from a node",
    };

    private static readonly TimeSpan LeastSlow = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan MostSlow = TimeSpan.FromMilliseconds(300);

    /// <summary>Why a fault cannot be injected here; null if it can.</summary>
    public string? Skipped(string fault) => fault switch
    {
        "full-disk" => database.NoFullDisk,
        "slow-disk" => database.NoSlowDisk,
        _ => fault.StartsWith("cut-", StringComparison.Ordinal) && network is null ? noNetwork : null,
    };

    /// <summary>Injects a fault, lets it last, and heals it.</summary>
    /// <returns>Why it was none, if it had no effect; then nothing is proven by it.</returns>
    public async Task<string?> Inject(string fault, CancellationToken cancellation)
    {
        var node = nodes[random.Next(nodes.Count)];
        switch (fault)
        {
            case "kill-node":
                await node.Kill();
                await Wait(0, 4);
                node.Start(database.Connection());
                break;
            case "kill-two-nodes":
                var other = nodes[(nodes.ToList().IndexOf(node) + 1) % nodes.Count];
                await Task.WhenAll(node.Kill(), other.Kill());
                await Wait(0, 3);
                node.Start(database.Connection());
                other.Start(database.Connection());
                break;
            case "stop-node":
                await node.Signal("STOP");
                await Wait(ChaosRun.Lease.TotalSeconds * 1.1, ChaosRun.Lease.TotalSeconds * 2);
                await node.Signal("CONT");
                break;
            case "drain-node":
                await node.Drain(TimeSpan.FromSeconds(15));
                node.Start(database.Connection());
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
            case "slow-disk": return await SlowDisk();
            case "full-disk": return await FillDisk();
            case "connection-storm": await Storm(); break;
            default: return await Cut(node, fault);
        }
        return null;
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

    private async Task<string?> SlowDisk()
    {
        var each = LeastSlow + (MostSlow - LeastSlow) * random.NextDouble();
        database.Slow(each);
        try
        {
            var commit = await database.OneCommit();
            if (commit < each) return $"a commit took {commit.TotalMilliseconds:0} ms where each fsync was to take {each.TotalMilliseconds:0} ms longer";
            await Wait(4, 8);
            return null;
        }
        finally
        {
            database.Slow(null);
        }
    }

    private async Task<string?> FillDisk()
    {
        var filler = Path.Combine(database.Folder, "filler");
        // Blocks are set aside without being written, which is quick, and then the rest is written to the last byte.
        const long Rest = 8 << 20;
        try
        {
            var free = new DriveInfo(database.Folder).AvailableFreeSpace;
            await using (var file = new FileStream(filler, new FileStreamOptions
            {
                Mode = FileMode.Create,
                Access = FileAccess.Write,
                PreallocationSize = Math.Max(0, free - Rest),
            }))
            {
                file.Position = Math.Max(0, free - Rest);
                var block = new byte[1 << 20];
                try
                {
                    while (true) await file.WriteAsync(block);
                }
                catch (IOException)
                {
                    // Full, as it shall be.
                }
                if (new DriveInfo(database.Folder).AvailableFreeSpace is > 64 << 10 and var left) return $"{left} bytes of the disk were still free";
                await Wait(2, 6);
            }
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
        return null;
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

    private async Task<string?> Cut(ChaosProcess node, string fault)
    {
        var lines = network ?? throw new InvalidOperationException("there is no network to cut");
        var others = nodes.Where(other => other != node).Select(static other => other.Address).ToArray();
        var (own, there) = (node.Address, (string[])[ChaosNetwork.Database]);
        (string From, string To)[] ways = fault switch
        {
            "cut-database" => [.. Out(own, there), .. In(own, there)],
            "cut-database-one-way" => OneWay(own, there),
            "cut-database-from-all" => [.. nodes.SelectMany(each => (IEnumerable<(string, string)>)[.. Out(each.Address, there), .. In(each.Address, there)])],
            "cut-node" => [.. Out(own, others), .. In(own, others)],
            "cut-node-one-way" => OneWay(own, others),
            "cut-all" => [.. Out(own, [.. others, .. there]), .. In(own, [.. others, .. there])],
            _ => throw new ArgumentException($"there is no fault '{fault}'", nameof(fault)),
        };
        try
        {
            foreach (var (from, to) in ways) await lines.Cut(from, to);
            var far = fault == "cut-node" || fault == "cut-node-one-way" ? others[0] : ChaosNetwork.Database;
            if (!await lines.Loses(node.Index, far, far == ChaosNetwork.Database ? database.Port : ChaosNetwork.NodePort))
                return $"{node.Name} still reached {far}";
            await Wait(1, ChaosRun.Lease.TotalSeconds * 2);
            return null;
        }
        finally
        {
            await lines.Heal();
        }

        static (string, string)[] Out(string own, string[] to) => [.. to.Select(each => (own, each))];
        static (string, string)[] In(string own, string[] from) => [.. from.Select(each => (each, own))];
        (string, string)[] OneWay(string own, string[] far) => random.Next(2) == 0 ? Out(own, far) : In(own, far);
    }
}
