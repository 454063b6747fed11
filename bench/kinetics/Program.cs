using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Athanor.Bench.Kinetics;
using Athanor.Compute.Kinetics;
using Athanor.Compute.Kinetics.Text;
using Athanor.Compute.Ode;
using Athanor.Compute.Reactors;

// Networks as text beside the same written by hand in C#. Arguments: [load] [ROUNDS]. "load" times the first load in this process, from text
// to machine code of every method, so start it afresh for each figure.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
if (args.Contains("load"))
{
    Load("first");
    Load("second");
    return;
}
var rounds = args.Length > 0 ? int.Parse(args[0]) : 31;
Console.WriteLine($"least of {rounds} rounds, generated / by hand; ns a call of right-hand side and Jacobian, us a solve");
Console.WriteLine($"{"network",-34}{"rhs",22}{"Jacobian",22}{"solve",24}{"interpreted",14}{"difference",12}");
var tank = new BalanceText
{
    Kind = BalanceKind.Cstr,
    Temperature = new(350, "K"),
    HeatCapacity = new(239, "J/(L K)"),
    HeatTransfer = new(5e4, "J/(min K)"),
    Coolant = new(305, "K"),
    Volume = new(100, "L"),
    Flow = new(100, "L/min"),
    Feed = ImmutableSortedDictionary<string, double>.Empty.Add("A", 1.0),
    FeedTemperature = new(350, "K"),
};
Compare(
    "exothermic tank", new Cstr(305, 350), Network("min", ["A"], "A -> nothing ; k = 7.2e10 exp(-8750/T) ; dH = -5e4 [J/mol]"), tank, [0.5, 350], 10, false);
Compare(
    "Robertson", new RobertsonByHand(),
    Network("s", ["A", "B", "C"], "A -> B ; k = 0.04", "2 B -> B + C ; k = 3e7", "B + C -> A + C ; k = 1e4"),
    new BalanceText { Temperature = new(300, "K") }, [1, 0, 0], 1e5, true);
Compare(
    "Van de Vusse, jacketed tank", new VanDeVusseByHand(),
    Network(
        "h", ["A", "B"], "A -> B ; k = 1.287e12 exp(-9758.3/T) ; dH = 4.2 [kJ/mol]", "B -> nothing ; k = 1.287e12 exp(-9758.3/T) ; dH = -11 [kJ/mol]",
        "2 A -> nothing ; k = 9.043e9 exp(-8560/T) ; dH = -83.7 [kJ/mol]"),
    tank with
    {
        HeatCapacity = new(2811.942, "J/(L K)"),
        HeatTransfer = new(866.88e3, "J/(h K)"),
        Coolant = new(386, "K"),
        Volume = new(10, "L"),
        Flow = new(141.9, "L/h"),
        Feed = ImmutableSortedDictionary<string, double>.Empty.Add("A", 5.1),
        FeedTemperature = new(378.05, "K"),
    },
    [5.1, 0, 378], 1, false);
Compare(
    "enzyme and catalyst", new CatalystByHand(),
    Network(
        "min", ["S", "P", "Q", "W"], "S -> P ; rate = michaelis(S, 2, 0.4, competitive = P/0.3)",
        "P -> Q ; k = 4 ; adsorption = 3 P + 5 Q ; sites = 2", "P + Q -> W ; k = 1.5 ; adsorption = 3 P + 5 Q ; sites = 2"),
    new BalanceText { Temperature = new(300, "K") }, [1, 0.1, 0.1, 0], 10, true);
Compare(
    "30 species, 50 reactions", new Thirty(), Thirty.Text, new BalanceText { Temperature = new(400, "K"), HeatCapacity = new(2000, "J/(L K)") },
    [.. Enumerable.Range(0, 30).Select(i => 0.1 + (0.02 * i)), 400], 1, true);

CompareLanes(new Cstr(305, 350), Network("min", ["A"], "A -> nothing ; k = 7.2e10 exp(-8750/T) ; dH = -5e4 [J/mol]"), tank, [0.5, 350]);

void CompareLanes<THand>(THand hand, KineticsText text, BalanceText balance, double[] start)
    where THand : struct, IOdeModel<THand>
{
    var byHand = new MeasureLanes(start, rounds).Visit(hand, 0);
    var generated = KineticNetwork.Of(text).Balance(balance, CodeForm.Generated).Compiled.Accept(new MeasureLanes(start, rounds));
    Console.WriteLine($"exothermic tank, eight lanes, ns a right-hand side: {Ratio(generated, byHand)}");
}

void Compare<THand>(string name, THand hand, KineticsText text, BalanceText balance, double[] start, double end, bool stiff)
    where THand : struct, IStiffOdeModel
{
    var network = KineticNetwork.Of(text);
    var byHand = new Times<THand>(hand, start, end, stiff, rounds);
    var generated = network.Balance(balance, CodeForm.Generated).Compiled.Accept(new Measure(start, end, stiff, rounds));
    var interpreted = network.Balance(balance, CodeForm.Interpreted).Compiled.Accept(new Measure(start, end, stiff, Math.Min(rounds, 3)));
    var difference = byHand.End.Select((y, i) => Math.Abs(y - generated.End[i]) / (Math.Abs(y) + 1e-9)).Max();
    Console.WriteLine(
        $"{name,-34}{Ratio(generated.Rhs, byHand.Rhs),22}{Ratio(generated.Jacobian, byHand.Jacobian),22}{Ratio(generated.Solve, byHand.Solve),24}"
        + $"{interpreted.Solve / byHand.Solve,13:F1}x{difference,12:E1}");
}

