using System.Numerics;
using Athanor.Compute.Numerics;
using Athanor.Compute.Torch;
using Athanor.Compute.Training;
using Athanor.Compute.Training.Distributed;
using Compute.Tests.Torch;
using Xunit.Abstractions;

namespace Compute.Tests.Training;

/// <summary>Members are threads here; that they may be processes is shown with slots.</summary>
public sealed class ExchangeTests(ITestOutputHelper output)
{
    private const int Sums = 3;
    private static int _names;

    [Fact]
    public void However_many_members_share_memory_the_sum_has_the_bits_of_one_process()
    {
        for (ulong seed = 1; seed <= 40; seed++)
        {
            var random = new Philox(seed, 0);
            var ranks = 1 + (int)(random.NextDouble() * 17);
            var members = 1 + (int)(random.NextDouble() * Math.Min(ranks, 5));
            var count = 1 + (int)(random.NextDouble() * 10_000);
            output.WriteLine($"seed {seed}: {members} members, {ranks} ranks, {count} parameters");
            var path = NewPath();
            var places = Enumerable.Range(0, members).Select(m => new Membership(m, members, ranks)).ToArray();
            var first = SharedMemoryExchange<float>.Create(path, places[0], count, TimeProvider.System);
            Check(seed, ranks, count, [.. places.Select(p => p.Own)], m =>
            {
                var exchange = m == 0 ? first : SharedMemoryExchange<float>.Join(path, places[m], count, TimeProvider.System);
                exchange.Meet(path, default);
                return exchange;
            });
            Assert.False(File.Exists(path), "the memory has kept its name");
        }
    }

    [TorchFact]
    public void Hosts_that_exchange_over_a_process_group_get_the_bits_of_one_process()
    {
        for (ulong seed = 1; seed <= 6; seed++)
        {
            var random = new Philox(seed, 1);
            var ranks = 2 + (int)(random.NextDouble() * 15);
            var hosts = 2 + (int)(random.NextDouble() * Math.Min(ranks - 1, 3));
            var count = 1 + (int)(random.NextDouble() * 10_000);
            output.WriteLine($"seed {seed}: {hosts} hosts, {ranks} ranks, {count} parameters");
            var shares = Enumerable.Range(0, hosts).Select(h => new Membership(h, hosts, ranks).Own).ToArray();
            var port = new TaskCompletionSource<int>();
            Check(seed, ranks, count, shares, m => new ProcessGroupExchange<double>(Group(m, hosts, port), shares, ranks, count));
        }
    }

    [TorchFact]
    public void Members_of_hosts_share_memory_and_only_their_first_speaks_to_other_hosts()
    {
        const int Ranks = 11;
        const int Count = 5000;
        // Two hosts of two and three members.
        int[] members = [2, 3];
        var hosts = Enumerable.Range(0, 2).Select(h => new Membership(h, 2, Ranks).Own).ToArray();
        string[] paths = [NewPath(), NewPath()];
        var port = new TaskCompletionSource<int>();
        var made = members.Select(_ => new TaskCompletionSource()).ToArray();
        var places = members.SelectMany((n, h) => Enumerable.Range(0, n).Select(m => (Host: h, Place: new Membership(m, n, hosts[h].First, hosts[h].Count, Ranks)))).ToArray();
        Check(7, Ranks, Count, [.. places.Select(p => p.Place.Own)], i =>
        {
            var (h, place) = places[i];
            SharedMemoryExchange<double> exchange;
            if (place.Member == 0)
            {
                var outer = new ProcessGroupExchange<double>(Group(h, 2, port), hosts, Ranks, Count);
                exchange = SharedMemoryExchange<double>.Create(paths[h], place, Count, TimeProvider.System, outer: outer);
                made[h].SetResult();
            }
            else
            {
                made[h].Task.Wait(TimeSpan.FromSeconds(60));
                exchange = SharedMemoryExchange<double>.Join(paths[h], place, Count, TimeProvider.System);
            }
            exchange.Meet(paths[h], default);
            return exchange;
        });
    }

