using System.Globalization;
using Athanor.Compute.Fitting;
using Athanor.Compute.Kinetics.Expressions;

namespace Athanor.Compute.Tests.Fitting;

/// <summary>Runs and rate laws of the Knorr pyrazole synthesis (Schrecker et al., React. Chem. Eng. 8, 2023, 41): A phenyl hydrazine, B
/// acetylacetone, I what they form first, P the pyrazole. The data may not be shipped; they are read from ../shared/data.</summary>
internal static class Knorr
{
    /// <summary>File and start (A, B, P), mol/L.</summary>
    public static readonly (string Name, double A, double B, double P)[] Training =
    [
        ("LS-P01-068-50pct", 0.20011, 0.20039, 0), ("LS-P01-068-40pct", 0.24013, 0.16031, 0), ("LS-P01-068-60pct", 0.16009, 0.24047, 0),
    ];

    public static readonly (string Name, double A, double B, double P)[] Held =
    [
        ("LS-P01-068-P8", 0.11435, 0.1145, 0), ("LS-P01-068-P10", 0.14294, 0.14314, 0),
        ("LS-P01-061-prod_doped", 0.10004, 0.10004, 0.09993), ("LS-P01-061-prod_water_doped", 0.10004, 0.10004, 0.09993),
    ];

    /// <summary>Mechanisms that a chemist would try, each as the rates of the first step and of the last, both from (graph, A, B, P, I) and
    /// parameters; one-step laws have no I.</summary>
    public static IReadOnlyList<Mechanism> Candidates { get; } =
    [
        new("k A B", 1, false, (g, y, k) => (y.A * y.B * k[0], null)),
        new("k A B, catalysed by P", 2, false, (g, y, k) => ((k[0] + (k[1] * y.P)) * y.A * y.B, null)),
        new("k A B, catalysed by A", 2, false, (g, y, k) => ((k[0] + (k[1] * y.A)) * y.A * y.B, null)),
        new("k A B, B bound", 2, false, (g, y, k) => (k[0] * y.A * y.B / (y.One + (k[1] * y.B)), null)),
        new("A + B -> I -> P", 2, true, (g, y, k) => (k[0] * y.A * y.B, k[1] * y.I)),
        new("A + B <=> I, I + A -> P + A", 3, true, (g, y, k) => ((k[0] * y.A * y.B) - (k[1] * y.I), k[2] * y.A * y.I)),
        new(
            "A + B <=> I catalysed by P, I + A -> P + A", 4, true,
            (g, y, k) => ((k[0] + (k[3] * y.P)) * ((y.A * y.B) - (k[1] * y.I)), k[2] * y.A * y.I)),
    ];

    public sealed record Mechanism(
        string Name, int Parameters, bool HasIntermediate, Func<ExpressionGraph, Species, Term[], (Term First, Term? Last)> Rates);

    public sealed record Species(Term A, Term B, Term P, Term I, Term One);

    /// <summary>An expression with operators.</summary>
    public readonly record struct Term(ExpressionGraph Graph, Expression Value)
    {
        public static Term operator +(Term a, Term b) => new(a.Graph, a.Graph.Add(a.Value, b.Value));

        public static Term operator -(Term a, Term b) => new(a.Graph, a.Graph.Subtract(a.Value, b.Value));

        public static Term operator *(Term a, Term b) => new(a.Graph, a.Graph.Multiply(a.Value, b.Value));

        public static Term operator /(Term a, Term b) => new(a.Graph, a.Graph.Divide(a.Value, b.Value));
    }

    public static FitProblem Problem(Mechanism mechanism, IEnumerable<(string Name, double A, double B, double P)> runs)
    {
        var graph = new ExpressionGraph();
        Term State(int i) => new(graph, graph.State(i));
        var species = new Species(State(0), State(1), State(2), State(3), new Term(graph, graph.One));
        var k = Enumerable.Range(0, mechanism.Parameters).Select(i => new Term(graph, graph.Parameter(i))).ToArray();
        var (first, last) = mechanism.Rates(graph, species, k);
        var used = graph.Negate(first.Value);
        var made = last?.Value ?? first.Value;
        Expression[] rates = mechanism.HasIntermediate ? [used, used, made, graph.Subtract(first.Value, made)] : [used, used, made];
        string[] states = mechanism.HasIntermediate ? ["A", "B", "P", "I"] : ["A", "B", "P"];
        string[] names = [.. Enumerable.Range(1, mechanism.Parameters).Select(i => $"k{i}")];
        var model = ExpressionModel.Of(graph, states, names, rates);
        return new FitProblem(
            mechanism.Name, names.Select(n => new FitParameter(n, 1.0, 1e-6, 1e4) { Scale = ParameterScale.Log, Starts = (0.1, 100) }),
            runs.Select(run => new OdeExperiment
            {
                Name = run.Name,
                Model = model,
                Bindings = [.. Enumerable.Range(0, names.Length).Select(ParameterBinding.To)],
                Initial = [.. new[] { run.A, run.B, run.P, 0.0 }.Take(states.Length).Select(v => new ConstantFormula(v))],
                Responses = [new FitResponse("P", new StateFormula(2), new ConstantFormula(1.0))],
                Measurements = Read(run.Name),
            }));
    }

    private static List<Measurement> Read(string run) =>
    [
        .. File.ReadAllLines(SharedData.Find("kinetics", "knorr_dm", run + ".csv")!).Where(line => line.Length > 0)
            .Select(line => line.Split(',').Select(cell => double.Parse(cell, CultureInfo.InvariantCulture)).ToArray())
            .Select(row => new Measurement(0, row[0], row[1])),
    ];
}
