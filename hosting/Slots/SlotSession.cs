using System.Collections.Concurrent;
using System.Diagnostics;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Telemetry;
using Athanor.Hosting.Work;
using Athanor.Protocol;

namespace Athanor.Hosting.Slots;

/// <summary>One slot's life inside its process; see <see cref="SlotProgram"/>.</summary>
/// <param name="jobDone">Called after each job's frames are written.</param>
internal sealed class SlotSession(FramePipe pipe, IReadOnlyList<IWorkHandler> handlers, MessageRegistry registry, Action jobDone)
{
    private readonly BlockingCollection<SlotFrame.Job> _jobs = [];
    private readonly BlobExchange _blobs = new(pipe);
    private readonly KeyExchange _keys = new(pipe);
    private readonly Lock _gate = new();
    private long _running = -1;
    private CancellationTokenSource? _cancel;

    public void Run()
    {
        new Thread(Read) { IsBackground = true, Name = "slot reader" }.Start();
        new Thread(Beat) { IsBackground = true, Name = "slot heartbeat" }.Start();
        foreach (var job in _jobs.GetConsumingEnumerable())
        {
            Send(Do(job));
            jobDone();
        }
    }

    private SlotFrame Do(SlotFrame.Job job)
    {
        using var cancel = new CancellationTokenSource();
        lock (_gate)
        {
            _running = job.Number;
            _cancel = cancel;
        }
        var context = new SlotWorkContext(job, pipe, _blobs, _keys, cancel.Token);
        try
        {
            using var span = AthanorTelemetry.Start("slot", ActivityKind.Consumer, job.TraceParent, job.Work.Kind);
            var work = (IWork)registry.Decode(job.Work.Kind, job.Work.Version, job.Work.Body.Span);
            var handler = handlers.FirstOrDefault(h => h.Handles == work.GetType())
                ?? throw new WorkRefusedException($"no handler does work of kind {job.Work.Kind}");
            var result = handler.Run(work, context);
            return new SlotFrame.Result(
                job.Number, new StoredMessage(registry.KindOf(result), registry.VersionOf(result), registry.Encode(result)), context.Put);
        }
        catch (GangEndedException)
        {
            return new SlotFrame.Stopped(job.Number);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            return new SlotFrame.Stopped(job.Number);
        }
        catch (Exception e) when (e is WorkRefusedException or UnknownKindException or MessageFormatException)
        {
            return new SlotFrame.Failure(job.Number, Refused: true, e.Message);
        }
        catch (Exception e)
        {
            return new SlotFrame.Failure(job.Number, Refused: false, $"{e.GetType().Name}: {e.Message}\n{e.StackTrace}");
        }
        finally
        {
            lock (_gate)
            {
                _running = -1;
                _cancel = null;
            }
        }
    }

    private void Read()
    {
        try
        {
            while (pipe.ReadBlocking() is { } frame)
            {
                switch (frame)
                {
                    case SlotFrame.Job job:
                        _jobs.Add(job);
                        break;
                    case SlotFrame.Blob blob:
                        _blobs.Arrived(blob);
                        break;
                    case SlotFrame.Keys keys:
                        _keys.Arrived(keys);
                        break;
                    case SlotFrame.Cancel cancel:
                        lock (_gate)
                        {
                            if (_running == cancel.Number) _cancel?.Cancel();
                        }
                        break;
                }
            }
        }
        catch (Exception e)
        {
            Console.Error.WriteLine($"slot: the pipe to the node broke: {e.Message}");
        }
        SlotProgram.EndNow();
    }

    private void Beat()
    {
        using var never = new ManualResetEventSlim();
        while (true)
        {
            Send(new SlotFrame.Heartbeat());
            never.Wait(SlotLimits.Heartbeat);
        }
    }

    private void Send(SlotFrame frame)
    {
        try
        {
            pipe.WriteBlocking(frame);
        }
        catch (IOException)
        {
            // The node is gone.
            SlotProgram.EndNow();
        }
    }
}
