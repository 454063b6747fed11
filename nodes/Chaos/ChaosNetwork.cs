using System.Diagnostics;

namespace Athanor.Nodes.Chaos;

/// <summary>
/// The network of a run: the run's own network namespace is the database's host, each node has one of its own, and a router stands between
/// them.
/// <code>
/// node a: 10.77.1.2 ──┐
/// node b: 10.77.2.2 ──┤ router (10.77.*.1, forwards) ── 10.77.0.2: the database and the run itself
/// node c: 10.77.3.2 ──┘
/// </code>
/// All lines are pairs of virtual Ethernet devices. What shall not pass is dropped by a rule in the router, for one sender and one receiver and
/// one direction: no answer, no reset, no ICMP, as where a switch is lost. Established connections stay as they are at both ends; each end
/// finds out by its own time-outs, and what it sends again passes once the rule is gone. All of it (namespaces are held by mounts) lives in
/// the mount and network namespaces of the run and is gone with its last process.
/// </summary>
internal sealed class ChaosNetwork
{
    public const string Database = "10.77.0.2";

    /// <summary>Every node listens on it, each at its own address.</summary>
    public const int NodePort = 7450;

    /// <summary>All addresses, for the database's list of who may connect.</summary>
    public const string Everybody = "10.77.0.0/16";

    private readonly string _folder;
    private readonly HashSet<(string From, string To)> _cut = [];

    private ChaosNetwork(string folder) => _folder = folder;

    /// <summary>Makes it, once for each run, in the run's own namespaces.</summary>
    /// <returns>The network, or why there is none.</returns>
    public static async Task<(ChaosNetwork? Network, string? Missing)> Create(int nodes)
    {
        // In memory that is the run's own (ChaosNamespaces): files that namespaces are mounted over cannot be deleted.
        const string Folder = "/dev/shm/athanor-network";
        // Strict reverse paths would take a way that is cut in one direction for a forged sender and drop the other direction, too.
        const string Script = """
            set -eu
            folder=$1 nodes=$2
            inside() { place=$1; shift; nsenter --net="$folder/net-$place" -- "$@"; }
            mkdir -p "$folder"
            for place in router $(seq 1 "$nodes"); do
              touch "$folder/net-$place"
              unshare --net="$folder/net-$place" true
              inside "$place" ip link set dev lo up
            done
            inside router sh -c 'for f in all default; do echo 0 >/proc/sys/net/ipv4/conf/$f/rp_filter; done; echo 1 >/proc/sys/net/ipv4/ip_forward'
            ip link add eth0 type veth peer name to-0 netns "$folder/net-router"
            for n in $(seq 1 "$nodes"); do inside "$n" ip link add eth0 type veth peer name "to-$n" netns "$folder/net-router"; done
            for n in $(seq 0 "$nodes"); do
              inside router ip addr add "10.77.$n.1/24" dev "to-$n"
              inside router ip link set dev "to-$n" up
              if [ "$n" -eq 0 ]; then here=; else here="inside $n"; fi
              $here ip addr add "10.77.$n.2/24" dev eth0
              $here ip link set dev eth0 up
              $here ip route add 10.77.0.0/16 via "10.77.$n.1"
            done
            # A rule is added and taken away once, so that what cannot be done here is known before it is needed.
            inside router ip rule add pref 100 from 10.77.1.2 to 10.77.0.2 blackhole
            inside router ip rule del pref 100 from 10.77.1.2 to 10.77.0.2 blackhole
            """;
        var (code, words) = await Shell.Run("sh", "-c", Script, "network", Folder, $"{nodes}");
        return code == 0 ? (new ChaosNetwork(Folder), null) : (null, $"network namespaces cannot be made here: {Shell.FirstLine(words)}");
    }

    /// <summary>A node's address; nodes count from 0.</summary>
    public static string Address(int node) => $"10.77.{node + 1}.2";

    /// <summary>Lets a program start on a node's side.</summary>
    public ProcessStartInfo On(int node, ProcessStartInfo info)
    {
        string[] arguments = [$"--net={Place(node)}", "--", info.FileName, .. info.ArgumentList];
        info.FileName = "nsenter";
        info.ArgumentList.Clear();
        foreach (var argument in arguments) info.ArgumentList.Add(argument);
        return info;
    }

    /// <summary>From now on nothing of one address reaches the other. The way back is another one.</summary>
    public async Task Cut(string from, string to)
    {
        if (_cut.Add((from, to))) await Rule("add", from, to);
    }

    public async Task Heal()
    {
        foreach (var (from, to) in _cut) await Rule("del", from, to);
        _cut.Clear();
    }

    /// <summary>Whether what a node sends to an address, or the answer, gets lost: a connection is neither made nor refused.</summary>
    public async Task<bool> Loses(int node, string address, int port)
    {
        var (code, _) = await Shell.Run("nsenter", $"--net={Place(node)}", "--", "timeout", "0.4", "bash", "-c", $"</dev/tcp/{address}/{port}");
        return code == 124;
    }

    private string Place(int node) => Path.Combine(_folder, $"net-{node + 1}");

    private async Task Rule(string verb, string from, string to)
    {
        var (code, words) = await Shell.Run(
            "nsenter", $"--net={Path.Combine(_folder, "net-router")}", "--", "ip", "rule", verb, "pref", "100", "from", from, "to", to, "blackhole");
        if (code != 0) throw new InvalidOperationException($"ip rule {verb} from {from} to {to}: {words.Trim()}");
    }
}
