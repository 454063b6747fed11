using System.Collections.Immutable;
using Athanor.Compute.Thermo;

namespace Athanor.Compute.Reactors.Flowsheets;

/// <summary>
/// Units in series, parallel or recycle, solved as one system. All numbers are in one system of units: concentrations and time are the
/// kinetics', volumes fit the concentration (L for mol/L), lengths are in m, energies are J (or any other, if all are).
/// </summary>
public sealed record FlowsheetSpec
{
    /// <summary>Kebab-case.</summary>
    public required string Name { get; init; }

    public string Title { get; init; } = "";

    public string Source { get; init; } = "";

    /// <summary>In the order of the kinetics.</summary>
    public required ImmutableArray<SpeciesSpec> Species { get; init; }

    /// <summary>What a reaction makes of a species, shape (reactions, species) row-major; reactants are negative.</summary>
    public required ImmutableArray<double> Stoichiometry { get; init; }

    /// <summary>Reaction enthalpies by reaction, energy per amount, negative gives off heat; needed by units with an energy balance
    /// unless <see cref="Gas"/> is given.</summary>
    public ImmutableArray<double> Enthalpies { get; init; } = [];

    /// <summary>Whether the last rate is no reaction but the heat released by all, energy per volume and time; then there are no
    /// <see cref="Enthalpies"/>. So heats may depend on the temperature and on parameters.</summary>
    public bool HeatIsRate { get; init; }

    /// <summary>Density times heat capacity, energy per volume and K, of all streams; for units with an energy balance without
    /// <see cref="Gas"/>.</summary>
    public double HeatCapacity { get; init; }

    /// <summary>The species as ideal gases by name of their polynomials, in the order of the species; enthalpies and heat capacities then
    /// follow the temperature. Concentrations are mol/m³ and energies J. Null for a liquid of constant properties.</summary>
    public ImmutableArray<NasaSpecies>? Gas { get; init; }

    public required ImmutableArray<UnitSpec> Units { get; init; }

    public ImmutableArray<FeedSpec> Feeds { get; init; } = [];

    /// <summary>Shares of the units' outlets that go to other units; what is left leaves the plant.</summary>
    public ImmutableArray<LinkSpec> Links { get; init; } = [];

    public double End { get; init; } = 10.0;

    public string TimeUnit { get; init; } = "s";

    public string VolumeUnit { get; init; } = "m^3";

    public string EnergyUnit { get; init; } = "J";

    /// <summary>SI values of the units of time and volume: for pressure drops of liquids.</summary>
    public double Seconds { get; init; } = 1.0;

    public double CubicMetres { get; init; } = 1.0;
}

/// <param name="AbsoluteTolerance">In the species' unit.</param>
public sealed record SpeciesSpec(string Name, string Unit, double AbsoluteTolerance = 1e-9);

/// <summary>A stream into a unit.</summary>
/// <param name="Flow">Volume per time; of a gas amount per time.</param>
/// <param name="Concentrations">By species; of a gas mole fractions.</param>
/// <param name="Temperature">K; not used by isothermal units.</param>
public sealed record FeedSpec(string Name, string To, Signal Flow, ImmutableArray<Signal> Concentrations, Signal Temperature);

/// <param name="Share">From above 0 to 1.</param>
public sealed record LinkSpec(string From, string To, double Share = 1.0);

/// <summary>How a unit exchanges heat.</summary>
/// <param name="Transfer">Heat transfer coefficient times area, energy per time and K; of a tube per volume.</param>
/// <param name="Coolant">Coolant temperature K; of a jacket with its own balance the temperature at which coolant enters.</param>
/// <param name="Jacket">The jacket's own balance; null where the coolant's temperature is given.</param>
public sealed record CoolingSpec(double Transfer, Signal Coolant, JacketSpec? Jacket = null);

/// <param name="Capacity">Heat capacity of the jacket's content, energy per K.</param>
/// <param name="Flow">Heat capacity flow of the coolant, energy per time and K.</param>
/// <param name="Initial">Temperature at the start, K.</param>
/// <param name="CounterCurrent">Of a tube's jacket: the coolant enters at the tube's outlet.</param>
public sealed record JacketSpec(double Capacity, Signal Flow, double Initial, bool CounterCurrent = false);

/// <summary>A unit. It is isothermal at <see cref="Temperature"/> or has an energy balance.</summary>
public abstract record UnitSpec(string Name)
{
    /// <summary>Concentrations at the start, by species; empty for none.</summary>
    public ImmutableArray<double> Initial { get; init; } = [];

    /// <summary>Temperature K: of an isothermal unit as a function of time; of another its first value is the start.</summary>
    public Signal Temperature { get; init; } = Signal.Constant(298.15);

