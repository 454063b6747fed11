using System.Collections;
using System.Collections.Immutable;
using System.Reflection;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Configuration.Hocon;

namespace Hosting.Tests.Configuration;

public sealed class ClusterConfigurationTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("athanor-config-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void The_defaults_of_the_manual_are_those_of_the_types_and_no_setting_is_missing()
    {
        AssertSame(new AthanorOptions(), ClusterConfiguration.Load(null, static _ => null), "athanor");
        var manual = HoconFile.Parse("cluster.hocon", ClusterConfiguration.Defaults);
        foreach (var path in Paths(typeof(AthanorOptions), "athanor"))
            Assert.True(manual.At(path.Split('.')) is not null, $"{path} is not in cluster.hocon");
    }

    [Fact]
    public void Every_setting_of_the_manual_has_a_comment()
    {
        var lines = ClusterConfiguration.Defaults.Split('\n');
        for (var i = 1; i < lines.Length; i++)
        {
            var line = lines[i].Trim();
            if (line.Contains(" = ", StringComparison.Ordinal) && !line.StartsWith('#'))
                Assert.True(lines[i - 1].TrimStart().StartsWith('#'), $"line {i + 1} has no comment: {line}");
        }
    }

    [Fact]
    public void A_file_overrides_what_it_names_and_nothing_else()
    {
        var options = Load(
            "athanor { shards { count = 64, lease = 12 s, renew-every = 250ms }\n"
            + "slots.pools.cuda { count = 2, memory-limit = 1.5 GiB }\n"
            + "state-directory = ${DATA}/state, blobs.chunk = 64 kB, entities.snapshot-every = ${athanor.shards.count} }");
        Assert.Equal((64, TimeSpan.FromSeconds(12), TimeSpan.FromMilliseconds(250)),
            (options.Shards.Count, options.Shards.Lease, options.Shards.RenewEvery));
        Assert.Equal(["cpu", "cuda"], options.Slots.Pools.Keys);
        Assert.Equal((2, 3L << 29), (options.Slots.Pools["cuda"].Count, options.Slots.Pools["cuda"].MemoryLimitBytes));
        Assert.Equal("/data/state", options.StateDirectory);
        Assert.Equal(64_000, options.Blobs.ChunkBytes);
        Assert.Equal(64, options.Entities.SnapshotEvery);
        Assert.Equal(new AthanorOptions().Mailbox, options.Mailbox);
    }

    [Fact]
    public void The_template_for_production_loads_and_holds_every_setting_of_the_manual()
    {
        var settings = HoconFile.Load(Template, Production);
        foreach (var path in Paths(typeof(AthanorOptions), "athanor").Concat(Leaves(HoconFile.Parse("cluster.hocon", ClusterConfiguration.Defaults), "")))
            Assert.True(settings.At(path.Split('.')) is not null, $"{path} is not in deploy/cluster.hocon");

        var options = ClusterConfiguration.Load(Template, Production);
        Assert.Equal(("a", "postgres", "Host=db;Username=athanor"), (options.Node.Name, options.Store.Kind, options.Store.Postgres.Connection));
        Assert.Equal(("", ""), (options.Ingest.Broker, options.Telemetry.OtlpEndpoint));
        Assert.Equal("verify-full", options.Store.Postgres.SslMode);
        Assert.Equal(("none", "required", "check"), (options.Access.Anonymous, options.Store.Postgres.Durability, options.Store.Postgres.Migrate));
        Assert.All([options.Transport.Certificate, options.Transport.Key, options.Transport.Authority], Assert.NotEmpty);
    }

    [Theory]
    [InlineData("ATHANOR_NODE")]
    [InlineData("ATHANOR_ADVERTISE")]
    [InlineData("ATHANOR_DATABASE")]
    public void The_template_for_production_names_what_the_environment_lacks(string missing)
    {
        var error = Assert.ThrowsAny<ConfigurationException>(() => ClusterConfiguration.Load(Template, name => name == missing ? null : Production(name)));
        Assert.Contains($"${{{missing}}} is not known", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_template_for_production_takes_the_brokers_secret_from_the_environment()
    {
        var options = ClusterConfiguration.Load(Template, static name => name == "ATHANOR_BROKER" ? "amqps://plant:secret@broker/plant" : Production(name));
        Assert.Equal("amqps://plant:secret@broker/plant", options.Ingest.Broker);
    }

    [Fact]
    public void A_pool_of_the_defaults_can_be_taken_away() =>
        Assert.Equal(["cuda"], Load("athanor.slots.pools { cpu = null, cuda { count = 1 } }").Slots.Pools.Keys);

    [Theory]
    [InlineData("athanor {\n shards.lese = 5s }", "my.hocon:2: athanor.shards.lese: unknown key 'lese'; did you mean 'lease'?")]
    [InlineData("athanor {\n shard.lease = 5s }", "my.hocon:2: athanor.shard: unknown key 'shard'; did you mean 'shards'?")]
    [InlineData("athanor.shards.colour = red", "unknown key 'colour'; valid are count, lease, lease-margin")]
    [InlineData("\nathanr.shards.lease = 5s", "my.hocon:2: unknown key 'athanr'; did you mean 'athanor'?")]
    [InlineData("athanor.shards.lease = 5sec", "'sec' is no unit of a duration; the units are ns, us, ms, s, m (minutes), h, d")]
    [InlineData("athanor.shards.lease = 5", "'5' has no unit; the units of a duration are ns, us, ms, s")]
    [InlineData("athanor.shards.lease = soon", "'soon' is not a duration; write a number and a unit: ns, us, ms, s")]
    [InlineData("athanor.shards.lease = 5 MiB", "'MiB' is no unit of a duration")]
    [InlineData("athanor.messages.max = 64 KB", "'KB' is no unit of a size; the units are B, kB, MB, GB, TB")]
    [InlineData("athanor.messages.max = 5s", "'s' is no unit of a size")]
    [InlineData("athanor.messages.max = 1 GiB", "1073741824 is outside 1024 to 16777216")]
    [InlineData("athanor.messages.max = 1 YB", "is too large; at most 2147483647 B")]
    [InlineData("athanor.messages.max = -1 MB", "'-1 MB' is negative")]
    [InlineData("athanor.shards.count = many", "my.hocon:1: athanor.shards.count: expected a whole number, found 'many'")]
    [InlineData("athanor.shards.count = 1.5", "expected a whole number, found '1.5'")]
    [InlineData("athanor.shards.count = [1]", "expected a whole number, found an array")]
    [InlineData("athanor.shards.count = null", "expected a whole number, found null")]
    [InlineData("athanor.shards.count = 0", "0 is outside 1 to 4096")]
    [InlineData("athanor.shards.move-share = 0", "must be above 0 and at most 1")]
    [InlineData("athanor.shards.move-share = NaN", "expected a number, found 'NaN'")]
    [InlineData("athanor.shards.move-share = 1e999", "expected a number, found '1e999'")]
    [InlineData("athanor.shards = 5", "expected an object { ... }, found '5'")]
    [InlineData("athanor = 5", "my.hocon:1: athanor must be an object")]
    [InlineData("athanor.entities.snapshot-every = 5000", "5000 is outside 1 to 1000")]
    [InlineData("athanor.entities.passivate-after = -1s", "must be longer than nothing")]
    [InlineData("athanor.shards.renew-every = 2s", "athanor.shards.renew-every: three tries must fit into a lease of 5s: at most 1.667s")]
    [InlineData("athanor.torch.device = gpu", "must be cpu, cuda, or cuda:N")]
    [InlineData("athanor.gateway.address = example", "'example' is no IP address")]
    [InlineData("athanor.gateway.port = 70000", "70000 is outside 0 to 65535")]
    [InlineData("athanor.telemetry.log-level = infomation", "unknown value 'infomation'; did you mean 'information'?")]
    [InlineData("athanor.telemetry.otlp-endpoint = localhost", "'localhost' is no address such as \"http://localhost:4317\"")]
    [InlineData("athanor.node.roles = shards", "expected an array of strings such as [\"a\", \"b\"], found 'shards'")]
    [InlineData("athanor.node.roles = [shrads]", "unknown role 'shrads'; did you mean 'shards'?")]
    [InlineData("athanor.node.roles = [slots]", "the role 'slots' is now called 'compute'")]
    [InlineData("athanor.slots.pools.cpu = 4", "expected an object { count = ... }, found '4'")]
    [InlineData("athanor.slots.pools.cpu.cout = 4", "unknown key 'cout'; did you mean 'count'?")]
    [InlineData("\n\nathanor.node.name = ${HOSTNAM}", "my.hocon:3: ${HOSTNAM} is not known")]
    public void A_mistake_is_told_with_file_line_key_and_what_would_be_right(string text, string problem)
    {
        var error = Assert.ThrowsAny<ConfigurationException>(() => Load(text));
        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
        Assert.Contains("my.hocon:", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void All_mistakes_are_told_at_once()
    {
        var error = Assert.Throws<ConfigurationException>(
            () => Load("athanor {\n shards.lease = 5\n gateway.prt = 4\n commit.writers = 9\n}"));
        Assert.Equal(3, error.Message.Split('\n').Length);
    }

    [Fact]
    public void A_file_that_is_not_there_is_named() =>
        Assert.Contains("nothere.hocon:1: there is no such file",
            Assert.ThrowsAny<ConfigurationException>(() => ClusterConfiguration.Load("nothere.hocon")).Message, StringComparison.Ordinal);

    private static string Template
    {
        get
        {
            var folder = new DirectoryInfo(AppContext.BaseDirectory);
            while (!File.Exists(Path.Combine(folder.FullName, "Cluster.sln"))) folder = folder.Parent!;
            return Path.Combine(folder.FullName, "deploy", "cluster.hocon");
        }
    }

    /// <summary>What must be in a production node's environment, and nothing else.</summary>
    private static string? Production(string variable) => variable switch
    {
        "ATHANOR_NODE" => "a",
        "ATHANOR_ADVERTISE" => "node-a.plant.internal",
        "ATHANOR_DATABASE" => "Host=db;Username=athanor",
        _ => null,
    };

    /// <summary>Paths of everything that is set, inside pools and families too.</summary>
    private static IEnumerable<string> Leaves(HoconObject settings, string at) => settings.Fields.SelectMany(field =>
        field.Value is HoconObject inner && inner.Fields.Any() ? Leaves(inner, $"{at}{field.Key}.") : [at + field.Key]);

    private AthanorOptions Load(string text)
    {
        var path = Path.Combine(_folder, "my.hocon");
        File.WriteAllText(path, text);
        return ClusterConfiguration.Load(path, static name => name == "DATA" ? "/data" : null);
    }

    private static void AssertSame(object expected, object actual, string at)
    {
        foreach (var property in expected.GetType().GetProperties())
        {
            var (left, right) = (property.GetValue(expected)!, property.GetValue(actual)!);
            var path = $"{at}.{OptionsBinder.KeyOf(property)}";
            if (left is ImmutableArray<string> array) Assert.True(array.SequenceEqual((ImmutableArray<string>)right), path);
            else if (left is IDictionary map) Assert.Equal(map, (IDictionary)right);
            else if (property.PropertyType.Namespace == typeof(AthanorOptions).Namespace) AssertSame(left, right, path);
            else Assert.True(left.Equals(right), $"{path} is {right} in cluster.hocon and {left} in its type");
        }
    }

    private static IEnumerable<string> Paths(Type type, string at) =>
        type.GetProperties(BindingFlags.Public | BindingFlags.Instance).SelectMany(property =>
        {
            var path = $"{at}.{OptionsBinder.KeyOf(property)}";
            return property.PropertyType.Namespace == typeof(AthanorOptions).Namespace ? Paths(property.PropertyType, path) : [path];
        });
}
