using System.Net.Http.Headers;

namespace Athanor.Hosting.Transport;

/// <summary>The names that both sides of the transport use.</summary>
internal static class NodeProtocol
{
    public const string AskPath = "/v1/ask";
    public const string HintPath = "/v1/hint";

    /// <summary>The caller's name: believed only between nodes of one machine that have no certificates.</summary>
    public const string FromHeader = "athanor-from";

    /// <summary>The node that the caller believes to speak to: guards against an address that another node has taken over.</summary>
    public const string ToHeader = "athanor-to";

    /// <summary>How long the caller waits, in ms.</summary>
    public const string DeadlineHeader = "athanor-deadline";

    public static readonly MediaTypeHeaderValue ContentType = new("application/vnd.msgpack");
}
