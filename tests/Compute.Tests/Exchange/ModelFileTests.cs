using System.Collections.Immutable;
using Athanor.Compute.Exchange;
using Athanor.Compute.Exchange.Onnx;
using Athanor.Compute.Tensors;
using Athanor.Compute.Twins;

namespace Compute.Tests.Exchange;

public sealed class ModelFileTests
{
    [Fact]
    public void A_file_says_its_kind_its_inputs_and_its_outputs_and_is_written_as_it_was()
    {
        var bytes = SampleModels.File(SampleModels.Perceptron, SampleModels.Weights(1), 3, 16, 16, 2);
        var file = ModelFile.Read(bytes);
        Assert.Equal("perceptron", file.Kind);
        Assert.Equal(["a", "b", "c"], file.Inputs.AsEnumerable());
        Assert.Equal(["y", "z"], file.Outputs.AsEnumerable());
        Assert.Equal(bytes, file.Write());
    }

    [Fact]
    public void What_a_checkpoint_keeps_beside_the_weights_is_left_out()
    {
        var tensors = SampleModels.Tensors(SampleModels.Weights(1), 3, 16, 16, 2);
        var more = tensors.AddRange(tensors.Select(t => KeyValuePair.Create("optimizer.first." + t.Key, t.Value)))
            .AddRange(tensors.Select(t => KeyValuePair.Create("best." + t.Key, t.Value)));
        var file = ModelFile.Read(SampleModels.File(SampleModels.Perceptron, more));
        Assert.Equal(tensors.Keys, file.Tensors.Keys);
    }