static string Ratio(double ours, double theirs) => $"{ours:F1} / {theirs:F1} = {ours / theirs:F2}x";

static KineticsText Network(string time, string[] species, params string[] reactions) => new()
{
    Name = "bench",
    Concentration = "mol/L",
    Time = time,
    Species = [.. species.Select(static name => new SpeciesText(name))],
    Reactions = [.. reactions.Select(static (text, i) => new ReactionText($"r{i}", text))],
};

static void Load(string which)
{
    var jit = System.Runtime.JitInfo.GetCompilationTime();
    var methods = System.Runtime.JitInfo.GetCompiledMethodCount();
    var cpu = Environment.CpuUsage.TotalTime;
    var watch = Stopwatch.StartNew();
    var network = KineticNetwork.Of(Thirty.Text);
    var read = watch.Elapsed.TotalMilliseconds;
    var model = network.Balance(new() { Temperature = new(400, "K"), HeatCapacity = new(2000, "J/(L K)") }, CodeForm.Generated);
    var built = watch.Elapsed.TotalMilliseconds;
    foreach (var method in model.Compiled.Model.GetType().GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly))
        RuntimeHelpers.PrepareMethod(method.MethodHandle);
    var compiled = watch.Elapsed.TotalMilliseconds;
    Console.WriteLine(
        $"{which} load of 30 species, 50 reactions: {compiled:F0} ms (text to checked network {read:F0}, balance, derivatives and type "
        + $"{built - read:F0}, machine code of every method {compiled - built:F0}); "
        + $"{(Environment.CpuUsage.TotalTime - cpu).TotalMilliseconds:F0} ms of processor time, of it "
        + $"{(System.Runtime.JitInfo.GetCompilationTime() - jit).TotalMilliseconds:F0} in the JIT for {System.Runtime.JitInfo.GetCompiledMethodCount() - methods} methods");
}

/// <summary>Times of a model's right-hand side, Jacobian and solve.</summary>
internal sealed class Times<TModel>
    where TModel : struct, IStiffOdeModel
{
    public Times(TModel model, double[] start, double end, bool stiff, int rounds)
    {
        var n = model.Dimension;
        double[] dy = new double[n], jacobian = new double[n * n];
        End = new double[n];
        var options = new OdeOptions { RelativeTolerance = 1e-6, AbsoluteTolerance = 1e-9 };
        double[] times = [end];
        Rhs = Least.Of(rounds, 20_000, () => model.Rhs(0.0, start, dy)) * 1e3;
        Jacobian = Least.Of(rounds, 10_000, () => model.Jacobian(0.0, start, jacobian)) * 1e3;
        Solve = Least.Of(rounds, 20, () =>
        {
            if (stiff) Rodas4.Solve(model, 0.0, start, times, End, options);
            else Tsit5.Solve(model, 0.0, start, times, End, options);
        });
    }

    public double[] End { get; }

    public double Rhs { get; }

    public double Jacobian { get; }

    public double Solve { get; }

}

internal static class Least
{
    /// <summary>us a call.</summary>
    public static double Of(int rounds, int repeats, Action action)
    {
        // Long enough for the JIT's last tier, which comes in the background.
        var warm = Stopwatch.StartNew();
        while (warm.Elapsed.TotalMilliseconds < 400)
        {
            for (var i = 0; i < repeats; i++) action();
        }
        var least = double.MaxValue;
        for (var round = 0; round < rounds; round++)
        {
            var watch = Stopwatch.StartNew();
            for (var i = 0; i < repeats; i++) action();
            least = Math.Min(least, watch.Elapsed.TotalMicroseconds / repeats);
        }
        return least;
    }
}

internal sealed record Measured(double Rhs, double Jacobian, double Solve, double[] End);

internal sealed class Measure(double[] start, double end, bool stiff, int rounds) : IModelVisitor<Measured>
{
    public Measured Visit<TModel>(in TModel model)
        where TModel : struct, IOdeModel<TModel>, ISparseOdeModel
    {
        var times = new Times<TModel>(model, start, end, stiff, rounds);
        return new Measured(times.Rhs, times.Jacobian, times.Solve, times.End);
    }
}

internal sealed class MeasureLanes(double[] start, int rounds) : IModelVisitor<double>
{
    public double Visit<TModel>(in TModel model)
        where TModel : struct, IOdeModel<TModel>, ISparseOdeModel => Visit(model, 0);

    public double Visit<TModel>(TModel model, int unused)
        where TModel : struct, IOdeModel<TModel>
    {
        _ = unused;
        Vector512<double>[] y = [.. start.Select(Vector512.Create)], dy = new Vector512<double>[start.Length];
        Vector512<double>[] parameters = [.. Enumerable.Range(0, model.ParameterCount).Select(k => Vector512.Create(model.Parameter(k)))];
        return Least.Of(rounds, 20_000, () => model.RhsLanes(default, y, parameters, dy)) * 1e3;
    }
}
