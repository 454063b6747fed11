using System.Text;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Configuration.Hocon;
using Xunit.Abstractions;

namespace Hosting.Tests.Configuration;

/// <summary>Any text is a configuration or an error that names file and line: no crash, no hang, no memory without bounds.</summary>
public sealed class HoconFuzzTests(ITestOutputHelper output)
{
    // What substitutions may multiply to before they are refused takes memory too.
    private const long Floor = 128L << 20;
    private const long PerByte = 20_000;
    private static readonly string Folder = Path.Combine(RepositoryFiles.Root, "tests", "vectors", "hocon");

    private static readonly byte[][] Words = [.. new[]
    {
        "{", "}", "[", "]", "\"", "\"\"\"", "${", "${?", "}", "$", "+=", "=", ":", ",", ".", "..", "\n", "#", "//", "\\u0000", "\\",
            "\\uD800", "include ",
        "include \"cycle.conf\"\n", "include \"equiv03/includes.conf\"\n", "include required(file(\"x\"))\n", "include \"a\\u0000b\"\n",
            "a=${a}\n", "a=${?a}${?a}\n", "a += 1\n",
        "a.a.a.", "a={b=${a}}\n", "x=[${x}${?x}]\n", "\ufeff", "\u00a0", "\u2028", "1e999999999", "-", "0x", "null", "true",
            "99999999999999999999 YiB",
        "1.5s", "athanor { shards.lease = 10s }\n", "athanor.slots.pools { gpu { count = 1 } }\n",
    }.Select(Encoding.UTF8.GetBytes)];

    [Fact]
    public void Mutated_files_are_read_or_refused()
    {
        byte[][] samples = [Encoding.UTF8.GetBytes(ClusterConfiguration.Defaults),
            .. Directory.GetFiles(Folder, "*", SearchOption.AllDirectories)
            .Where(static path =>
                Path.GetExtension(path) is ".conf" or ".json" or ".properties").Order(StringComparer.Ordinal).Select(File.ReadAllBytes)];
        new Fuzz(output, "HOCON", Floor, PerByte).Run(Fuzz.Inputs(30_000), random => Fuzz.Mutate(random, samples, Words), static bytes =>
            ReadOrRefuse(bytes));
    }

    [Fact]
    public void Mutated_settings_are_options_or_problems()
    {
        byte[][] samples = [Encoding.UTF8.GetBytes(ClusterConfiguration.Defaults),
            "athanor { shards { lease = 10s, count = 32 }, slots.pools.cpu.count = 8, node.roles = [shards] }"u8.ToArray(),
            "athanor.transport { address = 10.0.0.1, revoked = [ab12], max-body = 8 MiB }\nathanor.gateway.port = 0\n"u8.ToArray()];
        new Fuzz(output, "settings", Floor, PerByte).Run(Fuzz.Inputs(20_000), random => Fuzz.Mutate(random, samples, Words), static bytes =>
        {
            try
            {
                var config = HoconFile.Parse(Path.Combine(Folder, "fuzz.conf"), Encoding.UTF8.GetString(bytes), static _ => null);
                if (config.At("athanor") is not HoconObject settings) return FuzzOutcome.Error;
                var binder = new OptionsBinder();
                OptionsRules.Check(binder.Bind<AthanorOptions>(settings, "athanor"), binder.Report);
                return binder.Problems.Count == 0 ? FuzzOutcome.Value : FuzzOutcome.Error;
            }
            catch (HoconException)
            {
                return FuzzOutcome.Error;
            }
        });
    }

    public static TheoryData<string, string, string> Bombs() => new()
    {
        { "strings that double", Lines(40, i => $"a{i} = ${{a{i + 1}}}${{a{i + 1}}}") + "a40 = xxxxxxxxxxxxxxxx\n",
            "substitutions multiply" },
        { "arrays that double", Lines(40, i => $"a{i} = ${{a{i + 1}}} ${{a{i + 1}}}") + "a40 = [1]\n", "substitutions multiply" },
        { "objects that double", Lines(40, i => $"a{i} {{ x = ${{a{i + 1}}}, y = ${{a{i + 1}}} }}") + "a40 { z = 1 }\n",
            "substitutions multiply" },
        { "objects joined that double", Lines(40, i => $"a{i} = ${{a{i + 1}}} ${{a{i + 1}}}") + "a40 { z = 1 }\n",
            "substitutions multiply" },
        { "a key of 100,000 elements", string.Join('.', Enumerable.Repeat("a", 100_000)) + " = 1\n", "more than 400 elements" },
        { "keys that nest", Lines(150, _ => "a.b.c.d.e.f.g {"), "more than 400 elements" },
        { "100,000 braces", Lines(100_000, _ => "a {"), "nest deeper than 200" },
        { "100,000 brackets", "a = " + new string('[', 100_000), "nest deeper than 200" },
        { "a chain of 50,000 substitutions", Lines(50_000, i => $"a{i} = ${{a{i + 1}}}") + "a50000 = 1\n", "too deeply" },
        { "20,000 times added to itself", Lines(20_000, _ => "a += 1"), "too deeply" },
        { "an include of many words", "include " + string.Concat(Enumerable.Repeat("a ", 200_000)), "after include stands" },
        { "an include with a null", "include \"a\\u0000b\"", "U+0000" },
        { "an include without an end", "include file(\"/dev/zero\")", "larger than 16 MiB" },
        { "a cycle of optional objects", Lines(200, i => $"a{i} {{ x = ${{?a{(i + 1) % 200}}}, y = ${{?a{(i + 7) % 200}}} }}"), "" },
    };

    [Theory]
    [MemberData(nameof(Bombs))]
    public void A_text_that_grows_or_nests_without_bounds_is_refused_by_name_and_line(string what, string text, string says)
    {
        Assert.NotEqual("", what);
        HoconException? refused = null;
        var before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            HoconFile.Parse("bomb.conf", text, static _ => null);
        }
        catch (HoconException e)
        {
            refused = e;
        }
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, Floor + (PerByte * text.Length));
        Assert.NotNull(refused);
        Assert.Contains(says, refused.Message, StringComparison.Ordinal);
        Assert.Contains("bomb.conf", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Files_that_include_the_next_one_twice_are_refused()
    {
        using var directory = new Sqlite.TemporaryDirectory();
        for (var i = 0; i < 30; i++) File.WriteAllText(directory.File($"f{i}.conf"),
            $"include \"f{i + 1}.conf\"\ninclude \"f{i + 1}.conf\"\n");
        File.WriteAllText(directory.File("f30.conf"), "a = 1\n");
        var error = Assert.Throws<HoconException>(() => HoconFile.Load(directory.File("f0.conf")));
        Assert.Contains("more than 1000 files are included", error.Message, StringComparison.Ordinal);
    }

    private static FuzzOutcome ReadOrRefuse(byte[] bytes)
    {
        try
        {
            HoconFile.Parse(Path.Combine(Folder, "fuzz.conf"), Encoding.UTF8.GetString(bytes), static _ => null);
            return FuzzOutcome.Value;
        }
        catch (HoconException)
        {
            return FuzzOutcome.Error;
        }
    }

    private static string Lines(int count, Func<int, string> line) => string.Concat(Enumerable.Range(0, count).Select(i => line(i) + "\n"));
}
