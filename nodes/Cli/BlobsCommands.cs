using System.CommandLine;
using Athanor.Hosting.Blobs;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;
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
        var options = ClusterConfiguration.Load(parsed.GetValue(Cli.Config)?.ToString());
        using var state = StateDirectory.OpenForReading(parsed.GetRequiredValue(Cli.State));
        await using var store = SqliteStore.OpenForReading(state.JournalPath, new SqliteStoreOptions(), TimeProvider.System);
        var blobs = BlobStores.Open(options.Blobs, state.BlobsPath, null, TimeProvider.System);
        await using var opened = blobs as IAsyncDisposable;
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
        var options = ClusterConfiguration.Load(parsed.GetValue(Cli.Config)?.ToString());
        using var state = StateDirectory.OpenForReading(parsed.GetRequiredValue(Cli.State));
        var blobs = BlobStores.Open(options.Blobs, state.BlobsPath, null, TimeProvider.System);
        await using var opened = blobs as IAsyncDisposable;
        var found = await ((IBlobCare)blobs).Verify(cancellation).ToListAsync(cancellation);
        if (parsed.GetValue(Cli.Json)) Cli.PrintJson(found);
        else if (found.Count == 0) Console.Out.WriteLine("The blobs are whole.");
        else foreach (var damage in found) Console.Out.WriteLine($"{damage.Where}: {damage.What}");
        return found.Count == 0 ? ExitCodes.Success : ExitCodes.Failure;
    }
}
