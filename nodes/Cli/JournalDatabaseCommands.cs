using System.CommandLine;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Postgres;

namespace Athanor.Nodes.Cli;

/// <summary><c>journal migrate</c> and <c>journal restored</c>: what is done to a cluster's database by hand.</summary>
internal static class JournalDatabaseCommands
{
    private static readonly Option<bool> DryRun = new("--dry-run") { Description = "Only say what would be run." };

    private static readonly Option<bool> Contract = new("--contract")
    {
        Description = "Also run what takes away what older programs need; refused while a node runs one.",
    };

    public static Command CreateMigrate()
    {
        var migrate = Cli.Command(
            "migrate",
            "Brings the schema of a cluster's database up to date, as a user who owns it. Nodes of the last release go on meanwhile.",
            "journal migrate --config deploy/cluster.hocon --dry-run", "journal migrate --config deploy/cluster.hocon");
        migrate.Options.Add(DryRun);
        migrate.Options.Add(Contract);
        migrate.SetAction(Migrate);
        return migrate;
    }

    public static Command CreateRestored()
    {
        var restored = Cli.Command(
            "restored",
            "Says that a cluster's database, or a copied state directory, was restored from a backup, before any node is started on it: owners from "
            + "before it are fenced for good, and whoever reads events or moves can tell numbers that come again from those that they had.",
            "journal restored --config deploy/cluster.hocon", "journal restored --state .athanor/state");
        restored.SetAction(Restored);
        return restored;
    }

    private static async Task<int> Migrate(ParseResult parsed, CancellationToken cancellation)
    {
        var dryRun = parsed.GetValue(DryRun);
        var done = await PostgresStore.Migrate(Options(parsed), parsed.GetValue(Contract), dryRun, cancellation);
        if (parsed.GetValue(Cli.Json))
        {
            Cli.PrintJson(new { dryRun, migrations = done.Select(static m => m.ToString()) });
            return ExitCodes.Success;
        }
        foreach (var migration in done) Console.Out.WriteLine(migration);
        Console.Out.WriteLine(done.Count == 0 ? "The schema is up to date."
            : dryRun ? $"{done.Count} to run." : $"{done.Count} run; the schema is up to date.");
        return ExitCodes.Success;
    }

    private static async Task<int> Restored(ParseResult parsed, CancellationToken cancellation)
    {
        if (CliCluster.Options(parsed) is { Store.Kind: not "postgres" } options)
        {
            StateDirectory.OpenForReading(options.StateDirectory).Dispose();
            // Locked as long as it is open: no node runs on it.
            await using var end = await JournalEnd.OpenOwn(options, cancellation);
            return Say(parsed, end.Name, await end.Store.RaiseIncarnation(cancellation));
        }
        await using var store = await PostgresStore.Open(
            Options(parsed) with { Migrate = MigrateMode.Check, OnWarning = static text => Console.Error.WriteLine($"athanor: {text}") },
            TimeProvider.System, cancellation);
        var now = await store.Now(cancellation);
        var alive = (await store.ReadNodes(cancellation)).Where(n => n.LeaseUntil > now).Select(static n => n.Node).ToList();
        if (alive.Count > 0)
        {
            throw new UserException(
                $"{store.Target}: nodes are alive on it ({string.Join(", ", alive)}); stop all nodes, restore, and run this before they start again",
                ExitCodes.Failure);
        }
        return Say(parsed, store.Target, await store.RaiseIncarnation(cancellation));
    }

    private static int Say(ParseResult parsed, string journal, long incarnation)
    {
        if (parsed.GetValue(Cli.Json)) Cli.PrintJson(new { journal, incarnation });
        else Console.Out.WriteLine($"{journal} is in incarnation {incarnation}: nothing from before the restoration is accepted any more.");
        return ExitCodes.Success;
    }

    private static PostgresStoreOptions Options(ParseResult parsed)
    {
        var options = ClusterConfiguration.Load(parsed.GetValue(Cli.Config));
        if (options.Store.Kind != "postgres")
        {
            throw new UserException(
                "athanor.store.kind is sqlite: a state directory is migrated when it is opened; give --config FILE with store.kind = postgres");
        }
        try
        {
            return PostgresStoreOptions.Of(options);
        }
        catch (StoreException e)
        {
            throw new UserException(e.Message);
        }
    }
}
