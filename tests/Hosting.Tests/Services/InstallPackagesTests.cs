using Athanor.Hosting.Services;

namespace Hosting.Tests.Services;

/// <summary>The installing script's logic, with apt-get, dpkg-query, id and sudo in its way that only write down what they are told.</summary>
public sealed class InstallPackagesTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("athanor-install-").FullName;

    public InstallPackagesTests()
    {
        foreach (var folder in (string[])["bin", "etc/postgresql-common", "usr/sbin"]) Directory.CreateDirectory(At(folder));
        File.WriteAllText(At("etc/postgresql-common/createcluster.conf"), "# comment\n#create_main_cluster = true\nother = 1\n");
        Stub("dpkg-query", "grep -qx \"${@: -1}\" \"$ROOT/installed\" && echo 'install ok installed'");
        // Writes down what the two guards said while it ran.
        Stub("apt-get", """
            echo "apt-get $*" >>"$ROOT/calls"
            [ "${FAIL:-}" ] && { echo "E: no network" >&2; exit 100; }
            case "$*" in
              *install*rabbit*|*install*\ postgresql|*install*postgresql\ *)
                cat "$ROOT/usr/sbin/policy-rc.d" "$ROOT/etc/postgresql-common/createcluster.conf" >"$ROOT/guards" ;;
            esac
            """);
        Stub("id", "echo \"${FAKE_ID:-0}\"");
        File.WriteAllText(At("installed"), "mosquitto-clients\n");
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public async Task What_is_there_is_not_installed_again()
    {
        Assert.Equal(0, (await Install([], "mosquitto-clients")).Code);
        Assert.False(File.Exists(At("calls")));
    }

    [Fact]
    public async Task Only_what_is_missing_is_installed_while_no_cluster_is_created_and_no_daemon_started_and_both_files_are_as_before()
    {
        var result = await Install([], "mosquitto-clients", "postgresql", "rabbitmq-server");
        Assert.True(result.Code == 0, result.Error);
        var calls = await File.ReadAllLinesAsync(At("calls"));
        Assert.EndsWith("install -y --no-install-recommends postgresql rabbitmq-server", calls[^1], StringComparison.Ordinal);
        Assert.EndsWith("install -y --no-install-recommends postgresql-common", calls[^2], StringComparison.Ordinal);
        Assert.DoesNotContain(calls, c => c.Contains("mosquitto", StringComparison.Ordinal));
        var guards = await File.ReadAllTextAsync(At("guards"));
        Assert.Contains("exit 101", guards, StringComparison.Ordinal);
        Assert.Contains("\ncreate_main_cluster = false\n", guards, StringComparison.Ordinal);

        Assert.False(File.Exists(At("usr/sbin/policy-rc.d")));
        Assert.Equal("# comment\n#create_main_cluster = true\nother = 1\n", await File.ReadAllTextAsync(At("etc/postgresql-common/createcluster.conf")));
    }

    [Fact]
    public async Task An_administrator_s_own_policy_stays()
    {
        await File.WriteAllTextAsync(At("usr/sbin/policy-rc.d"), "mine\n");
        Assert.Equal(0, (await Install([], "rabbitmq-server")).Code);
        Assert.Equal("mine\n", await File.ReadAllTextAsync(At("usr/sbin/policy-rc.d")));
    }

    [Fact]
    public async Task Without_set_up_it_says_what_is_missing_and_how_to_get_it()
    {
        var result = await Install(new() { ["ATHANOR_NO_SETUP"] = "1" }, "postgresql", "rabbitmq-server", "mosquitto-clients");
        Assert.Equal(3, result.Code);
        Assert.Contains("missing packages: postgresql rabbitmq-server. As root: apt-get install -y", result.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(At("calls")));
    }

    [Fact]
    public async Task A_user_installs_through_sudo()
    {
        Stub("sudo", "echo \"sudo $1\" >>\"$ROOT/calls\"; exec \"$@\"");
        Assert.Equal(0, (await Install(new() { ["FAKE_ID"] = "1000" }, "rabbitmq-server")).Code);
        var calls = await File.ReadAllTextAsync(At("calls"));
        Assert.Contains("sudo env\napt-get -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold install", calls, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_failure_says_why_and_undoes_the_guards()
    {
        var result = await Install(new() { ["FAIL"] = "1" }, "postgresql");
        Assert.Equal(3, result.Code);
        Assert.Contains("E: no network", result.Error, StringComparison.Ordinal);
        Assert.Contains("By hand: apt-get install", result.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(At("usr/sbin/policy-rc.d")));
    }

    private string At(string path) => Path.Combine(_root, path);

    private void Stub(string name, string body)
    {
        var file = At("bin/" + name);
        File.WriteAllText(file, "#!/bin/bash\n" + body + "\n");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    private Task<ToolResult> Install(Dictionary<string, string> environment, params string[] packages)
    {
        environment["ROOT"] = _root;
        environment["ATHANOR_INSTALL_ROOT"] = _root;
        environment["TMPDIR"] = _root;
        environment["PATH"] = $"{At("bin")}:/usr/bin:/bin";
        if (!environment.ContainsKey("ATHANOR_NO_SETUP")) environment["ATHANOR_NO_SETUP"] = "";
        return ServiceTool.Run("bash", ["-s", "--", .. packages], environment, ServicePackages.Script("install-packages.sh"));
    }
}
