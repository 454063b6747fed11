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

// Networks as text beside the same written by hand in C#. Arguments: [load] [ROUNDS] or --write-thirty FOLDER. "load" times the first load in
// this process, from text to machine code of every method, so start it afresh for each figure.
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
if (args is ["--write-thirty", var folder])
{
    File.WriteAllText(Path.Combine(folder, ThirtyWriter.FileName), ThirtyWriter.File());
    return;
}
if (args.Contains("load"))
{
    Load("first");
    Load("second");
    return;
}
var rounds = 31;
if (args.Length > 1 || (args.Length == 1 && !(int.TryParse(args[0], out rounds) && rounds > 0)))
{
    Console.Error.WriteLine("the arguments are [ROUNDS], load, or --write-thirty FOLDER");
    Environment.ExitCode = 2;
    return;
}
Console.WriteLine(
    $"generated / by hand, least of {rounds} rounds in turns = median of the rounds' ratios; ns a call, us a solve (Tsit5, stiff ones Rodas5P)");
Console.WriteLine($"{"network",-30}{"rhs",28}{"eight lanes",28}{"Jacobian",30}{"solve",32}{"interpreted",13}{"difference",12}");
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

void Compare<THand>(string name, THand hand, KineticsText text, BalanceText balance, double[] start, double end, bool stiff)
    where THand : struct, IStiffOdeModel, ILaneOdeModel
{
    var network = KineticNetwork.Of(text);
    var row = network.Balance(balance, CodeForm.Generated).Compiled.Accept(new Versus<THand>(hand, start, end, stiff, rounds));
    var interpreted = network.Balance(balance, CodeForm.Interpreted).Compiled.Accept(
        new Versus<THand>(hand, start, end, stiff, Math.Min(rounds, 3)) { SolveAlone = true });
    Console.WriteLine(
        $"{name,-30}{row.Rhs,28}{row.Lanes,28}{row.Jacobian,30}{row.Solve,32}{interpreted.Solve.Median,12:F1}x{row.Difference,12:E1}");
}

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
