using Athanor.Hosting.Configuration.Hocon;

namespace Athanor.Hosting.Configuration;

/// <summary>Loads <c>cluster.hocon</c>: the defaults that this build carries, overridden by a file.</summary>
public static class ClusterConfiguration
{
    /// <summary>What messages call the file that is built in.</summary>
    public const string DefaultsName = "cluster.hocon (built in)";

    /// <summary>The text of the defaults: the manual of all settings.</summary>
    public static string Defaults { get; } = ReadDefaults();

    /// <summary>The options of the defaults, with those of <paramref name="path"/> over them if it is given.</summary>
    /// <param name="environment">Environment variables; null takes those of the process.</param>
    /// <exception cref="ConfigurationException">A key, unit, substitution or value is wrong; the message names file and line and what
    /// would be right, one line for each mistake.</exception>
    public static AthanorOptions Load(string? path = null, Func<string, string?>? environment = null)
    {
        var config = HoconFile.LoadOver(DefaultsName, Defaults, path, environment);
        var binder = new OptionsBinder();
        var options = new AthanorOptions();
        foreach (var (key, value) in config.Fields)
        {
            if (key != "athanor")
                throw new HoconException(config.KeyOrigin(key),
                    Nearest.DidYouMean("key", key, ["athanor"]) + "; all settings are inside athanor { }");
            if (value is not HoconObject settings) throw new HoconException(value.Origin, "athanor must be an object { ... }");
            options = binder.Bind<AthanorOptions>(settings, "athanor");
        }
        if (binder.Problems.Count == 0) OptionsRules.Check(options, binder.Report);
        return binder.Problems.Count == 0 ? options : throw new ConfigurationException(string.Join('\n', binder.Problems));
    }

    private static string ReadDefaults()
    {
        using var stream = typeof(ClusterConfiguration).Assembly.GetManifestResourceStream("cluster.hocon")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}

/// <summary>The configuration is wrong; the message names file and line and what would be right.</summary>
public class ConfigurationException(string message, Exception? inner = null) : Exception(message, inner);
