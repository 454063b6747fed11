using Athanor.Hosting.Services;

namespace Athanor.Tests;

/// <summary>One private PostgreSQL for a test assembly, started at the first use and ended with the process.</summary>
internal static class SharedPostgres
{
    private static readonly Lazy<Task<PostgresService>> Started = new(() => PostgresService.Start(new PostgresServiceOptions()));
    private static int _databases;

    /// <summary>The server; tests that stop or stall one start their own.</summary>
    public static Task<PostgresService> Server => Started.Value;

    /// <summary>A connection string to a fresh, empty database.</summary>
    public static async Task<string> NewDatabase()
    {
        var server = await Server;
        var name = $"test_{Interlocked.Increment(ref _databases)}";
        await server.CreateDatabase(name);
        return server.ConnectionString(name);
    }
}
