using System.Diagnostics.CodeAnalysis;
using Athanor.Protocol;

namespace Athanor.Hosting.Ingest;

/// <summary>
/// <c>plant/TENANT/UNIT/measurements</c> and <c>plant/TENANT/UNIT/moves</c>, which the broker's MQTT plugin turns into routing keys with dots
/// for slashes. A tenant or unit with a dot in its name would be two words of the key, so such units are not reachable this way.
/// </summary>
internal static class PlantTopic
{
    public const string Measurements = "measurements";
    public const string Moves = "moves";

    /// <summary>What the measurements of all units are bound with; what is too deep arrives as well, and is parked.</summary>
    public const string AllMeasurements = "plant.#.measurements";

    public static bool TryParse(string routingKey, out EntityAddress unit, [NotNullWhen(false)] out string? problem)
    {
        unit = default;
        problem = null;
        var words = routingKey.Split('.');
        if (words.Length == 4 && words[0] == "plant" && words[3] == Measurements && EntityAddress.IsValidPart(words[1]) && EntityAddress.IsValidPart(words[2]))
        {
            unit = new EntityAddress(words[1], "twins", words[2]);
            return true;
        }
        problem = $"'{routingKey.Replace('.', '/')}' is no topic plant/TENANT/UNIT/measurements; names are letters, digits, '_' and '-'";
        return false;
    }

    public static bool CanReach(EntityAddress unit) => !unit.Tenant.Contains('.', StringComparison.Ordinal) && !unit.Id.Contains('.', StringComparison.Ordinal);

    public static string MovesOf(EntityAddress unit) => $"plant.{unit.Tenant}.{unit.Id}.{Moves}";
}
