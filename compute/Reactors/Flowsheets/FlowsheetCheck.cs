using System.Collections.Immutable;
using Athanor.Compute.Thermo;

namespace Athanor.Compute.Reactors.Flowsheets;

/// <summary>What a flowsheet must be. Every message names the unit, feed or link and its value.</summary>
internal static class FlowsheetCheck
{
    public static void Check(FlowsheetSpec spec)
    {
        int n = spec.Species.Length, reactions = n == 0 ? 0 : spec.Stoichiometry.Length / n;
        Require(n > 0, "there are no species");
        Require(spec.Stoichiometry.Length == reactions * n,
            $"the stoichiometry has {spec.Stoichiometry.Length} numbers, not reactions x {n} species");
        Require(spec.Units.Length > 0, "there are no units; at least one is needed");
        var twice = spec.Units.GroupBy(u => u.Name).FirstOrDefault(g => g.Count() > 1);
        Require(twice is null, $"two units are called '{twice?.Key}'");
        foreach (var unit in spec.Units) Check(spec, unit, reactions);
        foreach (var feed in spec.Feeds)
        {
            Known(spec, feed.To, $"feed '{feed.Name}' goes to '{feed.To}'");
            Require(feed.Concentrations.Length == n, $"feed '{feed.Name}' has {feed.Concentrations.Length} concentrations for {n} species");
            NotNegative(feed.Flow, $"the flow of feed '{feed.Name}'");
            for (var i = 0; i < n; i++) NotNegative(feed.Concentrations[i], $"{spec.Species[i].Name} in feed '{feed.Name}'");
            if (spec.Gas is null) continue;
            foreach (var t in feed.Concentrations.SelectMany(c => c.Breaks).Prepend(0.0))
            {
                var sum = feed.Concentrations.Sum(c => c.At(t));
                Require(Math.Abs(sum - 1) < 1e-6,
                    FormattableString.Invariant($"the mole fractions in feed '{feed.Name}' are {sum:R} together at t = {t:R}; they must be 1"));
            }
        }
        foreach (var link in spec.Links)
        {
            Known(spec, link.From, $"a link comes from '{link.From}'");
            Known(spec, link.To, $"a link goes to '{link.To}'");
            Require(link.Share is > 0 and <= 1,
                FormattableString.Invariant($"the link from '{link.From}' to '{link.To}' has the share {link.Share:R}; it must be above 0 and at most 1"));
        }
        foreach (var group in spec.Links.GroupBy(l => l.From))
        {
            var sum = group.Sum(l => l.Share);
            Require(sum <= 1 + 1e-12, FormattableString.Invariant($"the links from '{group.Key}' take {sum:R} of its outlet; at most 1 can be taken"));
        }
    }

    private static void Check(FlowsheetSpec spec, UnitSpec unit, int reactions)
    {
        var who = $"unit '{unit.Name}'";
        Require(unit.Initial.IsDefaultOrEmpty || unit.Initial.Length == spec.Species.Length,
            $"{who} starts with {unit.Initial.Length} concentrations for {spec.Species.Length} species");
        foreach (var c in unit.Initial.IsDefault ? [] : unit.Initial)
            Require(c >= 0 && double.IsFinite(c),
                FormattableString.Invariant($"{who} starts with a concentration of {c:R}; it must be 0 or more"));
        Require(unit.Temperature.First > 0,
            FormattableString.Invariant($"{who} has a temperature of {unit.Temperature.First:R} K; it must be positive (kelvin)"));
        if (!unit.Isothermal && spec.Gas is null)
        {
            Require(spec.HeatIsRate || spec.Enthalpies.Length == reactions,
                $"{who} has an energy balance, but there are {spec.Enthalpies.Length} reaction enthalpies for {reactions} reactions");
            Require(spec.HeatCapacity > 0 && double.IsFinite(spec.HeatCapacity),
                FormattableString.Invariant($"{who} has an energy balance and needs a positive density times heat capacity, not {spec.HeatCapacity:R}"));
        }
        Require(unit.Isothermal ? unit.Cooling is null && unit.Heat is null : true,
            $"{who} is isothermal and cannot be cooled or heated; give it an energy balance");
        if (unit.Cooling is { } cooling)
        {
            Positive(cooling.Transfer, $"the heat transfer of {who}");
            if (cooling.Jacket is { } jacket)
            {
                Positive(jacket.Capacity, $"the heat capacity of the jacket of {who}");
                NotNegative(jacket.Flow, $"the coolant's flow in the jacket of {who}");
                Require(unit is TubeSpec || !jacket.CounterCurrent, $"{who} is a tank; only in a tube's jacket the coolant can flow against its content");
            }
        }
        switch (unit)
        {
            case TankSpec tank:
                Positive(tank.Volume, $"the volume of {who}");
                if (tank.Outflow is { } outflow) NotNegative(outflow, $"the outflow of {who}");
                Require(!tank.ConstantPressure || spec.Gas is not null,
                    $"{who} keeps its pressure, which only a batch of gas can; name the gases");
                break;
            case TubeSpec tube:
                Positive(tube.Length, $"the length of {who}");
                Positive(tube.Area, $"the cross-section of {who}");
                Require(tube.Dispersion >= 0 && double.IsFinite(tube.Dispersion),
                    FormattableString.Invariant($"the dispersion of {who} is {tube.Dispersion:R}; it must be 0 or more"));
                Require(tube.Cells is >= 3 and <= 100_000, $"{who} has {tube.Cells} cells; from 3 to 100,000 are possible");
                break;
        }
        if (unit is TubeSpec { Liquid: { } path })
        {
            Require(spec.Gas is null, $"{who} holds a gas; its pressure drop needs no density");
            Positive(path.Density, $"the density in {who}");
            Packing(path.Particle, path.Voidage, path.Viscosity, path.Friction, who);
        }
        if (spec.Gas is { } gas) Gas(spec, gas, unit, who);
        else Require(unit is not TubeSpec { Gas: not null }, $"{who} has an outlet pressure, which only gases take notice of; name the gases");
    }

