using System.Collections.Immutable;
using Athanor.Compute.Kinetics.Expressions;
using Athanor.Compute.Kinetics.Generation;
using Athanor.Compute.Kinetics.Text;
using Athanor.Compute.Units;

namespace Athanor.Compute.Kinetics;

/// <summary>
/// A reaction network whose names, units and elements have been checked. Of it are made: rates alone (<see cref="Rates"/>), what reactions
/// do to each species and to the heat (<see cref="Productions"/>), and whole balances (<see cref="Balance"/>).
/// </summary>
public sealed class KineticNetwork
{
    private readonly RateTable[] _tables;

    internal KineticNetwork(
        string name, UnitSystem units, ExpressionGraph graph, RateTable[] tables, ImmutableArray<NetworkSpecies> species,
        ImmutableArray<NetworkParameter> parameters, ImmutableArray<NetworkReaction> reactions)
    {
        Name = name;
        Units = units;
        Graph = graph;
        _tables = tables;
        Species = species;
        Parameters = parameters;
        Reactions = reactions;
    }

    public string Name { get; }

    /// <summary>The system in which the network is written.</summary>
    public UnitSystem Units { get; }

    public ImmutableArray<NetworkSpecies> Species { get; }

    public ImmutableArray<NetworkParameter> Parameters { get; }

    public ImmutableArray<NetworkReaction> Reactions { get; }

    /// <summary>Values of the parameters as they are written.</summary>
    public double[] NominalParameters => [.. Parameters.Select(static parameter => parameter.Value)];

    /// <summary>Whether all reactions have an enthalpy, so that heat can be balanced.</summary>
    public bool HasHeats => Reactions.All(static reaction => reaction.HasHeat);

    internal ExpressionGraph Graph { get; }

    /// <summary>Reads and checks a network.</summary>
    /// <exception cref="KineticsException">Something is wrong; the message names it, where it stands, and what would be right.</exception>
    public static KineticNetwork Of(KineticsText text) => new NetworkReader(text).Read();

    /// <summary>The rates of the reactions, one row each.</summary>
    /// <param name="units">The system of concentrations and rates; null for SI: mol/m³ (kg/m³ for species given by mass), s, K.</param>
    public CompiledRates Rates(UnitSystem? units = null, CodeForm form = CodeForm.Auto)
    {
        units ??= UnitSystem.Si;
        var dimension = Units.Concentration.Dimension / Units.Time.Dimension;
        var graph = new ExpressionGraph();
        var convert = Into(graph, units);
        var factor = graph.Constant(Units.FactorTo(units, dimension));
        return Compile(graph, [.. Reactions.Select(reaction => graph.Multiply(factor, convert.Of(reaction.Rate)))], units, form);
    }

    /// <summary>
    /// What all reactions together do: one row for each species, its net production (Σ ν r, mol/(m³ s)), and a last one, the heat
    /// released (Σ -ΔH r, W/m³; zero where no enthalpies are given). A balance is these rows and what flows.
    /// </summary>
    /// <param name="units">As for <see cref="Rates"/>; the heat is in J per volume unit of it and time.</param>
    public CompiledRates Productions(UnitSystem? units = null, CodeForm form = CodeForm.Auto)
    {
        units ??= UnitSystem.Si;
        var graph = new ExpressionGraph();
        var convert = Into(graph, units);
        var rows = ProductionRows();
        var heat = Dimension.EnergyPerAmount * Dimension.Concentration / Units.Time.Dimension;
        var converted = rows.Species.Select((row, i) => graph.Multiply(
            graph.Constant(Units.FactorTo(units, Species[i].Unit.Dimension / Units.Time.Dimension)), convert.Of(row)));
        var released = graph.Multiply(graph.Constant(Units.FactorTo(units, heat)), convert.Of(rows.Heat));
        return Compile(graph, [.. converted, released], units, form);
    }

    /// <summary>A batch reactor or stirred tank with these reactions as a problem that can be solved.</summary>
    /// <exception cref="KineticsException">The balance does not fit the network.</exception>
    public KineticModel Balance(BalanceText balance, CodeForm form = CodeForm.Auto) => new BalanceWriter(this, balance).Write(form);

    /// <summary>Stoichiometric coefficients at given parameters, shape (reactions, species) row-major, products positive.</summary>
    public double[] Stoichiometry(ReadOnlySpan<double> parameters)
    {
        var terms = Reactions.SelectMany((reaction, r) => reaction.Terms.Select(term => (Place: (r * Species.Length) + term.Species, term.Coefficient)))
            .ToList();
        var tape = Tape.Of([.. terms.Select(static term => term.Coefficient)], prepare: false);
        var matrix = new double[Reactions.Length * Species.Length];
        TapeInterpreter.Run(tape, _tables, [], 0.0, 0.0, [], parameters, matrix, [.. terms.Select(static term => term.Place)]);
        return matrix;
    }

    /// <summary>Σ ν r by species and Σ -ΔH r, in the network's graph and system.</summary>
    internal (Expression[] Species, Expression Heat) ProductionRows()
    {
        // The only place that adds to the network's own graph after it was read; several threads may compile at a time.
        lock (Graph)
        {
            var rows = Enumerable.Repeat(Graph.Zero, Species.Length).ToArray();
            var heat = Graph.Zero;
            foreach (var reaction in Reactions)
            {
                foreach (var (species, coefficient) in reaction.Terms)
                    rows[species] = Graph.Add(rows[species], Graph.Multiply(coefficient, reaction.Rate));
                if (reaction.Heat is not null) heat = Graph.Subtract(heat, Graph.Multiply(reaction.Heat, reaction.Rate));
            }
            return (rows, heat);
        }
    }

    internal CompiledModel CompileModel(
        ExpressionGraph graph, Expression[] rows, double[] parameters, CodeForm form) =>
        new(RateProgram.Of(graph, rows, rows.Length, parameters.Length, graph.Time, _tables), Identifier, parameters, form);

    private string Identifier => new([.. Name.Select(static c => char.IsAsciiLetterOrDigit(c) ? c : '_')]);

    private CompiledRates Compile(ExpressionGraph graph, Expression[] rows, UnitSystem units, CodeForm form) => new(
        RateProgram.Of(graph, rows, Species.Length, Parameters.Length, graph.Temperature, _tables), Identifier, NominalParameters, units, form);

    // States of the copy are concentrations in the other system.
    private Substitution Into(ExpressionGraph graph, UnitSystem units) => new(graph, leaf => leaf.Operation == Operation.State
        ? graph.Multiply(graph.Constant(units.FactorTo(Units, Species[leaf.Index].Unit.Dimension)), graph.State(leaf.Index))
        : null);
}
