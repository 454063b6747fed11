using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Athanor.Hosting.Services;

/// <summary>The broker's users and permissions as its definitions file (one import instead of a slow rabbitmqctl call for each).</summary>
internal static class RabbitDefinitions
{
    public static string Json(string virtualHost, IEnumerable<RabbitUser> users)
    {
        var all = users.ToArray();
        var root = new JsonObject
        {
            ["vhosts"] = new JsonArray(new JsonObject { ["name"] = virtualHost }),
            ["users"] = new JsonArray([.. all.Select(u => (JsonNode)new JsonObject
            {
                ["name"] = u.Name,
                ["password_hash"] = Hash(u.Password),
                ["hashing_algorithm"] = "rabbit_password_hashing_sha256",
                ["tags"] = u.Administrator ? new JsonArray("administrator") : [],
            })]),
            ["permissions"] = new JsonArray([.. all.Select(u => (JsonNode)new JsonObject
            {
                ["user"] = u.Name,
                ["vhost"] = virtualHost,
                ["configure"] = u.Configure,
                ["write"] = u.Write,
                ["read"] = u.Read,
            })]),
            ["topic_permissions"] = new JsonArray([.. all.Select(u => (JsonNode)new JsonObject
            {
                ["user"] = u.Name,
                ["vhost"] = virtualHost,
                ["exchange"] = "amq.topic",
                ["write"] = u.TopicWrite,
                ["read"] = u.TopicRead,
            })]),
        };
        return root.ToJsonString();
    }

    /// <summary>RabbitMQ's own scheme: base64 of salt (4 bytes) and SHA-256(salt, password).</summary>
    private static string Hash(string password)
    {
        var salt = RandomNumberGenerator.GetBytes(4);
        return Convert.ToBase64String([.. salt, .. SHA256.HashData([.. salt, .. Encoding.UTF8.GetBytes(password)])]);
    }
}
