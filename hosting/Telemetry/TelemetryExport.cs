using Athanor.Hosting.Configuration;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Athanor.Hosting.Telemetry;

/// <summary>Sends spans and metrics by OTLP, and only where an endpoint is configured: without one nothing listens, and a span costs
/// a null check.</summary>
public sealed class TelemetryExport : IDisposable
{
    private readonly TracerProvider _traces;
    private readonly MeterProvider _metrics;

    private TelemetryExport(TracerProvider traces, MeterProvider metrics)
    {
        _traces = traces;
        _metrics = metrics;
    }

    /// <returns>Null if no endpoint is configured.</returns>
    /// <exception cref="ConfigurationException">The endpoint is no URL.</exception>
    public static TelemetryExport? Start(TelemetryOptions options, string node)
    {
        if (options.OtlpEndpoint == "") return null;
        if (!Uri.TryCreate(options.OtlpEndpoint, UriKind.Absolute, out var endpoint) || endpoint.Scheme is not ("http" or "https"))
            throw new ConfigurationException($"telemetry.otlp-endpoint '{options.OtlpEndpoint}' is no URL; write e.g. http://localhost:4317");
        var resource = ResourceBuilder.CreateEmpty().AddService(AthanorTelemetry.Name.ToLowerInvariant(), serviceInstanceId: node);
        void Send(OtlpExporterOptions o) => o.Endpoint = endpoint;
        var traces = Sdk.CreateTracerProviderBuilder().SetResourceBuilder(resource).AddSource(AthanorTelemetry.Name)
            .SetSampler(new ParentBasedSampler(new TraceIdRatioBasedSampler(options.SampleShare))).AddOtlpExporter(Send).Build();
        var metrics = Sdk.CreateMeterProviderBuilder().SetResourceBuilder(resource).AddMeter(AthanorTelemetry.Name).AddOtlpExporter(Send).Build();
        return new TelemetryExport(traces, metrics);
    }

    /// <summary>Sends the spans so far, for a process that may be killed at any time; gives up after a second.</summary>
    public void Flush() => _traces.ForceFlush(1000);

    /// <summary>Sends what is left.</summary>
    public void Dispose()
    {
        _traces.Dispose();
        _metrics.Dispose();
    }
}
