using System.Collections.Immutable;
using System.Runtime.Intrinsics;
using Athanor.Compute.Control;
using Athanor.Compute.Estimation;
using Athanor.Compute.Exchange;
using Athanor.Compute.Neural.Models;
using Athanor.Compute.Numerics;
using Athanor.Compute.Plants;
using Athanor.Compute.Tensors;
using Athanor.Compute.Tests.Neural.Models;

namespace Athanor.Compute.Tests.Plants;

/// <summary>Learned models as plants: nets of random weights inside the physics of each kind.</summary>
public sealed class NeuralPlantTests
{
    public static TheoryData<string, string, string> Models => new()
    {
        { "neural-ode", "", "" },
        { "augmented", "", "" },
        { "stoichiometric", "dilution", "" },
        { "reactor", "dilution,feed.Ca,feed-temperature", "rise-1,exchange" },
        { "jacket", "dilution,feed.A,feed-temperature,jacket-heat", "exchange,rise-3,rise-1" },
        { "lags", "", "lag-x,lag-h" },
        { "cascaded-tanks", "", "k1,k2,k3,k4,m1,m2,kappa,phi" },
    };

    [Theory]
    [MemberData(nameof(Models))]
    public void Derivatives_are_those_of_the_map(string name, string inputs, string parameters)
    {
        var (plant, x, dtS) = Make(name, inputs, parameters);
        double[] u = plant.NominalInputs, p = plant.NominalParameters;
        int n = x.Length, m = u.Length, k = p.Length;
        double[] next = new double[n], a = new double[n * n], b = new double[n * m], e = new double[n * k], alone = new double[n];
        plant.Linearise(x, u, p, dtS, next, a, b, e);
        plant.Advance(x, u, p, dtS, alone);
        Assert.Equal(alone, next);
        Compare(x, a, n, (v, y) => plant.Advance(v, u, p, dtS, y));
        Compare(u, b, n, (v, y) => plant.Advance(x, v, p, dtS, y));
        Compare(p, e, n, (v, y) => plant.Advance(x, u, v, dtS, y));
        // Each alone is what it is with the others.
        double[] onlyA = new double[n * n], onlyB = new double[n * m], onlyE = new double[n * k];
        plant.Linearise(x, u, p, dtS, next, onlyA, onlyB, []);
        Assert.Equal(a, onlyA);
        Assert.Equal(b, onlyB);
        plant.Linearise(x, u, p, dtS, next, onlyA, [], onlyE);
        Assert.Equal(e, onlyE);
        plant.Linearise(x, u, p, dtS, next, onlyA, [], []);
        Assert.Equal(a, onlyA);
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void The_map_is_the_models_free_run_and_its_parameters_are_the_trained_numbers(string name, string inputs, string parameters)
    {
        var (model, weights, x) = Trained(name);
        var plant = NeuralPlants.Of(File(model, weights), 3600.0, Split(inputs), Split(parameters), 36.0);
        var outputs = new double[2 * model.Specification.States.Count(s => s.Observed)];
        var record = new ProcessRecord([0.0, 0.05], [.. Controls(model), .. Controls(model)], outputs);
        var run = model.Predict(weights, x, record, 5);
        var next = new double[x.Length];
        plant.Advance(x, plant.NominalInputs, plant.NominalParameters, 180.0, next);
        for (var i = 0; i < x.Length; i++) Assert.Equal(run[1, i], next[i], 1e-11 * (1.0 + Math.Abs(next[i])));
        var constants = model.Constants(weights);
        Assert.Equal(Split(parameters).Select(p => constants[p]), plant.NominalParameters);
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Lanes_and_threads_have_the_bits_of_one_at_a_time(string name, string inputs, string parameters)
    {
        var (plant, x, dtS) = Make(name, inputs, parameters);
        Assert.True(plant.Accept<LaneCheck, bool>(new LaneCheck(x, dtS)));
        var alone = new double[x.Length];
        plant.Advance(x, plant.NominalInputs, plant.NominalParameters, dtS, alone);
        Parallel.For(0, 64, _ =>
        {
            var next = new double[x.Length];
            plant.Advance(x, plant.NominalInputs, plant.NominalParameters, dtS, next);
            Assert.Equal(alone, next);
        });
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(5.0)]
    [InlineData(50.0)]
    public void However_long_its_steps_no_concentration_falls_below_zero_and_the_balances_hold(double dtS)
    {
        // Rates a hundred times as fast as the steps are short: without halving, stages would leave the positive orthant.
        var (model, weights, _) = Trained("stoichiometric");
        weights[^1] += 4.0;
        weights[^2] += 4.0;
        var plant = NeuralPlants.Of(File(model, weights), substepS: 1e6);
        var random = new Philox(3);
        var halved = 0;
        for (var start = 0; start < 20; start++)
        {
            double[] x = [random.NextDouble(0.0, 2.0), start % 2 * random.NextDouble(0.0, 1.0), 0.0], next = new double[3], a = new double[9];
            var total = x.Sum();
            var free = Plain(model, weights, x, dtS);
            plant.Linearise(x, [], [], dtS, next, a, [], []);
            Assert.All(next, value => Assert.InRange(value, 0.0, 1.001 * total));
            Assert.Equal(total, next.Sum(), 1e-12 * total);
            // The sum of what is there stays, so it does in each direction.
            for (var j = 0; j < 3; j++) Assert.Equal(1.0, a[j] + a[3 + j] + a[6 + j], 1e-9);
            if (free.Min() < 0.0 || !free.All(double.IsFinite)) halved++;
            Compare(x.Select(v => v + 0.01).ToArray(), null, 3, (v, y) => plant.Advance(v, [], [], dtS, y), v =>
            {
                plant.Linearise(v, [], [], dtS, next, a, [], []);
                return a;
            });
        }
        Assert.True(dtS < 1.0 || halved > 0, "no step had to be halved");
    }

    [Fact]
    public void A_filter_finds_what_is_not_measured_and_a_controller_holds_its_set_point_on_a_learned_model()
    {
        var (model, weights, x) = Trained("reactor");
        var plant = NeuralPlants.Of(File(model, weights), 60.0);
        var estimator = Estimator.Create(plant, EstimatorJson.Parse(
            """
            {"kind":"ekf","allow-unobservable":true,"process-noise":{"Ca":0.0004,"Cb":0.0004,"T":0.02},
             "initial-sd":{"Ca":0.1,"Cb":0.1,"T":1},"sensors":{"T":{"noise":0.1} } }
            """));
        var (rest, target) = (plant.NominalInputs[0], x[2] + 3.0);
        var controller = Controller.Create(plant, new ControllerSettings
        {
            Kind = ControllerKind.Nmpc,
            IntervalS = 6.0,
            Inputs = [new ManipulatedInput("Tc", rest - 40.0, rest + 40.0, 10.0)],
            Tracked = [new TrackedState("T", 1.0)],
        });
        var (random, memory, plan) = (new Philox(4), estimator.Start(0.0, [x[0] + 0.1, x[1], x[2] + 1.0], [rest]), controller.Start());
        double[] u = [rest], next = new double[3];
        var estimate = Array.Empty<double>();
        for (var step = 1; step <= 120; step++)
        {
            plant.Advance(x, u, [], 6.0, next);
            next.CopyTo(x, 0);
            var time = 6.0 * step;
            estimate = estimator.Step(ref memory, new EstimatorInput(time, u, [new Sample(0, time, x[2] + (0.1 * random.NextNormal()))])).Mean;
            u = controller.Move(
                ref plan, new ControlInput { TimeS = time, Mean = estimate, SetPoints = [target], PreviousMove = u }, Deadline.None).Move;
            Assert.InRange(u[0], rest - 40.0, rest + 40.0);
        }
        Assert.Equal(target, x[2], 0.3);
        Assert.Equal(x[0], estimate[0], 0.02);
    }

    [Fact]
    public void It_is_made_from_json_with_its_file_or_with_the_files_hash()
    {
        var (model, weights, x) = Trained("jacket");
        var bytes = File(model, weights);
        var json = $$"""{"neural":{"file":"{{Convert.ToBase64String(bytes)}}"},"time-unit-s":3600,"inputs":["dilution"],"parameters":["exchange"]}""";
        var plant = PlantModels.Create(json);
        Assert.Equal(["A", "B", "C", "D", "T", "Tk"], plant.States.Select(s => s.Name));
        Assert.Equal((0.0, double.NegativeInfinity), (plant.States[0].Minimum, plant.States[4].Minimum));
        Assert.Equal(("dilution", 14.19), (plant.Inputs[0].Name, plant.Inputs[0].Nominal));
        Assert.Equal((3600.0, "exchange"), (plant.TimeUnitS, plant.Parameters[0].Name));
        Assert.Equal(plant.Key, PlantModels.Create(json).Key);
        weights[0] += 1e-9;
        Assert.NotEqual(plant.Key, NeuralPlants.Of(File(model, weights), 3600.0, ["dilution"], ["exchange"]).Key);

        var hash = new string('a', 64);
        var byHash = json.Replace($"\"file\":\"{Convert.ToBase64String(bytes)}\"", $"\"hash\":\"{hash}\"", StringComparison.Ordinal);
        Assert.Contains($"the file {hash} is not here", Assert.Throws<PlantException>(() => PlantModels.Create(byHash)).Message, StringComparison.Ordinal);
        NeuralPlants.Blobs = asked => asked == hash ? bytes : null;
        try
        {
            Assert.Equal(plant.Key, PlantModels.Create(byHash).Key);
        }
        finally
        {
            NeuralPlants.Blobs = null;
        }
    }

    [Fact]
    public void Its_names_are_told_before_it_is_made_and_units_are_those_that_are_given()
    {
        var (model, weights, _) = Trained("reactor");
        var names = NeuralPlants.Names(File(model, weights));
        Assert.Equal(("hybrid", "Ca, Cb, T", "Tc"), (names.Kind, string.Join(", ", names.States.Select(s => s.Name)), names.Controls.Single().Key));
        Assert.Equal(["dilution", "feed-temperature", "feed.Ca"], names.Constants.Keys);
        Assert.Equal(["exchange", "rise-1"], names.Numbers.Keys);
        var json = $$$"""{"neural":{"file":"{{{Convert.ToBase64String(File(model, weights))}}}"},"units":{"T":"K","Tc":"K"}}""";
        var plant = PlantModels.Create(json);
        Assert.Equal(("", "K", "K"), (plant.States[0].Unit, plant.States[2].Unit, plant.Inputs[0].Unit));
        Assert.Equal(NeuralPlants.Of(File(model, weights)).Key, plant.Key);
        Assert.Contains("model.units.T", Assert.Throws<PlantException>(() => PlantModels.Create(json.Replace("\"T\":\"K\"", "\"T\":1", StringComparison.Ordinal))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("dilutio", "", "no constant 'dilutio' to make an input of; there are coolant, dilution, feed-temperature, feed.Ca")]
    [InlineData("", "rise-2", "no trained number 'rise-2'; it has rise-1, exchange")]
    [InlineData("", "rise-1,rise-1", "a parameter is named twice")]
    [InlineData("Tc", "", "has an input 'Tc' already")]
    public void An_unknown_name_is_refused_with_those_that_there_are(string inputs, string parameters, string says)
    {
        var (model, weights, _) = Trained("reactor");
        var error = Assert.Throws<PlantException>(() => NeuralPlants.Of(File(model, weights), 1.0, Split(inputs), Split(parameters)));
        Assert.Contains(says.Replace("coolant, ", "", StringComparison.Ordinal), error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_no_model_of_dynamics_or_is_damaged_is_refused()
    {
        var perceptron = global::Compute.Tests.Exchange.SampleModels.File(
            global::Compute.Tests.Exchange.SampleModels.Perceptron, global::Compute.Tests.Exchange.SampleModels.Weights(1), 3, 16, 16, 2);
        Refused("a model of the kind 'perceptron' is no plant; neural-ode, augmented, stoichiometric or hybrid", perceptron);
        var (model, weights, _) = Trained("lags");
        var file = File(model, weights);
        Refused("this is no safetensors file", file[..^3]);
        var whole = SafeTensors.Read(file);
        Refused("the tensor 'constants' is missing", (whole with { Tensors = whole.Tensors.Remove("constants") }).Write());
        Refused("'net.0.bias' has the shape (2)", (whole with { Tensors = whole.Tensors.SetItem("net.0.bias", SafeTensor.Of([1.0, 2.0], 2)) }).Write());
        Assert.Contains("{\"file\": BASE64}", Assert.Throws<PlantException>(() => PlantModels.Create("""{"neural":"x"}""")).Message);
        Assert.Contains("no base64", Assert.Throws<PlantException>(() => PlantModels.Create("""{"neural":{"file":"*"}}""")).Message);
        Assert.Contains("time-unit-s is 0", Assert.Throws<PlantException>(() => NeuralPlants.Of(file, 0.0)).Message);

        static void Refused(string says, byte[] file) =>
            Assert.Contains(says, Assert.Throws<PlantException>(() => NeuralPlants.Of(file)).Message, StringComparison.Ordinal);
    }

    /// <summary>A model with weights of all sizes, as after training, and a state where it was trained.</summary>
    internal static (NeuralModel<double> Model, double[] Weights, double[] State) Trained(string name)
    {
        var (specification, records) = TestModels.Of(name);
        var model = NeuralModel<double>.Of(specification);
        var weights = new double[model.ParameterCount];
        model.Initialize(weights, 5, records);
        var random = new Philox(9);
        foreach (ref var w in weights.AsSpan()) w += random.NextDouble(-0.1, 0.1);
        return (model, weights, [.. specification.States.Select(s => s.Offset + (0.2 * s.Scale))]);
    }

    internal static byte[] File(NeuralModel<double> model, double[] weights)
    {
        var tensors = ImmutableSortedDictionary.CreateBuilder<string, SafeTensor>(StringComparer.Ordinal);
        var at = 0;
        foreach (var (name, shape) in model.Tensors)
        {
            var count = shape.Aggregate(1, (product, size) => product * size);
            tensors.Add(name, SafeTensor.Of(weights.AsSpan(at, count), [.. shape.Select(size => (long)size)]));
            at += count;
        }
        return new SafeTensors(
            tensors.ToImmutable(), ImmutableSortedDictionary<string, string>.Empty.Add(ModelFile.Key, ModelJson.Write(model.Specification))).Write();
    }

    private static (PlantModel Plant, double[] State, double DtS) Make(string name, string inputs, string parameters)
    {
        var (model, weights, x) = Trained(name);
        var dtS = 60.0 * model.Specification.TimeScale * 0.2;
        return (NeuralPlants.Of(File(model, weights), 60.0, Split(inputs), Split(parameters), dtS / 3.5), x, dtS);
    }

    /// <summary>One unguarded step of the method.</summary>
    private static double[] Plain(NeuralModel<double> model, double[] weights, double[] x, double h)
    {
        double[][] k = [new double[3], new double[3], new double[3], new double[3]];
        model.Field(weights, x, [], k[0]);
        model.Field(weights, [.. x.Select((v, i) => v + (0.5 * h * k[0][i]))], [], k[1]);
        model.Field(weights, [.. x.Select((v, i) => v + (0.5 * h * k[1][i]))], [], k[2]);
        model.Field(weights, [.. x.Select((v, i) => v + (h * k[2][i]))], [], k[3]);
        return [.. x.Select((v, i) => v + (h / 6.0 * (k[0][i] + (2.0 * (k[1][i] + k[2][i])) + k[3][i])))];
    }

    private static double[] Controls(NeuralModel<double> model) => [.. model.Specification.Controls.Select(c => c.Offset)];

    private static string[] Split(string names) => names.Split(',', StringSplitOptions.RemoveEmptyEntries);

    private static void Compare(
        double[] at, double[]? derivatives, int n, Action<double[], double[]> map, Func<double[], double[]>? exact = null)
    {
        derivatives ??= exact!(at);
        var width = at.Length;
        double[] up = new double[n], down = new double[n];
        for (var j = 0; j < width; j++)
        {
            var step = 1e-5 * Math.Max(Math.Abs(at[j]), 1e-2);
            var moved = (double[])at.Clone();
            moved[j] = at[j] + step;
            map(moved, up);
            moved[j] = at[j] - step;
            map(moved, down);
            for (var i = 0; i < n; i++)
            {
                var difference = (up[i] - down[i]) / (2.0 * step);
                var size = Math.Abs(derivatives[(i * width) + j]) + (1e-6 * Math.Abs(up[i]) / step);
                Assert.Equal(difference, derivatives[(i * width) + j], (1e-4 * size) + 1e-12);
            }
        }
    }

    private readonly struct LaneCheck(double[] state, double dtS) : IPlantVisitor<bool>
    {
        public bool Visit<TMap>(in TMap map, PlantModel model)
            where TMap : struct, IPlantMap
        {
            int n = map.States, m = map.Inputs, k = map.Parameters;
            Vector512<double>[] x = new Vector512<double>[n], u = new Vector512<double>[m], p = new Vector512<double>[k];
            Vector512<double>[] next = new Vector512<double>[n], a = new Vector512<double>[n * n], b = new Vector512<double>[n * m];
            Vector512<double>[] e = new Vector512<double>[n * k], advanced = new Vector512<double>[n];
            var dt = Vector512<double>.Zero;
            for (var lane = 0; lane < 8; lane++)
            {
                var scale = 1.0 + (0.003 * lane);
                for (var i = 0; i < n; i++) x[i] = x[i].WithElement(lane, state[i] * scale);
                for (var i = 0; i < m; i++) u[i] = u[i].WithElement(lane, model.Inputs[i].Nominal * scale);
                for (var i = 0; i < k; i++) p[i] = p[i].WithElement(lane, model.Parameters[i].Nominal * (1.0 - (0.003 * lane)));
                dt = dt.WithElement(lane, dtS * (1 + (lane / 4)));
            }
            map.LineariseLanes(x, u, p, dt, next, a, b, e);
            map.AdvanceLanes(x, u, p, dt, advanced);
            Assert.Equal(next, advanced);
            double[] next1 = new double[n], a1 = new double[n * n], b1 = new double[n * m], e1 = new double[n * k];
            for (var lane = 0; lane < 8; lane++)
            {
                map.Linearise(Of(x, lane), Of(u, lane), Of(p, lane), dt[lane], next1, a1, b1, e1);
                Assert.Equal(next1, Of(next, lane));
                Assert.Equal(a1, Of(a, lane));
                Assert.Equal(b1, Of(b, lane));
                Assert.Equal(e1, Of(e, lane));
            }
            return true;
        }

        private static double[] Of(Vector512<double>[] lanes, int lane) => [.. lanes.Select(v => v[lane])];
    }
}