    [Fact]
    public void A_member_that_does_not_come_ends_the_sum_by_its_number()
    {
        var path = NewPath();
        var timeout = TimeSpan.FromMilliseconds(200);
        using var first = SharedMemoryExchange<double>.Create(path, new Membership(0, 2, 2), 10, TimeProvider.System, timeout);
        using var second = SharedMemoryExchange<double>.Join(path, new Membership(1, 2, 2), 10, TimeProvider.System, timeout);
        File.Delete(path);
        var e = Assert.Throws<TimeoutException>(() => first.Sum([new SubtreeSum<double>(0, 0, new double[10], 0.0)], new double[10], default));
        Assert.Contains("member 1 of 2 has not come within 0.2 s", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Memory_of_another_group_is_refused()
    {
        var path = NewPath();
        using var first = SharedMemoryExchange<double>.Create(path, new Membership(0, 2, 4), 10, TimeProvider.System);
        try
        {
            var e = Assert.Throws<TrainingException>(() => SharedMemoryExchange<double>.Join(path, new Membership(1, 2, 8), 10, TimeProvider.System));
            Assert.Contains("disagree about the model or the ranks", e.Message, StringComparison.Ordinal);
            Assert.Throws<TrainingException>(() => SharedMemoryExchange<double>.Join(path, new Membership(1, 2, 4), 100_000, TimeProvider.System));
        }
        finally
        {
            File.Delete(path);
        }
        Assert.Contains(
            "cannot be opened",
            Assert.Throws<TrainingException>(() => SharedMemoryExchange<double>.Join(path, new Membership(1, 2, 4), 10, TimeProvider.System)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_training_over_members_ends_with_the_weights_of_one_process() => TrainTogether<double>(Together with { ClipNorm = 1.0 });

    [Fact]
    public void Members_that_share_the_update_end_with_the_bits_of_one_process_and_a_whole_checkpoint()
    {
        TrainTogether<float>(Together);
        TrainTogether<float>(Together with { Optimiser = new OptimiserSettings(OptimiserKind.Sgd, 0.01, Momentum: 0.9) });
        // It goes wrong, is rolled back, and diverges: together as alone.
        TrainTogether<float>(Together with
        {
            Optimiser = new OptimiserSettings(OptimiserKind.Sgd, 1e20),
            Guard = new GuardSettings(MaxRollbacks: 1),
        });
    }

    private static LoopSettings Together => new(
        new OptimiserSettings(OptimiserKind.AdamW, 0.01, WeightDecay: 0.01), new ScheduleSettings(), new StopSettings(40),
        new GuardSettings(), 5, 24, MicroBatch: 3, Ranks: 7, EmaDecay: 0.9, CheckEvery: 10);

    private static void TrainTogether<T>(LoopSettings settings)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var alone = new TrainingLoop<T>(new LeastSquares<T>(100, noise: 0.1), settings, "spec");
        while (alone.Advance())
        {
        }
        var measured = alone.Drain();
        foreach (var members in (int[])[2, 3, 7])
        {
            var path = NewPath();
            var places = Enumerable.Range(0, members).Select(m => new Membership(m, members, settings.Ranks)).ToArray();
            var exchanges = places.Select((place, m) => m == 0
                ? SharedMemoryExchange<T>.Create(path, place, 3, TimeProvider.System)
                : SharedMemoryExchange<T>.Join(path, place, 3, TimeProvider.System)).ToArray();
            File.Delete(path);
            var loops = exchanges.Select(exchange => new TrainingLoop<T>(new LeastSquares<T>(100, noise: 0.1), settings, "spec", exchange: exchange)).ToArray();
            var threads = loops.Select(loop => new Thread(() =>
            {
                while (loop.Advance())
                {
                }
            })).ToArray();
            foreach (var thread in threads) thread.Start();
            foreach (var thread in threads) thread.Join();
            foreach (var loop in loops)
            {
                Assert.Equal(alone.Checkpoint(), loop.Checkpoint());
                var (points, rollbacks) = loop.Drain();
                Assert.Equal(measured.Points.Select(static p => (p.Step, p.Loss, p.GradientNorm)), points.Select(static p => (p.Step, p.Loss, p.GradientNorm)));
                Assert.Equal(measured.Rollbacks.ToArray(), rollbacks.ToArray());
            }
            foreach (var exchange in exchanges) exchange.Dispose();
        }
    }

    private static string NewPath() => SharedMemory.Path($"test-{Environment.ProcessId}-{Interlocked.Increment(ref _names)}");

    private static ProcessGroup Group(int rank, int size, TaskCompletionSource<int> port)
    {
        var timeout = TimeSpan.FromSeconds(60);
        if (rank == 0) return ProcessGroup.Host("127.0.0.1", size, timeout, port.SetResult);
        port.Task.Wait(timeout);
        return ProcessGroup.Join("127.0.0.1", port.Task.GetAwaiter().GetResult(), "127.0.0.1", rank, size, timeout);
    }

    private static void Check<T>(ulong seed, int ranks, int count, (int First, int Count)[] shares, Func<int, IGradientExchange<T>> join)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var results = new (T[] Gradient, double Loss)[shares.Length];
        var failures = new Exception?[shares.Length];
        var threads = shares.Select((share, m) => new Thread(() =>
        {
            try
            {
                using var exchange = join(m);
                for (var i = 0; i < Sums; i++)
                {
                    var own = RankTrees.Combine(Enumerable.Range(share.First, share.Count).Select(rank => Leaf<T>(seed, i, rank, count)), ranks);
                    var gradient = new T[count];
                    exchange.WantsStop = m == 0 ? i == 1 : i == 0;
                    var loss = exchange.Sum(own, gradient, default);
                    Assert.Equal(i == 1, exchange.Stop);
                    results[m] = (gradient, loss);
                }
            }
            catch (Exception e)
            {
                failures[m] = e;
            }
        })).ToArray();
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) thread.Join();
        Assert.All(failures, Assert.Null);
        var root = RankTrees.Combine(Enumerable.Range(0, ranks).Select(rank => Leaf<T>(seed, Sums - 1, rank, count)), ranks).Single();
        Assert.All(results, result =>
        {
            Assert.Equal(root.Loss, result.Loss);
            Assert.Equal(root.Gradient, result.Gradient);
        });
    }

    private static SubtreeSum<T> Leaf<T>(ulong seed, int sum, int rank, int count)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var random = new Philox(seed, (ulong)(1000 * (sum + 1) + rank));
        return new SubtreeSum<T>(
            rank, 0, [.. Enumerable.Range(0, count).Select(_ => T.CreateChecked(random.NextDouble() * 2 - 1))], random.NextDouble());
    }
}
