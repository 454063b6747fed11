using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Xml.Linq;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Stores;

namespace Athanor.Hosting.Blobs.S3;

/// <summary>
/// Objects in an S3-compatible bucket by its public protocol: GET, PUT, HEAD, DELETE, copy and ListObjectsV2, addressed by path
/// (<c>endpoint/bucket/key</c>), which every such server knows. A call that meets a network failure or a 5xx is made again, as all of
/// them may be made twice; then it is a <see cref="StoreException"/> that names the bucket and the server's own words, and no secret.
/// </summary>
internal sealed class S3Objects : IBlobObjects
{
    private const int Attempts = 4;
    private static readonly TimeSpan RetryAfter = TimeSpan.FromMilliseconds(100);

    private readonly HttpClient _http;
    private readonly S3Options _options;
    private readonly S3Credentials _credentials;
    private readonly TimeProvider _time;
    private readonly string _base;

    public S3Objects(S3Options options, S3Credentials credentials, TimeProvider time)
    {
        _options = options;
        _credentials = credentials;
        _time = time;
        _base = $"{options.Endpoint.TrimEnd('/')}/{S3Signature.Escape(options.Bucket)}";
        _http = new HttpClient(new SocketsHttpHandler { PooledConnectionLifetime = TimeSpan.FromMinutes(5), AllowAutoRedirect = false })
        {
            Timeout = options.Timeout,
        };
    }

    public string Where => $"bucket {_options.Bucket} at {_options.Endpoint}";

    public Task<DateTimeOffset> Now(CancellationToken cancellation) => Task.FromResult(_time.GetUtcNow());

    public async Task<byte[]?> Get(string name, CancellationToken cancellation)
    {
        using var answer = await Send(HttpMethod.Get, Key(name), default, null, cancellation).ConfigureAwait(false);
        return answer.StatusCode == HttpStatusCode.NotFound ? null : await Body(answer, cancellation).ConfigureAwait(false);
    }

    public async Task Put(string name, ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        using var answer = await Send(HttpMethod.Put, Key(name), content, null, cancellation).ConfigureAwait(false);
        if (answer.StatusCode == HttpStatusCode.NotFound) throw await Failure(answer, "no such bucket", cancellation).ConfigureAwait(false);
    }

    public async Task<DateTimeOffset?> FindSame(string name, ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        using var answer = await Send(HttpMethod.Head, Key(name), default, null, cancellation).ConfigureAwait(false);
        if (answer.StatusCode == HttpStatusCode.NotFound || answer.Content.Headers.ContentLength != content.Length) return null;
        // The tag of an object put in one piece is its MD5, which says here only that the bytes have not changed since.
        var tag = answer.Headers.ETag?.Tag.Trim('"');
#pragma warning disable CA5351 // The protocol's choice; what is read is checked by SHA-256.
        return tag == Convert.ToHexStringLower(MD5.HashData(content.Span)) ? answer.Content.Headers.LastModified : null;
#pragma warning restore CA5351
    }

    public async Task<DateTimeOffset?> Touched(string name, CancellationToken cancellation)
    {
        using var answer = await Send(HttpMethod.Head, Key(name), default, null, cancellation).ConfigureAwait(false);
        return answer.StatusCode == HttpStatusCode.NotFound ? null : answer.Content.Headers.LastModified ?? _time.GetUtcNow();
    }

    public async Task<bool> Move(string from, string to, CancellationToken cancellation)
    {
        var source = $"/{S3Signature.Escape(_options.Bucket)}{Key(from)}";
        using (var answer = await Send(HttpMethod.Put, Key(to), default, ("x-amz-copy-source", source), cancellation).ConfigureAwait(false))
        {
            if (answer.StatusCode == HttpStatusCode.NotFound) return false;
            // A copy may fail after its status was sent: only the body says that it was made.
            var body = System.Text.Encoding.UTF8.GetString(await Body(answer, cancellation).ConfigureAwait(false));
            if (!body.Contains("CopyObjectResult", StringComparison.Ordinal)) throw new StoreException($"{Where}: a copy was not made: {body}");
        }
        await Delete(from, cancellation).ConfigureAwait(false);
        return true;
    }

