using System.Text.Json;
using Athanor.Hosting.Configuration.Hocon;

namespace Hosting.Tests.Configuration;

/// <summary>The files of the reference implementation's tests, with the values that it gives them.</summary>
public class HoconVectorTests
{
    private static readonly string Folder = Path.Combine(RepositoryFiles.Root, "tests", "vectors", "hocon");

    public static TheoryData<string> EquivalentFiles()
    {
        var files = new TheoryData<string>();
        foreach (var folder in Directory.GetDirectories(Folder, "equiv*"))
        {
            foreach (var file in Directory.GetFiles(folder)) files.Add(Path.GetRelativePath(Folder, file));
        }
        return files;
    }

    [Theory]
    [MemberData(nameof(EquivalentFiles))]
    public void Each_file_of_an_equivalent_set_resolves_to_the_same_value(string file)
    {
        var path = Path.Combine(Folder, file);
        using var original = JsonDocument.Parse(File.ReadAllText(Path.Combine(Path.GetDirectoryName(path)!, "original.json")));
        AssertSame(original.RootElement, Load(file), "");
    }

    [Fact]
    public void Test01_types_substitutions_lists_and_the_environment()
    {
        var config = Load("test01.conf", name => name == "HOME" ? "/home/somebody" : null);
        Assert.Equal("42", Text(config, "ints", "fortyTwoAgain"));
        Assert.Equal(".33", Text(config, "floats", "pointThirtyThreeAgain"));
        Assert.Equal("abcd", Text(config, "strings", "abcdAgain"));
        Assert.Equal("null bar 42 baz true 3.14 hi", Text(config, "strings", "concatenated"));
        Assert.Equal("[]", Json(config.At("arrays", "empty")));
        Assert.Equal("[\"a\",\"b\",\"c\"]", Json(config.At("arrays", "ofString")));
        Assert.Equal("[null,null,null]", Json(config.At("arrays", "ofNull")));
        Assert.Equal("[[\"a\",\"b\",\"c\"],[\"a\",\"b\",\"c\"],[\"a\",\"b\",\"c\"]]", Json(config.At("arrays", "ofArray")));
        Assert.Equal("{\"fortyTwo\":42,\"fortyTwoAgain\":42}", Json(((HoconArray)config.At("arrays", "ofObject")!).Items[0]));
        Assert.Equal(HoconScalarKind.Boolean, ((HoconScalar)config.At("booleans", "trueAgain")!).Kind);
        Assert.Equal(HoconScalarKind.String, ((HoconScalar)config.At("strings", "true")!).Kind);
        Assert.Equal(HoconScalarKind.Null, ((HoconScalar)config.At("nulls", "nullAgain")!).Kind);
        Assert.Equal("/home/somebody", Text(config, "system", "home"));
        Assert.Null(config.At("system", "not_here"));
        Assert.Equal("Your Java version is  and your user.home is ", Text(config, "system", "concatenated"));
    }

    [Theory]
    [InlineData("second", 1.0)]
    [InlineData("secondAsNumber", 1.0)]
    [InlineData("halfSecond", 0.5)]
    [InlineData("millis", 0.001)]
    [InlineData("micros", 0.002)]
    [InlineData("largeNanos", 4878955355.4352722)]
    [InlineData("plusLargeNanos", 4878955355.4352722)]
    [InlineData("minusLargeNanos", -4878955355.4352722)]
    public void Test01_durations(string key, double seconds)
    {
        var text = Text(Load("test01.conf"), "durations", key);
        Assert.True(HoconUnits.TryParseDuration(text, "ms", out var duration, out var problem), problem);
        Assert.Equal(seconds, duration.TotalSeconds, 9);
    }

    [Theory]
    [InlineData("meg", "1048576")]
    [InlineData("megAsNumber", "1048576")]
    [InlineData("halfMeg", "524288")]
    [InlineData("yottabyte", "1000000000000000000000000")]
    public void Test01_sizes(string key, string bytes)
    {
        Assert.True(HoconUnits.TryParseSize(Text(Load("test01.conf"), "memsizes", key), "B", out var size, out var problem), problem);
        Assert.Equal(bytes, size.ToString(System.Globalization.CultureInfo.InvariantCulture));
    }

    [Fact]
    public void Test01_lists_of_durations_and_sizes()
    {
        var config = Load("test01.conf");
        var durations = ((HoconArray)config.At("durations", "secondsList")!).Items.Select(item =>
            HoconUnits.TryParseDuration(item.ToString()!, "ms", out var duration, out _) ? duration.TotalSeconds : double.NaN);
        Assert.Equal([1, 2, 3, 4], durations);
        var sizes = ((HoconArray)config.At("memsizes", "megsList")!).Items.Select(item =>
            HoconUnits.TryParseSize(item.ToString()!, "B", out var size, out _) ? (long)size : -1);
        Assert.Equal([1 << 20, 1 << 20, 1 << 20], sizes);
        var large = ((HoconArray)config.At("memsizes", "yottabyteList")!).Items.Select(item =>
            HoconUnits.TryParseSize(item.ToString()!, "B", out var size, out _) ? size.ToString() : "");
        Assert.Equal(["1000000000000000000000000", "500000000000000000000000"], large);
    }

