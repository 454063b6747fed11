// Asks of one node by another over loopback, both in this process, beside the platform's HTTP/2 with the same bodies and nothing of ours.
//
//   dotnet run -c Release --project bench/transport -- [SECONDS A ROUND] [ROUNDS]

using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using Athanor.Bench.Transport;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Transport;
using Athanor.Protocol;
using Microsoft.Extensions.Logging.Abstractions;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
var seconds = args.Length > 0 ? double.Parse(args[0], CultureInfo.InvariantCulture) : 2;
var rounds = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 5;
const int BodyBytes = 200;
var folder = Directory.CreateTempSubdirectory("athanor-bench-").FullName;
try
{
    using var authority = DevelopmentAuthority.Create(Path.Combine(folder, "authority"), "bench", TimeProvider.System);
    await using var raw = await RawHttp.Start(BodyBytes);
    await using var plain = await Pair.Start(new TransportOptions { Port = 0 }, new TransportOptions { Port = 0 });
    await using var tls = await Pair.Start(With("a"), With("b"));
    (string Name, Func<Task> Ask)[] sides = [("raw HTTP/2", raw.Ask), ("transport", plain.Ask), ("transport, mutual TLS", tls.Ask)];
    Console.WriteLine(
        $"{Environment.ProcessorCount} cores, {BodyBytes} B bodies, {rounds} rounds of {seconds} s, interleaved; medians (range)");
    foreach (var inFlight in new[] { 1, 256 })
    {
        foreach (var (_, ask) in sides) await Measure(ask, inFlight, 1);
        var results = sides.Select(_ => new List<Result>()).ToArray();
        for (var round = 0; round < rounds; round++)
        {
            for (var i = 0; i < sides.Length; i++) results[i].Add(await Measure(sides[i].Ask, inFlight, seconds));
        }
        for (var i = 0; i < sides.Length; i++)
        {
            var rates = results[i].Select(r => r.Rate).Order().ToList();
            var share = Median(rates) / Median(results[0].Select(r => r.Rate));
            Console.WriteLine(
                $"{inFlight,3} in flight  {sides[i].Name,-22} {Median(rates),8:N0} asks/s ({rates[0]:N0}-{rates[^1]:N0})  "
                + $"p50 {Median(results[i].Select(r => r.P50)):F3} ms  p99 {Median(results[i].Select(r => r.P99)):F3} ms  "
                + $"{Median(results[i].Select(r => r.Bytes)):N0} B allocated an ask  {share:P0} of raw");
        }
    }

    TransportOptions With(string node)
    {
        var files = authority.Issue(CertificateUse.Node, node, TimeSpan.FromDays(1));
        return new TransportOptions
        {
            Port = 0,
            Certificate = files.CertificatePath,
            Key = files.KeyPath,
            Authority = authority.CertificatePath,
        };
    }
}
finally
{
    Directory.Delete(folder, recursive: true);
}

static double Median(IEnumerable<double> values) => values.Order().ElementAt(values.Count() / 2);

static async Task<Result> Measure(Func<Task> ask, int inFlight, double seconds)
{
    var bytes = GC.GetTotalAllocatedBytes();
    var end = Stopwatch.GetTimestamp() + (long)(seconds * Stopwatch.Frequency);
    var begun = Stopwatch.GetTimestamp();
    var times = await Task.WhenAll(Enumerable.Range(0, inFlight).Select(_ => Task.Run(async () =>
    {
        var mine = new List<double>();
        for (long now; (now = Stopwatch.GetTimestamp()) < end;)
        {
            await ask();
            mine.Add(Stopwatch.GetElapsedTime(now).TotalMilliseconds);
        }
        return mine;
    })));
    var taken = Stopwatch.GetElapsedTime(begun).TotalSeconds;
    var all = times.SelectMany(static t => t).Order().ToList();
    return new Result(
        all.Count / taken, all[all.Count / 2], all[(int)(all.Count * 0.99)], (GC.GetTotalAllocatedBytes() - bytes) / (double)all.Count);
}

internal sealed record Result(double Rate, double P50, double P99, double Bytes);

/// <summary>Node a's link and node b's server.</summary>
internal sealed class Pair : IAsyncDisposable
{
    private readonly NodeServer _server;
    private readonly NodeLink _link;

    private readonly NodeRequest _request = new(
        EntityAddress.Of("counters", "c-1"), new StoredMessage("counters.add", 1, new byte[200]), false, false, Guid.CreateVersion7(),
        "bench", null, TimeSpan.FromSeconds(30));

    private Pair(NodeServer server, NodeLink link) => (_server, _link) = (server, link);

    public static async Task<Pair> Start(TransportOptions a, TransportOptions b)
    {
        var log = NullLogger.Instance;
        var server = await NodeServer.Start(
            b, "b", new EchoDoor(), TransportIdentities.Open(b, "b", TimeProvider.System, log), TimeProvider.System, log,
            CancellationToken.None);
        return new Pair(server, new NodeLink(a, "a", TransportIdentities.Open(a, "a", TimeProvider.System, log), TimeProvider.System, log));
    }

    public async Task Ask()
    {
        var answer = await _link.Ask("b", _server.Address, _request, CancellationToken.None);
        if (answer.Reply is null) throw new InvalidOperationException(answer.Reason);
    }

    public async ValueTask DisposeAsync()
    {
        await _link.DisposeAsync();
        await _server.DisposeAsync();
    }

    private sealed class EchoDoor : INodeDoor
    {
        public void Hinted(string fromNode, ImmutableArray<int> shards)
        {
        }

        public Task<NodeAnswer> Ask(string fromNode, NodeRequest request, CancellationToken cancellation) =>
            Task.FromResult(new NodeAnswer(request.Message, null, ""));
    }
}
