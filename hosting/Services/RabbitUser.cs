using System.Text.RegularExpressions;

namespace Athanor.Hosting.Services;

/// <summary>A user of the private broker. Patterns are regular expressions; an empty one (<c>^$</c>) allows nothing.</summary>
/// <param name="TopicWrite">Routing keys that it may publish to amq.topic (MQTT topics with dots for slashes).</param>
/// <param name="TopicRead">Routing keys that it may subscribe to.</param>
public sealed record RabbitUser(
    string Name, string Password, string Configure, string Write, string Read, string TopicWrite, string TopicRead, bool Administrator = false)
{
    /// <summary>Everything: the cluster's own user.</summary>
    public static RabbitUser All(string name, string password) => new(name, password, ".*", ".*", ".*", ".*", ".*", Administrator: true);

    /// <summary>
    /// A plant unit's own user: it may publish the unit's measurements and subscribe to its moves, nothing else. Its MQTT client ids must
    /// begin with <c>tenant.unit</c>, because the broker names a subscriber's queue after the client id.
    /// </summary>
    public static RabbitUser Plant(string tenant, string unit, string password)
    {
        var name = $"{tenant}.{unit}";
        var queue = $"mqtt-subscription-{Pattern(name)}.*";
        return new RabbitUser(name, password, $"^{queue}$", $"^(amq\\.topic|{queue})$", $"^(amq\\.topic|{queue})$",
            $"^plant\\.{Pattern(name)}\\.measurements$", $"^plant\\.{Pattern(name)}\\.moves$");
    }

    private static string Pattern(string text) => Regex.Escape(text).Replace("-", "\\-", StringComparison.Ordinal);
}
