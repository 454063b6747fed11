namespace Athanor.Hosting.Configuration.Hocon;

/// <summary>Compares a configuration with a reference that has every key, as the reference implementation's <c>checkValid</c> does: what
/// is missing, and what has a type that cannot be meant. Keys that the reference lacks are not looked at.</summary>
public static class HoconValidation
{
    /// <returns>One problem a line, with file, line and path; empty if there are none.</returns>
    public static IReadOnlyList<string> Check(HoconObject config, HoconObject reference)
    {
        var problems = new List<string>();
        Check(config, reference, "", problems);
        return problems;
    }

    private static void Check(HoconObject config, HoconObject reference, string at, List<string> problems)
    {
        foreach (var (key, expected) in reference.Fields)
        {
            var path = at + HoconPath.Render([key]);
            if (!config.TryGet(key, out var value)) problems.Add($"{config.Origin}: {path}: missing; it should be {Name(expected)}");
            else Check(value, expected, path, problems);
        }
    }

    private static void Check(HoconValue value, HoconValue expected, string path, List<string> problems)
    {
        if (!Fits(value, expected))
        {
            problems.Add($"{value.Origin}: {path}: should be {Name(expected)}, not {Name(value)}");
            return;
        }
        if (value is HoconObject inner && expected is HoconObject reference) Check(inner, reference, path + ".", problems);
        if (value is not HoconArray array || expected is not HoconArray { Items: [var sample, ..] }) return;
        // The first item of the reference stands for all.
        if (array.Items.FirstOrDefault(item => !Fits(item, sample)) is { } wrong)
            problems.Add($"{wrong.Origin}: {path}: should have items that are {Name(sample)}, not {Name(wrong)}");
    }

    // A string may be read as anything simple, or stand for something that is built in code; null says nothing of a type.
    private static bool Fits(HoconValue value, HoconValue expected) => expected switch
    {
        HoconScalar { Kind: HoconScalarKind.Null or HoconScalarKind.String } => true,
        _ when value is HoconScalar { Kind: HoconScalarKind.Null } => true,
        HoconObject => value is HoconObject,
        HoconArray => value is HoconArray or HoconObject,
        HoconScalar scalar => value is HoconScalar actual && (actual.Kind == scalar.Kind || actual.Kind == HoconScalarKind.String),
        _ => false,
    };

    private static string Name(HoconValue value) => value switch
    {
        HoconObject => "an object",
        HoconArray => "an array",
        HoconScalar { Kind: HoconScalarKind.Boolean } => "a boolean",
        HoconScalar { Kind: HoconScalarKind.Number } => "a number",
        HoconScalar { Kind: HoconScalarKind.Null } => "null",
        _ => "a string",
    };
}
