using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Athanor.Hosting.Blobs;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Slots;
using Athanor.Hosting.Stores;
using Hosting.Tests.Sqlite;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Hosting.Tests.Slots;

/// <summary>A slot's spans reach a collector by themselves, under the trace that came with the job.</summary>
public sealed class SlotSpanTests
{
    private const string Trace = "0af7651916cd43dd8448eb211c80319c";

    [Fact]
    public async Task The_trace_goes_on_in_the_slot()
    {
        var bodies = new ConcurrentQueue<byte[]>();
        var seen = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0, l => l.Protocols = HttpProtocols.Http2));
        await using var collector = builder.Build();
        collector.Run(async http =>
        {
            using var body = new MemoryStream();
            await http.Request.Body.CopyToAsync(body);
            bodies.Enqueue(body.ToArray());
            if (bodies.Any(HasSpan)) seen.TrySetResult();
            http.Response.ContentType = "application/grpc";
            http.Response.AppendTrailer("grpc-status", "0");
        });
        await collector.StartAsync();
        using var directory = new TemporaryDirectory();
        var launch = SlotMain.Launch with { Telemetry = new TelemetryOptions { OtlpEndpoint = collector.Urls.First() } };
        await using var slot = SlotProcess.Start(launch, SlotLimits.Default, TimeProvider.System);
        var act = new Act("echo");
        var job = new SlotJob(
            new StoredMessage(SlotMain.Messages.KindOf(act), 1, SlotMain.Messages.Encode(act)), 1, [], TimeSpan.FromMinutes(1),
            $"00-{Trace}-b7ad6b7169203331-01");
        var blobs = new DirectoryBlobStore(directory.File("blobs"), TimeProvider.System);
        Assert.IsType<SlotOutcome.Completed>(await slot.Run(job, blobs, static (_, _) => { }, default));
        await seen.Task.WaitAsync(TimeSpan.FromSeconds(60));
    }

    /// <summary>Whether an export request holds a span of the slot in this trace: the trace's bytes, its parent's, and the kind of
    /// work.</summary>
    private static bool HasSpan(byte[] body) => body.AsSpan().IndexOf(Convert.FromHexString(Trace)) >= 0
        && body.AsSpan().IndexOf(Convert.FromHexString("b7ad6b7169203331")) >= 0 && body.AsSpan().IndexOf(Encoding.ASCII.GetBytes("tests.act")) >= 0;
}
