using System.Globalization;
using System.Net;
using System.Numerics;
using System.Text;
using Athanor.Compute.Torch;
using Athanor.Compute.Training;
using Athanor.Compute.Training.Distributed;

namespace Athanor.Hosting.Work.Training;

/// <summary>
/// How the members of a gang find each other to add their gradients. Each tells where its shared memory is; those of one place form a
/// host, hosts in the order of their first members. Logical ranks are dealt out over the members in that order, so that a host holds
/// neighbours. The members of a host share memory; the first of each meets the other hosts' first in a process group.
/// All names and ports are told through the gang's keys and belong to its generation alone: after a member's death the next
/// generation meets anew and finds nothing of the old.
/// </summary>
internal static class GangExchange
{
    /// <param name="gang">Of two members at least.</param>
    /// <param name="ranks">Logical ranks.</param>
    /// <param name="count">Parameters.</param>
    /// <param name="library">Over hosts, let the library reduce: faster, and no bits are promised.</param>
    /// <param name="place">Where this process's shared memory is; for tests.</param>
    /// <exception cref="WorkRefusedException">The gang is larger than its logical ranks, or the hosts cannot meet.</exception>
    public static IGradientExchange<T> Create<T>(
        IGang gang, int ranks, int count, bool library, TimeProvider time, CancellationToken cancellation, string? place = null)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (gang.Size > ranks)
            throw new WorkRefusedException($"a gang of {gang.Size} cannot share {ranks} logical ranks; at most {ranks} workers would be right");
        gang.Set($"place/{gang.Rank}", Encoding.UTF8.GetBytes(place ?? SharedMemory.Place));
        var places = Enumerable.Range(0, gang.Size).Select(rank => Encoding.UTF8.GetString(gang.Wait($"place/{rank}"))).ToArray();
        var hosts = places.Select((at, rank) => (At: at, Rank: rank)).GroupBy(static m => m.At, static m => m.Rank)
            .Select(static members => members.ToArray()).ToArray();
        var shares = new (int First, int Count)[hosts.Length];
        var before = 0;
        for (var h = 0; h < hosts.Length; h++)
        {
            var first = RankTree.Share(ranks, gang.Size, before).First;
            before += hosts[h].Length;
            shares[h] = (first, RankTree.Share(ranks, gang.Size, before - 1).End - first);
        }

        var host = Array.FindIndex(hosts, members => members.Contains(gang.Rank));
        var position = Array.IndexOf(hosts[host], gang.Rank);
        var membership = new Membership(position, hosts[host].Length, shares[host].First, shares[host].Count, ranks);
        IGradientExchange<T>? outer = null;
        if (hosts.Length > 1 && position == 0)
        {
            var group = Meet(gang, [.. hosts.Select(static members => members[0])], host);
            outer = library ? new AllReduceExchange<T>(group, shares[host]) : new ProcessGroupExchange<T>(group, shares, ranks, count);
            if (hosts[host].Length == 1) return outer;
        }
        return Share(gang, host, membership, count, time, outer, cancellation);
    }

    private static SharedMemoryExchange<T> Share<T>(
        IGang gang, int host, Membership membership, int count, TimeProvider time, IGradientExchange<T>? outer, CancellationToken cancellation)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var key = $"memory/{host}";
        SharedMemoryExchange<T> exchange;
        string path;
        if (membership.Member == 0)
        {
            path = SharedMemory.Path(Guid.NewGuid().ToString("N"));
            exchange = SharedMemoryExchange<T>.Create(path, membership, count, time, outer: outer);
            gang.Set(key, Encoding.UTF8.GetBytes(path));
        }
        else
        {
            path = Encoding.UTF8.GetString(gang.Wait(key));
            exchange = SharedMemoryExchange<T>.Join(path, membership, count, time);
        }
        try
        {
            exchange.Meet(path, cancellation);
            return exchange;
        }
        catch
        {
            exchange.Dispose();
            if (membership.Member == 0) File.Delete(path);
            throw;
        }
    }

    /// <param name="leaders">Gang ranks of the hosts' first members.</param>
    private static ProcessGroup Meet(IGang gang, int[] leaders, int host)
    {
        if (!ProcessGroup.IsAvailable)
            throw new WorkRefusedException("members on several hosts meet over libtorch's Gloo, which is not there; build it with compute/native/build.sh");
        var (store, own) = (Address(gang, leaders[0]), Address(gang, leaders[host]));
        var device = Device(gang, leaders.Length, host);
        if (host == 0)
        {
            return ProcessGroup.Host(
                store, leaders.Length, Membership.Timeout,
                port => gang.Set("store", Encoding.ASCII.GetBytes(port.ToString(CultureInfo.InvariantCulture))), device);
        }
        var port = int.Parse(Encoding.ASCII.GetString(gang.Wait("store")), CultureInfo.InvariantCulture);
        return ProcessGroup.Join(store, port, own, host, leaders.Length, Membership.Timeout, device);
    }

    /// <summary>Where this host's gradients go through: a CUDA device, over NCCL, where every host has both; otherwise the host's memory, over
    /// Gloo. Either moves the same bits.</summary>
    private static string Device(IGang gang, int hosts, int host)
    {
        var own = TorchRuntime.Device != "cpu" && ProcessGroup.HasNccl && TorchRuntime.CudaIsAvailable ? TorchRuntime.Device : "cpu";
        gang.Set($"device/{host}", Encoding.ASCII.GetBytes(own));
        return Enumerable.Range(0, hosts).All(h => Encoding.ASCII.GetString(gang.Wait($"device/{h}")) != "cpu") ? own : "cpu";
    }

    /// <summary>A node's address without its port.</summary>
    private static string Address(IGang gang, int rank)
    {
        var address = gang.Addresses.Count > rank ? gang.Addresses[rank] : "";
        if (address.Length == 0) return IPAddress.Loopback.ToString();
        var colon = address.LastIndexOf(':');
        return (colon > 0 ? address[..colon] : address).Trim('[', ']');
    }
}