    [Fact]
    public void A_file_of_tensors_alone_is_read_and_cannot_be_made_a_graph()
    {
        var file = ModelFile.Read(new SafeTensors(SampleModels.Tensors(SampleModels.Weights(1), 3, 16, 16, 2)).Write());
        Assert.Equal("", file.Kind);
        Assert.Contains("have no 'athanor.model'", Assert.Throws<ExchangeException>(() => OnnxExport.Write(file)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"tanh\"", "\"sine\"", "the activation is 'sine'; one of tanh, softplus, relu, silu would be right")]
    [InlineData("[3,16,16,2]", "[3,16,2]", "the tensor 'layers.1.weight' has the shape (16, 16) where (2, 16) would be right")]
    [InlineData("[3,16,16,2]", "[3,16,16,2,2]", "the tensor 'layers.3.weight' is missing; there are layers.0.bias, ")]
    [InlineData("[3,16,16,2]", "[3]", "1 sizes are given")]
    [InlineData("[3,16,16,2]", "7", "the model's sizes is 7; an array of whole numbers would be right")]
    [InlineData("[\"a\",\"b\",\"c\"]", "[\"a\",\"b\"]", "begin with 3 and end with 2, and it names 2 inputs and 2 targets")]
    [InlineData("[\"a\",\"b\",\"c\"]", "[\"a\",\"b\",1]", "the model's inputs is [\"a\",\"b\",1]; an array of texts would be right")]
    [InlineData("[2,0.5,10]", "[2,0.5]", "the model has 3 columns, and input-means has 3 values, input-deviations 2")]
    [InlineData("[2,0.5,10]", "[2,0,10]", "one of the model's input-deviations is not above 0")]
    [InlineData("\"perceptron\"", "\"forest\"", "a model of the kind 'forest' cannot be exported to ONNX")]
    [InlineData("\"kind\"", "\"kin\"", "the model's kind is missing; a text would be right")]
    [InlineData("{", "{{", "is not valid JSON")]
    public void A_model_that_is_not_as_its_kind_must_be_is_refused_with_the_key_or_tensor(string what, string with, string problem)
    {
        var json = SampleModels.Perceptron.Replace(what, with, StringComparison.Ordinal);
        var bytes = SampleModels.File(json, SampleModels.Weights(1), 3, 16, 16, 2);
        var error = Assert.Throws<ExchangeException>(() => OnnxExport.Write(ModelFile.Read(bytes)));
        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_weight_that_is_no_finite_number_or_of_another_type_is_refused_by_name()
    {
        var tensors = SampleModels.Tensors(SampleModels.Weights(1), 3, 16, 16, 2);
        Assert.Contains("'layers.2.bias' holds a value that is not a finite number", Refused(SafeTensor.Of([1f, float.NaN], 2)), StringComparison.Ordinal);
        Assert.Contains("'layers.2.bias' is of type I16", Refused(new SafeTensor(SafeTensorType.I16, [2], new byte[4])), StringComparison.Ordinal);

        string Refused(SafeTensor bias) => Assert.Throws<ExchangeException>(
            () => OnnxExport.Write(ModelFile.Read(SampleModels.File(SampleModels.Perceptron, tensors.SetItem("layers.2.bias", bias))))).Message;
    }

    [Fact]
    public void A_heaters_model_is_written_and_read_and_anything_else_refused_with_what_it_is()
    {
        var parameters = HeaterParameters.Textbook with { Memory = 100 };
        var hybrid = HeaterModel.Hybrid(parameters, ResidualNet.Initial(4, 3));
        var read = HeaterFile.Read(ModelFile.Read(HeaterFile.Of(hybrid).Write()));
        Assert.Equal(parameters, read.Parameters);
        Assert.Equal(hybrid.Weights.ToArray(), read.Weights.ToArray());
        var balance = HeaterFile.Read(ModelFile.Read(HeaterFile.Of(HeaterModel.Balance(parameters)).Write()));
        Assert.False(balance.IsHybrid);
        var perceptron = ModelFile.Read(SampleModels.File(SampleModels.Perceptron, SampleModels.Weights(1), 3, 16, 16, 2));
        Assert.Equal(
            "it is a model of the kind 'perceptron' where heater.balance or heater.hybrid would be right",
            Assert.Throws<ExchangeException>(() => HeaterFile.Read(perceptron)).Message);
        var other = HeaterFile.Of(hybrid) with { Inputs = ["power", "flow"] };
        Assert.Contains("it takes [power, flow] and gives [temperature], where", Assert.Throws<ExchangeException>(() => HeaterFile.Read(other)).Message, StringComparison.Ordinal);
        var fewer = HeaterFile.Of(hybrid);
        fewer = fewer with { Tensors = fewer.Tensors.SetItem("residual", SafeTensor.Of([1.0, 2], 2)) };
        Assert.Contains("2 weights make no residual net", Assert.Throws<ExchangeException>(() => HeaterFile.Read(fewer)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Tensors_from_elsewhere_are_made_a_perceptron_of_the_same_weights()
    {
        var parameters = SampleModels.Weights(1);
        var ours = SampleModels.Tensors(parameters, 3, 16, 16, 2);
        var foreign = new ModelFile("", null, ImmutableSortedDictionary.CreateRange(ours.Select(
            t => KeyValuePair.Create($"net.{int.Parse(t.Key.Split('.')[1], null) * 2}.{t.Key.Split('.')[2]}", t.Value))), [], []);
        var made = ForeignTensors.Perceptron(foreign, "relu", [], ["y", "z"]);
        Assert.Equal(["x1", "x2", "x3"], made.Inputs.AsEnumerable());
        Assert.Equal(["y", "z"], made.Outputs.AsEnumerable());
        Assert.Equal(parameters.Select(p => (double)p), ModelKinds.PerceptronOf(made).Net.Parameters());
        Assert.Equal("relu", ModelKinds.PerceptronOf(made).Net.Activation);

        Refused("3 names are given for the 2 outputs", foreign, ["a", "b", "c"]);
        Refused("the tensor 'net.2.bias' is missing", foreign with { Tensors = foreign.Tensors.Remove("net.2.bias") });
        Refused("'net.4.weight' takes 16 inputs, and the layer before it gives 2", foreign with
        {
            Tensors = foreign.Tensors.SetItem("net.2.weight", SafeTensor.Of(new float[32], 2, 16)).SetItem("net.2.bias", SafeTensor.Of(new float[2], 2)),
        });
        Refused("the tensor 'scale' is no layer's", foreign with { Tensors = foreign.Tensors.Add("scale", SafeTensor.Of([1f])) });
        Refused("have the same number", foreign with { Tensors = foreign.Tensors.Add("head.2.weight", SafeTensor.Of([1f])) });

        static void Refused(string problem, ModelFile file, params string[] outputs) => Assert.Contains(
            problem, Assert.Throws<ExchangeException>(() => ForeignTensors.Perceptron(file, "relu", [], outputs)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_cut_short_is_refused()
    {
        var bytes = SampleModels.File(SampleModels.Perceptron, SampleModels.Weights(1), 3, 16, 16, 2);
        Assert.Contains("this is no safetensors file", Assert.Throws<ExchangeException>(() => ModelFile.Read(bytes.AsMemory(0, bytes.Length - 1))).Message, StringComparison.Ordinal);
    }
}
