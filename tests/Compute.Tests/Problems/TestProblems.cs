using Athanor.Compute.Benchmarks;
using Athanor.Compute.Problems;
using Athanor.Compute.Reactors;
using Athanor.Compute.Tests.Ode;

namespace Athanor.Compute.Tests.Problems;

internal static class TestProblems
{
    public static OdeProblem<Cstr> Cstr { get; } = new(new Cstr(305, 350))
    {
        Name = "test-cstr",
        Title = "Exothermic stirred tank on its limit cycle",
        Source = "Seborg, Edgar, Mellichamp: Process Dynamics and Control",
        TimeUnit = "min",
        End = 10,
        States = [new("C", "mol/L", 0.5, 1e-9, 0, 1), new("T", "K", 350, 1e-9, 250, 600)],
        Parameters =
        [
            new("coolant", "K", 305, 250, 350), new("feed", "K", 350, 250, 400), new("feed-concentration", "mol/L", 1, 0, 2),
            new("flow", "L/min", 100, 1, 1000), new("frequency", "1/min", Compute.Reactors.Cstr.FrequencyPerMin, 0),
        ],
    };

    public static OdeProblem<Robertson> Robertson { get; } = new(new Robertson())
    {
        Name = "test-robertson",
        Title = "Robertson's autocatalytic reaction",
        Source = "H. H. Robertson, The solution of a set of reaction rate equations, 1966",
        TimeUnit = "s",
        End = 1e5,
        States = [new("A", "", 1, 1e-9, 0, 1), new("B", "", 0, 1e-13, 0, 1), new("C", "", 0, 1e-9, 0, 1)],
        Parameters = [new("k1", "1/s", 0.04, 0), new("k2", "1/s", 3e7, 0), new("k3", "1/s", 1e4, 0)],
    };
}
