using System.ComponentModel.DataAnnotations;

namespace Athanor.Hosting.Configuration;

/// <summary>Measurements from the plant and moves to it, over RabbitMQ. Explained in <c>cluster.hocon</c>.</summary>
public sealed record IngestOptions
{
    /// <summary>amqp:// or amqps:// with user, password and virtual host; empty: nobody comes in this way.</summary>
    public string Broker { get; init; } = "";

    /// <summary>Queues among which units are spread; a unit is always in the same one.</summary>
    [Range(1, 1024)]
    public int Queues { get; init; } = 8;

    /// <summary>quorum or classic.</summary>
    [AllowedValues("quorum", "classic")]
    public string QueueType { get; init; } = "quorum";

    /// <summary>Messages of one queue that are under way at one time.</summary>
    [Range(1, 10_000)]
    public int Prefetch { get; init; } = 200;

    /// <summary>mark or park.</summary>
    [AllowedValues("mark", "park")]
    public string WithoutSourceTime { get; init; } = "mark";

    /// <summary>How far ahead of this node's clock a source time may be.</summary>
    public TimeSpan MaxAhead { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Largest message.</summary>
    [Range(256, 16 << 20)]
    public int MaxMessageBytes { get; init; } = 64 << 10;

    /// <summary>How often ingest nodes tell each other that they are there.</summary>
    public TimeSpan BalanceEvery { get; init; } = TimeSpan.FromSeconds(1);

    public TimeSpan Heartbeat { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Wait before the broker is called again; doubles up to 32 times this.</summary>
    public TimeSpan ReconnectAfter { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Published messages that may wait for the broker's confirmation at one time.</summary>
    [Range(1, 100_000)]
    public int ConfirmWindow { get; init; } = 128;

    /// <summary>How often the journal is looked at for new moves.</summary>
    public TimeSpan MovesEvery { get; init; } = TimeSpan.FromMilliseconds(250);
}
