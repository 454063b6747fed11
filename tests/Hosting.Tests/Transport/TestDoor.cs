using System.Collections.Concurrent;
using System.Collections.Immutable;
using Athanor.Hosting.Core;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Transport;
using Athanor.Protocol;

namespace Hosting.Tests.Transport;

/// <summary>A door that does what a test says, and remembers who came.</summary>
internal sealed class TestDoor : INodeDoor
{
    public static readonly EntityAddress Somebody = new("plant", "counters", "c-1");

    public ConcurrentQueue<(string From, NodeRequest Request)> Asked { get; } = new();

    public ConcurrentQueue<(string From, ImmutableArray<int> Shards)> Hints { get; } = new();

    public Func<string, NodeRequest, CancellationToken, Task<NodeAnswer>> OnAsk { get; set; } = static (_, request, _) =>
        Task.FromResult(Echo(request));

    public Action<ImmutableArray<int>> OnHint { get; set; } = static _ => { };

    public void Hinted(string fromNode, ImmutableArray<int> shards)
    {
        Hints.Enqueue((fromNode, shards));
        OnHint(shards);
    }

    public Task<NodeAnswer> Ask(string fromNode, NodeRequest request, CancellationToken cancellation)
    {
        Asked.Enqueue((fromNode, request));
        return OnAsk(fromNode, request, cancellation);
    }

    public static NodeRequest Request(string body = "hello", double seconds = 30, Guid? key = null) =>
        Request(System.Text.Encoding.UTF8.GetBytes(body), seconds, key);

    public static NodeRequest Request(byte[] body, double seconds = 30, Guid? key = null) => new(
        Somebody, new StoredMessage("counters.add", 3, body), false, false, key, "operator@plant", null, TimeSpan.FromSeconds(seconds));

    public static NodeAnswer Echo(NodeRequest request) => new(request.Message with { Kind = "counters.added" }, null, "");

    public static string Text(NodeAnswer answer) => System.Text.Encoding.UTF8.GetString(answer.Reply!.Value.Body.Span);

    /// <summary>The exception that an ask ends with, however it was made.</summary>
    public static async Task<NodeLinkException> Fails(Task<NodeAnswer> ask) => await Assert.ThrowsAsync<NodeLinkException>(() => ask);

    public static NodeAnswer NotMine(string owner, string address) => new(null, Refusal.NotOwner, $"'{owner}' owns it", owner, address);
}
