using Athanor.Hosting.Services;

namespace Athanor.Tests;

/// <summary>One private RabbitMQ for a test assembly, started at the first use and ended with the process. Tests keep apart by tenant.</summary>
internal static class SharedRabbit
{
    private static readonly Lazy<Task<RabbitService>> Started = new(async () =>
    {
        await ServicePackages.Ensure(ServicePackages.Mosquitto);
        return await RabbitService.Start(new RabbitServiceOptions { Users = [RabbitUser.Plant("default", "reactor-1", Password)] });
    });

    /// <summary>Password of the plant users that tests make; default.reactor-1 is there from the start.</summary>
    public const string Password = "only-for-tests";

    public static Task<RabbitService> Server => Started.Value;
}
