using System.Globalization;

namespace Athanor.Hosting.Services;

/// <summary>Where PostgreSQL's programs are and whom its server runs as: it refuses to run as root.</summary>
internal sealed record PostgresPrograms(string Folder, string? User)
{
    /// <summary>The newest PostgreSQL of this machine, installed if there is none and <paramref name="install"/> says so.
    /// $ATHANOR_POSTGRES_BIN names another folder with <c>initdb</c> and <c>postgres</c>.</summary>
    public static async Task<PostgresPrograms> Find(bool install, CancellationToken cancellation)
    {
        var user = Environment.IsPrivilegedProcess ? "postgres" : null;
        if (Environment.GetEnvironmentVariable("ATHANOR_POSTGRES_BIN") is { Length: > 0 } given)
        {
            return File.Exists(Path.Combine(given, "initdb"))
                ? new PostgresPrograms(given, user)
                : throw new ServiceException($"ATHANOR_POSTGRES_BIN is {given}, which has no initdb; give the folder of PostgreSQL's server programs");
        }
        if (Installed() is { } found) return new PostgresPrograms(found, user);
        if (install) await ServicePackages.Ensure(ServicePackages.Postgres, cancellation);
        return new PostgresPrograms(
            Installed() ?? throw new ServiceException("no PostgreSQL server found; install Debian's postgresql or set ATHANOR_POSTGRES_BIN"), user);
    }

    public string Program(string name) => Path.Combine(Folder, name);

    /// <summary>A command line that runs as the server's user.</summary>
    public (string Program, string[] Arguments) AsServer(string program, params ReadOnlySpan<string> arguments) => User is null
        ? (program, [.. arguments])
        : ("setpriv", ["--reuid=" + User, "--regid=" + User, "--init-groups", "--", program, .. arguments]);

    private static string? Installed()
    {
        const string Debian = "/usr/lib/postgresql";
        if (Directory.Exists(Debian))
        {
            var newest = Directory.GetDirectories(Debian)
                .Where(d => File.Exists(Path.Combine(d, "bin", "initdb")) && File.Exists(Path.Combine(d, "bin", "postgres")))
                .OrderByDescending(d => double.TryParse(Path.GetFileName(d), CultureInfo.InvariantCulture, out var v) ? v : 0)
                .FirstOrDefault();
            if (newest is not null) return Path.Combine(newest, "bin");
        }
        return (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
            .FirstOrDefault(d => d.Length > 0 && File.Exists(Path.Combine(d, "initdb")) && File.Exists(Path.Combine(d, "postgres")));
    }
}
