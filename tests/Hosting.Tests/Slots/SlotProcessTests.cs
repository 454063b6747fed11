using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using Athanor.Hosting.Blobs;
using Athanor.Hosting.Slots;
using Athanor.Hosting.Stores;
using Hosting.Tests.Sqlite;

namespace Hosting.Tests.Slots;

/// <summary>Real child processes: this assembly started as a slot.</summary>
public sealed class SlotProcessTests : IDisposable
{
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(60);

    private static readonly SlotLimits Quick = SlotLimits.Default with
    {
        Grace = TimeSpan.FromSeconds(1),
        Poll = TimeSpan.FromMilliseconds(50),
    };

    private readonly TemporaryDirectory _directory = new();
    private readonly DirectoryBlobStore _blobs;

    public SlotProcessTests() => _blobs = new DirectoryBlobStore(_directory.File("blobs"), TimeProvider.System);

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task One_warm_process_does_many_jobs()
    {
        await using var slot = SlotProcess.Start(SlotMain.Launch, Quick, TimeProvider.System);
        var notes = new List<(double, string)>();
        for (var i = 0; i < 20; i++)
        {
            var done = Assert.IsType<SlotOutcome.Completed>(
                await slot.Run(Job(new Act("echo"), seed: (ulong)i), _blobs, (d, n) => notes.Add((d, n)), default));
            Assert.Equal(new Acted($"seed {i}", slot.Id), Read(done));
        }
        Assert.Equal(Enumerable.Repeat((0.5, "half way"), 20), notes);
    }

    [Training.TorchFact]
    public async Task Libtorch_has_the_slots_threads_and_no_second_pool_fights_for_the_same_processors()
    {
        foreach (var threads in (int[])[1, 2])
        {
            await using var slot = SlotProcess.Start(SlotMain.Launch with { Threads = threads }, Quick, TimeProvider.System);
            var text = Read(await Run(slot, new Act("torch-threads"))).Text;
            // 0 where libtorch is linked with another BLAS, whose threads are OpenMP's.
            Assert.Matches($"^OpenMP {threads}, beside each other 1, BLAS [01]$", text);
        }
    }

    [Fact]
    public async Task What_libraries_print_does_not_reach_the_frames()
    {
        await using var slot = SlotProcess.Start(SlotMain.Launch, Quick, TimeProvider.System);
        Assert.Equal("printed", Read(await Run(slot, new Act("print"))).Text);
        Assert.Equal("seed 7", Read(await Run(slot, new Act("echo"), seed: 7)).Text);
    }

    [Fact]
    public async Task Output_blobs_are_stored_before_the_job_is_completed()
    {
        await using var slot = SlotProcess.Start(SlotMain.Launch, Quick, TimeProvider.System);
        var input = await _blobs.Put(new byte[] { 1, 2, 3 }, default);
        var done = Assert.IsType<SlotOutcome.Completed>(await Run(slot, new Act("copy", input), inputs: input));
        Assert.Equal(Read(done).Text, Assert.Single(done.Blobs));
        Assert.Equal([3, 2, 1], await _blobs.Get(done.Blobs[0], default));
    }

    [Fact]
    public async Task Inputs_that_were_not_named_or_are_missing_are_refused()
    {
        await using var slot = SlotProcess.Start(SlotMain.Launch, Quick, TimeProvider.System);
        var hash = await _blobs.Put(new byte[] { 1 }, default);
        Assert.Contains("not among the inputs", Assert.IsType<SlotOutcome.Refused>(await Run(slot, new Act("copy", hash))).Reason);
        var missing = new string('0', 64);
        Assert.Contains(missing, Assert.IsType<SlotOutcome.Refused>(await Run(slot, new Act("copy", missing), inputs: missing)).Reason);
    }

    [Fact]
    public async Task A_refusal_and_an_exception_leave_the_slot_alive()
    {
        await using var slot = SlotProcess.Start(SlotMain.Launch, Quick, TimeProvider.System);
        Assert.Contains("negative number of turtles", Assert.IsType<SlotOutcome.Refused>(await Run(slot, new Act("refuse"))).Reason);
        Assert.Contains("all the way down", Assert.IsType<SlotOutcome.Died>(await Run(slot, new Act("throw"))).Reason);
        Assert.True(slot.Usable);
        Assert.Equal("seed 1", Read(await Run(slot, new Act("echo"))).Text);
    }

    [Fact]
    public async Task A_crash_is_the_death_of_its_job()
    {
        await using var slot = SlotProcess.Start(SlotMain.Launch, Quick, TimeProvider.System);
        Assert.Contains("exit code 137", Assert.IsType<SlotOutcome.Died>(await Run(slot, new Act("crash"))).Reason);
        Assert.False(slot.Usable);
    }

