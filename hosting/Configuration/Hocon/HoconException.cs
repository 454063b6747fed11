using System.Globalization;

namespace Athanor.Hosting.Configuration.Hocon;

/// <summary>Where something was written.</summary>
/// <param name="File">As a person would name it: the path given, or a name such as <c>defaults</c>.</param>
public readonly record struct HoconOrigin(string File, int Line)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{File}:{Line}");
}

/// <summary>The text is no HOCON, or cannot be resolved. The message begins with file and line and says what would be right.</summary>
public sealed class HoconException(HoconOrigin origin, string problem, Exception? inner = null)
    : ConfigurationException($"{origin}: {problem}", inner)
{
    public HoconOrigin Origin { get; } = origin;
}
