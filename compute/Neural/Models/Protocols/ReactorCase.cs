using System.Globalization;
using Athanor.Compute.Benchmarks;
using Athanor.Compute.Numerics;
using Athanor.Compute.Ode;
using Athanor.Compute.Problems;

namespace Athanor.Compute.Neural.Models.Protocols;

/// <summary>
/// One row of the reactor protocol: a reactor whose rate law is hidden from the model, 24 records to train on and 8 to validate, 50 even
/// points each, from starts drawn around a nominal one; without noise.
/// </summary>
/// <param name="Key">As typed.</param>
/// <param name="Problem">The true equations.</param>
/// <param name="Truth">Parameters of the true equations.</param>
/// <param name="Nominal">Nominal start, by state of the problem.</param>
/// <param name="Relative">By state: the start is uniform within ± this part of the nominal value.</param>
/// <param name="Absolute">By state: and within ± this.</param>
/// <param name="Hybrid">The model whose rates are learned, as JSON.</param>
/// <param name="Plain">The pure neural ODE.</param>
/// <param name="Rises">True rises in temperature of the reactions, K L/mol; empty without a temperature.</param>
/// <param name="Exchange">True κ, 1/time.</param>
internal sealed record ReactorCase(
    string Key, string Name, OdeProblem Problem, double[] Truth, double End, double[] Nominal, double[] Relative, double[] Absolute,
    string Hybrid, string Plain, double[] Rises, double Exchange)
{
    public const int Points = 50, Training = 24, Validation = 8;

    private const string CstrHybrid = """
        {"kind":"hybrid","known":"reactor","hidden":[16,16],"time-scale":1,
         "states":[{"name":"Ca","positive":true},{"name":"Cb","positive":true,"observed":false},"T"],
         "reactor":{"dilution":1,"feed":{"Ca":1},"reactions":[{"consumes":{"Ca":1},"produces":{"Cb":1}}],
          "temperature":"T","feed-temperature":350,"coolant":COOLANT}}
        """;

    private const string ThreeStates =
        """ "states":[{"name":"A","positive":true},{"name":"B","positive":true},{"name":"C","positive":true}], """;

    private const string TwoReactions =
        """ "reactor":{"reactions":[{"consumes":{"A":1},"produces":{"B":1}},{"consumes":{"B":1},"produces":{"C":1}}]} """;

    public static ReactorCase Cstr(double coolant)
    {
        var truth = ExothermicCstr.Problem.NominalParameters;
        truth[0] = coolant;
        var text = coolant.ToString(CultureInfo.InvariantCulture);
        return new ReactorCase(
            $"exothermic-cstr-{text}", $"exothermic CSTR, Tc = {text} K", ExothermicCstr.Problem, truth, 10.0, [0.5, 350.0], [0.2, 0.0],
            [0.0, 15.0], CstrHybrid.Replace("COOLANT", text, StringComparison.Ordinal),
            """{"kind":"neural-ode","hidden":[32,32],"time-scale":1,"states":[{"name":"Ca","positive":true},"T"]}""",
            [5e4 / 239.0], 5e4 / (100.0 * 239.0));
    }

    public static ReactorCase KlattEngellReactor { get; } = new(
        "klatt-engell", "Klatt-Engell", KlattEngell.Problem, KlattEngell.Problem.NominalParameters, 0.05, [2.1402, 1.0903, 114.19, 112.91],
        [0.5, 0.5, 0.0, 0.0], [0.0, 0.0, 15.0, 15.0],
        """
        {"kind":"hybrid","known":"reactor","hidden":[16,16],"time-scale":0.05,
         "states":[{"name":"A","positive":true},{"name":"B","positive":true},{"name":"C","positive":true,"observed":false},
          {"name":"D","positive":true,"observed":false},"T","Tk"],
         "reactor":{"dilution":14.19,"feed":{"A":5.1},
          "reactions":[{"consumes":{"A":1},"produces":{"B":1}},{"consumes":{"B":1},"produces":{"C":1}},
           {"consumes":{"A":2},"produces":{"D":1}}],
          "temperature":"T","feed-temperature":104.9,"jacket":"Tk","jacket-heat":-111.35,"capacity-ratio":2.811942}}
        """,
        """
        {"kind":"neural-ode","hidden":[32,32],"time-scale":0.05,
         "states":[{"name":"A","positive":true},{"name":"B","positive":true},"T","Tk"]}
        """,
        [-4.2 / (0.9342 * 3.01), 11.0 / (0.9342 * 3.01), 2.0 * 41.85 / (0.9342 * 3.01)], 4032.0 * 0.215 / (10.0 * 0.9342 * 3.01));

    public static ReactorCase Batch { get; } = new(
        "batch", "batch A -> B -> C", Consecutive.Problem, Consecutive.Problem.NominalParameters, 8.0, [1.0, 0.0, 0.0], [0.5, 0.5, 0.5],
        [0.0, 0.0, 0.0], """{"kind":"stoichiometric","hidden":[16,16],"time-scale":1,""" + ThreeStates + TwoReactions + "}",
        """{"kind":"neural-ode","hidden":[32,32],"time-scale":1,""" + ThreeStates + TwoReactions + "}", [], 0.0);

    public static IReadOnlyList<ReactorCase> All { get; } = [Cstr(300.0), Cstr(305.0), KlattEngellReactor, Batch];

    /// <summary>Training records first, validation records after them.</summary>
    public ProcessRecord[] Records(ulong seed)
    {
        var times = Enumerable.Range(0, Points).Select(k => End * k / (Points - 1)).ToArray();
        return [.. Enumerable.Range(0, Training + Validation).Select(i => Record(Start(seed, i), times))];
    }

    /// <summary>What a control holds in all records: the parameter of that name of the true equations.</summary>
    public double Control(string name) => Truth[Problem.ParameterIndex(name)];

    /// <summary>The true solution.</summary>
    public ProcessRecord Record(double[] start, double[] times)
    {
        var solution = Problem.Solve(new OdeRequest
        {
            Parameters = Truth,
            Initial = start,
            Start = 0.0,
            Times = times,
            Options = new OdeOptions { RelativeTolerance = 1e-10, AbsoluteTolerance = 1e-12 },
        });
        return new ProcessRecord(times, [], solution.Values);
    }

    public double[] Start(ulong seed, int index)
    {
        var draws = new Philox(seed, (ulong)index);
        var start = Nominal.ToArray();
        for (var i = 0; i < start.Length; i++)
        {
            var draw = draws.NextDouble(-1.0, 1.0);
            start[i] = (start[i] * (1.0 + (Relative[i] * draw))) + (Absolute[i] * draw);
        }
        return start;
    }
}