    public bool Isothermal { get; init; } = true;

    public CoolingSpec? Cooling { get; init; }

    /// <summary>Heat put in, energy per time (of a tube per volume); null for none.</summary>
    public Signal? Heat { get; init; }
}

/// <summary>A stirred vessel. Without an outflow of its own what comes in leaves (a stirred tank; a batch if nothing comes in); with one
/// its volume changes (semi-batch: 0). Of a gas the volume stays: without an outflow of its own a valve keeps the pressure of what flows
/// through, with one the pressure changes.</summary>
public sealed record TankSpec(string Name, double Volume) : UnitSpec(Name)
{
    /// <summary>Volume per time; null for an overflow.</summary>
    public Signal? Outflow { get; init; }

    /// <summary>Of a gas that flows through: the pressure kept, Pa; null for that at the start.</summary>
    public Signal? Pressure { get; init; }

    /// <summary>Of a closed batch of gas: it keeps its pressure and changes its volume, instead of the other way round.</summary>
    public bool ConstantPressure { get; init; }
}

/// <summary>A tube, by finite volumes along its length.</summary>
public sealed record TubeSpec(string Name, double Length, double Area) : UnitSpec(Name)
{
    public int Cells { get; init; } = 50;

    /// <summary>Axial dispersion coefficient, length² per time; closed ends after P. Danckwerts, Chemical Engineering Science 2 (1953).</summary>
    public double Dispersion { get; init; }

    /// <summary>First-order upwind advection instead of limited second order: for comparison.</summary>
    public bool FirstOrder { get; init; }

    /// <summary>What a gas flows against; null for a liquid.</summary>
    public GasPathSpec? Gas { get; init; }

    /// <summary>What a liquid's pressure drop is reckoned with; null if it is not asked for.</summary>
    public LiquidPathSpec? Liquid { get; init; }
}

/// <summary>How a liquid of constant density loses pressure in a tube: as a gas does (<see cref="GasPathSpec"/>), but its flow does not
/// depend on it. SI.</summary>
/// <param name="Density">kg/m³.</param>
public sealed record LiquidPathSpec(double Density)
{
    /// <summary>Dynamic viscosity, Pa s.</summary>
    public double Viscosity { get; init; } = 1e-3;

    /// <summary>Particle diameter of a packing, m; 0 for an empty tube.</summary>
    public double Particle { get; init; }

    public double Voidage { get; init; } = 0.4;

    /// <summary>Darcy's friction factor of an empty tube.</summary>
    public double Friction { get; init; } = 0.02;

    /// <summary>-dP/dz, Pa/m.</summary>
    /// <param name="speed">Volume per cross-section and time, m/s.</param>
    /// <param name="area">Cross-section, m².</param>
    public double PressureGradient(double speed, double area)
    {
        if (Particle > 0.0)
        {
            double e = Voidage, solid = 1.0 - e, cube = e * e * e;
            return ((150.0 * Viscosity * solid * solid / (cube * Particle * Particle)) + (1.75 * solid * Density * Math.Abs(speed) / (cube * Particle))) * speed;
        }
        var bore = Math.Sqrt(4.0 * area / Math.PI);
        return ((32.0 * Viscosity / (bore * bore)) + (0.5 * Friction * Density * Math.Abs(speed) / bore)) * speed;
    }
}

/// <summary>
/// How a gas flows through a tube: its speed u (volume per cross-section and time) follows the pressure,
/// <code>
/// -dP/dz = 150 mu (1-e)²/(e³ d²) u + 1.75 (1-e)/(e³ d) rho u²     packing (S. Ergun, Chem. Eng. Progress 48, 1952)
/// -dP/dz = 32 mu/D² u + f/(2 D) rho u²                            empty: laminar and turbulent friction together, D from the cross-section
/// </code>
/// Rates are per volume of tube. SI.
/// </summary>
/// <param name="OutletPressure">Pa, behind the tube.</param>
public sealed record GasPathSpec(Signal OutletPressure)
{
    /// <summary>Particle diameter d, m; 0 for an empty tube.</summary>
    public double Particle { get; init; }

    /// <summary>Void fraction e of the packing.</summary>
    public double Voidage { get; init; } = 0.4;

    /// <summary>Dynamic viscosity mu, Pa s.</summary>
    public double Viscosity { get; init; } = 3e-5;

    /// <summary>Darcy's friction factor f of an empty tube.</summary>
    public double Friction { get; init; } = 0.02;

    /// <summary>Heat capacity of the packing per volume of tube, J/(m³ K): it follows the gas's temperature.</summary>
    public double SolidHeatCapacity { get; init; }
}
