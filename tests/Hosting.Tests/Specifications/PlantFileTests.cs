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

    private PlantFile Load(string text)
    {
        var path = Path.Combine(_folder, "plant.hocon");
        File.WriteAllText(path, text);
        return PlantFile.Load(path);
    }
}
