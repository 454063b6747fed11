using System.Collections.Immutable;
using Athanor.Compute.Problems;

namespace Athanor.Compute.Benchmarks;

/// <summary>The benchmarks that commands, tests and programs find by name.</summary>
public static class Catalogue
{
    /// <summary>In the order in which they are listed.</summary>
    public static ImmutableArray<OdeProblem> All { get; } =
    [
        ExothermicCstr.Problem, VanDeVusse.Problem, KlattEngell.Problem, Bioreactor.Problem, Consecutive.Problem, Parallel.Problem,
        WilliamsOtto.Problem, Penicillin.Problem, Robertson.Problem, Hires.Problem, Oregonator.Problem, VanDerPol.Problem, E5.Problem,
        Heater.Problem,
    ];

    /// <summary>The benchmark of this name, whatever its case.</summary>
    /// <exception cref="ArgumentException">There is none; the message lists all.</exception>
    public static OdeProblem Find(string name) =>
        All.FirstOrDefault(p => string.Equals(p.Name, name, StringComparison.OrdinalIgnoreCase))
        ?? throw new ArgumentException($"there is no benchmark '{name}'; there are {string.Join(", ", All.Select(p => p.Name))}");

    /// <summary>Whether there is a benchmark of this name.</summary>
    public static bool Has(string name) => All.Any(p => string.Equals(p.Name, name, StringComparison.OrdinalIgnoreCase));
}
