using System.Globalization;
using Athanor.Hosting;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Slots;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Transport;
using Athanor.Hosting.Work;
using Athanor.Protocol;

namespace Athanor.Nodes.Chaos;

/// <summary>
/// One node of a chaos run: a process that hosts its part of the cluster and takes requests as lines on standard input, which a stopped
/// or cut-off process can still be sent.
/// <code>
/// ask ID COUNTER KEY KIND OP SESSION NUMBER AMOUNT OTHER    → ok ID | no ID reason
/// describe ID COUNTER                                       → ok ID EVENTS HASH | no ID reason
/// </code>
/// It says <c>ready</c> when it takes part. It ends in order when its standard input ends, and with code 1 when its core is broken.
/// </summary>
internal static class ChaosNode
{
    public const string DatabaseVariable = "ATHANOR_CHAOS_DATABASE";

    /// <summary>The authority's folder below the run's.</summary>
    public const string Certificates = "certificates";

    private static readonly TimeSpan Again = TimeSpan.FromMilliseconds(500);
    private static readonly Lock Printing = new();

    public static MessageRegistry Messages { get; } = MessageRegistry.Of(
        ProtocolMessages.AddTo, Actors.ActorsMessages.AddTo, global::athanor.athanorMessages.AddTo);

    public static ClusterParts Parts
    {
        get
        {
            var slot = SlotLaunch.ThisProgram();
            return new ClusterParts
            {
                Messages = Messages,
                Deciders = [new ChaosDecider()],
                ComputeHandlers = [],
                SlotLaunch = slot with { Arguments = [.. slot.Arguments.SkipLast(1), "chaos-slot"] },
            };
        }
    }

    public static AthanorOptions Options(string name, string state, string database, string address, int port) =>
        ClusterConfiguration.Load() with
        {
            StateDirectory = Path.Combine(state, name),
            Node = new NodeOptions { Name = name, Roles = ["shards", "compute"], DrainTimeout = TimeSpan.FromSeconds(8) },
            Store = new StoreOptions
            {
                Kind = "postgres",
                Timeout = TimeSpan.FromSeconds(4),
                Postgres = new PostgresOptions { Connection = database, StatementTimeout = TimeSpan.FromSeconds(3), Readers = 4, RecoveryPermits = 3 },
            },
            Shards = new ShardOptions
            {
                Count = ChaosRun.Shards,
                Lease = ChaosRun.Lease,
                RenewEvery = ChaosRun.Lease * 0.25,
                LeaseMargin = ChaosRun.Lease * 0.2,
                ViewEvery = TimeSpan.FromMilliseconds(500),
                MoveDelay = TimeSpan.FromSeconds(4),
            },
            Entities = new EntityOptions { AskTimeout = TimeSpan.FromSeconds(8), SnapshotEvery = 100, PassivateAfter = TimeSpan.FromSeconds(20) },
            Slots = new SlotOptions
            {
                Pools = System.Collections.Immutable.ImmutableSortedDictionary<string, PoolOptions>.Empty.Add("cpu", new PoolOptions { Count = 1 }),
                Lease = TimeSpan.FromSeconds(6),
                RenewEvery = TimeSpan.FromSeconds(1.5),
                // Slots are killed on purpose here; their work is to be done all the same.
                MaxDeaths = 100,
            },
            Blobs = new BlobOptions { Directory = Path.Combine(state, "blobs") },
            Transport = new TransportOptions
            {
                Address = address,
                Port = port,
                Certificate = Certificate(state, name + ".pem"),
                Key = Certificate(state, name + ".key"),
                Authority = Certificate(state, DevelopmentAuthority.CertificateFile),
            },
        };

    /// <summary>Nodes with addresses of their own have certificates; without, they stay on the loopback address.</summary>
    private static string Certificate(string state, string file) =>
        Path.Combine(state, Certificates, file) is var path && File.Exists(path) ? path : "";

    public static async Task<int> Run(string name, string state, string address, int port)
    {
        var database = Environment.GetEnvironmentVariable(DatabaseVariable)
            ?? throw new Cli.UserException($"{DatabaseVariable} is not set; chaos nodes are started by 'athanor chaos'");
        var options = Options(name, state, database, address, port);
        await using var cluster = await Start(options);
        Print("ready");
        var broken = false;
        using var watch = TimeProvider.System.CreateTimer(_ =>
        {
            if (cluster.Health.Live) return;
            broken = true;
            Environment.Exit(Cli.ExitCodes.Failure);
        }, null, Again, Again);
        while (!broken && await Console.In.ReadLineAsync() is { } line) _ = Task.Run(() => Handle(cluster, line));
        return Cli.ExitCodes.Success;
    }

    /// <summary>The database may be away when a node starts; it then waits for it, as one under a supervisor does.</summary>
    private static async Task<HostedCluster> Start(AthanorOptions options)
    {
        while (true)
        {
            try
            {
                return await HostedCluster.Start(options, EmbeddedRole.Full, Parts);
            }
            catch (Exception e) when (e is StoreException or IOException or TimeoutException)
            {
                await Console.Error.WriteLineAsync($"not started: {e.Message}");
                await Task.Delay(Again, TimeProvider.System);
            }
        }
    }

    private static async Task Handle(HostedCluster cluster, string line)
    {
        var words = line.Split(' ');
        var id = words.Length > 1 ? words[1] : "0";
        try
        {
            var counter = ChaosDecider.Address(words[2]);
            if (words[0] == "describe")
            {
                var reply = await cluster.Client.Query(counter, new Describe(), consistent: true);
                Print(reply is Description d ? $"ok {id} {d.EventNumber.ToString(CultureInfo.InvariantCulture)} {d.StateHash}" : $"no {id} {reply}");
                return;
            }
            var numbers = words[5..9].Select(static word => long.Parse(word, CultureInfo.InvariantCulture)).ToArray();
            var act = new ChaosAct(Enum.Parse<ChaosKind>(words[4]), numbers[0], (int)numbers[1], numbers[2], numbers[3], words.ElementAtOrDefault(9) ?? "", 0);
            var answer = await cluster.Client.Ask(counter, act, Guid.Parse(words[3]));
            Print(answer is Rejected rejected ? $"no {id} {rejected.Code}: {rejected.Reason}" : $"ok {id}");
        }
        catch (Exception e)
        {
            Print($"no {id} {e.GetType().Name}: {e.Message.ReplaceLineEndings(" ")}");
        }
    }

    private static void Print(string line)
    {
        lock (Printing)
        {
            Console.Out.WriteLine(line);
            Console.Out.Flush();
        }
    }

    internal sealed class DigHandler : IWorkHandler
    {
        public Type Handles => typeof(ChaosDig);

        public IWorkResult Run(IWork work, IWorkContext context)
        {
            var dig = (ChaosDig)work;
            context.Cancellation.WaitHandle.WaitOne(dig.Milliseconds);
            return new ChaosFound(dig.Op);
        }
    }
}
