using System.Collections.Immutable;
using Athanor.Compute.Problems;

namespace Athanor.Compute.Reactors.Flowsheets;

/// <summary>A number of a balance: a parameter of the problem, or a signal that changes with time.</summary>
internal readonly record struct Quantity(int Parameter, int Signal);

/// <summary>A unit's place among the states and parameters; -1 for what it does not have.</summary>
internal sealed record UnitPlace
{
    public required UnitSpec Spec { get; init; }

    /// <summary>First state; its concentrations follow.</summary>
    public required int Offset { get; init; }

    /// <summary>States of one cell of a tube, or of a tank's content.</summary>
    public required int Width { get; init; }

    public int Cells { get; init; } = 1;

    public int TemperatureState { get; init; } = -1;

    /// <summary>Of a tube that of its first cell.</summary>
    public int JacketState { get; init; } = -1;

    public int VolumeState { get; init; } = -1;

    public required Quantity Temperature { get; init; }

    public required Quantity Size { get; init; }

    public Quantity Area { get; init; } = new(-1, -1);

    public Quantity Dispersion { get; init; } = new(-1, -1);

    public Quantity Transfer { get; init; } = new(-1, -1);

    public Quantity Coolant { get; init; } = new(-1, -1);

    public Quantity JacketFlow { get; init; } = new(-1, -1);

    public Quantity JacketCapacity { get; init; } = new(-1, -1);

    public Quantity Heat { get; init; } = new(-1, -1);

    /// <summary>Of a vessel of gas, volume per time.</summary>
    public Quantity Outflow { get; set; } = new(-1, -1);

    /// <summary>Of a vessel through which gas flows: the pressure kept, Pa.</summary>
    public Quantity Pressure { get; init; } = new(-1, -1);

    /// <summary>Whether a tube's coolant flows against its content.</summary>
    public bool Counter => Spec.Cooling?.Jacket?.CounterCurrent == true;

    public Quantity OutletPressure { get; init; } = new(-1, -1);

    public Quantity Particle { get; init; } = new(-1, -1);

    public Quantity Voidage { get; init; } = new(-1, -1);

    public Quantity Viscosity { get; init; } = new(-1, -1);

    public Quantity Friction { get; init; } = new(-1, -1);

    public Quantity SolidHeat { get; init; } = new(-1, -1);

    /// <summary>First state of the content that leaves.</summary>
    public int Outlet => Offset + ((Cells - 1) * Width);
}

internal sealed record FeedPlace(int Unit, Quantity Flow, Quantity[] Concentrations, Quantity Temperature);

/// <param name="Share">Of the outlet of unit From.</param>
internal sealed record LinkPlace(int From, int To, double Share);

/// <summary>A flowsheet with every number in its place: states, parameters and signals by position. Immutable.</summary>
internal sealed class Plant
{
    /// <summary>The least value of what is divided by.</summary>
    private const double Least = 1e-12;

    private readonly List<Signal> _signals = [];

    private Plant(FlowsheetSpec spec, IReadOnlyList<OdeParameter> kinetic)
    {
        Spec = spec;
        KineticParameters = kinetic.Count;
        Parameters = [.. kinetic];
    }

    public FlowsheetSpec Spec { get; }

    public int Species => Spec.Species.Length;

    public int Reactions => Spec.Stoichiometry.Length / Math.Max(1, Species);

    public int KineticParameters { get; }

    public List<OdeParameter> Parameters { get; }

    public List<OdeState> States { get; } = [];

    public UnitPlace[] Units { get; private set; } = [];

    public FeedPlace[] Feeds { get; private set; } = [];

    public LinkPlace[] Links { get; private set; } = [];

    public IReadOnlyList<Signal> Signals => _signals;

    /// <summary>Reaction enthalpies among the parameters, then density times heat capacity; -1 where not needed.</summary>
    public int FirstEnthalpy { get; private set; } = -1;

    public int HeatCapacity { get; private set; } = -1;

