using Athanor.Hosting.Blobs;
using Athanor.Hosting.Slots;
using Athanor.Hosting.Stores;

namespace Hosting.Tests.Slots;

/// <summary>A process that only holds one busy slot and names it, to be killed by a test.</summary>
internal static class SlotParent
{
    public static int Run()
    {
        var slot = SlotProcess.Start(SlotMain.Launch, SlotLimits.Default, TimeProvider.System);
        var work = new Act("deaf");
        var job = new SlotJob(
            new StoredMessage(SlotMain.Messages.KindOf(work), 1, SlotMain.Messages.Encode(work)), 1, [], TimeSpan.FromMinutes(5), null);
        _ = slot.Run(job, new NoBlobs(), (_, note) => Console.WriteLine($"{slot.Id} {note}"), CancellationToken.None);
        Thread.CurrentThread.Join();
        return 0;
    }

    private sealed class NoBlobs : IBlobStore
    {
        public Task<string> Put(ReadOnlyMemory<byte> content, CancellationToken cancellation) => throw new NotSupportedException();

        public Task<byte[]> Get(string hash, CancellationToken cancellation) => throw new NotSupportedException();

        public Task<bool> Exists(string hash, CancellationToken cancellation) => throw new NotSupportedException();
    }
}
