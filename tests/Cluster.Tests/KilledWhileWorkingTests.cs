using System.Globalization;
using Athanor.Actors;
using Athanor.Hosting;
using Athanor.Nodes.Local;
using Athanor.Protocol;
using Athanor.Protocol.Models;

namespace Cluster.Tests;

/// <summary>A node is killed while its slots fit measured kinetics.</summary>
public sealed class KilledWhileWorkingTests : IDisposable
{
    private const int Starts = 120;

    private static readonly EntityAddress Model = EntityAddress.Of("models", "alpha-pinene");

    private readonly TestDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Slots_end_with_a_killed_node_and_their_work_is_done_after_the_restart()
    {
        int[] slots;
        await using (var node = await NodeProcess.Start(_directory.State))
        {
            using var client = Client();
            Assert.IsNotType<Rejected>(await client.Ask(Model, new RegisterModel("kinetics", "α-pinene")));
            Assert.IsNotType<Rejected>(await client.Ask(Model, Fit()));
            await Wait(async () => (await client.Running()).Count > 0 && node.Slots().Length > 0);
            slots = node.Slots();
            await node.KillNow();
        }
        foreach (var slot in slots) await Wait(() => Task.FromResult(!Directory.Exists($"/proc/{slot}") || NodeProcess.IsZombie(slot)));

        await using (await NodeProcess.Start(_directory.State))
        {
            using var client = Client();
            await Wait(async () => (await View(client)).Summary.Version > 0);
            var view = await View(client);
            Assert.Equal(("", Starts), (view.Summary.Failure, view.SumOfSquares.Length));
            Assert.Equal(19.872167, view.Best!.Naive.SumOfSquares, 1e-5);
            Assert.All(await client.Work(null), w => Assert.Equal(0, w.Deaths));
        }
    }

    private SocketClient Client() => new(SocketPath.Of(_directory.State), Families.Messages, TimeProvider.System);

    private static async Task<FitView> View(SocketClient client) =>
        Assert.IsType<FitView>(await client.Query(Model, new FitQuery("multi-start")));

    private static FitKinetics Fit()
    {
        var rows = File.ReadLines(Csv()).Where(line => line.Length > 0 && char.IsAsciiDigit(line[0]))
            .Select(line => line.Split(',').Select(cell => double.Parse(cell, CultureInfo.InvariantCulture)).ToArray()).ToArray();
        return new FitKinetics(
            "multi-start",
            new ReactionNetwork(
                ["α-pinene", "dipentene", "allo-ocimene", "pyronene", "dimer"], ["p1", "p2", "p3", "p4", "p5"],
                [0, 0, 2, 2, 4], [1, 2, 3, 4, 2], [0, 1, 2, 3, 4]),
            new KineticData([.. rows.Select(r => r[0])], [.. rows.SelectMany(r => r.Skip(1).Take(5))], new string('0', 64)),
            new FitSettings(1e-8, 1e-1, 1e-7, 1e-2, 1e-8, 1e-8, 300), 1947, Starts, 12);
    }

    private static string Csv()
    {
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            var file = Path.Combine(at.FullName, "data", "kinetics", "alpha_pinene.csv");
            if (File.Exists(file)) return file;
        }
        throw new FileNotFoundException("data/kinetics/alpha_pinene.csv is above no parent of the tests");
    }

    private static async Task Wait(Func<Task<bool>> until)
    {
        using var patience = new CancellationTokenSource(NodeProcess.Long);
        while (!await until()) await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, patience.Token);
    }
}
