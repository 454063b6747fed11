using System.Net;
using System.Net.Http.Headers;
using Athanor.Hosting.Configuration;

namespace Nodes.Tests.Access;

/// <summary>What the running gateway takes at most, in size and in number.</summary>
public sealed class GatewayLimitsTests
{
    private const int Limit = 100_000;

    [Fact]
    public async Task A_body_over_the_limit_is_refused_whether_its_length_is_announced_or_not_and_the_next_request_is_answered()
    {
        await using var host = await AccessHost.Start(o => o with { Gateway = o.Gateway with { MaxRequestBytes = Limit } });
        using var http = host.Client(apiKey: host.AddKey("alice", "default", "train"));
        Assert.Contains("too large", await AccessHost.Problem(
            HttpStatusCode.RequestEntityTooLarge, await http.PostAsync("v1/blobs", new ByteArrayContent(new byte[Limit + 1]))));
        using var unannounced = new HttpRequestMessage(HttpMethod.Post, "v1/blobs");
        unannounced.Content = new StreamContent(new MemoryStream(new byte[10 * Limit]));
        unannounced.Headers.TransferEncodingChunked = true;
        Assert.Contains("too large", await AccessHost.Problem(HttpStatusCode.RequestEntityTooLarge, await http.SendAsync(unannounced)));
        using var message = new HttpRequestMessage(HttpMethod.Post, "v1/ask/default/models/m");
        message.Content = new StreamContent(new MemoryStream(new byte[80_000]));
        message.Content.Headers.ContentType = new MediaTypeHeaderValue("application/msgpack");
        message.Headers.TransferEncodingChunked = true;
        Assert.Contains("over the limit of", await AccessHost.Problem(HttpStatusCode.RequestEntityTooLarge, await http.SendAsync(message)));
        Assert.Equal(HttpStatusCode.OK, (await http.PostAsync("v1/blobs", new ByteArrayContent(new byte[Limit]))).StatusCode);
    }

    [Fact]
    public async Task While_mailboxes_are_deep_everything_but_health_is_answered_429_and_afterwards_as_before()
    {
        await using var host = await AccessHost.Start(o => o with { Mailbox = new MailboxOptions { ThrottleAt = 1 } });
        using var http = host.Client(apiKey: host.AddKey("alice", "default", "train"));
        HttpResponseMessage? refused = null;
        for (var round = 0; refused is null && round < 50; round++)
        {
            var answers = await Task.WhenAll(Enumerable.Range(0, 40).Select(async i =>
            {
                var answer = await AccessHost.Register(http, "default", $"m-{round}-{i}");
                // Health is not throttled at the same moment.
                if (answer.StatusCode == HttpStatusCode.TooManyRequests) Assert.Equal("yes\n", await http.GetStringAsync("health/live"));
                return answer;
            }));
            Assert.All(answers, static a => Assert.True(a.StatusCode is HttpStatusCode.OK or HttpStatusCode.TooManyRequests, $"{a.StatusCode}"));
            refused = answers.FirstOrDefault(static a => a.StatusCode == HttpStatusCode.TooManyRequests);
        }
        Assert.NotNull(refused);
        Assert.Contains("messages wait", await AccessHost.Problem(HttpStatusCode.TooManyRequests, refused));
        Assert.Equal(TimeSpan.FromSeconds(1), refused.Headers.RetryAfter!.Delta);
        var begun = TimeProvider.System.GetTimestamp();
        while ((await AccessHost.Register(http, "default", "afterwards")).StatusCode != HttpStatusCode.OK)
            Assert.True(TimeProvider.System.GetElapsedTime(begun) < TimeSpan.FromSeconds(30), "the gateway throttles for ever");
    }
}
