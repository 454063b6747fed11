using System.Reflection;

namespace Athanor.Hosting.Services;

/// <summary>Debian's packages behind the development services, installed if they are missing.</summary>
public static class ServicePackages
{
    /// <summary>What each service needs. The server alone: <c>postgresql-15</c> is Debian 12's.</summary>
    public static readonly IReadOnlyList<string> Postgres = ["postgresql"];

    public static readonly IReadOnlyList<string> Rabbit = ["rabbitmq-server"];

    /// <summary><c>ip</c>, for networks that exist only in a namespace.</summary>
    public static readonly IReadOnlyList<string> Network = ["iproute2"];

    public static readonly IReadOnlyList<string> Mosquitto = ["mosquitto-clients"];

    /// <summary>Installs what is missing of <paramref name="packages"/> as root or with sudo, without creating or starting a system-wide
    /// server. A system that is no Debian must bring the programs itself.</summary>
    /// <exception cref="ServiceException">With ATHANOR_NO_SETUP set, without rights, or when installing fails.</exception>
    public static async Task Ensure(IReadOnlyList<string> packages, CancellationToken cancellation = default)
    {
        var result = await ServiceTool.Run("bash", ["-s", "--", .. packages], input: Script("install-packages.sh"), cancellation: cancellation);
        if (result.Code != 0) throw new ServiceException(result.Error.Trim());
    }

    /// <summary>A shell script that is part of this assembly.</summary>
    internal static string Script(string name)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream("services/" + name)
            ?? throw new InvalidOperationException($"the script {name} is not in the assembly");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