    public async Task Delete(string name, CancellationToken cancellation)
    {
        using var answer = await Send(HttpMethod.Delete, Key(name), default, null, cancellation).ConfigureAwait(false);
    }

    public async IAsyncEnumerable<BlobObject> List([EnumeratorCancellation] CancellationToken cancellation)
    {
        var from = "";
        do
        {
            var query = $"?list-type=2&prefix={S3Signature.Escape(_options.Prefix)}"
                + (from == "" ? "" : $"&continuation-token={S3Signature.Escape(from)}");
            XElement page;
            using (var answer = await Send(HttpMethod.Get, "/" + query, default, null, cancellation).ConfigureAwait(false))
            {
                if (answer.StatusCode == HttpStatusCode.NotFound) throw await Failure(answer, "no such bucket", cancellation).ConfigureAwait(false);
                using var body = new MemoryStream(await Body(answer, cancellation).ConfigureAwait(false));
                page = await XElement.LoadAsync(body, LoadOptions.None, cancellation).ConfigureAwait(false);
            }
            foreach (var item in page.Elements().Where(static e => e.Name.LocalName == "Contents"))
            {
                var key = Text(item, "Key");
                if (!key.StartsWith(_options.Prefix, StringComparison.Ordinal)) continue;
                yield return new BlobObject(
                    key[_options.Prefix.Length..], long.Parse(Text(item, "Size"), CultureInfo.InvariantCulture),
                    DateTimeOffset.Parse(Text(item, "LastModified"), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal));
            }
            from = Text(page, "IsTruncated") == "true" ? Text(page, "NextContinuationToken") : "";
        }
        while (from != "");
    }

    public ValueTask DisposeAsync()
    {
        _http.Dispose();
        return default;
    }

    private static string Text(XElement element, string name) => element.Elements().FirstOrDefault(e => e.Name.LocalName == name)?.Value ?? "";

    private string Key(string name) => "/" + string.Join('/', (_options.Prefix + name).Split('/').Select(S3Signature.Escape));

    private async Task<HttpResponseMessage> Send(
        HttpMethod method, string path, ReadOnlyMemory<byte> payload, (string Name, string Value)? header, CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            using var request = new HttpRequestMessage(method, new Uri(_base + path));
            if (method == HttpMethod.Put) request.Content = new ReadOnlyMemoryContent(payload);
            if (header is { } more) request.Headers.TryAddWithoutValidation(more.Name, more.Value);
            S3Signature.Sign(request, payload.Span, _credentials, _options.Region, _time.GetUtcNow());
            var last = attempt == Attempts;
            try
            {
                var answer = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation).ConfigureAwait(false);
                if (answer.IsSuccessStatusCode || answer.StatusCode == HttpStatusCode.NotFound) return answer;
                var tryAgain = (int)answer.StatusCode >= 500 || answer.StatusCode == HttpStatusCode.TooManyRequests;
                if (!tryAgain || last)
                {
                    using (answer) throw await Failure(answer, $"{method} failed", cancellation).ConfigureAwait(false);
                }
                answer.Dispose();
            }
            catch (Exception e) when (e is HttpRequestException or IOException || (e is TaskCanceledException && !cancellation.IsCancellationRequested))
            {
                if (last) throw new StoreException($"{Where} cannot be reached: {e.Message}", e);
            }
            await Task.Delay(RetryAfter * (1 << attempt), _time, cancellation).ConfigureAwait(false);
        }
    }

    private async Task<byte[]> Body(HttpResponseMessage answer, CancellationToken cancellation)
    {
        try
        {
            return await answer.Content.ReadAsByteArrayAsync(cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw new StoreException($"{Where}: an answer was cut short: {e.Message}", e);
        }
    }

    private async Task<StoreException> Failure(HttpResponseMessage answer, string what, CancellationToken cancellation)
    {
        var body = System.Text.Encoding.UTF8.GetString(await Body(answer, cancellation).ConfigureAwait(false));
        var why = "";
        try
        {
            var error = XElement.Parse(body);
            // Only these two: some servers repeat the signed request, and with it the key's name, in the rest.
            why = $": {Text(error, "Code")}: {Text(error, "Message")}";
        }
        catch (System.Xml.XmlException)
        {
        }
        return new StoreException($"{Where}: {what} ({(int)answer.StatusCode}){why}");
    }
}
