namespace Athanor.Hosting.Services;

/// <summary>How a private PostgreSQL is started.</summary>
public sealed record PostgresServiceOptions
{
    /// <summary>Where its data lie; null is a temporary folder that is deleted at the end.</summary>
    public string? Folder { get; init; }

    /// <summary>TCP port on 127.0.0.1; 0 takes a free one, which then stays the same over restarts.</summary>
    public int Port { get; init; }

    /// <summary>Off only where a test does not look at what survives: a node refuses a database without fsync.</summary>
    public bool Fsync { get; init; } = true;

    /// <summary>Further settings of postgresql.conf, by name.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();

    /// <summary>Further variables of the server's environment.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>Whether Debian's packages are installed if they are missing.</summary>
    public bool Install { get; init; } = true;

    /// <summary>How long a start or a stop may take.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(60);

    public TimeProvider Time { get; init; } = TimeProvider.System;
}
