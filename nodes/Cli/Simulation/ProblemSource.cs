using Athanor.Compute.Benchmarks;
using Athanor.Compute.Problems;

namespace Athanor.Nodes.Cli.Simulation;

/// <summary>What NAME|FILE means on the command line: a benchmark of the catalogue, or a HOCON file.</summary>
internal static class ProblemSource
{
    public const string Help = "A benchmark's name, or a HOCON file (*.hocon, *.conf) of reactions or units.";

    /// <exception cref="UserException">There is neither.</exception>
    public static OdeProblem Load(string nameOrFile)
    {
        if (IsFile(nameOrFile)) return LoadFile(nameOrFile);
        if (Catalogue.Has(nameOrFile)) return Catalogue.Find(nameOrFile);
        throw new UserException(
            $"'{nameOrFile}' is neither a file nor a benchmark; benchmarks are {string.Join(", ", Catalogue.All.Select(p => p.Name))}");
    }

    public static bool IsFile(string nameOrFile) =>
        nameOrFile.EndsWith(".hocon", StringComparison.OrdinalIgnoreCase) || nameOrFile.EndsWith(".conf", StringComparison.OrdinalIgnoreCase)
        || File.Exists(nameOrFile);

    private static OdeProblem LoadFile(string path)
    {
        if (!File.Exists(path)) throw new UserException($"{path}: there is no such file");
        throw new UserException($"{path}: files are not read yet; benchmarks are {string.Join(", ", Catalogue.All.Select(p => p.Name))}");
    }
}
