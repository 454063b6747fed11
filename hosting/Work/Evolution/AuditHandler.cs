using Athanor.Compute.Evolution;
using Athanor.Compute.Trust;
using Athanor.Protocol;
using Athanor.Protocol.Evolution;

namespace Athanor.Hosting.Work.Evolution;

/// <summary>Replays one segment from the committed state before it. A state that is not under the claim's root, or that is no state of this
/// training, gives a report without a hash: nobody can agree with it, and the node's own replay decides.</summary>
public sealed class AuditHandler : IWorkHandler
{
    public Type Handles => typeof(Audit);

    public IWorkResult Run(IWork work, IWorkContext context)
    {
        var audit = (Audit)work;
        var schedule = audit.Spec.Schedule;
        if (audit.Segment < 1 || audit.Segment > schedule.Segments)
            throw new WorkRefusedException($"segment {audit.Segment} is not one of 1 to {schedule.Segments}");
        var training = EvaluationRuns.Open(audit.Spec, context);
        var (firstHash, firstError) = ("", 0.0);
        if (audit.Segment == 1)
        {
            (firstHash, firstError) = (GenomeTraining.Hash(training.State), training.Error());
        }
        else
        {
            var committed = StateChain.Holds(
                audit.Root, audit.Segment - 1, schedule.Segments + 1, audit.StateBefore, audit.ErrorBefore, audit.LeafBefore, audit.Path);
            if (!committed) return new AuditReport(audit.WorkId, audit.Segment, "", 0, "", 0, []);
            try
            {
                training.Load(context.GetBlob(audit.StateBefore).Span, audit.Segment - 1);
            }
            catch (InvalidDataException)
            {
                return new AuditReport(audit.WorkId, audit.Segment, "", 0, "", 0, []);
            }
        }
        training.Advance(context.Cancellation);
        return new AuditReport(audit.WorkId, audit.Segment, firstHash, firstError, GenomeTraining.Hash(training.State), training.Error(), []);
    }
}
