using System.CommandLine;
using Athanor.Hosting.Blobs;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Postgres;
using Athanor.Hosting.Stores.Sqlite;

namespace Athanor.Nodes.Cli;

/// <summary><c>blobs</c>: verifies and collects the blobs of a state directory, beside a running node as well as without one.</summary>
internal static class BlobsCommands
{
    private static readonly Option<bool> DryRun = new("--dry-run") { Description = "Only says what would be done." };

    public static Command Create()
    {
        var blobs = Cli.Command("blobs", "Verifies blobs, and collects those that nothing names any more.",
            "blobs verify", "blobs collect --dry-run");
        var collect = Cli.Command("collect",
            "Sets blobs aside that no row names and that are older than the grace, and removes what was set aside a grace ago.",
            "blobs collect --dry-run", "blobs collect --json");
        collect.Options.Add(DryRun);
        collect.SetAction(Collect);
        var verify = Cli.Command("verify", "Reads every blob and checks that it is what its name says.", "blobs verify");
        verify.SetAction(Verify);
        blobs.Subcommands.Add(collect);
        blobs.Subcommands.Add(verify);
        return blobs;
    }

    private static async Task<int> Collect(ParseResult parsed, CancellationToken cancellation)
    {
        var options = ClusterConfiguration.Load(parsed.GetValue(Cli.Config));
        var (state, blobs) = OpenBlobs(parsed, options);
        using var held = state;
        await using var opened = blobs as IAsyncDisposable;
        await using var store = state is null
            ? await PostgresStore.Open(PostgresStoreOptions.Of(options), TimeProvider.System, cancellation)
            : (IStore)SqliteStore.OpenForReading(state.JournalPath, new SqliteStoreOptions(), TimeProvider.System);
        if (store is IJournalStore journal) journal.UseBlobs(blobs);
        var done = await BlobCollector.Once(store, blobs, options.Blobs.Grace, parsed.GetValue(DryRun), cancellation);
        if (parsed.GetValue(Cli.Json))
        {
            Cli.PrintJson(done);
        }
        else
        {
            foreach (var damage in done.Damage)
                Console.Out.WriteLine($"Nothing is collected while there is damage: {damage.Where}: {damage.What}");
            var would = parsed.GetValue(DryRun) ? "would be " : "";
            Console.Out.WriteLine(
                $"{done.Condemned} objects ({done.CondemnedBytes} bytes) {would}set aside, {done.Restored} {would}put back, "
                + $"{done.Removed} ({done.RemovedBytes} bytes) {would}removed. Grace: {options.Blobs.Grace}.");
        }
        return done.Damage.Count == 0 ? ExitCodes.Success : ExitCodes.Failure;
    }

    private static async Task<int> Verify(ParseResult parsed, CancellationToken cancellation)
    {
        var options = ClusterConfiguration.Load(parsed.GetValue(Cli.Config));
        var (state, blobs) = OpenBlobs(parsed, options);
        using var held = state;
        await using var opened = blobs as IAsyncDisposable;
        var found = await ((IBlobCare)blobs).Verify(cancellation).ToListAsync(cancellation);
        if (parsed.GetValue(Cli.Json)) Cli.PrintJson(found);
        else if (found.Count == 0) Console.Out.WriteLine("The blobs are whole.");
        else foreach (var damage in found) Console.Out.WriteLine($"{damage.Where}: {damage.What}");
        return found.Count == 0 ? ExitCodes.Success : ExitCodes.Failure;
    }

    /// <summary>A cluster's blobs are found by its settings alone; an embedded one's lie in its state directory.</summary>
    private static (StateDirectory? State, IBlobStore Blobs) OpenBlobs(ParseResult parsed, AthanorOptions options)
    {
        if (options.Store.Kind == "postgres")
        {
            var directory = Path.Combine(options.StateDirectory, "blobs");
            return (null, BlobStores.Open(options.Blobs, directory, PostgresStoreOptions.Of(options), TimeProvider.System));
        }
        var state = StateDirectory.OpenForReading(parsed.GetRequiredValue(Cli.State));
        return (state, BlobStores.Open(options.Blobs, state.BlobsPath, null, TimeProvider.System));
    }
}