    [Fact]
    public void Test02_paths_with_quotes_and_empty_elements()
    {
        var config = Load("test02.conf");
        Assert.Equal("42", Text(config, "", "", ""));
        Assert.Equal("42", Text(config, "42_a"));
        Assert.Equal("42", Text(config, "42_b"));
        Assert.Equal("57", Text(config, "57_a"));
        Assert.Equal("57", Text(config, "57_b"));
        Assert.Equal("103", Text(config, "103_a"));
        Assert.Equal("103", Text(config, "a.b.c"));
        Assert.Equal(("259", "260", "261"), (Text(config, "a-c"), Text(config, "a_c"), Text(config, "-")));
    }

    [Fact]
    public void Test03_includes_of_every_format_merge_and_look_up_their_own_root_first()
    {
        var config = Load("test03.conf");
        // test01 without an extension is its .properties, .json and .conf together.
        Assert.Equal("abc", Text(config, "test01", "fromProps", "abc"));
        Assert.Equal("hello^^", Text(config, "test01", "fromProps", "specialChars"));
        Assert.Equal(HoconScalarKind.String, ((HoconScalar)config.At("test01", "fromProps", "one")!).Kind);
        Assert.Equal("A", Text(config, "test01", "fromJsonA"));
        Assert.Equal("42", Text(config, "test01", "ints", "fortyTwo"));
        Assert.Equal("42", Text(config, "test01", "booleans"));
        Assert.Equal("57", Text(config, "test02", "57_a"));
        Assert.Equal("103", Text(config, "test02", "103_a"));
        Assert.Equal("abcd", Text(config, "equiv01", "strings", "abcd"));
        Assert.Equal("{}", Json(config.At("nonexistent")));

        Assert.Equal("This is in the included file", Text(config, "a"));
        Assert.Equal("This is in the including file", Text(config, "b"));
        Assert.Equal("This is in the included file", Text(config, "subtree", "a"));
        Assert.Equal("This is in the including file", Text(config, "subtree", "b"));
    }

    [Fact]
    public void Test04_an_old_reference_file()
    {
        var config = Load("test04.conf");
        Assert.Equal("2.0-SNAPSHOT", Text(config, "akka", "version"));
        Assert.Equal("8", Text(config, "akka", "event-handler-dispatcher", "max-pool-size"));
        Assert.Equal("round-robin", Text(config, "akka", "actor", "deployment", "/app/service-ping", "router"));
        Assert.Equal("off", Text(config, "akka", "remote", "server", "require-cookie"));
    }

    [Fact]
    public void Test05_properties_style_with_unset_substitutions()
    {
        var config = Load("test05.conf");
        Assert.Equal("Yet Another Blog Engine", Text(config, "application", "name"));
        Assert.Equal("/modules/crud", Text(config, "module", "crud"));
        Assert.Equal("/opt/play/modules/crud", Text(Load("test05.conf", n => n == "play.path" ? "/opt/play" : null), "module", "crud"));
        Assert.Equal("prod", Text(config, "%prod", "application", "mode"));
        Assert.Equal("mock", Text(config, "%test", "mail", "smtp"));
    }

    [Fact]
    public void Test06_merges_of_substitutions()
    {
        var config = Load("test06.conf");
        Assert.Equal("2", Text(config, "x"));
        Assert.Equal("{\"foo\":10,\"hello\":\"world\"}", Json(config.At("y")));
    }

    [Fact]
    public void Test07_a_resource_of_a_class_path_counts_as_a_file_that_is_not_there() => Assert.Equal(0, Load("test07.conf").Count);

    [Fact]
    public void Test13_defaults_are_overridden_before_substitutions_are_resolved()
    {
        var reference = File.ReadAllText(Path.Combine(Folder, "test13-reference-with-substitutions.conf"));
        var config = HoconFile.LoadOver("reference", reference, Path.Combine(Folder, "test13-application-override-substitutions.conf"));
        Assert.Equal("overridden", Text(config, "a"));
    }

