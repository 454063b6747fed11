using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Net;
using System.Text;
using Athanor.Nodes.Access;
using Microsoft.Extensions.Logging;

namespace Nodes.Tests.Access;

/// <summary>Keys and tokens are shown to nobody: not by logs at their finest, not by spans or metrics, not by the journal or any file.</summary>
public sealed class SecretTests
{
    [Fact]
    public async Task Keys_and_tokens_never_reach_logs_spans_metrics_or_the_state_directory()
    {
        var log = new Recorder();
        using var logs = LoggerFactory.Create(builder => builder.SetMinimumLevel(LogLevel.Trace).AddProvider(log));
        using var spans = new ActivityListener
        {
            ShouldListenTo = static _ => true,
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = activity => log.Add($"{activity.DisplayName} {string.Join(' ', activity.TagObjects.Select(t => $"{t.Key}={t.Value}"))}"),
        };
        ActivitySource.AddActivityListener(spans);
        using var metrics = new MeterListener { InstrumentPublished = static (instrument, listener) => listener.EnableMeasurementEvents(instrument) };
        metrics.SetMeasurementEventCallback<long>((i, _, tags, _) => log.Add($"{i.Name} {string.Join(' ', tags.ToArray().Select(t => $"{t.Key}={t.Value}"))}"));
        metrics.SetMeasurementEventCallback<double>((i, _, tags, _) => log.Add($"{i.Name} {string.Join(' ', tags.ToArray().Select(t => $"{t.Key}={t.Value}"))}"));
        metrics.Start();

        var directory = Directory.CreateTempSubdirectory("athanor-secrets-").FullName;
        await using var host = await AccessHost.Start(directory: directory, logs: logs);
        var key = host.AddKey("alice", "default", "train");
        var bad = ApiKey.Make(null).Text;
        var token = Tokens.Issue(host.Keys, "athanor", "bob", ["default"], ["train"], TimeProvider.System.GetUtcNow(), TimeSpan.FromHours(1));
        using (var http = host.Client(apiKey: key)) Assert.Equal(HttpStatusCode.OK, (await AccessHost.Register(http, "default", "a")).StatusCode);
        using (var http = host.Client(bearer: token)) Assert.Equal(HttpStatusCode.OK, (await AccessHost.Register(http, "default", "b")).StatusCode);
        using (var http = host.Client(apiKey: bad)) Assert.Equal(HttpStatusCode.Unauthorized, (await AccessHost.Register(http, "default", "c")).StatusCode);
        using (var http = host.Client(bearer: token + "x")) Assert.Equal(HttpStatusCode.Unauthorized, (await AccessHost.Register(http, "default", "d")).StatusCode);

        // The recorder does record: the commands' kind is in it.
        Assert.Contains("models.register-model", log.Text);
        string[] secrets = [key[13..], bad[13..], token.Split('.')[2], token.Split('.')[1]];
        foreach (var secret in secrets)
        {
            Assert.DoesNotContain(secret, log.Text);
            foreach (var file in Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories)
                .Where(static f => Path.GetFileName(f) is not ("lock" or "node.sock")))
            {
                await using var open = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
                using var content = new MemoryStream();
                await open.CopyToAsync(content);
                Assert.True(content.GetBuffer().AsSpan(0, (int)content.Length).IndexOf(Encoding.ASCII.GetBytes(secret)) < 0, $"{file} holds a secret");
            }
        }
        if (!OperatingSystem.IsWindows())
        {
            foreach (var file in Directory.EnumerateFiles(host.Keys))
                Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        }
    }

    private sealed class Recorder : ILoggerProvider, ILogger
    {
        private readonly ConcurrentQueue<string> _lines = new();

        public string Text => string.Join('\n', _lines);

        public void Add(string line) => _lines.Enqueue(line);

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Add($"{formatter(state, exception)} {exception}");

        public void Dispose()
        {
        }
    }
}
