using System.Collections.Immutable;
using Athanor.Compute.Exchange;
using Athanor.Compute.Exchange.Onnx;
using Athanor.Compute.Neural.Models;
using Athanor.Compute.Tensors;

namespace Compute.Tests.Exchange;

/// <summary>Models of dynamics of every kind, exported and run by ONNX Runtime, held to the models here.</summary>
public sealed class OnnxDynamicsTests
{
    private const int Seed = 7, Steps = 9, Batch = 4;

    private const string States = "\"states\":[{\"name\":\"a\",\"positive\":true,\"offset\":1.2,\"scale\":0.5},"
        + "{\"name\":\"b\",\"positive\":true,\"offset\":0.8,\"scale\":0.25}";

    private static readonly Dictionary<string, string> Models = new()
    {
        ["neural-ode"] = "{\"kind\":\"neural-ode\"," + States + "],\"controls\":[{\"name\":\"u\",\"offset\":2,\"scale\":3}],\"hidden\":[8],\"time-scale\":2}",
        ["uncontrolled"] = "{\"kind\":\"neural-ode\"," + States + "],\"hidden\":[8,8],\"activation\":\"silu\",\"time-scale\":2}",
        ["augmented"] = "{\"kind\":\"augmented\"," + States
            + ",{\"name\":\"hidden\",\"observed\":false}],\"controls\":[\"u\"],\"hidden\":[8],\"activation\":\"softplus\",\"time-scale\":3}",
        ["stoichiometric"] = "{\"kind\":\"stoichiometric\"," + States + ",{\"name\":\"c\",\"positive\":true,\"scale\":0.3}],\"hidden\":[6],\"time-scale\":4,"
            + "\"reactor\":{\"dilution\":0,\"reactions\":[{\"consumes\":{\"a\":1},\"produces\":{\"b\":2}},{\"consumes\":{\"a\":1,\"b\":1},\"produces\":{\"c\":1}}]}}",
        ["cooled tank"] = "{\"kind\":\"hybrid\",\"known\":\"reactor\"," + States + ",{\"name\":\"T\",\"offset\":350,\"scale\":10}],"
            + "\"controls\":[{\"name\":\"flow\"},{\"name\":\"Tc\",\"offset\":300,\"scale\":5}],\"hidden\":[6],\"time-scale\":4,"
            + "\"reactor\":{\"dilution\":\"flow\",\"feed\":{\"a\":2},\"temperature\":\"T\",\"feed-temperature\":340,\"coolant\":\"Tc\","
            + "\"reactions\":[{\"consumes\":{\"a\":1},\"produces\":{\"b\":1}}]}}",
        ["jacketed tank"] = "{\"kind\":\"hybrid\",\"known\":\"reactor\"," + States + ",{\"name\":\"T\",\"offset\":350,\"scale\":10},{\"name\":\"Tk\",\"offset\":340,\"scale\":8}],"
            + "\"controls\":[{\"name\":\"heat\"}],\"hidden\":[6],\"time-scale\":4,"
            + "\"reactor\":{\"dilution\":0.1,\"feed\":{\"a\":2},\"temperature\":\"T\",\"feed-temperature\":340,\"jacket\":\"Tk\",\"jacket-heat\":\"heat\","
            + "\"capacity-ratio\":3,\"reactions\":[{\"consumes\":{\"a\":1},\"produces\":{\"b\":1}}]}}",
        ["tanks"] = "{\"kind\":\"hybrid\",\"known\":\"cascaded-tanks\"," + States + "],\"controls\":[{\"name\":\"u\",\"offset\":3,\"scale\":1}],\"hidden\":[6],\"time-scale\":40}",
        ["lags"] = "{\"kind\":\"hybrid\",\"known\":\"lags\"," + States + ",{\"name\":\"wall\",\"observed\":false,\"start\":0}],\"controls\":[\"u\"],\"hidden\":[6],\"lags\":[5,10,40]}",
    };

