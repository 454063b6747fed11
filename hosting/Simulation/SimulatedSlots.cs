using Athanor.Hosting.Stores;
using Athanor.Protocol;

namespace Athanor.Hosting.Simulation;

/// <summary>A node's slots: lease work, do it or die of it, renew or forget to, bring the result in time or long after somebody else has
/// the work. The calls to the store fail like all others.</summary>
internal sealed class SimulatedSlots(World world, SimulatedNode node)
{
    private const int Slots = 2;
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan Poll = TimeSpan.FromSeconds(1.5);
    private static readonly string[] Pools = ["cpu"];
    private int _busy;

    private string Holder => $"{node.Name}#{node.Process}";

    public void Start()
    {
        _busy = 0;
        var process = node.Process;
        world.After(world.Between(100, 1500), () => Fill(process, again: true));
    }

    public void Nudge()
    {
        var process = node.Process;
        world.After(TimeSpan.FromMilliseconds(1), () => Fill(process, again: false));
    }

    private bool Lives(int process) => node.Process == process && node.IsAlive;

    private void Fill(int process, bool again)
    {
        if (!Lives(process) || node.IsDrained) return;
        if (again) world.After(Poll, () => Fill(process, again: true));
        if (_busy >= Slots || node.IsPaused) return;
        var count = Slots - _busy;
        Try(process, 1, () =>
        {
            if (!Lives(process)) return true;
            foreach (var lease in SimulatedStore.Now(world.Store.Inner.LeaseWork(Holder, Pools, count, Lease, default)))
            {
                _busy++;
                Run(process, lease);
            }
            return true;
        });
    }

    private void Run(int process, WorkLease lease)
    {
        if (world.Chance(world.Options.SlotDies))
        {
            world.After(world.Between(10, 3000), () => Die(process, lease));
            return;
        }
        var takes = world.Chance(world.Options.SlotHangs) ? world.Between(4000, 15_000) : world.Between(10, 3500);
        world.After(takes, () => Complete(process, lease));
    }

    private void Complete(int process, WorkLease lease)
    {
        if (!Lives(process)) return;
        _busy--;
        var op = SimDecider.OpOf(lease.Work.Name);
        var command = World.Codec.Encode(new WorkCompleted(lease.Work.Name, new Found(op), []));
        Try(process, 5, () =>
        {
            if (!SimulatedStore.Now(world.Store.Inner.CompleteWork(lease.Work.Id, lease.Token, command, default))
                && world.Options.Bug == PlantedBug.WorkResultTakenTwice) world.Store.Inner.ResultAgain(lease.Work.Id, command);
            return true;
        });
    }

    private void Die(int process, WorkLease lease)
    {
        if (!Lives(process)) return;
        _busy--;
        Try(process, 5, () =>
        {
            var deaths = SimulatedStore.Now(world.Store.Inner.ReturnWork(lease.Work.Id, lease.Token, died: true, default));
            if (deaths < 3) return true;
            var command = World.Codec.Encode(new WorkFailed(lease.Work.Name, "three deaths", true));
            SimulatedStore.Now(world.Store.Inner.FailWork(lease.Work.Id, lease.Token, WorkStatus.Parked, "three deaths", command, default));
            return true;
        });
    }

    /// <summary>Makes a call that may fail before or after it took effect; the slot loop then tries again.</summary>
    private void Try(int process, int tries, Func<bool> call)
    {
        world.After(world.Latency(), () =>
        {
            var failed = world.Chance(world.Options.StoreFails);
            if (world.Store.IsDown || node.IsCutFromDatabase || (failed && world.Random.Next(2) == 0))
            {
                if (tries > 1 && Lives(process)) world.After(world.Between(200, 1000), () => Try(process, tries - 1, call));
                return;
            }
            call();
            if (failed && tries > 1 && Lives(process)) world.After(world.Between(200, 1000), () => Try(process, tries - 1, call));
        });
    }
}
