using System.Net;

namespace Athanor.Nodes.Reports;

internal static class Html
{
    public static string Escape(string text) => WebUtility.HtmlEncode(text);
}
