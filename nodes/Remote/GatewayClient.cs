using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text.Json;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;
using Athanor.Nodes.Access;
using Athanor.Nodes.Cli;
using Athanor.Nodes.Gateway;
using Athanor.Nodes.Local;
using Athanor.Protocol;

namespace Athanor.Nodes.Remote;

/// <summary>
/// A cluster on other machines, through its gateway over HTTPS.
///
/// A gateway that cannot be reached at the first call is the user's to mend, and said at once. After it has answered once, a connection that
/// breaks and an answer that says "later" (429, 503) are tried again: after the time that <c>Retry-After</c> gives, otherwise after waits
/// that double, for as long as <c>client.patience</c> together for one call. That does no harm: each command has its key, so it takes effect
/// once, and everything else only reads or puts content under its hash.
///
/// The credential goes into one header, over TLS, to the address that was given alone: redirections are not followed. No error repeats it.
/// </summary>
internal sealed class GatewayClient : ApiClient
{
    private static readonly TimeSpan FirstWait = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(5);

    private readonly RemoteSettings _settings;
    private readonly TimeProvider _time;
    private readonly GatewayTrust _trust;
    private readonly HttpClient _http;
    private volatile bool _reached;

    private GatewayClient(RemoteSettings settings, MessageRegistry messages, TimeProvider time)
        : base(messages, time)
    {
        (_settings, _time, _trust) = (settings, time, new GatewayTrust(settings));
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            ConnectTimeout = TimeSpan.FromSeconds(10),
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            UseCookies = false,
            UseProxy = !settings.Gateway.IsLoopback,
        };
        _trust.Apply(handler.SslOptions);
        if (settings.Credential.Certificate is { } certificate)
        {
            handler.SslOptions.ClientCertificates = [certificate];
            // Whatever authorities the server names: it takes every certificate and judges it after the handshake.
            handler.SslOptions.LocalCertificateSelectionCallback = (_, _, _, _, _) => certificate;
        }
        // The gateway times out by itself, with a diagnosis; this is for one that says nothing at all.
        _http = new HttpClient(handler) { BaseAddress = settings.Gateway, Timeout = TimeSpan.FromMinutes(5) };
        if (settings.Credential.Secret is { } secret) _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", secret);
    }

    /// <summary>Who the gateway takes this client for.</summary>
    public WhoLine Principal { get; private set; } = null!;

    /// <summary>Connects and learns who the gateway takes this client for.</summary>
    /// <exception cref="UserException">The gateway cannot be reached, is not trusted, or lets nobody in with this credential.</exception>
    public static async Task<GatewayClient> Open(RemoteSettings settings, MessageRegistry messages, TimeProvider time, CancellationToken cancellation)
    {
        var client = new GatewayClient(settings, messages, time);
        try
        {
            client.Principal = await client.Who(cancellation);
            return client;
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }

    protected override void Dispose(bool disposing) => _http.Dispose();

    protected override async Task<HttpResponseMessage> Call(Func<HttpRequestMessage> request, CancellationToken cancellation)
    {
        var begun = _time.GetTimestamp();
        for (var wait = FirstWait; ; wait = wait * 2 < LongestWait ? wait * 2 : LongestWait)
        {
            TimeSpan pause;
            try
            {
                using var sent = request();
                var response = await _http.SendAsync(sent, cancellation);
                _reached = true;
                if (response.IsSuccessStatusCode) return response;
                using (response)
                {
                    pause = Later(response) ?? wait;
                    if (response.StatusCode is not (HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable) || !Patient(begun, pause))
                        throw await Refusal(response, cancellation);
                }
            }
            catch (Exception e) when (IsUnreachable(e) && !cancellation.IsCancellationRequested)
            {
                if (!_reached || !Patient(begun, wait)) throw Unreachable(e);
                pause = wait;
            }
            await Task.Delay(pause, _time, cancellation);
        }
    }

    protected override Exception Nonsense(string path) => new UserException(
        $"{Name} answers /{path.Split('?')[0]} with something else than a cluster's gateway does; is it one, and of this release?", ExitCodes.Environment);

    private string Name => _settings.Gateway.GetLeftPart(UriPartial.Authority);

    private bool Patient(long begun, TimeSpan wait) => _time.GetElapsedTime(begun) + wait <= _settings.Patience;

    private static bool IsUnreachable(Exception e) => e is HttpRequestException or IOException or TaskCanceledException { InnerException: TimeoutException };

    private TimeSpan? Later(HttpResponseMessage response) => response.Headers.RetryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } when date > _time.GetUtcNow() => date - _time.GetUtcNow(),
        _ => null,
    };

    private UserException Unreachable(Exception e)
    {
        var (host, port) = (_settings.Gateway.Host, _settings.Gateway.Port);
        var why = (e as HttpRequestException)?.HttpRequestError switch
        {
            HttpRequestError.NameResolutionError => $"there is no host '{host}', or nobody here knows of it",
            HttpRequestError.SecureConnectionError when _trust.Why is { } fault => $"it is not trusted: {fault}",
            HttpRequestError.SecureConnectionError => $"no TLS connection to it comes about ({Innermost(e)})",
            HttpRequestError.ConnectionError when e.InnerException is SocketException { SocketErrorCode: SocketError.ConnectionRefused } =>
                $"nothing listens on port {port} of {host}",
            _ when e is TaskCanceledException => "it does not answer",
            _ => Innermost(e),
        };
        return new UserException($"the gateway {Name} cannot be reached: {why}", ExitCodes.Environment);
    }

    private static string Innermost(Exception e)
    {
        while (e.InnerException is { } inner) e = inner;
        return e.Message;
    }

    private async Task<Exception> Refusal(HttpResponseMessage response, CancellationToken cancellation)
    {
        var problem = await ReadProblem(response, cancellation);
        var status = (int)response.StatusCode;
        if (problem is null)
        {
            return new UserException(
                string.Create(CultureInfo.InvariantCulture, $"{Name} answers {status} {response.ReasonPhrase} and no reason; is it a cluster's gateway?"),
                ExitCodes.Environment);
        }
        var text = problem.Detail is null ? problem.Title : $"{problem.Title} ({problem.Detail})";
        var isBlob = response.RequestMessage?.RequestUri?.AbsolutePath.StartsWith("/v1/blobs/", StringComparison.Ordinal) == true;
        return response.StatusCode switch
        {
            HttpStatusCode.Unauthorized when _settings.Credential.IsNone => new UserException(
                $"{Name} wants to know who asks: give --token-file, --key-file or --certificate, or set ATHANOR_TOKEN or ATHANOR_KEY", ExitCodes.Failure),
            HttpStatusCode.Unauthorized => new UserException($"{Name} does not take {_settings.Credential}: {problem.Title}", ExitCodes.Failure),
            HttpStatusCode.Forbidden => new UserException($"{Name}: {text}", ExitCodes.Failure),
            HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable => new UserException(
                $"{Name} is busy: {problem.Title}{ComeAgain(response)}", ExitCodes.Environment),
            HttpStatusCode.GatewayTimeout => new AskTimeoutException(problem.Title, null),
            HttpStatusCode.NotFound when isBlob && problem.Type == "urn:athanor:not-found" => new KeyNotFoundException(problem.Title),
            HttpStatusCode.InternalServerError when problem.Type == "urn:athanor:damage" => new DamageException(Name, problem.Title),
            >= HttpStatusCode.InternalServerError => new StoreException($"{Name}: {text}"),
            HttpStatusCode.NotFound => new UserException($"{Name}: {text}", ExitCodes.Failure),
            _ => new UserException($"{Name}: {text}"),
        };
    }

    private string ComeAgain(HttpResponseMessage response) => Later(response) is { } later
        ? string.Create(
            CultureInfo.InvariantCulture,
            $"; it says to come again in {later.TotalSeconds:0.#} s (client.patience is {_settings.Patience.TotalSeconds:0.#} s)")
        : "";

    private static async Task<Problem?> ReadProblem(HttpResponseMessage response, CancellationToken cancellation)
    {
        if (response.Content.Headers.ContentType?.MediaType != Problem.ContentType) return null;
        try
        {
            return JsonSerializer.Deserialize<Problem>(await response.Content.ReadAsStringAsync(cancellation));
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
