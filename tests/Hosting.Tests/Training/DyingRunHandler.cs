using System.Globalization;
using System.Runtime.InteropServices;
using Athanor.Hosting.Slots;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Work;
using Athanor.Hosting.Work.Training;
using Athanor.Protocol;
using Hosting.Tests.Slots;

namespace Hosting.Tests.Training;

/// <summary>
/// The handler of training segments in a slot that kills itself (SIGKILL) or stops itself (SIGSTOP). Each process takes one of the directory's
/// files, whose name says after how many check-points, by which signal, and which rank of a gang it is for; without a file it lives. Alone,
/// its time goes on by 40 ms at each look, so that it saves, and ends segments, at the same check-points on any machine. In a gang each
/// node counts as a host, and time is the system's, since members wait for each other.
/// </summary>
internal sealed partial class DyingRunHandler(string directory) : IWorkHandler
{
    private const int KillSignal = 9;
    private const int StopSignal = 19;
    private readonly RunSegmentHandler _alone = new(new SteppingTime());
    private readonly RunSegmentHandler _member = new(TimeProvider.System, static gang => gang.Addresses[gang.Rank]);
    private int _left = -1;
    private int _signal;

    public Type Handles => _alone.Handles;

    public static SlotLaunch Launch(string directory) => new("dotnet", [typeof(SlotMain).Assembly.Location, "run-slot", directory]);

    /// <summary>Orders a death: the first that is ordered is the first that happens.</summary>
    public static void Order(string directory, int number, int checkPoints, int rank = 0, bool stop = false) => File.WriteAllText(
        Path.Combine(directory, string.Create(CultureInfo.InvariantCulture, $"{number:D3}-{(stop ? StopSignal : KillSignal)}-{rank}-{checkPoints}")), "");

    public IWorkResult Run(IWork work, IWorkContext context)
    {
        if (_left < 0 && Directory.Exists(directory) && Directory.GetFiles(directory).Order(StringComparer.Ordinal).FirstOrDefault() is { } path)
        {
            var order = Path.GetFileName(path).Split('-').Select(static part => int.Parse(part, CultureInfo.InvariantCulture)).ToArray();
            if (order[2] == (context.Gang?.Rank ?? 0))
            {
                File.Delete(path);
                (_signal, _left) = (order[1], order[3]);
            }
        }
        return (context.Gang is { Size: > 1 } ? _member : _alone).Run(work, new Context(this, context));
    }

    private void Count()
    {
        if (_left >= 0 && _left-- == 0) _ = Kill(Environment.ProcessId, _signal);
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);

    private sealed class Context(DyingRunHandler handler, IWorkContext inner) : IWorkContext
    {
        public ulong Seed => inner.Seed;

        /// <summary>Asked for once on the way to each check-point.</summary>
        public CancellationToken Cancellation
        {
            get
            {
                handler.Count();
                return inner.Cancellation;
            }
        }

        public WorkCheckpoint? Checkpoint => inner.Checkpoint;

        public IGang? Gang => inner.Gang;

        public ReadOnlyMemory<byte> GetBlob(string hash) => inner.GetBlob(hash);

        public string PutBlob(ReadOnlyMemory<byte> content)
        {
            handler.Count();
            return inner.PutBlob(content);
        }

        public void Report(double done, string note) => inner.Report(done, note);

        public void SaveCheckpoint(long step, ReadOnlyMemory<byte> content) => inner.SaveCheckpoint(step, content);
    }
}

/// <summary>Each look is 40 ms after the one before.</summary>
internal sealed class SteppingTime : TimeProvider
{
    private long _looks;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => Interlocked.Increment(ref _looks) * 40 * TimeSpan.TicksPerMillisecond;
}
