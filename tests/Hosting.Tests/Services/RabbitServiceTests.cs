using Athanor.Hosting.Services;
using Athanor.Tests;

namespace Hosting.Tests.Services;

[Collection("broker")]
public sealed class RabbitServiceTests
{
    [Fact]
    public async Task A_private_broker_has_its_own_users_and_plugins()
    {
        var server = await SharedRabbit.Server;
        var users = await server.Control(["list_users"]);
        Assert.Contains("athanor\t[administrator]", users, StringComparison.Ordinal);
        Assert.Contains("default.reactor-1\t[]", users, StringComparison.Ordinal);
        Assert.DoesNotContain("guest", users, StringComparison.Ordinal);
        var listeners = await server.Control(["eval", "[{element(4, X), element(5, X), element(6, X)} || X <- rabbit_networking:active_listeners()]."]);
        Assert.Contains("{127,0,0,1}", listeners, StringComparison.Ordinal);
        Assert.DoesNotContain("{0,0,0,0}", listeners, StringComparison.Ordinal);
    }
}
