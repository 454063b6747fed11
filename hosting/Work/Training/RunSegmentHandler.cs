using System.Globalization;
using System.Numerics;
using System.Security.Cryptography;
using System.Text;
using Athanor.Actors.Training;
using Athanor.Compute.Exchange;
using Athanor.Compute.Training;
using Athanor.Compute.Training.Distributed;
using Athanor.Protocol;
using Athanor.Protocol.Models;
using Athanor.Protocol.Training;
using ComputeTasks = Athanor.Compute.Training.TrainingTasks;

namespace Athanor.Hosting.Work.Training;

/// <summary>
/// Trains one segment of a run: from its checkpoint to the first check-point after its steps or its time, or to the training's end.
///
/// Meanwhile it saves its state every so often (<see cref="RunSpec.SaveEvery"/>), written beside the training. Another slot that takes the
/// work over after this one's death goes on from there, with what this one had measured. Weights do not depend on any of it. A state that
/// does not fit (another spec, another version, cut short) is refused with its reason, and the run is parked. Stopped in order (drain, an
/// interrupted command), it saves the step that it is at.
///
/// With several workers each member of the gang does this at the same time, with its logical ranks. The first one alone saves, measures
/// the time, says when to end (its wish goes with the gradients, so that all end after the same step) and gives the result; all begin
/// with the state that it names. A member that dies, stops or is 10 s late ends the others' sum; the gang is formed anew, and goes on from
/// what was saved last.
/// </summary>
/// <param name="place">Where a member's shared memory is; by default <see cref="SharedMemory.Place"/>.</param>
internal sealed class RunSegmentHandler(TimeProvider time, Func<IGang, string>? place = null) : IWorkHandler
{
    /// <summary>How large a result's points may become together, so that it stays one message.</summary>
    private const int PointBytes = 24 << 10;

    private static readonly TimeSpan ReportEvery = TimeSpan.FromMilliseconds(100);

    public Type Handles => typeof(RunSegment);

    public IWorkResult Run(IWork work, IWorkContext context)
    {
        var segment = (RunSegment)work;
        try
        {
            if (TrainingDecider.Check(segment.Spec) is { } wrong) throw new WorkRefusedException(wrong);
            return segment.Spec.Precision == RunPrecision.Double ? Train<double>(segment, context) : Train<float>(segment, context);
        }
        catch (TrainingException e)
        {
            throw new WorkRefusedException(e.Message, e);
        }
    }

    /// <summary>Names what a part of a run trains: everything of its spec but where it is cut and who is told.</summary>
    public static string SpecHash(RunSpec spec, int part)
    {
        var bytes = Families.Messages.Encode(new StartRun(spec with
        {
            SegmentSteps = 0,
            SegmentTime = TimeSpan.Zero,
            SaveEvery = TimeSpan.Zero,
            Registers = "",
            Workers = 0,
            Parent = null,
        }));
        return Convert.ToHexStringLower(SHA256.HashData([.. bytes, (byte)part]));
    }

    private RunSegmentResult Train<T>(RunSegment segment, IWorkContext context)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var spec = segment.Spec;
        var split = spec.IsMain(segment.Part) ? SplitRequest.OfData : new SplitRequest(spec.Folds, segment.Part);
        var task = ComputeTasks.Create<T>(spec.Model, spec.Data, context.GetBlob, split, TrainingDecider.AutocastOf(spec.Precision));
        using var device = task as IDisposable;
        using var exchange = context.Gang is { Size: > 1 } gang
            ? GangExchange.Create<T>(gang, spec.Ranks, task.ParameterCount, spec.Library, time, context.Cancellation, place?.Invoke(gang))
            : null;
        var loop = new TrainingLoop<T>(
            task, TrainingDecider.LoopSettingsOf(spec), SpecHash(spec, segment.Part), Threads(), segment.Resumes, exchange);
        if (segment.Checkpoint.Length > 0) loop.Restore(context.GetBlob(segment.Checkpoint));
        else if (spec.Start is { } start) loop.StartFrom(context.GetBlob(start));
        var (from, measured) = (loop.Step, RunMeasurements.Empty);
        if (Saved(context) is { Length: > 0 } saved)
        {
            (measured, var state) = RunMeasurements.Read(context.GetBlob(saved));
            loop.Restore(state);
        }

