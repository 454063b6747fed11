using Athanor.Actors.Evolution;
using Athanor.Compute.Evolution;
using Athanor.Protocol.Evolution;

namespace Athanor.Hosting.Work.Evolution;

/// <summary>What evaluating and auditing share.</summary>
internal static class EvaluationRuns
{
    /// <exception cref="WorkRefusedException">The spec is not one that this build can compute bit for bit.</exception>
    public static GenomeTraining Open(EvaluationSpec spec, IWorkContext context)
    {
        if (spec.Numeric != new NumericClass(GenomeTraining.Precision, GenomeTraining.DeviceClass, GenomeTraining.KernelSet))
        {
            throw new WorkRefusedException(
                $"the spec asks for {spec.Numeric}; this build has {GenomeTraining.Precision}, {GenomeTraining.DeviceClass}, {GenomeTraining.KernelSet}");
        }
        try
        {
            var table = EvaluationTable.Read(
                context.GetBlob(spec.Table.Blob).Span, spec.Table.Inputs, spec.Table.TrainingRows, spec.Table.ValidationRows);
            return new GenomeTraining(
                EvaluationSpecs.GenomeOf(spec.Genome), spec.Seed, table, spec.Schedule.Segments, spec.Schedule.StepsPerSegment);
        }
        catch (Exception e) when (e is InvalidDataException or ArgumentException)
        {
            throw new WorkRefusedException($"candidate {spec.Candidate}: {e.Message}", e);
        }
    }
}
