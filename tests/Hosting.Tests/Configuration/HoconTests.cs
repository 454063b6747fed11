using Athanor.Hosting.Configuration.Hocon;
using Microsoft.Extensions.Configuration;

namespace Hosting.Tests.Configuration;

/// <summary>The specification's own examples, and what is wrong with files that are wrong.</summary>
public class HoconTests
{
    [Theory]
    // Values and concatenation
    [InlineData("a : foo bar ", "{'a':'foo bar'}")]
    [InlineData("a = 10.0foo, b = 1e+5, c = -3", "{'a':'10.0foo','b':1e+5,'c':-3}")]
    [InlineData("a = true false, b = true", "{'a':'true false','b':true}")]
    [InlineData("a = \"x\" \"y\"", "{'a':'x y'}")]
    [InlineData("a = \"\"\"x\"y\\n\"\"\"\"", "{'a':'x\\u0022y\\\\n\\u0022'}")]
    [InlineData("a = \"\\u00e4\\n\\\"\"", "{'a':'\\u00E4\\n\\u0022'}")]
    [InlineData("[1]", null)]
    [InlineData("", "{}")]
    [InlineData("a : { b : 1 } { c : 2 }", "{'a':{'b':1,'c':2}}")]
    [InlineData("a : [ 1, 2 ] [ 3, 4 ]", "{'a':[1,2,3,4]}")]
    [InlineData("a : [ 1 2 3 4 ]", "{'a':['1 2 3 4']}")]
    [InlineData("a : [ [ 1, 2 ] [ 3, 4 ] ]", "{'a':[[1,2,3,4]]}")]
    [InlineData("a : [ [ 1, 2 ]\n [ 3, 4 ] ]", "{'a':[[1,2],[3,4]]}")]
    [InlineData("a = [1,2,3,]", "{'a':[1,2,3]}")]
    [InlineData("a = {\"0\" : x, \"2\" : z, no : n} [y]", "{'a':['x','z','y']}")]
    // Keys
    [InlineData("a b c : 42", "{'a b c':42}")]
    [InlineData("true : 42, 3 : 43, 3.14 : 44", "{'true':42,'3':{'14':44}}")]
    [InlineData("foo10.0 = 1, foo\"10.0\" = 2", "{'foo10':{'0':1},'foo10.0':2}")]
    [InlineData("a.x : 42, a.y : 43", "{'a':{'x':42,'y':43}}")]
    [InlineData("foo include : 42, x = include, \"include\" = 1", "{'foo include':42,'x':'include','include':1}")]
    // Merging
    [InlineData("foo : { a : 42 }, foo : { b : 43 }", "{'foo':{'a':42,'b':43}}")]
    [InlineData("foo : { a : 42 }, foo : null, foo : { b : 43 }", "{'foo':{'b':43}}")]
    [InlineData("a = { x : 1 }, a = ${?none}, a = { y : 2 }", "{'a':{'x':1,'y':2}}")]
    // Substitutions
    [InlineData("g = { size = 6 }, e = ${g} { name = east }", "{'g':{'size':6},'e':{'size':6,'name':'east'}}")]
    [InlineData("path = [ /bin ], path = ${path} [ /usr/bin ]", "{'path':['/bin','/usr/bin']}")]
    [InlineData("path : \"a:b:c\", path : ${path}\":d\"", "{'path':'a:b:c:d'}")]
    [InlineData("a += b, a += c", "{'a':['b','c']}")]
    [InlineData("x { a += b, a += c }", "{'x':{'a':['b','c']}}")]
    [InlineData("x = [ { a = [0], a += b } ]", "{'x':[{'a':[0,'b']}]}")]
    [InlineData("a = ${?a}foo", "{'a':'foo'}")]
    [InlineData("foo : ${?foo}", "{}")]
    [InlineData("foo : ${?bar}${?baz}", "{}")]
    [InlineData("foo : 1, foo : ${?bar}", "{'foo':1}")]
    [InlineData("foo : [${?bar}, 1]", "{'foo':[1]}")]
    [InlineData("foo : ${does-not-exist}, foo : 42", "{'foo':42}")]
    [InlineData("foo : ${foo}, foo : 42", "{'foo':42}")]
    [InlineData("foo : { a : 1 }, foo : ${foo}", "{'foo':{'a':1}}")]
    [InlineData("foo : { a : { c : 1 } }, foo : ${foo.a}, foo : { a : 2 }", "{'foo':{'a':2,'c':1}}")]
    [InlineData("bar : { foo : 42, baz : ${bar.foo} }, bar : { foo : 43 }", "{'bar':{'foo':43,'baz':43}}")]
    [InlineData("bar : { a : ${foo.d}, b : 1 }, bar.b = 3, foo : { c : ${bar.b}, d : 2 }, foo.d = 4",
        "{'bar':{'a':4,'b':3},'foo':{'c':3,'d':4}}")]
    [InlineData("a : 1, b : 2, a : ${b}, b : ${a}", "{'a':1,'b':1}")]
    [InlineData("a : { x : 1 }, a : ${a}{ x : ${a.x}2 }", "{'a':{'x':'12'}}")]
    [InlineData("a : { b : ${?a} }", "{'a':{}}")]
    [InlineData("a = 1, b = ${a}, c = ${a} ${b}", "{'a':1,'b':1,'c':'1 1'}")]
    [InlineData("HOME = null, h = ${HOME}", "{'HOME':null,'h':null}")]
    [InlineData("h = ${HOME}, i = ${?HOME}/x", "{'h':'/home/somebody','i':'/home/somebody/x'}")]
    // Comments and commas
    [InlineData("a = 1 # one\n// two\nb = \"#\" // three", "{'a':1,'b':'#'}")]
    [InlineData("a = 1\n,\nb = 2,", "{'a':1,'b':2}")]
    [InlineData("a = http://x", "{'a':'http:'}", "expected a comma")]
    public void A_text_resolves_to_what_the_specification_says(string text, string? json, string? problem = null)
    {
        if (json is null || problem is not null)
        {
            Assert.Contains(problem ?? "", Assert.Throws<HoconException>(() => Parse(text)).Message, StringComparison.Ordinal);
            return;
        }
        Assert.Equal(json.Replace('\'', '"'), HoconVectorTests.Json(Parse(text)));
    }