    [Fact]
    public void Test13_an_unknown_substitution_is_an_error_that_names_itself_and_its_line()
    {
        var error = Assert.Throws<HoconException>(() => Load("test13-reference-bad-substitutions.conf"));
        Assert.Contains("test13-reference-bad-substitutions.conf:1: ${b} is not known", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_includes_itself_is_an_error()
    {
        var error = Assert.Throws<HoconException>(() => Load("cycle.conf"));
        Assert.Contains("cycle.conf:1: a file includes itself: cycle.conf includes cycle.conf", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_byte_order_mark_is_space() => Assert.Equal("bar", Text(Load("bom.conf"), "foo"));

    [Fact]
    public void Lists_of_environment_variables_leave_out_what_is_not_set()
    {
        Assert.Equal("{\"secret\":\"a\",\"secrets\":[]}", Json(Load("env-variables.conf")));
        var config = Load("env-variables.conf", name => name is "SECRET_A" or "SECRET_C" ? name.ToLowerInvariant() : null);
        Assert.Equal("{\"secret\":\"secret_a\",\"secrets\":[\"secret_c\"]}", Json(config));
    }

    [Fact]
    public void An_include_is_relative_to_the_file_that_it_stands_in()
    {
        var config = Load("file-include.conf");
        Assert.Equal(("41", "42", "43"), (Text(config, "base"), Text(config, "foo"), Text(config, "bar")));
        // Names in file() are relative to the working directory, in the reference implementation too.
        Assert.Null(config.At("bar-file"));
    }

    [Fact]
    public void An_include_in_an_object_of_a_list_looks_up_its_own_root()
    {
        var config = Load("include-from-list.conf");
        var item = (HoconObject)Assert.Single(((HoconArray)config.At("a")!).Items);
        Assert.Equal("abcd", Text(item, "strings", "abcdAgain"));
        Assert.Equal("42", Text(item, "ints", "fortyTwoAgain"));
    }

    [Theory]
    [InlineData("a_1.conf", "{\"a\":1}")]
    [InlineData("b_2.conf", "{\"b\":2}")]
    [InlineData("onclasspath.conf", "{\"onclasspath\":42}")]
    [InlineData("subdir/foo.conf", "{\"foo\":42,\"bar\":43}")]
    [InlineData("subdir/baz.conf", "{\"baz\":45}")]
    [InlineData("subdir/bar-file.conf", "{\"bar-file\":44}")]
    public void Small_files(string file, string json) => Assert.Equal(json, Json(Load(file)));

    [Fact]
    public void The_invalid_file_fails_validation_where_the_reference_implementation_says()
    {
        var (invalid, reference) = (Load("validate-invalid.conf"), Load("validate-reference.conf"));
        Assert.Empty(HoconValidation.Check(reference, reference));
        var problems = HoconValidation.Check(invalid, reference);
        string[] expected =
        [
            "willBeMissing: missing; it should be a number", ":7: int3: should be a number, not an object",
            ":9: float2: should be a number, not a boolean", ":10: float3: should be a number, not an array",
            ":11: bool1: should be a boolean, not a number", ":13: bool3: should be a boolean, not an object",
            ":17: object1.a: missing; it should be a string", ":18: object2: should be an object, not an array",
            ":19: object3: should be an object, not a number",
            ":22: array3: should have items that are a boolean, not an object",
            ":23: array4: should have items that are an object, not a number", ":24: array5: should be an array, not a number",
            ":28: a.b.c.d.e.f.g: should be a boolean, not a number", "a.b.c.d.e.f.j: missing; it should be a boolean",
            ":30: a.b.c.d.e.f.i: should be a boolean, not an array",
        ];
        Assert.All(expected, text => Assert.Single(problems, problem => problem.Contains(text, StringComparison.Ordinal)));
        Assert.Equal(expected.Length, problems.Count);
    }

    private static HoconObject Load(string file, Func<string, string?>? environment = null) =>
        HoconFile.Load(Path.Combine(Folder, file), environment ?? (static _ => null));

    private static string Text(HoconObject config, params string[] path) =>
        Assert.IsType<HoconScalar>(config.At(path)).Text;

    internal static string Json(HoconValue? value) => value switch
    {
        HoconObject inner => "{" + string.Join(',', inner.Fields.Select(f => $"{JsonSerializer.Serialize(f.Key)}:{Json(f.Value)}")) + "}",
        HoconArray array => "[" + string.Join(',', array.Items.Select(Json)) + "]",
        HoconScalar { Kind: HoconScalarKind.String } text => JsonSerializer.Serialize(text.Text),
        HoconScalar scalar => scalar.Text,
        _ => "undefined",
    };

    private static void AssertSame(JsonElement expected, HoconValue actual, string at)
    {
        switch (expected.ValueKind)
        {
            case JsonValueKind.Object:
                var inner = Assert.IsType<HoconObject>(actual);
                Assert.Equal(expected.EnumerateObject().Select(f => f.Name).Order(), inner.Fields.Select(f => f.Key).Order());
                foreach (var field in expected.EnumerateObject()) AssertSame(field.Value, inner.At(field.Name)!, $"{at}.{field.Name}");
                break;
            case JsonValueKind.Array:
                var items = Assert.IsType<HoconArray>(actual).Items;
                Assert.Equal(expected.GetArrayLength(), items.Count);
                for (var i = 0; i < items.Count; i++) AssertSame(expected[i], items[i], $"{at}[{i}]");
                break;
            default:
                var scalar = Assert.IsType<HoconScalar>(actual);
                var (kind, text) = expected.ValueKind switch
                {
                    JsonValueKind.String => (HoconScalarKind.String, expected.GetString()),
                    JsonValueKind.Number => (HoconScalarKind.Number, expected.GetRawText()),
                    JsonValueKind.Null => (HoconScalarKind.Null, "null"),
                    _ => (HoconScalarKind.Boolean, expected.GetRawText()),
                };
                Assert.True((kind, text) == (scalar.Kind, scalar.Text), $"{at} is {scalar.Kind} {scalar.Text}, not {kind} {text}");
                break;
        }
    }
}