    /// <summary>Feeds first, then units with an outflow of their own: what the outlets' flows are made of.</summary>
    public int[] OutflowUnits { get; private set; } = [];

    public Quantity[] Outflows { get; private set; } = [];

    /// <summary>Shape (units, feeds + own outflows): the flow out of each unit per flow of each source.</summary>
    public double[,] FlowShares { get; private set; } = new double[0, 0];

    /// <summary>Of gases: units, each vessel behind those whose outflow enters it. What leaves a tube is known without what enters it.</summary>
    public int[] GasOrder { get; private set; } = [];

    /// <exception cref="ArgumentException">The spec cannot be; the message names the unit and says what would be right.</exception>
    public static Plant Of(FlowsheetSpec spec, IReadOnlyList<OdeParameter> kinetic)
    {
        FlowsheetCheck.Check(spec);
        var plant = new Plant(spec, kinetic);
        var energy = spec.Units.Any(u => !u.Isothermal);
        if (energy && spec.Gas is null)
        {
            plant.FirstEnthalpy = plant.Parameters.Count;
            for (var j = 0; j < plant.Reactions && !spec.HeatIsRate; j++)
                plant.Parameters.Add(new($"dH{j + 1}", spec.EnergyUnit + "/mol", spec.Enthalpies[j]));
            plant.HeatCapacity = plant.Parameters.Count;
            plant.Parameters.Add(new("rhocp", $"{spec.EnergyUnit}/({spec.VolumeUnit} K)", spec.HeatCapacity, Least));
        }
        plant.Units = [.. spec.Units.Select(plant.Place)];
        plant.Feeds = [.. spec.Feeds.Select(plant.Place)];
        plant.Links = [.. spec.Links.Select(l => new LinkPlace(plant.Index(l.From), plant.Index(l.To), l.Share))];
        plant.SolveFlows();
        if (spec.Gas is not null) plant.OrderGas();
        return plant;
    }

    public int Index(string unit) => Spec.Units.Select(u => u.Name).ToList().IndexOf(unit);

    private UnitPlace Place(UnitSpec unit)
    {
        var prefix = Spec.Units.Length == 1 ? "" : unit.Name + ".";
        var offset = States.Count;
        var cells = unit is TubeSpec tube ? tube.Cells : 1;
        for (var cell = 0; cell < cells; cell++)
        {
            var at = cells == 1 ? "" : $"[{cell + 1}]";
            for (var i = 0; i < Species; i++)
            {
                var species = Spec.Species[i];
                var start = unit.Initial.IsDefaultOrEmpty ? 0.0 : unit.Initial[i];
                States.Add(new(prefix + species.Name + at, species.Unit, start, species.AbsoluteTolerance, 0.0));
            }
            if (!unit.Isothermal) States.Add(new($"{prefix}T{at}", "K", unit.Temperature.First, 1e-6, 200.0, 3000.0));
            if (unit is TubeSpec && unit.Cooling?.Jacket is { } jacket)
                States.Add(new($"{prefix}Tj{at}", "K", jacket.Initial, 1e-6, 200.0, 3000.0));
        }
        var width = (States.Count - offset) / cells;
        var place = new UnitPlace
        {
            Spec = unit,
            Offset = offset,
            Width = width,
            Cells = cells,
            TemperatureState = unit.Isothermal ? -1 : offset + Species,
            Temperature = unit.Isothermal ? Add(prefix + "T", "K", unit.Temperature, 1.0) : new(-1, -1),
            Size = unit switch
            {
                TankSpec { ConstantPressure: false } tank when tank.Outflow is null || Spec.Gas is not null =>
                    Add(prefix + "V", Spec.VolumeUnit, Signal.Constant(tank.Volume), Least),
                TubeSpec t => Add(prefix + "L", "m", Signal.Constant(t.Length), Least),
                _ => new(-1, -1),
            },
        };
        if (Spec.Gas is not null && unit is TankSpec { Outflow: null, ConstantPressure: false } vessel && IsFed(unit))
        {
            var start = Thermo.IdealGas.Pressure(unit.Initial.Sum(), unit.Temperature.First);
            place = place with { Pressure = Add(prefix + "pressure", "Pa", vessel.Pressure ?? Signal.Constant(start), 1.0) };
        }
        if (place.Size is { Parameter: -1, Signal: -1 })
        {
            place = place with { VolumeState = States.Count };
            var volume = ((TankSpec)unit).Volume;
            States.Add(new(prefix + "V", Spec.VolumeUnit, volume, 1e-9 * volume, 0.0));
        }
        if (unit is TubeSpec pipe)
        {
            place = place with
            {
                Area = Add(prefix + "area", Spec.VolumeUnit == "m^3" ? "m^2" : $"{Spec.VolumeUnit}/m", Signal.Constant(pipe.Area), Least),
                Dispersion = Add(prefix + "dispersion", $"m^2/{Spec.TimeUnit}", Signal.Constant(pipe.Dispersion), 0.0),
            };
            if (pipe.Gas is { } gas) place = GasPath(place, prefix, gas);
        }
        return unit.Isothermal ? place : Heat(place, prefix);
    }

