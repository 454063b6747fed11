using System.Text.Json.Nodes;
using Athanor.Compute.Neural;
using Athanor.Compute.Neural.Models;
using Athanor.Compute.Neural.Models.Protocols;
using Athanor.Compute.Training;

namespace Athanor.Compute.Tests.Neural.Models;

public sealed class ModelTests
{
    public static TheoryData<string> Models => new(TestModels.Names);

    [Theory]
    [MemberData(nameof(Models))]
    public void A_model_goes_through_its_JSON_and_predicts_the_same_bits(string name)
    {
        var (specification, records) = TestModels.Of(name);
        var text = ModelJson.Write(specification);
        var again = ModelJson.Read(text);
        Assert.Equal(text, ModelJson.Write(again));
        for (var i = 0; i < specification.States.Length; i++) Assert.Equal(specification.States[i], again.States[i]);
        for (var i = 0; i < specification.Controls.Length; i++) Assert.Equal(specification.Controls[i], again.Controls[i]);
        Assert.Contains(specification.States, s => s.Scale != 1.0 && s.Offset != 0.0);
        var (model, other) = (NeuralModel<double>.Of(specification), NeuralModel<double>.Of(again));
        var p = new double[model.ParameterCount];
        model.Initialize(p, 4, records);
        Assert.Equal(p.Length, model.Tensors.Sum(t => t.Shape.Aggregate(1, (a, b) => a * b)));
        var start = specification.States.Select(s => s.Offset).ToArray();
        Assert.Equal(model.Predict(p, start, records[0], 3).Values, other.Predict(p, start, records[0], 3).Values);
    }

    [Theory]
    [InlineData("neural-ode")]
    [InlineData("augmented")]
    [InlineData("lags")]
    [InlineData("cascaded-tanks")]
    [InlineData("reactor")]
    public void A_control_changes_the_right_hand_side(string name)
    {
        var (specification, records) = TestModels.Of(name);
        var model = NeuralModel<double>.Of(specification);
        var p = new double[model.ParameterCount];
        model.Initialize(p, 4, records);
        var x = specification.States.Select(s => s.Offset + (0.3 * s.Scale)).ToArray();
        var u = specification.Controls.Select(c => c.Offset).ToArray();
        double[] here = new double[x.Length], there = new double[x.Length];
        model.Field(p, x, u, here);
        for (var c = 0; c < u.Length; c++)
        {
            var moved = u.ToArray();
            moved[c] += specification.Controls[c].Scale;
            model.Field(p, x, moved, there);
            Assert.True(here.Zip(there).Any(pair => Math.Abs(pair.First - pair.Second) > 1e-6), specification.Controls[c].Name);
        }
    }

    [Fact]
    public void Scales_come_from_the_training_records_and_make_the_nets_inputs_small()
    {
        var records = ReactorCase.Cstr(305.0).Records(5);
        var model = ModelJson.Normalised(ModelJson.Read(ReactorCase.Cstr(305.0).Plain), records);
        Assert.Equal(records.SelectMany(r => r.Outputs.Where((_, i) => i % 2 == 1)).Average(), model.States[1].Offset, 1e-9);
        var physics = new PlainPhysics<double>(model);
        double[] sum = new double[2], squares = new double[2], z = new double[2];
        foreach (var record in records)
        {
            for (var k = 0; k < record.Rows; k++)
            {
                physics.Features(record.Outputs.AsSpan(2 * k, 2), [], z);
                for (var i = 0; i < 2; i++) (sum[i], squares[i]) = (sum[i] + z[i], squares[i] + (z[i] * z[i]));
            }
        }
        var rows = records.Sum(r => r.Rows);
        for (var i = 0; i < 2; i++)
        {
            Assert.Equal(0.0, sum[i] / rows, 1e-9);
            Assert.Equal(1.0, squares[i] / rows, 1e-9);
        }
    }

