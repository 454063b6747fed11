using Athanor.Hosting.Core;
using Athanor.Hosting.Stores;
using Athanor.Nodes.Cli;
using Athanor.Nodes.Replay;
using Athanor.Nodes.Reports;

namespace Athanor.Nodes.Demo;

/// <summary>The last act: every entity of the run is rebuilt from the journal alone; its state hash must be the live one.</summary>
internal sealed class ReplayStep(IStore store, IMessageCodec codec) : IDemoStep
{
    public string Title => "Replay";

    public async Task Run(DemoContext context, CancellationToken cancellation)
    {
        var total = (await store.ListAllEntities(cancellation)).Count;
        var rows = new List<ReplayedEntity>();
        await foreach (var row in new ReplayRun(store, context.Cluster, codec).Run(null, cancellation))
        {
            rows.Add(row);
            context.Progress.Advance("Entities rebuilt", rows.Count, total);
        }
        if (rows.Count == 0) throw new UserException("the journal holds no entity to replay", ExitCodes.Failure);

        var same = rows.Count(r => r.Same);
        context.Report.Section(Title)
            .Say("Each entity was rebuilt from the journal alone, event by event from its first, with every event's hash checked against its "
                + "contents and the event before it; snapshots were not used. The state hash is SHA-256 over the canonical bytes of the state.")
            .Add(new Figure("Entities that replay to their live state", $"{same} of {rows.Count}", "all", same == rows.Count))
            .Add(new Table("State hashes", ["entity", "events", "from the journal", "live"],
                [.. rows.Select(r => (IReadOnlyList<string>)[r.Address.ToString(), r.EventNumber.ToString(), Short(r.JournalHash), r.Same ? "the same" : r.Damage ?? Short(r.LiveHash)])]));
    }

    private static string Short(string hash) => hash.Length > 16 ? hash[..16] + "…" : hash;
}
