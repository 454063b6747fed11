using System.Globalization;

namespace Athanor.Bench.Protocol;

/// <summary>--name value …</summary>
internal sealed class Options(string[] arguments)
{
    public string? Text(string name) => Array.IndexOf(arguments, "--" + name) is >= 0 and var at
        ? at + 1 < arguments.Length ? arguments[at + 1] : throw new ArgumentException($"--{name} needs a value")
        : null;

    public int Number(string name, int otherwise) => Text(name) is not { } text ? otherwise
        : int.TryParse(text, CultureInfo.InvariantCulture, out var number) && number > 0 ? number
            : throw new ArgumentException($"--{name} is {text}; a positive whole number would be right");
}