        var begun = time.GetTimestamp();
        var first = context.Gang is not { Rank: > 0 };
        using var saving = new Saving(context);
        var report = new RunReport(context, time, ReportEvery, spec, segment.Part, from);
        var savedAt = begun;
        while (Advance())
        {
            measured = measured.With(segment.Part, loop);
            if (measured.Points.Length > 0) report.Measured(measured.Points[^1]);
            if (spec.SegmentSteps > 0 && loop.Step - from >= spec.SegmentSteps) break;
            if (exchange?.Stop ?? IsLate()) break;
            if (!first || time.GetElapsedTime(savedAt) < spec.SaveEvery || saving.IsBusy) continue;
            savedAt = time.GetTimestamp();
            Save(present: false);
        }
        measured = measured.With(segment.Part, loop);
        saving.Finish();
        // The first one's result ends the work for all.
        context.Gang?.Barrier("trained");
        return Result(segment, loop, measured, first ? context.PutBlob : static _ => "");

        bool Advance()
        {
            var cancellation = context.Cancellation;
            try
            {
                return loop.Advance(cancellation, Stepped);
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested && first)
            {
                // Amid two check-points: whoever takes the work over goes on from this very step.
                Save(present: true);
                saving.Finish();
                throw;
            }
        }

        void Save(bool present)
        {
            // The training goes on while its state of now is written, hashed, sent and made durable.
            var (state, figures) = (loop.CheckpointOfNow(present), measured);
            saving.Start(() => figures.Write(state()));
        }

        bool IsLate() => time.GetElapsedTime(begun) >= spec.SegmentTime;

        void Stepped(long step, double loss)
        {
            if (exchange is not null && first) exchange.WantsStop = IsLate();
            if (first) report.Stepped(step, loss);
        }
    }

    /// <summary>Hash of the state that an earlier attempt saved last, or empty. Members of a gang take the first one's word, since each may
    /// have been told another.</summary>
    private static string Saved(IWorkContext context)
    {
        const string Key = "saved";
        var hash = context.Checkpoint?.Blob ?? "";
        if (context.Gang is not { Size: > 1 } gang) return hash;
        // Behind a sign, since stores may not tell an empty value from none.
        if (gang.Rank == 0) gang.Set(Key, Encoding.ASCII.GetBytes("=" + hash));
        return Encoding.ASCII.GetString(gang.Wait(Key))[1..];
    }

    private static RunSegmentResult Result<T>(
        RunSegment segment, TrainingLoop<T> loop, RunMeasurements measured, Func<ReadOnlyMemory<byte>, string> put)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var metrics = loop.BestFigures.SetItem("train-loss", loop.Loss);
        if (double.IsFinite(loop.BestLoss)) metrics = metrics.SetItem("best-step", loop.BestStep);
        if (loop.MicroBatch > 0) metrics = metrics.SetItem("micro-batch", loop.MicroBatch);
        if (loop.Skipped > 0) metrics = metrics.SetItem("skipped-steps", loop.Skipped);
        if (loop.Rollbacks > 0) metrics = metrics.SetItem("rollbacks", loop.Rollbacks);
        var ended = loop.End is not (LoopEnd.None or LoopEnd.Diverged);
        var model = ended ? loop.ModelFile() : [];
        var done = new RunSegmentDone(
            segment.Segment, segment.Part, loop.Step, put(loop.Checkpoint()), loop.Loss, measured.Thinned(PointBytes),
            (RunEnd)loop.End, ended ? put(model) : "", metrics);
        return new RunSegmentResult(done, measured.Rollbacks, loop.Cause, ended ? SignatureOf(model) : null, measured.Cuts);
    }

    /// <summary>What the weights take and give; null for a kind of model that says it in no way known here.</summary>
    private static ModelSignature? SignatureOf(byte[] model)
    {
        var file = ModelFile.Read(model);
        return file.Inputs.IsEmpty ? null : new ModelSignature(file.Kind, file.Inputs, file.Outputs);
    }

    /// <summary>The slot's share of the machine; see the setting <c>slots.pools.*.threads</c>.</summary>
    private static int Threads() =>
        int.TryParse(Environment.GetEnvironmentVariable("OMP_NUM_THREADS"), CultureInfo.InvariantCulture, out var threads) && threads > 0
            ? threads : 1;

    /// <summary>Writes one state at a time, beside the training.</summary>
    private sealed class Saving(IWorkContext context) : IDisposable
    {
        /// <summary>Counts on over deaths; steps would not do, since a rollback takes them back.</summary>
        private long _number = context.Checkpoint?.Step ?? 0;
        private Task _task = Task.CompletedTask;

        public bool IsBusy => !_task.IsCompleted;

        public void Start(Func<byte[]> content)
        {
            Finish();
            var number = ++_number;
            _task = Task.Run(() => context.SaveCheckpoint(number, content()));
        }

        /// <summary>Waits for what is being written, and throws what it threw.</summary>
        public void Finish() => _task.GetAwaiter().GetResult();

        public void Dispose()
        {
            // After an exception of the training only its end counts, not how it went.
            ((IAsyncResult)_task).AsyncWaitHandle.WaitOne();
        }
    }
}
