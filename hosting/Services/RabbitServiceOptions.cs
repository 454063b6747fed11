namespace Athanor.Hosting.Services;

/// <summary>How a private RabbitMQ is started.</summary>
public sealed record RabbitServiceOptions
{
    /// <summary>Where its data lie; null is a temporary folder that is deleted at the end.</summary>
    public string? Folder { get; init; }

    /// <summary>AMQP port on 127.0.0.1; 0 takes a free one, which then stays the same over restarts.</summary>
    public int AmqpPort { get; init; }

    /// <summary>MQTT port on 127.0.0.1; 0 takes a free one.</summary>
    public int MqttPort { get; init; }

    /// <summary>Users beside the cluster's own.</summary>
    public IReadOnlyList<RabbitUser> Users { get; init; } = [];

    /// <summary>Whether Debian's packages are installed if they are missing.</summary>
    public bool Install { get; init; } = true;

    /// <summary>How long a start or a stop may take.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(120);

    public TimeProvider Time { get; init; } = TimeProvider.System;
}
