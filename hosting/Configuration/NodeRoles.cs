namespace Athanor.Hosting.Configuration;

/// <summary>What a node may do for its cluster.</summary>
public static class NodeRoles
{
    /// <summary>Owns shards and their entities.</summary>
    public const string Shards = "shards";

    /// <summary>Runs work on slots.</summary>
    public const string Compute = "compute";

    /// <summary>Lets peers and API clients in.</summary>
    public const string Gateway = "gateway";

    /// <summary>Takes the plant's measurements from the broker and sends moves to it.</summary>
    public const string Ingest = "ingest";

    public static IReadOnlyList<string> All { get; } = [Shards, Compute, Gateway, Ingest];

    /// <summary>What is wrong with a word that is no role.</summary>
    public static string Problem(string role) => role == "slots"
        ? $"the role 'slots' is now called '{Compute}'"
        : Nearest.DidYouMean("role", role, All);
}
