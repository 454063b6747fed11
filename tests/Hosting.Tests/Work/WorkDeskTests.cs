using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Stores.Memory;
using Athanor.Protocol;
using Hosting.Tests.Core;
using Hosting.Tests.Slots;
using Hosting.Tests.Stores;

namespace Hosting.Tests.Work;

public sealed class WorkDeskTests
{
    [Fact]
    public async Task A_result_larger_than_a_message_may_be_fails_its_work_with_the_reason_and_one_that_fits_is_stored()
    {
        var store = new MemoryStore(4, new VirtualTime());
        var driver = new StoreDriver(store);
        var entity = StoreDriver.Entity(1);
        var arrived = 0;
        var fits = new Acted("fits", 0);
        var most = SlotMain.Messages.Encode(new WorkCompleted("small", fits, [])).Length;
        var desk = new WorkDesk(store, SlotMain.Messages, 3, _ => arrived++, most);
        await driver.Dispatch(entity, driver.Work(entity, "small"), driver.Work(entity, "large"));
        var leases = (await desk.Lease("node-a", ["cpu"], 2, TimeSpan.FromSeconds(10), default)).ToDictionary(static l => l.Work.Name);
        Assert.True(await desk.Complete(leases["small"], fits, [], default));
        Assert.False(await desk.Complete(leases["large"], new Acted("fits not", 0), [], default));
        Assert.Equal(2, arrived);

        var messages = (await store.ReadMail([driver.ShardOf(entity)], 10, default))
            .Select(static row => SlotMain.Messages.Decode(row.Command.Kind, row.Command.Version, row.Command.Body.Span)).ToList();
        Assert.Equal(fits, Assert.IsType<WorkCompleted>(messages[0]).Result);
        var failed = Assert.IsType<WorkFailed>(messages[1]);
        Assert.Contains($"at most {most}", failed.Reason, StringComparison.Ordinal);
        Assert.Contains("athanor.messages.max", failed.Reason, StringComparison.Ordinal);
        Assert.Equal(
            [("large", WorkStatus.Failed), ("small", WorkStatus.Completed)],
            (await store.ListWork(null, default)).Select(static view => (view.Work.Name, view.Status)).Order());
    }
}
