using Athanor.Protocol;
using Athanor.Protocol.Generator;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Protocol.Tests;

/// <summary>What the generator refuses, and how it says so.</summary>
public class DiagnosticTests
{
    [Theory]
    [InlineData("ATH001", "uses key 0 for both A and B",
        "[Message(\"test.x\")] public sealed record X([property: Key(0)] int A, [property: Key(0)] int B) : IEvent;")]
    [InlineData("ATH002", "'X.A' has the key -1",
        "[Message(\"test.x\")] public sealed record X([property: Key(-1)] int A) : IEvent;")]
    [InlineData("ATH003", "'X.B' has no key",
        "[Message(\"test.x\")] public sealed record X([property: Key(0)] int A, int B) : IEvent;")]
    [InlineData("ATH003", "'X.B' has no key",
        "[Message(\"test.x\")] public sealed record X([property: Key(0)] int A) : IEvent { public int B { get; init; } }")]
    [InlineData("ATH003", "'X.B' has no key",
        "[Message(\"test.x\")] public sealed record X : IEvent { public int B { get; } = 4; }")]
    [InlineData("ATH004", "'X.A' has the type 'decimal'",
        "[Message(\"test.x\")] public sealed record X([property: Key(0)] decimal A) : IEvent;")]
    [InlineData("ATH004", "'X.A' has the type 'string[]'",
        "[Message(\"test.x\")] public sealed record X([property: Key(0)] string[] A) : IEvent;")]
    [InlineData("ATH004", "'X.A' has the type 'System.Collections.Generic.Dictionary<string, int>'",
        "[Message(\"test.x\")] public sealed record X([property: Key(0)] System.Collections.Generic.Dictionary<string, int> A) : IEvent;")]
    [InlineData("ATH004", "'X.A' has the type 'P'",
        "public sealed record P(int A); [Message(\"test.x\")] public sealed record X([property: Key(0)] P A) : IEvent;")]
    [InlineData("ATH005", "'X' must be a sealed record",
        "[Message(\"test.x\")] public record X([property: Key(0)] int A) : IEvent;")]
    [InlineData("ATH005", "'X' must be a sealed record",
        "[Message(\"test.x\")] public sealed class X : IEvent { }")]
    [InlineData("ATH005", "'X' must be a sealed record",
        "[MessagePart] public sealed record X<T>([property: Key(0)] int A);")]
    [InlineData("ATH006", "'X' must be public or internal",
        "public static class Outer { [Message(\"test.x\")] private sealed record X([property: Key(0)] int A) : IEvent; }")]
    [InlineData("ATH007", "has the kind 'Test.X'",
        "[Message(\"Test.X\")] public sealed record X([property: Key(0)] int A) : IEvent;")]
    [InlineData("ATH007", "version 0",
        "[Message(\"test.x\", 0)] public sealed record X([property: Key(0)] int A) : IEvent;")]
    [InlineData("ATH008", "both are the kind 'test.x' version 1",
        "[Message(\"test.x\")] public sealed record X : IEvent; [Message(\"test.x\")] public sealed record Y : IEvent;")]
    [InlineData("ATH009", "'X' is marked [Message] and must implement IMessage",
        "[Message(\"test.x\")] public sealed record X([property: Key(0)] int A);")]
    [InlineData("ATH010", "'X.A' has a key and needs 'get; init;'",
        "[Message(\"test.x\")] public sealed record X : IEvent { [Key(0)] public int A => 4; }")]
    [InlineData("ATH011", "'X' needs either keyed positional parameters or a constructor without parameters",
        "[Message(\"test.x\")] public sealed record X : IEvent { public X(int a) { } }")]
    [InlineData("ATH012", "'X' implements IMessage and must be marked",
        "public sealed record X(int A) : IEvent;")]
    public void A_mistake_in_a_message_is_an_error_that_says_what_would_be_right(string id, string words, string source)
    {
        var (_, problems) = Run(source);
        var problem = Assert.Single(problems);
        Assert.Equal((id, DiagnosticSeverity.Error), (problem.Id, problem.Severity));
        Assert.Contains(words, problem.GetMessage(System.Globalization.CultureInfo.InvariantCulture), StringComparison.Ordinal);
    }

    [Fact]
    public void Code_that_uses_no_messages_gets_an_empty_module_and_compiles()
    {
        var (compilation, problems) = Run("public sealed record X(int A);");
        Assert.Empty(problems);
        Assert.NotNull(compilation.GetTypeByMetadataName("A.Sample.SampleMessages"));
    }

    [Fact]
    public void An_edit_elsewhere_writes_no_codec_again()
    {
        var source = "[Message(\"test.x\")] public sealed record X([property: Key(0)] int A) : IEvent;";
        var compilation = Compilation(source);
        GeneratorDriver driver = CSharpGeneratorDriver.Create(
            [new MessageGenerator().AsSourceGenerator()],
            driverOptions: new GeneratorDriverOptions(default, trackIncrementalGeneratorSteps: true));
        driver = driver.RunGenerators(compilation);
        var edited = compilation.AddSyntaxTrees(CSharpSyntaxTree.ParseText("public class Elsewhere;"));
        var result = driver.RunGenerators(edited).GetRunResult().Results[0];
        var reasons = result.TrackedOutputSteps.SelectMany(step => step.Value)
            .SelectMany(run => run.Outputs).Select(output => output.Reason);
        Assert.All(reasons, reason => Assert.True(reason is IncrementalStepRunReason.Cached or IncrementalStepRunReason.Unchanged));
    }

    private static (Compilation Compilation, IReadOnlyList<Diagnostic> Problems) Run(string source)
    {
        var driver = CSharpGeneratorDriver.Create(new MessageGenerator());
        driver.RunGeneratorsAndUpdateCompilation(Compilation(source), out var compilation, out var problems);
        if (problems.IsEmpty) Assert.Empty(compilation.GetDiagnostics().Where(d => d.Severity == DiagnosticSeverity.Error));
        return (compilation, problems);
    }

    private static CSharpCompilation Compilation(string source) => CSharpCompilation.Create(
        "A.Sample",
        [CSharpSyntaxTree.ParseText("using Athanor.Protocol;\n" + source)],
        ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(path => Path.GetFileName(path) is "System.Private.CoreLib.dll" or "System.Runtime.dll" or "System.Collections.dll"
                or "System.Collections.Immutable.dll" or "netstandard.dll")
            .Append(typeof(IMessage).Assembly.Location)
            .Select(path => MetadataReference.CreateFromFile(path)),
        new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable));
}
