using System.Buffers.Binary;
using System.Collections.Immutable;
using Athanor.Compute.Training;
using Athanor.Protocol;
using Athanor.Protocol.Training;

namespace Athanor.Hosting.Work.Training;

/// <summary>What a segment has measured so far; it is saved with the state, so that nothing of it is lost or told twice.</summary>
/// <param name="Cuts">Where memory did not suffice.</param>
internal sealed record RunMeasurements(
    ImmutableArray<RunPoint> Points, ImmutableArray<RunRolledBack> Rollbacks, ImmutableArray<RunMicroBatchCut> Cuts)
{
    /// <summary>Bytes of a point without its figures, and of one figure, at most.</summary>
    private const int PointBytes = 48, FigureBytes = 32;

    public static readonly RunMeasurements Empty = new([], [], []);

    /// <summary>Beyond so many points every second one goes: check-points may come a thousand times a second.</summary>
    private const int MaxPoints = 2000;

    public RunMeasurements With<T>(int part, TrainingLoop<T> loop)
        where T : unmanaged, System.Numerics.IBinaryFloatingPointIeee754<T>
    {
        var cuts = loop.DrainCuts();
        return With(part, loop.Drain()) with
        {
            Cuts = Cuts.AddRange(cuts.Select(cut => new RunMicroBatchCut(part, cut.Step, cut.From, cut.To, cut.Cause))),
        };
    }

    private RunMeasurements With(int part, (ImmutableArray<LoopPoint> Points, ImmutableArray<LoopRollback> Rollbacks) more) => new(
        Kept(Points.AddRange(more.Points.Select(static p => new RunPoint(p.Step, p.Loss, p.Rate, p.GradientNorm, p.Validation)))),
        Rollbacks.AddRange(more.Rollbacks.Select(r => new RunRolledBack(part, r.Step, r.ToStep, r.Cause, r.RateFactor))), Cuts);

    /// <summary>The points, or every second, fourth, … of them: as many as fit. The last is always there.</summary>
    public ImmutableArray<RunPoint> Thinned(int bytes)
    {
        var points = Points;
        while (points.Length > 1 && points.Sum(static p => PointBytes + FigureBytes * p.Validation.Count) > bytes) points = Half(points);
        return points;
    }

    private static ImmutableArray<RunPoint> Kept(ImmutableArray<RunPoint> points) => points.Length > MaxPoints ? Half(points) : points;

    private static ImmutableArray<RunPoint> Half(ImmutableArray<RunPoint> points)
    {
        var last = points.Length - 1;
        return [.. points.Where((_, i) => (last - i) % 2 == 0)];
    }

    /// <summary>This and a training state as one blob: length of this, this, the state.</summary>
    public byte[] Write(byte[] state)
    {
        var body = Families.Messages.Encode(new RunSegmentResult(
            new RunSegmentDone(
                0, 0, 0, "", 0.0, Thinned(1 << 20), RunEnd.None, "", ImmutableSortedDictionary<string, double>.Empty), Rollbacks, "", null, Cuts));
        var bytes = new byte[4 + body.Length + state.Length];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, body.Length);
        body.CopyTo(bytes, 4);
        state.CopyTo(bytes, 4 + body.Length);
        return bytes;
    }

    /// <exception cref="TrainingException">The bytes are no such blob.</exception>
    public static (RunMeasurements Measured, ReadOnlyMemory<byte> State) Read(ReadOnlyMemory<byte> bytes)
    {
        var length = bytes.Length < 4 ? -1 : BinaryPrimitives.ReadInt32LittleEndian(bytes.Span);
        if (length < 0 || length > bytes.Length - 4) throw new TrainingException($"{bytes.Length} bytes are no saved segment");
        try
        {
            var kind = Families.Messages.KindOf(new RunSegmentResult(null!, [], ""));
            var result = (RunSegmentResult)Families.Messages.Decode(kind, 1, bytes.Span.Slice(4, length));
            return (new RunMeasurements(result.Done.Points, result.Rollbacks, result.Cuts), bytes[(4 + length)..]);
        }
        catch (MessageFormatException e)
        {
            throw new TrainingException($"the saved segment cannot be read: {e.Message}", e);
        }
    }
}
