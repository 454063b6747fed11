using Athanor.Compute.Benchmarks;
using Athanor.Compute.Problems;
using Athanor.Hosting.Configuration.Hocon;
using Athanor.Hosting.Specifications;

namespace Athanor.Nodes.Cli.Simulation;

/// <summary>What NAME|FILE means on the command line: a benchmark of the catalogue, or a HOCON file.</summary>
internal static class ProblemSource
{
    public const string Help = "A benchmark's name, or a HOCON file (*.hocon, *.conf) of reactions or of a plant.";

    /// <exception cref="UserException">There is neither.</exception>
    public static OdeProblem Load(string nameOrFile)
    {
        if (IsFile(nameOrFile)) return LoadFile(nameOrFile);
        if (Catalogue.Has(nameOrFile)) return Catalogue.Find(nameOrFile);
        throw new UserException(
            $"'{nameOrFile}' is neither a file nor a benchmark; benchmarks are {string.Join(", ", Catalogue.All.Select(p => p.Name))}");
    }

    public static bool IsFile(string nameOrFile) =>
        nameOrFile.EndsWith(".hocon", StringComparison.OrdinalIgnoreCase) || nameOrFile.EndsWith(".conf",
            StringComparison.OrdinalIgnoreCase)
        || File.Exists(nameOrFile);

    /// <summary>The plant in a file.</summary>
    /// <exception cref="UserException">There is no such file, or it is wrong; the message names file and line.</exception>
    public static PlantFile LoadPlant(string path) => Read(path, () => PlantFile.Load(path));

    private static OdeProblem LoadFile(string path) => Read(path, () =>
    {
        var root = HoconFile.Load(path);
        if (PlantFile.IsPlant(root)) return PlantFile.Load(path).Problem;
        if (ProfileFile.IsProfile(root)) return ProfileFile.Load(path);
        if (root.At("fit") is not null && !SpecificationFile.IsKinetics(root))
            throw new UserException($"{path}: it describes a fit and no reactor; athanor fit {path} runs it");
        return SpecificationFile.Load(path).Model().Problem;
    });

    private static T Read<T>(string path, Func<T> read)
    {
        if (!File.Exists(path)) throw new UserException($"{path}: there is no such file");
        try
        {
            return read();
        }
        catch (HoconException error)
        {
            throw new UserException(error.Message);
        }
    }
}