    [Theory]
    [InlineData("a = 1\nb = ${c.d}", "x.conf:2: ${c.d} is not known")]
    [InlineData("a = ${a}", "x.conf:1: ${a} refers to itself, and there is no earlier value of 'a'")]
    [InlineData("bar : ${foo}\nfoo : ${bar}", "refers to itself")]
    [InlineData("a : ${b}\nb : ${c}\nc : ${a}", "refers to itself")]
    [InlineData("a : { b : ${a} }", "x.conf:1: ${a} refers to what it is itself a part of")]
    [InlineData("a : [${a}]", "x.conf:1: ${a} refers to what it is itself a part of")]
    [InlineData("a {\n b = 1", "x.conf:1: the '{' has no closing '}'")]
    [InlineData("a = 1\n}", "x.conf:2: expected a key, found '}'")]
    [InlineData("{ a = 1 } b", "found 'b'")]
    [InlineData("a = [1,,2]", "two commas in a row")]
    [InlineData("a = [,1]", "expected an item of the array, found ','")]
    [InlineData("a = [1", "the '[' has no closing ']'")]
    [InlineData("a b\nc = 1", "x.conf:1: the key 'a b' must be followed by '=', ':' or '{', found 'c'", "x.conf:1: the key '\"a b\"'")]
    [InlineData("a =\n", "the key 'a' has no value")]
    [InlineData("a..b = 1", "x.conf:1: a path has an empty element")]
    [InlineData(".a = 1", "a path has an empty element")]
    [InlineData("a = \"x\ny\"", "x.conf:1: the quoted string has no closing quote on its line")]
    [InlineData("a = \"\\q\"", "'\\q' is no escape")]
    [InlineData("a = \"\"\"x", "the triple-quoted string has no closing")]
    [InlineData("a = x@y", "'@' has no meaning here; a string with '@' in it must be quoted")]
    [InlineData("a = $x", "'$' begins a substitution")]
    [InlineData("a = ${x", "before its closing '}'")]
    [InlineData("a = ${ ?x}", "'?' has no meaning here")]
    [InlineData("a = [1] x", "an array and a simple value stand side by side")]
    [InlineData("a = {b = 1} [1]", "an object and an array stand side by side")]
    [InlineData("a = 1, a += 2", "a simple value and an array stand side by side")]
    [InlineData("include x", "write include \"file\"")]
    [InlineData("include = 5", "write include \"file\"")]
    [InlineData("include url(\"http://x\")", "is not known; write include")]
    [InlineData("\n\ninclude required(\"nothere\")", "x.conf:3: the required file 'nothere' is not at")]
    public void A_text_that_is_wrong_is_an_error_with_file_and_line(string text, string problem, string? instead = null) =>
        Assert.Contains(instead ?? problem, Assert.Throws<HoconException>(() => Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void Deep_nesting_is_an_error_and_no_crash()
    {
        Assert.Contains("nest deeper than 200", Assert.Throws<HoconException>(() =>
            Parse(string.Concat(Enumerable.Repeat("a{", 100_000)))).Message, StringComparison.Ordinal);
        Assert.Contains("nest deeper than 200", Assert.Throws<HoconException>(() =>
            Parse("a=" + new string('[', 100_000))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Text_cut_off_or_changed_anywhere_is_read_or_refused()
    {
        const int Seed = 7;
        var random = new Random(Seed);
        var text = File.ReadAllText(Path.Combine(RepositoryFiles.Root, "tests", "vectors", "hocon", "test01.conf"));
        const string Pieces = "{}[]=:,+\"$?.#/\n x1${}\\";
        for (var i = 0; i < 1500; i++)
        {
            var at = random.Next(text.Length);
            var changed = random.Next(3) switch
            {
                0 => text[..at],
                1 => text.Remove(at, Math.Min(text.Length - at, random.Next(1, 9))),
                _ => text.Insert(at, Pieces.Substring(random.Next(Pieces.Length - 3), 3)),
            };
            try
            {
                Parse(changed);
            }
            catch (HoconException error)
            {
                Assert.StartsWith("x.conf:", error.Message, StringComparison.Ordinal);
            }
            catch (Exception error)
            {
                Assert.Fail($"seed {Seed}, change {i}: {error}");
            }
        }
    }

    [Fact]
    public void Every_JSON_document_is_HOCON_of_the_same_value()
    {
        const int Seed = 13;
        var random = new Random(Seed);
        for (var i = 0; i < 300; i++)
        {
            var json = new System.Text.Json.Nodes.JsonObject { ["a"] = RandomJson(random, 4), ["b.c d"] = RandomJson(random, 3) };
            var text = json.ToJsonString(new System.Text.Json.JsonSerializerOptions { WriteIndented = random.Next(2) == 0 });
            var read = System.Text.Json.Nodes.JsonNode.Parse(HoconVectorTests.Json(Parse(text)));
            Assert.True(System.Text.Json.Nodes.JsonNode.DeepEquals(json, read), $"seed {Seed}: {text}");
        }
    }

    private static System.Text.Json.Nodes.JsonNode? RandomJson(Random random, int depth)
    {
        switch (random.Next(depth > 0 ? 8 : 5))
        {
            case 0:
                return null;
            case 1:
                return random.Next(2) == 0;
            case 2:
                return random.Next(-1000, 1000);
            case 3:
                return random.NextDouble() * Math.Pow(10, random.Next(-20, 20));
            case 4:
                const string Letters = "a${}[]:=,+#/\"\\\n\u0001 ä€";
                return new string([.. Enumerable.Range(0, random.Next(8)).Select(_ => Letters[random.Next(Letters.Length)])]);
            case 5:
                return new System.Text.Json.Nodes.JsonArray(
                    [.. Enumerable.Range(0, random.Next(4)).Select(_ => RandomJson(random, depth - 1))]);
            default:
                var node = new System.Text.Json.Nodes.JsonObject();
                for (var n = random.Next(4); n > 0; n--) node["include ${k}."[..random.Next(13)] + n] = RandomJson(random, depth - 1);
                return node;
        }
    }

    [Fact]
    public void A_file_is_a_source_of_Microsofts_configuration()
    {
        var path = Path.Combine(RepositoryFiles.Root, "tests", "vectors", "hocon", "test01.conf");
        var configuration = new ConfigurationBuilder().AddHocon(path).Build();
        Assert.Equal("42", configuration["ints:fortyTwoAgain"]);
        Assert.Equal("c", configuration["arrays:ofString:2"]);
        Assert.Equal(["1", "2", "3"], configuration.GetSection("arrays:ofInt").GetChildren().Select(item => item.Value));
        Assert.Null(configuration["nulls:null"]);
        Assert.Throws<HoconException>(() => new ConfigurationBuilder().AddHocon("nothere.conf").Build());
        Assert.Empty(new ConfigurationBuilder().AddHocon("nothere.conf", optional: true).Build().AsEnumerable());
    }

    private static HoconObject Parse(string text) => HoconFile.Parse("x.conf", text, name => name == "HOME" ? "/home/somebody" : null);
}