    private bool IsFed(UnitSpec unit) => Spec.Feeds.Any(f => f.To == unit.Name) || Spec.Links.Any(l => l.To == unit.Name);

    private UnitPlace GasPath(UnitPlace place, string prefix, GasPathSpec gas)
    {
        place = place with
        {
            OutletPressure = Add(prefix + "outlet-pressure", "Pa", gas.OutletPressure, 1.0),
            Viscosity = Add(prefix + "viscosity", "Pa s", Signal.Constant(gas.Viscosity), Least),
            SolidHeat = Add(prefix + "solid-heat", "J/(m^3 K)", Signal.Constant(gas.SolidHeatCapacity), 0.0),
        };
        if (gas.Particle == 0.0) return place with { Friction = Add(prefix + "friction", "", Signal.Constant(gas.Friction), 0.0) };
        return place with
        {
            Particle = Add(prefix + "particle", "m", Signal.Constant(gas.Particle), 1e-7),
            Voidage = Add(prefix + "voidage", "", Signal.Constant(gas.Voidage), 0.01, 0.99),
        };
    }

    private UnitPlace Heat(UnitPlace place, string prefix)
    {
        var per = place.Spec is TubeSpec ? $"{Spec.EnergyUnit}/({Spec.TimeUnit} K {Spec.VolumeUnit})" : $"{Spec.EnergyUnit}/({Spec.TimeUnit} K)";
        if (place.Spec.Heat is { } heat)
            place = place with { Heat = Add(prefix + "heat", place.Spec is TubeSpec ? $"{Spec.EnergyUnit}/({Spec.TimeUnit} {Spec.VolumeUnit})" : $"{Spec.EnergyUnit}/{Spec.TimeUnit}", heat, double.NegativeInfinity) };
        if (place.Spec.Cooling is not { } cooling) return place;
        place = place with
        {
            Transfer = Add(prefix + "UA", per, Signal.Constant(cooling.Transfer), 0.0),
            Coolant = Add(prefix + "Tc", "K", cooling.Coolant, 1.0),
        };
        if (cooling.Jacket is not { } jacket) return place;
        var state = States.Count;
        if (place.Spec is TubeSpec) state = place.Offset + Species + 1;
        else States.Add(new(prefix + "Tj", "K", jacket.Initial, 1e-6, 200.0, 3000.0));
        return place with
        {
            JacketState = state,
            JacketFlow = Add(prefix + "jacket-flow", $"{Spec.EnergyUnit}/({Spec.TimeUnit} K)", jacket.Flow, 0.0),
            JacketCapacity = Add(prefix + "jacket-capacity", Spec.EnergyUnit + "/K", Signal.Constant(jacket.Capacity), Least),
        };
    }

