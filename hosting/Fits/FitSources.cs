using System.Security.Cryptography;
using System.Text;
using Athanor.Compute.Fitting;
using Athanor.Hosting.Configuration.Hocon;
using Athanor.Hosting.Petab;
using Athanor.Protocol.Models;

namespace Athanor.Hosting.Fits;

/// <summary>A fit's files as texts by name, and how a problem is made of them: the same from a folder, for who starts a fit, and from blobs,
/// for who works on it.</summary>
/// <param name="Format"><c>hocon</c> or <c>petab</c>.</param>
public sealed record FitTexts(string Format, string Main, IReadOnlyDictionary<string, string> Texts)
{
    /// <summary>Reads a file and those that it names.</summary>
    /// <exception cref="FitException">A file is missing or wrong.</exception>
    public static FitTexts Read(string path)
    {
        try
        {
            if (IsPetab(path))
            {
                var petab = PetabFiles.Read(path);
                return new FitTexts("petab", petab.Main, petab.Texts);
            }
            return OfText(Path.GetFileName(path), File.ReadAllText(path), Path.GetDirectoryName(Path.GetFullPath(path))!);
        }
        catch (Exception error) when (error is PetabException or HoconException)
        {
            throw new FitException(error.Message, error);
        }
        catch (IOException error)
        {
            throw new FitException($"{path} cannot be read: {error.Message}", error);
        }
    }

    /// <summary>A HOCON text whose files lie in a folder.</summary>
    public static FitTexts OfText(string main, string text, string folder)
    {
        var texts = new Dictionary<string, string>(StringComparer.Ordinal) { [main] = text };
        foreach (var name in FitText.FilesOf(main, text))
        {
            var file = Path.Combine(folder, name);
            if (!File.Exists(file)) throw new FitException($"{main} names {name}, which is not in {folder}");
            texts[name] = File.ReadAllText(file);
        }
        return new FitTexts("hocon", main, texts);
    }

    /// <summary>The problem.</summary>
    /// <exception cref="FitException">Something is wrong; the message names file and component and what would be right.</exception>
    public FitProblem Build()
    {
        try
        {
            return Format == "petab" ? PetabProblem.Build(new PetabFiles(Main, Texts)) : FitText.Build(Main, Texts);
        }
        catch (Exception error) when (error is PetabException or HoconException)
        {
            throw new FitException(error.Message, error);
        }
    }

    /// <summary>The files' names and hashes, by name.</summary>
    public FitSource Source => new(
        Format, Main,
        [.. Texts.OrderBy(t => t.Key, StringComparer.Ordinal).Select(t => new FitFile(t.Key, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(t.Value)))))]);

    /// <summary>The same from blobs.</summary>
    public static FitTexts Of(FitSource source, Func<string, ReadOnlyMemory<byte>> blob)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(blob);
        return new FitTexts(
            source.Format, source.Main,
            source.Files.ToDictionary(f => f.Name, f => Encoding.UTF8.GetString(blob(f.Hash).Span), StringComparer.Ordinal));
    }

    public static bool IsPetab(string path) =>
        path.EndsWith(".yaml", StringComparison.OrdinalIgnoreCase) || path.EndsWith(".yml", StringComparison.OrdinalIgnoreCase);
}
