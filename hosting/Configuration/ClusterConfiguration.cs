namespace Athanor.Hosting.Configuration;

/// <summary>Loads <c>cluster.hocon</c>: the defaults that this build carries, overridden by a file.</summary>
public static class ClusterConfiguration
{
    /// <summary>The options of the defaults, with those of <paramref name="path"/> over them if it is given.</summary>
    /// <exception cref="ConfigurationException">A key, unit, substitution or value is wrong; the message names file and line and what
    /// would be right.</exception>
    public static AthanorOptions Load(string? path = null) =>
        path is null ? new AthanorOptions() : throw new NotSupportedException("configuration files come with the HOCON parser");
}

/// <summary>The configuration is wrong; the message names file and line and what would be right.</summary>
public class ConfigurationException(string message, Exception? inner = null) : Exception(message, inner);