    [Theory]
    [InlineData("kind", "\"neural\"", "neural-ode, augmented, stoichiometric, hybrid")]
    [InlineData("known", "\"reaktor\"", "reactor, cascaded-tanks, lags")]
    [InlineData("hidden", "[0]", "widths from 1")]
    [InlineData("activation", "\"relu6\"", "tanh, softplus, relu, silu")]
    [InlineData("time-scale", "0", "positive time")]
    [InlineData("states", "[\"Ca\",\"T\"]", "Cb")]
    [InlineData("steates", "1", "no key 'steates'")]
    [InlineData("controls", "[\"Ca\"]", "'Ca'")]
    public void A_model_that_makes_no_sense_is_refused_with_what_would_be_right(string key, string value, string said)
    {
        var json = JsonNode.Parse(ReactorCase.Cstr(300.0).Hybrid)!;
        json[key] = JsonNode.Parse(value);
        var refused = Assert.Throws<TrainingException>(() => NeuralModel<double>.Of(ModelJson.Read(json.ToJsonString())));
        Assert.Contains(said, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_task_is_made_from_a_specification_and_a_table_and_validated_by_free_runs()
    {
        double[] t = [.. Enumerable.Range(0, 60).Select(k => (double)(k % 20))], u = [.. t.Select(x => x > 8 ? 2.0 : 1.0)];
        double[] id = [.. Enumerable.Range(0, 60).Select(k => (double)(k / 20))], y = [.. t.Select((x, k) => (k / 20) + (0.1 * x))];
        var bytes = new TrainingTable(["t", "run", "u", "y"], [t, id, u, y]).ToBytes();
        const string model = """{"kind":"neural-ode","states":["y"],"controls":["u"],"hidden":[4],"loss":{"absolute":1,"relative":0.5}}""";
        var task = TrainingTasks.Create<float>(
            model, """{"table":"T","trajectory":"run","validation":1,"window":4,"stride":3}""", _ => bytes, SplitRequest.OfData);
        Assert.Equal(2 * 6, task.Samples); // two records of 19 intervals, windows at 0, 3, ..., 15
        var p = new float[task.ParameterCount];
        task.Initialize(p, 1);
        var figures = task.Validate(p, task.NewScratch());
        Assert.Equal(["loss", "negative-states", "nmse", "nmse-last-half", "rmse-y"], figures.Keys);
        Assert.True(figures["rmse-y"] > 0.0);
        Assert.Equal(38, task.With(new Dictionary<string, double> { ["window"] = 1, ["stride"] = 1 }).Samples);
        Assert.Contains("window, stride and substeps", Assert.Throws<TrainingException>(
            () => task.With(new Dictionary<string, double> { ["lr"] = 1 })).Message, StringComparison.Ordinal);
        var scales = ModelJson.Read(task.Model);
        Assert.Equal(y[..40].Average(), scales.States[0].Offset, 1e-12);
        // Of one record rows are held out, and fold by fold.
        var one = new TrainingTable(["t", "u", "y"], [[.. Enumerable.Range(0, 60).Select(k => (double)k)], u, y]).ToBytes();
        var fold = TrainingTasks.Create<double>(model, """{"table":"T","window":4,"stride":4}""", _ => one, new SplitRequest(5, 2));
        Assert.Equal(12, fold.Samples); // rows 1-24 and 37-60: twice 23 intervals
        var part = TrainingTasks.Create<double>(
            model, """{"table":"T","rows":[11,50],"validation":[41,50],"window":4,"stride":4}""", _ => one, SplitRequest.OfData);
        Assert.Equal(8, part.Samples); // rows 11-40: 29 intervals
        Assert.Equal(y[10..40].Average(), ModelJson.Read(part.Model).States[0].Offset, 1e-12);
        var refused = Assert.Throws<TrainingException>(() => TrainingTasks.Create<double>(
            model, """{"table":"T","rows":[11,50],"validation":[41,60]}""", _ => one, SplitRequest.OfData));
        Assert.Contains("within rows 11 to 50", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_reactor_protocol_is_training_data_by_name()
    {
        var task = TrainingTasks.Create<double>(
            ReactorCase.KlattEngellReactor.Hybrid, """{"benchmark":"klatt-engell","seed":43,"window":2,"stride":2}""", _ => default,
            SplitRequest.OfData);
        Assert.Equal(24 * 25, task.Samples);
        var p = new double[task.ParameterCount];
        task.Initialize(p, 1);
        var figures = task.Validate(p, task.NewScratch());
        Assert.Equal(0.0, figures["negative-states"]);
        Assert.True(figures["mass-violation"] < 1e-12 && figures["energy-violation"] < 1e-12);
        var refused = Assert.Throws<TrainingException>(() => TrainingTasks.Create<double>(
            ReactorCase.KlattEngellReactor.Hybrid, """{"benchmark":"klatt"}""", _ => default, SplitRequest.OfData));
        Assert.Contains("exothermic-cstr-300", refused.Message, StringComparison.Ordinal);
    }
}
