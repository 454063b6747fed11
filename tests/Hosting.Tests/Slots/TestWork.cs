using System.Runtime.InteropServices;
using Athanor.Compute.Torch;
using Athanor.Hosting.Work;
using Athanor.Protocol;

namespace Hosting.Tests.Slots;

/// <summary>What a test wants its slot to do.</summary>
/// <param name="Act">See <see cref="TestWork"/>.</param>
/// <param name="Path">A file that the act uses.</param>
[Message("tests.act")]
public sealed record Act([property: Key(0)] string Does, [property: Key(1)] string Path = "", [property: Key(2)] long Value = 0) : IWork;

[Message("tests.acted")]
public sealed record Acted([property: Key(0)] string Text, [property: Key(1)] int Process) : IWorkResult;

/// <summary>A handler that does what its spec says, good and bad.</summary>
internal sealed unsafe partial class TestWork : IWorkHandler
{
    public static IReadOnlyList<IWorkHandler> Handlers { get; } = [new TestWork()];

    public Type Handles => typeof(Act);

    public IWorkResult Run(IWork work, IWorkContext context)
    {
        var act = (Act)work;
        switch (act.Does)
        {
            case "echo":
                context.Report(0.5, "half way");
                return Said($"seed {context.Seed}");
            case "print":
                Console.WriteLine("a library speaks on standard output");
                _ = NativePuts("and so does native code");
                return Said("printed");
            case "copy":
                var content = context.GetBlob(act.Path);
                return Said(context.PutBlob(content.ToArray().Reverse().ToArray()));
            case "refuse":
                throw new WorkRefusedException("the spec asks for what cannot be: a negative number of turtles");
            case "throw":
                throw new InvalidOperationException("turtles all the way down");
            case "crash":
                Kill(Environment.ProcessId, 9);
                return Said("unreachable");
            case "stop":
                // The whole process stands still, its heartbeat too, as it would when swapped out or deadlocked in the runtime.
                Kill(Environment.ProcessId, 19);
                return Said("unreachable");
            case "crash-once":
                // Dies at the first attempt only; the file remembers that there was one.
                if (!File.Exists(act.Path))
                {
                    File.WriteAllText(act.Path, "died");
                    Kill(Environment.ProcessId, 9);
                }
                return Said("lived");
            case "eat":
                var hoard = new List<byte[]>();
                while (!context.Cancellation.IsCancellationRequested)
                {
                    var bite = new byte[16 << 20];
                    Array.Fill(bite, (byte)1);
                    hoard.Add(bite);
                }
                return Said($"ate {hoard.Count}");
            case "gulp":
                // As much as it is given, as fast as it can: faster than any poll.
                var gulped = 0L;
                for (; gulped < act.Value; gulped += 64 << 20)
                {
                    var memory = (byte*)Allocate(64 << 20);
                    if (memory == null) throw new OutOfMemoryException($"refused after {gulped >> 20} MiB");
                    for (var at = 0; at < 64 << 20; at += 4096) memory[at] = 1;
                }
                return Said($"gulped {gulped >> 20} MiB");
            case "steps":
                // Goes on from the last checkpoint, and dies once after each of the first steps.
                var step = context.Checkpoint is { } known ? BitConverter.ToInt64(context.GetBlob(known.Blob).Span) : 0;
                File.AppendAllText(act.Path, $"from {step}\n");
                if (step == act.Value) return Said($"done after {step}");
                context.SaveCheckpoint(step + 1, BitConverter.GetBytes(step + 1));
                Kill(Environment.ProcessId, 9);
                return Said("unreachable");
            case "torch-threads":
                // One product, so that every pool that there is has been made.
                using (var scope = new TensorScope())
                {
                    var matrix = Tensor.From(new float[256 * 256], [256, 256]);
                    _ = matrix.MatMul(matrix).Sum().Item();
                }
                return Said($"OpenMP {TorchRuntime.NumThreads}, beside each other {TorchRuntime.NumInteropThreads}, BLAS {TorchRuntime.NumBlasThreads}");
            case "barriers":
                return Barriers(act, context);
            case "wait":
                // Says where it is, then waits for its end like a well-behaved handler.
                if (act.Path != "") File.AppendAllText(act.Path, $"{Environment.ProcessId}\n");
                context.Report(0.25, "waiting");
                context.Cancellation.WaitHandle.WaitOne();
                context.Cancellation.ThrowIfCancellationRequested();
                return Said("unreachable");
            case "deaf":
                if (act.Path != "") File.AppendAllText(act.Path, $"{Environment.ProcessId}\n");
                context.Report(0.25, "deaf");
                Thread.CurrentThread.Join();
                return Said("unreachable");
            default:
                throw new WorkRefusedException($"there is no act '{act.Does}'");
        }
    }

    /// <summary>Writes down who came to which barrier, and who passed it, in which generation.</summary>
    private static Acted Barriers(Act act, IWorkContext context)
    {
        var gang = context.Gang!;
        if (gang.Rank == 0) gang.Set("master", BitConverter.GetBytes(Environment.ProcessId));
        var master = BitConverter.ToInt32(gang.Wait("master"));
        for (var i = 0; i < act.Value; i++)
        {
            Note($"come {i}");
            gang.Barrier($"b{i}");
            Note($"pass {i}");
            // Time enough for somebody who wants to kill one between two barriers.
            context.Cancellation.WaitHandle.WaitOne(TimeSpan.FromMilliseconds(100));
            context.Report((i + 1.0) / act.Value, $"barrier {i} of generation {gang.Generation}");
        }
        return Said($"generation {gang.Generation} master {master}");

        void Note(string what) => Append(act.Path, $"{gang.Generation} {gang.Rank} {what} {Environment.ProcessId}\n");
    }

    /// <summary>Adds a line to a file that several processes write. The runtime appends at the end that it saw when it opened the file, so
    /// two at a time would write over each other: one lock file lets one in.</summary>
    private static void Append(string path, string line)
    {
        var wait = new SpinWait();
        while (true)
        {
            FileStream held;
            try
            {
                held = new FileStream(path + ".lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException)
            {
                wait.SpinOnce();
                continue;
            }
            using (held) File.AppendAllText(path, line);
            return;
        }
    }

    private static Acted Said(string text) => new(text, Environment.ProcessId);

    [LibraryImport("libc", EntryPoint = "puts", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int NativePuts(string text);

    [LibraryImport("libc", EntryPoint = "malloc")]
    private static partial void* Allocate(nint bytes);

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
