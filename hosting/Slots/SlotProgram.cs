using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Telemetry;
using Athanor.Hosting.Work;
using Athanor.Protocol;

namespace Athanor.Hosting.Slots;

/// <summary>
/// The slot's side of the pipe: <c>athanor slot</c>.
///
/// Threads. The main thread runs jobs, one after the other, so that one warm process does many. A reader takes frames from standard
/// input: jobs, blobs asked for, and cancels. A third says every quarter second that the process lives; it is a thread of its own, not
/// a timer, because a handler that fills the thread pool must not look hung.
///
/// How it ends. Standard input ends when the node closes it or dies in any way: then the process kills itself at once, whatever its
/// handler does, native code included. So a node that is killed leaves no slot behind. Ctrl-C reaches the whole foreground group;
/// it is ignored here, for the node decides when its slots end.
/// </summary>
public static class SlotProgram
{
    internal const string OtlpVariable = "ATHANOR_SLOT_OTLP";
    internal const string SampleVariable = "ATHANOR_SLOT_SAMPLE";

    /// <summary>Runs until standard input ends.</summary>
    public static int Run(IReadOnlyList<IWorkHandler> handlers, MessageRegistry registry)
    {
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Ignore);
        using var quit = PosixSignalRegistration.Create(PosixSignal.SIGQUIT, Ignore);
        using var hangup = PosixSignalRegistration.Create(PosixSignal.SIGHUP, Ignore);
        // SIGTERM sent to a whole group or container: the node drains first, and the slot ends with its pipe.
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Ignore);

        var output = PosixPipes.TakeStandardOutput();
        using var pipe = new FramePipe(Console.OpenStandardInput(), output);
        using var telemetry = StartTelemetry();
        new SlotSession(pipe, handlers, registry, () => Flush(telemetry)).Run();
        return 0;
    }

    /// <summary>Beside the next job: a collector that is away must not hold work up.</summary>
    private static void Flush(TelemetryExport? telemetry)
    {
        if (telemetry is not null) _ = Task.Run(telemetry.Flush);
    }

    /// <summary>A slot sends its spans itself, under the trace that came with the job; its metrics are the node's.</summary>
    private static TelemetryExport? StartTelemetry()
    {
        var endpoint = Environment.GetEnvironmentVariable(OtlpVariable) ?? "";
        var share = double.TryParse(
            Environment.GetEnvironmentVariable(SampleVariable), NumberStyles.Float, CultureInfo.InvariantCulture, out var s) ? s : 1;
        return TelemetryExport.Start(
            new TelemetryOptions { OtlpEndpoint = endpoint, SampleShare = share }, $"slot-{Environment.ProcessId}");
    }

    /// <summary>Ends this process now. Exit would wait for a handler that is deep in native code.</summary>
    internal static void EndNow()
    {
        using var self = Process.GetCurrentProcess();
        self.Kill();
    }

    private static void Ignore(PosixSignalContext context) => context.Cancel = true;
}
