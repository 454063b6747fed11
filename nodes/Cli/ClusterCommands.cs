using System.CommandLine;
using System.Globalization;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Postgres;
using Athanor.Hosting.Stores.Sqlite;
using Athanor.Nodes.Local;
using Athanor.Protocol;
using Spectre.Console;

namespace Athanor.Nodes.Cli;

/// <summary><c>athanor cluster ...</c>: what an operator sees of a cluster, and does to it.</summary>
internal static class ClusterCommands
{
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(200);

    private static readonly Option<bool> Watch = new("--watch") { Description = "Show it again every second, until Ctrl-C." };

    private static readonly Option<bool> All = new("--all") { Description = "All parked messages." };

    private static readonly Option<bool> SkipSnapshot = new("--skip-snapshot")
    {
        Description = "Rebuild the entity from its first event, and replace its snapshot.",
    };

    private static readonly Argument<string> Node = new("node") { Description = "The node's name, as 'cluster status' shows it.", HelpName = "NODE" };

    private static readonly Argument<string?> Parked = new("id")
    {
        Description = "The parked message, as 'cluster status' shows it.",
        HelpName = "ID",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Argument<string> Entity = new("address") { Description = "family/id or tenant/family/id.", HelpName = "ADDRESS" };

    public static Command Create()
    {
        var cluster = Cli.Command("cluster", "Shows a cluster's nodes, shards and work, and drains nodes.", "cluster status", "cluster drain a");
        var status = Cli.Command(
            "status", "Nodes, shards with owner, epoch and lag, work by kind, parked messages; read from the store, no node needs to be up.",
            "cluster status", "cluster status --config deploy/dev/cluster.hocon", "cluster status --watch", "cluster status --json",
            "cluster status --gateway https://athanor.example:7443 --certificate operator.pem");
        status.Options.Add(Watch);
        status.SetAction(Status);
        var drain = Cli.Command(
            "drain", "Has a node hand its shards over in order, finish or give back its work, and leave.",
            "cluster drain a --config deploy/dev/cluster.hocon");
        drain.Arguments.Add(Node);
        drain.SetAction(Drain);
        var unpark = Cli.Command("unpark", "Tells parked messages to their entities again, as new ones.", "cluster unpark 3/17/0", "cluster unpark --all");
        unpark.Arguments.Add(Parked);
        unpark.Options.Add(All);
        unpark.SetAction(Unparking);
        var repair = Cli.Command(
            "repair", "Reads a faulted entity again and lets its messages go on.", "cluster repair twins/tclab", "cluster repair twins/tclab --skip-snapshot");
        repair.Arguments.Add(Entity);
        repair.Options.Add(SkipSnapshot);
        repair.SetAction(Repair);
        foreach (var command in new[] { status, drain, unpark, repair })
        {
            RemoteOptions.AddTo(command);
            cluster.Subcommands.Add(command);
        }
        cluster.Subcommands.Add(FeatureLevelCommand.Create());
        return cluster;
    }

    private static async Task<int> Status(ParseResult parsed, CancellationToken cancellation)
    {
        await using var view = await View.Open(parsed, CliCluster.OptionsOfCluster(parsed), cancellation);
        while (true)
        {
            var status = await view.Read(cancellation);
            if (parsed.GetValue(Cli.Json)) Cli.PrintJson(status);
            else
            {
                if (parsed.GetValue(Watch)) AnsiConsole.Clear();
                ClusterTables.Print(AnsiConsole.Console, status);
            }
            if (!parsed.GetValue(Watch)) return ExitCodes.Success;
            try
            {
                await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, cancellation);
            }
            catch (OperationCanceledException)
            {
                return ExitCodes.Success;
            }
        }
    }