    private static void Gas(FlowsheetSpec spec, ImmutableArray<NasaSpecies> gas, UnitSpec unit, string who)
    {
        Require(gas.Length == spec.Species.Length, $"there are {gas.Length} gases for {spec.Species.Length} species");
        Require(!unit.Initial.IsDefaultOrEmpty && unit.Initial.Sum() > 0, $"{who} holds a gas and starts empty; give its content at the start");
        if (unit is TankSpec { ConstantPressure: true } tank)
        {
            Require(tank.Outflow is null && spec.Feeds.All(f => f.To != unit.Name) && spec.Links.All(l => l.To != unit.Name && l.From != unit.Name),
                $"{who} changes its volume with its gas; that is a closed batch, without feeds, links and outflow");
        }
        if (unit is TankSpec { Pressure: { } kept })
        {
            foreach (var t in kept.Breaks.Prepend(0.0)) Positive(kept.At(t), $"the pressure of {who}");
        }
        if (unit is not TubeSpec tube) return;
        Require(tube.Gas is not null, $"{who} is a tube of gas; give the pressure behind it");
        var path = tube.Gas!;
        foreach (var t in path.OutletPressure.Breaks.Prepend(0.0)) Positive(path.OutletPressure.At(t), $"the outlet pressure of {who}");
        Packing(path.Particle, path.Voidage, path.Viscosity, path.Friction, who);
        Require(path.SolidHeatCapacity >= 0 && double.IsFinite(path.SolidHeatCapacity),
            FormattableString.Invariant($"the packing's heat capacity in {who} is {path.SolidHeatCapacity:R}; it must be 0 or more"));
    }

    private static void Packing(double particle, double voidage, double viscosity, double friction, string who)
    {
        Positive(viscosity, $"the viscosity in {who}");
        Require(particle >= 0 && double.IsFinite(particle),
            FormattableString.Invariant($"the particles of {who} have a diameter of {particle:R}; it must be positive, or 0 for an empty tube"));
        Require(voidage is > 0 and < 1, FormattableString.Invariant($"the void fraction of {who} is {voidage:R}; it must be between 0 and 1"));
        Require(friction >= 0 && double.IsFinite(friction), FormattableString.Invariant($"the friction factor of {who} is {friction:R}; it must be 0 or more"));
    }

    private static void Known(FlowsheetSpec spec, string unit, string what) => Require(
        spec.Units.Any(u => u.Name == unit), $"{what}, which is no unit; units are {string.Join(", ", spec.Units.Select(u => u.Name))}");

    private static void Positive(double value, string what) =>
        Require(value > 0 && double.IsFinite(value), FormattableString.Invariant($"{what} is {value:R}; it must be positive"));

    private static void NotNegative(Signal signal, string what)
    {
        foreach (var t in signal.Breaks.Prepend(0.0))
            Require(signal.At(t) >= 0, FormattableString.Invariant($"{what} is {signal.At(t):R} at t = {t:R}; it must be 0 or more"));
    }

    private static void Require(bool holds, string otherwise)
    {
        if (!holds) throw new ArgumentException(otherwise);
    }
}