    private FeedPlace Place(FeedSpec feed)
    {
        var prefix = feed.Name + ".";
        var gas = Spec.Gas is not null;
        return new FeedPlace(
            Index(feed.To), Add(prefix + "flow", gas ? "mol/s" : $"{Spec.VolumeUnit}/{Spec.TimeUnit}", feed.Flow, 0.0),
            [.. feed.Concentrations.Select((c, i) => Add(prefix + Spec.Species[i].Name, gas ? "" : Spec.Species[i].Unit, c, 0.0))],
            Add(prefix + "T", "K", feed.Temperature, 1.0));
    }

    private Quantity Add(string name, string unit, Signal signal, double lower, double upper = double.PositiveInfinity)
    {
        if (signal.IsConstant)
        {
            Parameters.Add(new(name, unit, signal.First, lower, upper));
            return new(Parameters.Count - 1, -1);
        }
        _signals.Add(signal);
        return new(-1, _signals.Count - 1);
    }

    /// <summary>Outlet flows are linear in the feeds: out = feeds + shares of other outlets, and for a vessel with an outflow of its own
    /// that outflow. Recycles make it a system, solved once.</summary>
    private void SolveFlows()
    {
        OutflowUnits = [.. Enumerable.Range(0, Units.Length).Where(u => Units[u].Spec is TankSpec { Outflow: not null })];
        Outflows =
        [
            .. OutflowUnits.Select(u => Add(
                (Units.Length == 1 ? "" : Units[u].Spec.Name + ".") + "outflow", $"{Spec.VolumeUnit}/{Spec.TimeUnit}",
                ((TankSpec)Units[u].Spec).Outflow!, 0.0)),
        ];
        for (var o = 0; o < Outflows.Length; o++) Units[OutflowUnits[o]].Outflow = Outflows[o];
        int n = Units.Length, sources = Feeds.Length + OutflowUnits.Length;
        var a = new double[n, n + sources];
        for (var u = 0; u < n; u++)
        {
            a[u, u] = 1.0;
            var own = Array.IndexOf(OutflowUnits, u);
            if (own >= 0)
            {
                a[u, n + Feeds.Length + own] = 1.0;
                continue;
            }
            foreach (var link in Links.Where(l => l.To == u)) a[u, link.From] -= link.Share;
            for (var f = 0; f < Feeds.Length; f++) a[u, n + f] = Feeds[f].Unit == u ? 1.0 : 0.0;
        }
        FlowShares = Eliminate(a, n, sources);
    }

    private void OrderGas()
    {
        var order = new List<int>();
        while (order.Count < Units.Length)
        {
            var next = Enumerable.Range(0, Units.Length).FirstOrDefault(
                u => !order.Contains(u) && Links.All(l => l.To != u || Units[l.From].Spec is TubeSpec || order.Contains(l.From)), -1);
            if (next < 0)
            {
                var round = Units.Where((_, u) => !order.Contains(u)).Select(u => $"'{u.Spec.Name}'");
                throw new ArgumentException(
                    $"the vessels of gas {string.Join(", ", round)} feed each other without a tube between; a recycle of gas needs a tube in it");
            }
            order.Add(next);
        }
        GasOrder = [.. order];
    }

    private double[,] Eliminate(double[,] a, int n, int columns)
    {
        for (var k = 0; k < n; k++)
        {
            var pivot = Enumerable.Range(k, n - k).MaxBy(i => Math.Abs(a[i, k]));
            if (Math.Abs(a[pivot, k]) < 1e-12)
                throw new ArgumentException($"unit '{Units[k].Spec.Name}': its flow goes round without leaving; a recycle needs a share below 1");
            for (var j = 0; j < n + columns; j++) (a[k, j], a[pivot, j]) = (a[pivot, j], a[k, j]);
            for (var i = 0; i < n; i++)
            {
                if (i == k || a[i, k] == 0.0) continue;
                var factor = a[i, k] / a[k, k];
                for (var j = k; j < n + columns; j++) a[i, j] -= factor * a[k, j];
            }
        }
        var shares = new double[n, columns];
        for (var u = 0; u < n; u++)
        {
            for (var s = 0; s < columns; s++) shares[u, s] = a[u, n + s] / a[u, u];
        }
        return shares;
    }
}
