using System.Collections.Immutable;

namespace Athanor.Compute.Reconciliation;

/// <summary>A value that may be measured.</summary>
/// <param name="Value">In its unit; null if it is not measured.</param>
/// <param name="Guess">Where the search begins if it is not; null for the mean of the measured ones of its kind.</param>
public sealed record NetworkValue(double? Value, double Deviation, double? Guess = null)
{
    public static NetworkValue Unmeasured { get; } = new(null, 0.0);
}

/// <summary>What streams carry beside their flow: a composition, or a temperature.</summary>
/// <param name="Reference">What is carried is flow × capacity × (value - reference).</param>
public sealed record NetworkProperty(string Name, string Unit, double Reference = 0.0);

/// <param name="Capacity">Of every property, e.g. the heat capacity per unit of flow; 1 for compositions.</param>
/// <param name="Properties">Measured ones by name; absent ones are not measured.</param>
public sealed record NetworkStream(
    string Name, NetworkValue Flow, ImmutableSortedDictionary<string, double> Capacity,
    ImmutableSortedDictionary<string, NetworkValue> Properties);

/// <summary>A unit of the network.</summary>
/// <param name="Splitter">Whether all its outlets are as its only inlet, but for the flow.</param>
/// <param name="Free">What it does not conserve: <c>flow</c> or names of properties.</param>
/// <param name="Terms">What else enters its balances: by balance, by variable, the coefficient.</param>
/// <param name="Leaks">Whether it may leak.</param>
public sealed record NetworkUnit(
    string Name, bool Splitter, ImmutableArray<string> In, ImmutableArray<string> Out, ImmutableArray<string> Free,
    ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, double>> Terms, bool Leaks);

/// <summary>A duty, an extent of reaction, a loss: a variable of its own.</summary>
public sealed record NetworkVariable(string Name, string Unit, NetworkValue Value);

