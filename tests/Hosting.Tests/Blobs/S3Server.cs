using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Athanor.Hosting.Blobs.S3;
using Athanor.Hosting.Configuration;

namespace Hosting.Tests.Blobs;

/// <summary>A third party's S3 server (moto), for as long as a test class runs; none where it is not installed.</summary>
public sealed class S3Server : IDisposable
{
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(60);
    private readonly Lazy<Task<string?>> _endpoint;
    private Process? _process;
    private int _buckets;

    public S3Server() => _endpoint = new Lazy<Task<string?>>(Start);

    internal static S3Credentials Credentials { get; } = new("AKTEST", "a secret that is never printed");

    /// <returns>Options of a new bucket; null if there is no server.</returns>
    public async Task<S3Options?> Bucket()
    {
        if (await _endpoint.Value is not { } endpoint) return null;
        var options = new S3Options { Endpoint = endpoint, Bucket = $"bucket-{Interlocked.Increment(ref _buckets)}", Timeout = Long };
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Put, $"{endpoint}/{options.Bucket}");
        S3Signature.Sign(request, [], Credentials, options.Region, TimeProvider.System.GetUtcNow());
        using var answer = await http.SendAsync(request);
        answer.EnsureSuccessStatusCode();
        return options;
    }

    public void Dispose()
    {
        if (_process is null) return;
        _process.Kill(entireProcessTree: true);
        _process.Dispose();
    }

    private async Task<string?> Start()
    {
        var paths = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':');
        if (paths.Select(path => Path.Combine(path, "moto_server")).FirstOrDefault(File.Exists) is not { } program) return null;
        using (var finder = new TcpListener(IPAddress.Loopback, 0))
        {
            finder.Start();
            _process = Process.Start(new ProcessStartInfo(program, ["-H", "127.0.0.1", "-p", $"{((IPEndPoint)finder.LocalEndpoint).Port}"])
            {
                RedirectStandardError = true,
                RedirectStandardOutput = true,
            })!;
            _process.BeginErrorReadLine();
            _process.BeginOutputReadLine();
            var endpoint = $"http://127.0.0.1:{((IPEndPoint)finder.LocalEndpoint).Port}";
            finder.Stop();
            using var http = new HttpClient();
            using var patience = new CancellationTokenSource(Long);
            while (true)
            {
                try
                {
                    using var answer = await http.GetAsync(endpoint, patience.Token);
                    return endpoint;
                }
                catch (HttpRequestException) when (!_process.HasExited)
                {
                    await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, patience.Token);
                }
            }
        }
    }
}
