using Athanor.Compute.Reactors.Flowsheets;
using Athanor.Hosting.Configuration.Hocon;
using Athanor.Hosting.Specifications;

namespace Hosting.Tests.Specifications;

public sealed class PlantFileTests : IDisposable
{
    private const string Good = """
        kinetics {
          units { concentration = mol/L, time = min }
          species { A = 0, B = 0 }
          parameters { k = "0.6 1/h" }
          reactions { r = "A -> B ; k = k" }
        }
        plant {
          end = 4
          units {
            tank { kind = tank, volume = "50 L", temperature = "350 K" }
            tube { kind = tube, length = "2 m", area = "100 cm^2", cells = 5, dispersion = "5 cm^2/s", temperature = "350 K" }
          }
          feeds {
            fresh { to = tank, flow { unit = "L/h", first = 600, steps = [[2, 1200]] }, contents { A = 1.5 } }
          }
          links = ["tank -> tube", "tube -> tank 0.5"]
        }
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("athanor-plant-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_plant_is_read_in_the_units_of_its_kinetics()
    {
        var file = Load(Good);
        var tube = Assert.IsType<TubeSpec>(file.Spec.Units[1]);
        Assert.Equal(50.0, Assert.IsType<TankSpec>(file.Spec.Units[0]).Volume);
        // In litres and minutes: 0.01 m² over 2 m are 20 L, so an area of 10 L/m; 5 cm²/s are 0.03 m²/min.
        Assert.Equal((2.0, 10.0, 5), (tube.Length, tube.Area, tube.Cells));
        Assert.Equal(0.03, tube.Dispersion, 1e-15);
        var feed = Assert.Single(file.Spec.Feeds);
        Assert.Equal((10.0, 20.0), (feed.Flow.At(1), feed.Flow.At(2)));
        Assert.Equal(1.5, feed.Concentrations[0].First);
        Assert.Equal(2.0, Assert.Single(file.Problem.Breaks));
        Assert.Equal("min", file.Spec.TimeUnit);
        // Half of the tube's outlet goes round: the tank passes twice the feed.
        Assert.Equal(20.0, file.Problem.Outflow(0, 1, file.Problem.NominalParameters), 1e-12);
    }

    [Fact]
    public void A_tank_from_a_file_fills_as_its_closed_form_says()
    {
        var text = Good.Replace("links = [\"tank -> tube\", \"tube -> tank 0.5\"]", "", StringComparison.Ordinal);
        var end = Load(text).Problem.Solve(new() { Times = [1.0] }).End;
        // k = 0.01 /min, Q/V = 0.2 /min.
        Assert.Equal(1.5 * 0.2 / 0.21 * (1 - Math.Exp(-0.21)), end[0], 1e-5);
    }

    [Theory]
    [InlineData("volume = \"50 L\"", "volume = \"-50 L\"", "plant.hocon:7: plant: the volume of unit 'tank' is -50; it must be positive")]
    [InlineData("volume = \"50 L\"", "volume = \"50 kg\"", "plant.hocon:10: plant.units.tank.volume: it must be in a unit of m^3; 'kg' is kg")]
    [InlineData("volume = \"50 L\"", "volume = \"NaN L\"", "plant.hocon:10: plant.units.tank.volume: 'NaN L' is no number with a unit")]
    [InlineData("volume = \"50 L\",", "", "plant.hocon:10: plant.units.tank.volume: it is missing")]
    [InlineData("cells = 5", "cells = 5.5", "plant.hocon:11: plant.units.tube.cells: it must be a whole number from 3 to 100,000")]
    [InlineData("cells = 5", "heat-balance = yes", "plant.hocon:11: plant.units.tube.heat-balance: it must be true or false")]
    [InlineData("kind = tube", "kind = pipe", "plant.hocon:11: plant.units.tube.kind: it must be tank or tube")]
    [InlineData("to = tank", "to = tnak", "plant.hocon:7: plant: feed 'fresh' goes to 'tnak', which is no unit; units are tank, tube")]
    [InlineData("A = 1.5", "A = -1.5", "plant.hocon:7: plant: A in feed 'fresh' is -1.5")]
    [InlineData("A = 1.5", "Z = 1.5", "plant.hocon:14: plant.feeds.fresh.contents.Z: unknown key 'Z'")]
    [InlineData("[[2, 1200]]", "[[2, NaN]]", "it is NaN; it must be a finite number")]
    [InlineData("tube -> tank 0.5", "tube > tank 0.5", "plant.hocon:16: plant.links: each must be 'from -> to'")]
    [InlineData("tube -> tank 0.5", "tube -> tank 1.5", "plant.hocon:7: plant: the link from 'tube' to 'tank' has the share 1.5")]
    [InlineData("links =", "lnks =", "plant.hocon:16: plant.lnks: unknown key 'lnks'; did you mean 'links'?")]
    [InlineData("species { A = 0, B = 0 }", "species { A { initial = 0, formula = CH4 }, B { initial = 0, formula = CO2 } }",
        "plant.hocon:5: reaction 'r': 'A -> B ; k = k': it does not balance")]
    public void What_is_wrong_is_named_with_file_line_and_key(string good, string bad, string message)
    {
        var error = Assert.Throws<HoconException>(() => Load(Good.Replace(good, bad, StringComparison.Ordinal)));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    /// <summary>A balance of heat is the same in g/L and hours as in mol/L and minutes: dT = -dH dc / (rho cp).</summary>
    [Theory]
    [InlineData("g/L", "h", "-200 [kJ/kg]", "2 1/h")]
    [InlineData("mol/L", "min", "-200 [kJ/mol]", "0.04 1/s")]
    [InlineData("mol/m^3", "s", "-200 [J/mol]", "0.04 1/s")]
    public void An_adiabatic_batch_warms_by_its_heat_in_any_units(string concentration, string time, string heat, string rate)
    {
        var text = $$"""
            kinetics {
              units { concentration = "{{concentration}}", time = {{time}} }
              species { A = 3, B = 0 }
              parameters { k = "{{rate}}" }
              reactions { r = "A -> B ; k = k ; dH = {{heat}}" }
            }
            plant {
              heat-capacity = "4 kJ/(L K)"
              end = 10
              units { kettle { kind = tank, volume = "2 L", heat-balance = true, temperature = "300 K" } }
            }
            """;
        var problem = Load(text).Problem;
        var end = problem.Solve(new() { Times = [0.05, 1.0] }).End;
        var joulePerLitre = concentration switch { "g/L" => 200.0, "mol/L" => 200e3, _ => 0.2 };
        Assert.Equal(joulePerLitre * end[1] / 4e3, end[2] - 300, 1e-9 * end[2]);
        Assert.InRange(end[1], 0.1, 3);
    }

    private const string Gas = """
        kinetics {
          species { A = 0, CO2 = 0 }
          parameters { k { value = 1e-4, unit = "mol/(m^3 s Pa)", lower = 0, upper = 1 } }
          reactions { r = "A -> CO2 ; rate = k pressure(A)" }
        }
        plant {
          gas = true
          gases { A { molar-mass = "30 g/mol", heat-capacity = "40 J/(mol K)", enthalpy = "-300 kJ/mol" } }
          units {
            bed {
              kind = tube, length = "100 cm", area = "200 cm^2", cells = 8, pressure = "2 bar", particle = "3 mm", temperature = "500 K"
              initial { A = 1 }, heat-balance = true, solid-heat-capacity = "1 kJ/(m^3 K)", heat-transfer = "1 kW/(m^3 K)"
              coolant = "450 K", heat = "2 kW/m^3"
              jacket { capacity = "1 kJ/K", flow = "10 W/K", temperature = "440 K", counter-current = true }
            }
            drum { kind = tank, volume = "1 L", pressure { unit = bar, ramp = [1, 1.5, 2, 3] }, initial { CO2 = 1 }, temperature = "400 K" }
          }
          feeds { fresh { to = bed, flow = "60 mol/min", temperature = "480 K", contents { A = 0.75, CO2 = 0.25 } } }
          links = ["bed -> drum"]
        }
        """;

    [Fact]
    public void A_plant_of_gases_is_read_with_pressures_packing_and_mole_fractions()
    {
        var file = Load(Gas);
        var tube = Assert.IsType<TubeSpec>(file.Spec.Units[0]);
        Assert.Equal((2e5, 0.003, 0.4, 1e3), (tube.Gas!.OutletPressure.First, tube.Gas.Particle, tube.Gas.Voidage, tube.Gas.SolidHeatCapacity));
        Assert.Equal(2e5 / (8.31446261815324 * 500), tube.Initial[0], 1e-10);
        Assert.Equal(2000.0, tube.Heat!.First);
        Assert.True(tube.Cooling!.Jacket!.CounterCurrent);
        Assert.Equal(1.5e5, Assert.IsType<TankSpec>(file.Spec.Units[1]).Pressure!.At(4));
        Assert.Equal((1.0, 0.75), (file.Spec.Feeds[0].Flow.First, file.Spec.Feeds[0].Concentrations[0].First));
        var own = file.Spec.Gas!.Value[0];
        Assert.Equal((0.03, 40.0), (own.MolarMass, own.HeatCapacity(600)));
        Assert.Equal(-300e3 + (40 * (600 - 298.15)), own.Enthalpy(600), 1e-6);
        // The rate is k c R T.
        var y = file.Problem.NominalInitial;
        var dy = new double[y.Length];
        file.Problem.Rhs(0, y, file.Problem.NominalParameters, dy);
        var last = file.Problem.Places[0].First + (7 * file.Problem.Places[0].Width);
        Assert.Equal(1e-4 * 2e5 / 0.4, dy[last + 1], 1e-9);
    }

    [Theory]
    [InlineData("pressure = \"2 bar\",", "", "plant.units.bed.pressure: it is missing")]
    [InlineData("pressure = \"2 bar\"", "pressure = \"-2 bar\"", "unit 'bed' starts with a concentration of")]
    [InlineData("pressure = \"2 bar\"", "pressure = \"2 K\"", "plant.units.bed.pressure: it must be in a unit of")]
    [InlineData("initial { A = 1 }", "initial { A = 0.5 }", "plant.units.bed.initial: it must be mole fractions, 1 together; these are 0.5")]
    [InlineData("A = 0.75", "A = 0.7", "the mole fractions in feed 'fresh' are 0.95")]
    [InlineData("60 mol/min", "60 L/min", "plant.feeds.fresh.flow: it must be in a unit of")]
    [InlineData("particle = \"3 mm\"", "voidage = 2", "the void fraction of unit 'bed' is 2")]
    [InlineData("gases { A {", "gases { B {", "plant.gases.B: unknown key 'B'")]
    [InlineData("molar-mass = \"30 g/mol\", ", "", "plant.gases.A.molar-mass: it is missing")]
    [InlineData("gases { A { molar-mass = \"30 g/mol\", heat-capacity = \"40 J/(mol K)\", enthalpy = \"-300 kJ/mol\" } }", "",
        "plant.gas: it must be completed: there are no polynomials of 'A'")]
    [InlineData("plant {", "plant { heat-capacty = 1,", "unknown key 'heat-capacty'")]
    public void What_is_wrong_with_a_gas_is_named(string good, string bad, string message)
    {
        var error = Assert.Throws<HoconException>(() => Load(Gas.Replace(good, bad, StringComparison.Ordinal)));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.StartsWith("plant.hocon:", Path.GetFileName(error.Message.Split(' ')[0]), StringComparison.Ordinal);
    }

    [Fact]
    public void A_profile_is_read_and_falls_in_pressure()
    {
        var kinetics = Gas[..Gas.IndexOf("plant {", StringComparison.Ordinal)];
        var path = Path.Combine(_folder, "profile.hocon");
        File.WriteAllText(path, kinetics + """
            profile {
              gases { A { molar-mass = "30 g/mol" } }
              gas = true, isothermal = true, inlet { A = "0.5 mol/s" }, temperature = "500 K", pressure = "3 bar", length = "1 m"
              area = "100 cm^2", particle = "2 mm"
            }
            """);
        var problem = ProfileFile.Load(path);
        Assert.Equal(("z", "m"), (problem.Variable, problem.TimeUnit));
        var end = problem.Solve(new()).End;
        Assert.Equal(0.5, end[0] + end[1], 1e-6);
        Assert.InRange(end[3], 1e5, 2.999e5);
    }

    private PlantFile Load(string text)
    {
        var path = Path.Combine(_folder, "plant.hocon");
        File.WriteAllText(path, text);
        return PlantFile.Load(path);
    }
}