    [Fact]
    public async Task Fields_and_roll_outs_of_every_kind_give_what_the_models_give()
    {
        var cases = Models.SelectMany(m => (Case[])[new Case(m.Key, m.Value), new Case(m.Key, m.Value, single: true)]).ToList();
        var shown = await OtherRuntimes.RunOnnx([.. cases.SelectMany(c => (OnnxRun[])[c.Field, c.RollOut])]);
        for (var i = 0; i < cases.Count; i++)
        {
            cases[i].CheckField(shown[2 * i]["rates"]);
            cases[i].CheckRollOut(shown[(2 * i) + 1]["states"]);
        }
    }

    [Theory]
    [InlineData("neural-ode", "\"time-scale\":2", "\"time-scale\":0", "model.time-scale is 0; a positive time would be right")]
    [InlineData("lags", "[5,10,40]", "[5,10]", "model.lags has 2 numbers; one positive time for each of the 3 states would be right")]
    [InlineData("neural-ode", "[8]", "[9]", "the tensor 'net.0.weight' has the shape (8, 3) where (9, 3) would be right")]
    public void A_model_of_dynamics_that_is_not_as_its_kind_must_be_is_refused(string name, string what, string with, string problem)
    {
        var good = new Case(name, Models[name]);
        var bytes = SampleModels.File(Models[name].Replace(what, with, StringComparison.Ordinal), good.Tensors);
        var error = Assert.Throws<ExchangeException>(() => OnnxExport.Write(ModelFile.Read(bytes)));
        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_roll_out_of_no_or_too_many_sub_steps_is_refused()
    {
        var file = ModelFile.Read(SampleModels.File(Models["neural-ode"], new Case("neural-ode", Models["neural-ode"]).Tensors));
        foreach (var substeps in (int[])[0, 1001])
            Assert.Contains("1 to 1000 would be right", Assert.Throws<ExchangeException>(() => OnnxExport.Write(file, OnnxGraphKind.RollOut, substeps)).Message, StringComparison.Ordinal);
    }

    private sealed class Case
    {
        private const int Substeps = 2;
        private readonly string _name;
        private readonly NeuralModel<double> _model;
        private readonly double[] _parameters, _start, _controls, _lengths;
        private readonly int _states, _inputs;
        private readonly bool _single;

        /// <param name="single">With weights of single precision. The model here then has the same weights in double: the export may differ from
        /// it by the rounding of some hundred operations.</param>
        public Case(string name, string json, bool single = false)
        {
            (_name, _single) = (name, single);
            var specification = ModelJson.Read(json);
            _model = NeuralModel<double>.Of(specification);
            (_states, _inputs) = (specification.States.Length, specification.Controls.Length);
            _parameters = new double[_model.ParameterCount];
            _model.Initialize(_parameters, Seed, []);
            var random = new Random(Seed);
            for (var i = 0; i < _parameters.Length; i++) _parameters[i] = Rounded(_parameters[i] + (0.2 * (random.NextDouble() - 0.5)));
            var tensors = ImmutableSortedDictionary.CreateBuilder<string, SafeTensor>(StringComparer.Ordinal);
            var at = 0;
            foreach (var (tensor, shape) in _model.Tensors)
            {
                var count = shape.Aggregate(1, static (product, size) => product * size);
                long[] sizes = [.. shape.Select(static size => (long)size)];
                tensors.Add(tensor, single
                    ? SafeTensor.Of(Array.ConvertAll(_parameters[at..(at + count)], static p => (float)p), sizes)
                    : SafeTensor.Of(_parameters.AsSpan(at, count), sizes));
                at += count;
            }
            // A starting value of each window is no part of the model.
            Tensors = tensors.ToImmutable().Add("starts", SafeTensor.Of([1.0, 2.0], 2));
            _start = [.. Enumerable.Range(0, Batch * _states).Select(i => Near(specification.States[i % _states].Offset, specification.States[i % _states].Scale))];
            _controls = [.. Enumerable.Range(0, Steps * Batch * _inputs).Select(i => Near(specification.Controls[i % _inputs].Offset, specification.Controls[i % _inputs].Scale))];
            _lengths = [.. Enumerable.Range(0, Steps).Select(_ => Rounded(0.05 + (0.1 * random.NextDouble())))];

            double Near(double offset, double scale) => Rounded(Math.Max(offset + (scale * (random.NextDouble() - 0.5)), 0.05));

            double Rounded(double value) => single ? (float)value : value;
        }

        public ImmutableSortedDictionary<string, SafeTensor> Tensors { get; }

        public OnnxRun Field
        {
            get
            {
                var inputs = new Dictionary<string, OtherTensor> { ["states"] = Tensor(_start, Batch, _states) };
                if (_inputs > 0) inputs["controls"] = Tensor(_controls[..(Batch * _inputs)], Batch, _inputs);
                return new OnnxRun(OnnxExport.Write(File, OnnxGraphKind.Field), inputs);
            }
        }

        public OnnxRun RollOut
        {
            get
            {
                var inputs = new Dictionary<string, OtherTensor> { ["start"] = Tensor(_start, Batch, _states), ["lengths"] = Tensor(_lengths, Steps) };
                if (_inputs > 0) inputs["controls"] = Tensor(_controls, Steps, Batch, _inputs);
                return new OnnxRun(OnnxExport.Write(File, OnnxGraphKind.RollOut, Substeps), inputs);
            }
        }

        private ModelFile File => ModelFile.Read(SampleModels.File(ModelJson.Write(_model.Specification), Tensors));

        public void CheckField(OtherTensor shown)
        {
            Assert.Equal([Batch, _states], shown.Dims);
            for (var b = 0; b < Batch; b++)
            {
                var slopes = new double[_states];
                _model.Field(_parameters, Row(_start, b, _states), Row(_controls, b, _inputs), slopes);
                Near(slopes, Row(shown.Data, b, _states), "field");
            }
        }

        public void CheckRollOut(OtherTensor shown)
        {
            Assert.Equal([Steps, Batch, _states], shown.Dims);
            double[] times = [0, .. _lengths.Select((_, i) => _lengths[..(i + 1)].Sum())];
            for (var b = 0; b < Batch; b++)
            {
                // The controls of a row hold until the next; those of the last row act no more.
                double[] controls = [.. Enumerable.Range(0, Steps + 1).SelectMany(s => Row(_controls, (Math.Min(s, Steps - 1) * Batch) + b, _inputs))];
                var outputs = _model.Specification.States.Count(static s => s.Observed);
                var record = new ProcessRecord(times, controls, new double[(Steps + 1) * outputs]);
                var prediction = _model.Predict(_parameters, Row(_start, b, _states), record, Substeps);
                for (var s = 0; s < Steps; s++) Near(Row(prediction.Values, s + 1, _states), Row(shown.Data, (s * Batch) + b, _states), $"step {s}");
            }
        }

        private OtherTensor Tensor(double[] values, params long[] dims) => new(_single ? "float32" : "float64", dims, values);

        private static double[] Row(double[] values, int row, int width) => values[(row * width)..((row + 1) * width)];

        private void Near(double[] expected, double[] actual, string where)
        {
            var rounding = _single ? 1e-5 : 1e-11;
            for (var i = 0; i < expected.Length; i++)
            {
                // A temperature's slope is a difference of hundreds of kelvin.
                var size = Math.Max(expected.Max(Math.Abs), _model.Specification.States[i].Offset / 10);
                Assert.True(
                    Math.Abs(expected[i] - actual[i]) <= rounding * Math.Max(1, size),
                    $"{_name}{(_single ? " in single precision" : "")}, {where}, state {i}: {actual[i]:R} for {expected[i]:R}");
            }
        }
    }
}
