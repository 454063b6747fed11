using System.Text.Json;
using System.Text.Json.Serialization;
using Athanor.Hosting.Runtime;
using Athanor.Hosting.Stores;
using Athanor.Nodes.Gateway;
using Athanor.Protocol;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Athanor.Nodes.Local;

/// <summary>An error as RFC 9457 has it. <see cref="Type"/> is a stable word for programs.</summary>
internal sealed record Problem(
    [property: JsonPropertyName("type")] string Type, [property: JsonPropertyName("title")] string Title,
    [property: JsonPropertyName("status")] int Status, [property: JsonPropertyName("detail")] string? Detail = null)
{
    public const string ContentType = "application/problem+json";

    public static Problem Of(Exception e) => e switch
    {
        GatewayException g => new(g.Type, g.Message, g.Status, g.Detail),
        BadHttpRequestException b => new("urn:athanor:request", b.Message, b.StatusCode),
        MessageFormatException or UnknownKindException => new("urn:athanor:message", e.Message, 400, "send a message of a kind that this build knows"),
        AskTimeoutException => new("urn:athanor:timeout", e.Message, 504, "ask again under the same key"),
        DamageException => new("urn:athanor:damage", e.Message, 500, "run 'athanor journal verify'"),
        StoreException => new("urn:athanor:unavailable", e.Message, 503, "ask again under the same key"),
        KeyNotFoundException => new("urn:athanor:not-found", e.Message, 404),
        ArgumentException => new("urn:athanor:request", e.Message, 400),
        _ => new("urn:athanor:internal", e.Message, 500),
    };
}

/// <summary>Turns whatever an endpoint throws into a problem.</summary>
internal static class Problems
{
    public static void UseProblems(this IApplicationBuilder app) => app.Use(async (context, next) =>
    {
        try
        {
            await next(context);
            if (context.Response is { HasStarted: false, StatusCode: 404, ContentLength: null, ContentType: null })
                await Write(context, new Problem("urn:athanor:not-found", $"there is no {context.Request.Method} {context.Request.Path}", 404));
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // Nobody is left to read an answer.
        }
        catch (Exception e) when (!context.Response.HasStarted)
        {
            if (e is GatewayException { RetryAfter: { } wait })
                context.Response.Headers.RetryAfter = Math.Max(1, (int)Math.Ceiling(wait.TotalSeconds)).ToString();
            await Write(context, Problem.Of(e));
        }
    });

    private static Task Write(HttpContext context, Problem problem)
    {
        context.Response.StatusCode = problem.Status;
        context.Response.ContentType = Problem.ContentType;
        return context.Response.WriteAsync(JsonSerializer.Serialize(problem), context.RequestAborted);
    }
}