    private static async Task<int> Drain(ParseResult parsed, CancellationToken cancellation)
    {
        var (options, name) = (CliCluster.OptionsOfCluster(parsed), parsed.GetRequiredValue(Node));
        await using var view = await View.Open(parsed, options, cancellation);
        if (!view.IsRemote && !NodePlaces.IsCluster(options))
            throw new UserException("store.kind is sqlite: the one node of a state directory drains when it is stopped (Ctrl-C or SIGTERM)");
        var nodes = (await view.Read(cancellation)).Nodes;
        if (nodes.FirstOrDefault(n => n.Node == name) is not { } node)
            throw new UserException($"there is no node '{name}'; there are: {string.Join(", ", nodes.Select(n => n.Node))}", ExitCodes.Failure);
        if (!node.Alive)
            throw new UserException($"node {name} is not alive; others take its shards by themselves", ExitCodes.Failure);
        await view.AskToDrain(name, cancellation);
        var time = TimeProvider.System;
        var begun = time.GetTimestamp();
        var patience = (options.Node.DrainTimeout * 2) + options.Shards.Lease;
        var shown = -1;
        while (true)
        {
            var status = await view.Read(cancellation);
            var left = status.Shards.Count(s => s.Owner == name);
            if (status.Nodes.All(n => n.Node != name) && left == 0)
            {
                if (parsed.GetValue(Cli.Json)) Cli.PrintJson(new { node = name, left = true, seconds = time.GetElapsedTime(begun).TotalSeconds });
                else Console.Out.WriteLine($"{name} has handed everything over and left.");
                return ExitCodes.Success;
            }
            if (left != shown && !parsed.GetValue(Cli.Json)) Console.Out.WriteLine($"{name}: {left} shards left");
            shown = left;
            if (time.GetElapsedTime(begun) > patience)
                throw new UserException($"{name} has not left within {patience.TotalSeconds:0} s and still has {left} shards; look at its log", ExitCodes.Failure);
            await Task.Delay(Glance, time, cancellation);
        }
    }

    private static async Task<int> Unparking(ParseResult parsed, CancellationToken cancellation)
    {
        var (id, all) = (parsed.GetValue(Parked), parsed.GetValue(All));
        if (id is null == !all) throw new UserException("give the ID of a parked message, or --all");
        var options = CliCluster.OptionsOfCluster(parsed);
        IReadOnlyList<ParkedStatus> rows;
        await using (var view = await View.Open(parsed, options, cancellation)) rows = (await view.Read(cancellation)).Parked;
        if (id is not null) rows = [.. rows.Where(r => r.Id == id)];
        if (id is not null && rows.Count == 0) throw new UserException($"no message {id} is parked; 'athanor cluster status' shows those that are", ExitCodes.Failure);
        await using var cluster = await CliCluster.Open(parsed, options, EmbeddedRole.AppendOnly, cancellation);
        var refused = 0;
        foreach (var row in rows)
        {
            var message = ClusterStatus.MailOf(row.Id);
            var unpark = new Unpark(message.SourceShard, message.SourceNumber, message.N);
            var reply = await cluster.Client.Ask(CliCluster.Address(row.To, ""), unpark, cancellation: cancellation);
            if (reply is Rejected) refused++;
            if (!parsed.GetValue(Cli.Json))
                Console.Out.WriteLine($"{row.Id} to {row.To}: {(reply is Rejected r ? r.Reason : "told again")}");
        }
        if (parsed.GetValue(Cli.Json)) Cli.PrintJson(new { told = rows.Count - refused, refused });
        else if (rows.Count == 0) Console.Out.WriteLine("No message is parked.");
        return refused == 0 ? ExitCodes.Success : ExitCodes.Failure;
    }

    private static async Task<int> Repair(ParseResult parsed, CancellationToken cancellation)
    {
        var text = parsed.GetRequiredValue(Entity);
        // Before anything is opened.
        CliCluster.Address(text, EntityAddress.DefaultTenant);
        await using var cluster = await CliCluster.Open(parsed, CliCluster.OptionsOfCluster(parsed), EmbeddedRole.AppendOnly, cancellation);
        var address = CliCluster.Address(text, cluster.TenantOf(null));
        if (await cluster.Client.Ask(address, new RepairEntity(parsed.GetValue(SkipSnapshot)), cancellation: cancellation) is Rejected refused)
            throw new UserException(refused.Reason, ExitCodes.Failure);
        if (parsed.GetValue(Cli.Json)) Cli.PrintJson(new { repaired = address.ToString() });
        else Console.Out.WriteLine($"{address} is repaired; its messages go on.");
        return ExitCodes.Success;
    }