/// <summary>A network of streams and units, from which the balances are written: of flow, and of flow × property for each property. Flows
/// are variables named as their stream, properties <c>STREAM.PROPERTY</c>.</summary>
public sealed record StreamNetwork(
    string FlowUnit, ImmutableArray<NetworkProperty> Properties, ImmutableArray<NetworkStream> Streams, ImmutableArray<NetworkUnit> Units,
    ImmutableArray<NetworkVariable> Variables)
{
    public const string Flow = "flow";

    /// <exception cref="ReconciliationException">A name is unknown, or a stream has no place; the message names it.</exception>
    public BalanceProblem Problem()
    {
        Check();
        var variables = ImmutableArray.CreateBuilder<BalanceVariable>();
        var flowGuess = Mean(Streams.Select(s => s.Flow));
        variables.AddRange(Streams.Select(s => Variable(s.Name, FlowUnit, s.Flow, flowGuess)));
        foreach (var property in Properties)
        {
            var guess = Mean(Streams.Select(s => Of(s, property)));
            variables.AddRange(Streams.Select(s => Variable($"{s.Name}.{property.Name}", property.Unit, Of(s, property), guess)));
        }
        variables.AddRange(Variables.Select(v => Variable(v.Name, v.Unit, v.Value, 0.0)));
        var equations = ImmutableArray.CreateBuilder<BalanceEquation>();
        var leaks = ImmutableArray.CreateBuilder<BalanceLeak>();
        foreach (var unit in Units) Write(unit, variables, equations, leaks);
        return new BalanceProblem(variables.ToImmutable(), equations.ToImmutable(), leaks.ToImmutable());
    }

    private void Write(
        NetworkUnit unit, ImmutableArray<BalanceVariable>.Builder variables, ImmutableArray<BalanceEquation>.Builder equations,
        ImmutableArray<BalanceLeak>.Builder leaks)
    {
        var leak = ImmutableArray.CreateBuilder<(int, double)>();
        if (!unit.Free.Contains(Flow))
        {
            leak.Add((equations.Count, -1.0));
            equations.Add(new BalanceEquation($"{unit.Name}: {Flow}",
                [.. unit.In.Select(s => new BalanceTerm(1.0, Stream(s))), .. unit.Out.Select(s => new BalanceTerm(-1.0, Stream(s))),
                    .. Extra(unit, Flow)]));
        }
        for (var p = 0; p < Properties.Length; p++)
        {
            var property = Properties[p];
            if (unit.Free.Contains(property.Name)) continue;
            if (unit.Splitter)
            {
                foreach (var to in unit.Out)
                {
                    equations.Add(new BalanceEquation($"{unit.Name}: {property.Name} of {to}",
                        [new BalanceTerm(1.0, Place(p, unit.In[0])), new BalanceTerm(-1.0, Place(p, to))]));
                }
                continue;
            }
            // A leak takes with it what the first outlet carries, as far as that is known before the balances are solved.
            var first = variables[Place(p, unit.Out[0])];
            leak.Add((equations.Count, -Capacity(unit.Out[0], property) * ((first.Measured ?? first.Guess) - property.Reference)));
            equations.Add(new BalanceEquation($"{unit.Name}: {property.Name}",
                [.. unit.In.SelectMany(s => Carried(1.0, s, p)), .. unit.Out.SelectMany(s => Carried(-1.0, s, p)),
                    .. Extra(unit, property.Name)]));
        }
        if (unit.Leaks && !unit.Free.Contains(Flow)) leaks.Add(new BalanceLeak($"leak of {unit.Name}", FlowUnit, leak.ToImmutable()));
    }

    private IEnumerable<BalanceTerm> Carried(double sign, string stream, int property)
    {
        var capacity = sign * Capacity(stream, Properties[property]);
        yield return new BalanceTerm(capacity, Stream(stream), Place(property, stream));
        if (Properties[property].Reference != 0.0) yield return new BalanceTerm(-capacity * Properties[property].Reference, Stream(stream));
    }

    private IEnumerable<BalanceTerm> Extra(NetworkUnit unit, string balance) => unit.Terms.TryGetValue(balance, out var terms)
        ? terms.Select(t => new BalanceTerm(t.Value,
            ((1 + Properties.Length) * Streams.Length) + IndexOf(Variables.Select(v => v.Name), t.Key)))
        : [];

    private int Stream(string name) => IndexOf(Streams.Select(s => s.Name), name);

    private int Place(int property, string stream) => ((1 + property) * Streams.Length) + Stream(stream);

    private double Capacity(string stream, NetworkProperty property) => Streams[Stream(stream)]
        .Capacity.GetValueOrDefault(property.Name, 1.0);

    private static NetworkValue Of(NetworkStream stream, NetworkProperty property) =>
        stream.Properties.GetValueOrDefault(property.Name) ?? NetworkValue.Unmeasured;

    private static BalanceVariable Variable(string name, string unit, NetworkValue value, double guess) =>
        new(name, unit, value.Value, value.Deviation, value.Guess ?? guess);

    private static double Mean(IEnumerable<NetworkValue> values)
    {
        var measured = values.Where(v => v.Value is not null).Select(v => v.Value!.Value).ToArray();
        return measured.Length > 0 ? measured.Average() : 1.0;
    }

    private static int IndexOf(IEnumerable<string> names, string name) => names.ToList().IndexOf(name);

    private void Check()
    {
        var streams = Streams.Select(s => s.Name).ToArray();
        var balances = Properties.Select(p => p.Name).Prepend(Flow).ToArray();
        foreach (var unit in Units)
        {
            if (unit.In.IsEmpty || unit.Out.IsEmpty)
                throw new ReconciliationException($"unit {unit.Name} needs streams in and out; streams over the border belong to no other unit");
            foreach (var stream in unit.In.Concat(unit.Out))
            {
                if (!streams.Contains(stream))
                    throw new ReconciliationException($"unit {unit.Name}: there is no stream '{stream}'; there are {string.Join(", ", streams)}");
            }
            if (unit.Splitter && unit.In.Length != 1)
                throw new ReconciliationException($"unit {unit.Name} is a splitter and has {unit.In.Length} inlets; one would be right");
            foreach (var balance in unit.Free.Concat(unit.Terms.Keys))
            {
                if (!balances.Contains(balance))
                    throw new ReconciliationException($"unit {unit.Name}: there is no balance '{balance}'; there are {string.Join(", ", balances)}");
            }
            foreach (var variable in unit.Terms.Values.SelectMany(t => t.Keys))
            {
                if (Variables.All(v => v.Name != variable))
                    throw new ReconciliationException($"unit {unit.Name}: there is no variable '{variable}'");
            }
        }
        foreach (var stream in streams)
        {
            var (into, from) = (Units.Count(u => u.In.Contains(stream)), Units.Count(u => u.Out.Contains(stream)));
            if (into + from == 0) throw new ReconciliationException($"stream {stream} is in no unit");
            if (into > 1 || from > 1)
                throw new ReconciliationException($"stream {stream} goes into {into} units and comes from {from}; at most one of each would be right");
        }
    }
}
