namespace Athanor.Compute.Plants;

/// <summary>How a model of differential equations becomes a map over a stretch of time.</summary>
public enum PlantMethod
{
    /// <summary>The classical Runge-Kutta method of order four: for models whose fastest time constant is not far below what is to be
    /// seen.</summary>
    Rk4,

    /// <summary>An L-stable implicit method of order two: for stiff models.</summary>
    Implicit,
}

/// <summary>The methods' names in files.</summary>
public static class PlantMethods
{
    public const string Key = "method", Rk4 = "rk4", Implicit = "implicit";

    /// <summary>Names that <see cref="Find"/> knows.</summary>
    public static IReadOnlyList<string> Names { get; } = [Rk4, Implicit];

    /// <exception cref="PlantException">There is none of this name.</exception>
    public static PlantMethod Find(string name) => name switch
    {
        Rk4 => PlantMethod.Rk4,
        Implicit => PlantMethod.Implicit,
        _ => throw new PlantException($"model.method is \"{name}\"; {string.Join(" or ", Names)} would be right"),
    };
}