    /// <summary>A cluster from outside: through its gateway, or in its store beside whoever works on it.</summary>
    private sealed class View(IStore? store, ClusterConnection? remote) : IAsyncDisposable
    {
        public bool IsRemote => remote is not null;

        public static async Task<View> Open(ParseResult parsed, AthanorOptions options, CancellationToken cancellation)
        {
            if (await CliCluster.OpenGateway(parsed, options, cancellation) is { } remote) return new View(null, remote);
            if (NodePlaces.IsCluster(options))
                return new View(await PostgresStore.Open(PostgresStoreOptions.Of(options), TimeProvider.System, cancellation), null);
            using var directory = StateDirectory.OpenForReading(options.StateDirectory);
            return new View(SqliteStore.OpenForReading(directory.JournalPath, new SqliteStoreOptions(), TimeProvider.System), null);
        }

        public Task<ClusterStatus> Read(CancellationToken cancellation) =>
            store is null ? remote!.Api!.Cluster(cancellation) : ClusterStatus.Read(store, cancellation);

        public Task AskToDrain(string node, CancellationToken cancellation) =>
            store is null ? remote!.Api!.AskToDrain(node, cancellation) : store.AskToDrain(node, cancellation);

        public async ValueTask DisposeAsync()
        {
            if (store is not null) await store.DisposeAsync();
            if (remote is not null) await remote.DisposeAsync();
        }
    }
}

/// <summary>A cluster's status as tables.</summary>
internal static class ClusterTables
{
    public static void Print(IAnsiConsole console, ClusterStatus status)
    {
        console.MarkupLineInterpolated($"{status.Time:u}  {status.ShardCount} shards, incarnation {status.Incarnation}, feature level {status.FeatureLevel}");
        var nodes = Table("Nodes", "node", "roles", "address", "lease left / s", "skew / s", "level", "shards", "");
        foreach (var n in status.Nodes)
        {
            Row(nodes, n.Node, string.Join(", ", n.Roles), n.Address, Number(n.LeaseLeft), Number(n.Skew), $"{n.FeatureLevel}", $"{n.Shards}",
                !n.Alive ? "not alive" : n.Draining ? "draining" : Math.Abs(n.Skew) > 1 ? "clock is off" : "");
        }
        console.Write(nodes);
        var shards = Table("Shards", "shard", "owner", "epoch", "lease left / s", "commits", "events", "waiting", "oldest / s");
        foreach (var s in status.Shards)
            Row(shards, $"{s.Shard}", s.Owner ?? "nobody", s.Epoch, Number(s.LeaseLeft), $"{s.LastNumber}", $"{s.LastEvent}", $"{s.Waiting}", Number(s.OldestWaiting));
        console.Write(shards);
        if (status.Work.Count > 0)
        {
            var work = Table("Work", "pool", "kind", "tenant", "status", "rows", "oldest / s");
            foreach (var w in status.Work) Row(work, w.Pool, w.Kind, w.Tenant, $"{w.Status}".ToLowerInvariant(), $"{w.Rows}", Number(w.Oldest));
            console.Write(work);
        }
        if (status.Parked.Count == 0) return;
        var parked = Table("Parked messages", "id", "to", "kind", "age / s", "reason");
        foreach (var p in status.Parked) Row(parked, p.Id, p.To, p.Kind, Number(p.Age), p.Reason);
        console.Write(parked);
    }

    private static Table Table(string title, params string[] columns)
    {
        var table = new Table().Border(TableBorder.Rounded).Title(title);
        foreach (var column in columns) table.AddColumn(column);
        return table;
    }

    private static void Row(Table table, params string[] cells) => table.AddRow([.. cells.Select(Markup.Escape)]);

    private static string Number(double? seconds) => seconds is { } s ? s.ToString("0.0", CultureInfo.InvariantCulture) : "";
}
