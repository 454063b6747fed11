using System.Runtime.CompilerServices;
using System.Text.Json;
using Athanor.Compute.Plants;
using Athanor.Compute.Problems;
using Athanor.Hosting.Configuration.Hocon;

namespace Athanor.Hosting.Specifications;

/// <summary>Models that came from a file: <c>{"problem": {"kinetics": ..., "balance" or "plant": ...}, "inputs": [...], ...}</c>, the file's
/// sections as JSON. They are added to <see cref="PlantModels"/> when this assembly is loaded.</summary>
internal static class TwinModels
{
    public const string Kind = "problem";

    private const string File = "the model's file";

#pragma warning disable CA2255 // Registered once, before any twin is read: this is the assembly that can read such models.
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void Register() => PlantModels.Register(Kind, Create);

    private static PlantModel Create(JsonElement json)
    {
        PlantJson.Known(json, "model", Kind, "inputs", "parameters", "substep-s", PlantMethods.Key, "constants");
        return PlantModel.Of(
            Problem(json.GetProperty(Kind)), PlantJson.Texts(json, "model", "inputs"), PlantJson.Texts(json, "model", "parameters"),
            PlantJson.Number(json, "model", "substep-s", 0.0), PlantJson.Numbers(json, "model", "constants"),
            method: PlantJson.Method(json));
    }

    private static OdeProblem Problem(JsonElement sections)
    {
        try
        {
            // JSON is HOCON, so that the sections are read by what read the file.
            var text = sections.GetRawText();
            return PlantFile.IsPlant(HoconFile.Parse(File, text)) ? PlantFile.Parse(File, text).Problem : SpecificationFile.Parse(File, text).Model().Problem;
        }
        catch (HoconException error)
        {
            throw new PlantException(error.Message);
        }
    }
}
