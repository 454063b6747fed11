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
/// The handler of training segments in a slot that kills itself (SIGKILL). Each process takes one of the directory's files, whose name says
/// after how many check-points, and whether in the midst of a save; without a file it lives. Its time goes on by 40 ms at each look, so
/// that it saves, and ends segments, at the same check-points on any machine.
/// </summary>
internal sealed partial class DyingRunHandler(string directory) : IWorkHandler
{
    private readonly RunSegmentHandler _inner = new(new SteppingTime());
    private int _left = -1;

    public Type Handles => _inner.Handles;

    public static SlotLaunch Launch(string directory) => new("dotnet", [typeof(SlotMain).Assembly.Location, "run-slot", directory]);

    /// <summary>Orders a death: the first that is ordered is the first that happens.</summary>
    public static void Order(string directory, int number, int checkPoints) =>
        File.WriteAllText(Path.Combine(directory, string.Create(CultureInfo.InvariantCulture, $"{number:D3}-{checkPoints}")), "");

    public IWorkResult Run(IWork work, IWorkContext context)
    {
        if (_left < 0 && Directory.GetFiles(directory).Order(StringComparer.Ordinal).FirstOrDefault() is { } order)
        {
            File.Delete(order);
            _left = int.Parse(order.AsSpan(order.LastIndexOf('-') + 1), CultureInfo.InvariantCulture);
        }
        return _inner.Run(work, new Context(this, context));
    }

    private void Count()
    {
        if (_left >= 0 && _left-- == 0) _ = Kill(Environment.ProcessId, 9);
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