    [Fact]
    public async Task A_process_that_stands_still_is_killed()
    {
        await using var slot = SlotProcess.Start(SlotMain.Launch, Quick with { Silence = TimeSpan.FromSeconds(3) }, TimeProvider.System);
        Assert.Contains("no heartbeat", Assert.IsType<SlotOutcome.Died>(await Run(slot, new Act("stop"))).Reason);
        Assert.False(slot.Usable);
    }

    [Fact]
    public async Task A_process_over_its_memory_limit_is_killed()
    {
        await using var slot = SlotProcess.Start(SlotMain.Launch, Quick with { MemoryBytes = 400 << 20 }, TimeProvider.System);
        Assert.Contains("limit 400 MiB", Assert.IsType<SlotOutcome.Died>(await Run(slot, new Act("eat"))).Reason);
        Assert.False(slot.Usable);
    }

    [Fact]
    public async Task Memory_taken_faster_than_any_poll_is_refused_by_the_system()
    {
        var limits = Quick with { MemoryBytes = 0, HardBytes = SlotLimits.HardAbove(400L << 20) };
        await using var slot = SlotProcess.Start(SlotMain.Launch, limits, TimeProvider.System);
        Assert.Equal("seed 1", Read(await Run(slot, new Act("echo"))).Text);
        var died = Assert.IsType<SlotOutcome.Died>(await Run(slot, new Act("gulp", Value: 8L << 30)));
        Assert.Contains("refused after", died.Reason);
        Assert.InRange(int.Parse(died.Reason.Split("refused after ")[1].Split(' ')[0], CultureInfo.InvariantCulture), 200, 756);
    }

    [Fact]
    public async Task A_deadline_stops_a_handler_that_listens_and_kills_one_that_does_not()
    {
        var soon = TimeSpan.FromSeconds(0.5);
        // On a busy machine a process needs a while to hear that it should stop.
        await using var listens = SlotProcess.Start(SlotMain.Launch, Quick with { Grace = TimeSpan.FromSeconds(30) }, TimeProvider.System);
        Assert.IsType<SlotOutcome.DeadlinePassed>(await Run(listens, new Act("wait"), deadline: soon));
        Assert.True(listens.Usable);
        await using var deaf = SlotProcess.Start(SlotMain.Launch, Quick, TimeProvider.System);
        Assert.IsType<SlotOutcome.DeadlinePassed>(await Run(deaf, new Act("deaf"), deadline: soon));
        Assert.False(deaf.Usable);
    }

    [Fact]
    public async Task A_job_that_is_stopped_by_order_says_so()
    {
        await using var slot = SlotProcess.Start(SlotMain.Launch, Quick, TimeProvider.System);
        using var stop = new CancellationTokenSource();
        var running = slot.Run(Job(new Act("wait")), _blobs, (_, _) => stop.Cancel(), stop.Token);
        Assert.IsType<SlotOutcome.Stopped>(await running.WaitAsync(Long));
        Assert.True(slot.Usable);
    }

    [Fact]
    public async Task A_slot_ends_when_its_node_is_killed()
    {
        var info = SlotMain.Launch.ToStartInfo();
        info.ArgumentList[^1] = "slot-parent";
        using var parent = Process.Start(info)!;
        var line = await parent.StandardOutput.ReadLineAsync().WaitAsync(Long);
        Assert.EndsWith("deaf", line);
        using var child = Process.GetProcessById(int.Parse(line!.Split(' ')[0], CultureInfo.InvariantCulture));
        Assert.False(child.HasExited);
        parent.Kill();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        await child.WaitForExitAsync(patience.Token);
    }

    private static Acted Read(SlotOutcome outcome)
    {
        var result = Assert.IsType<SlotOutcome.Completed>(outcome).Result;
        return (Acted)SlotMain.Messages.Decode(result.Kind, result.Version, result.Body.Span);
    }

    private static SlotJob Job(Act act, ulong seed = 1, TimeSpan? deadline = null, params ImmutableArray<string> inputs) =>
        new(new StoredMessage(SlotMain.Messages.KindOf(act), 1, SlotMain.Messages.Encode(act)), seed, inputs, deadline ?? Long, null);

    private Task<SlotOutcome> Run(
        SlotProcess slot, Act act, ulong seed = 1, TimeSpan? deadline = null, params ImmutableArray<string> inputs) =>
        slot.Run(Job(act, seed, deadline, inputs), _blobs, (_, _) => { }, default).WaitAsync(Long);
}
