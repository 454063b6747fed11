using System.IO.Compression;
using Athanor.Compute.Exchange;
using Athanor.Compute.Exchange.PyTorch;
using Athanor.Compute.Tensors;

namespace Compute.Tests.Exchange;

/// <summary>State dicts are loaded by PyTorch itself, with <c>weights_only=True</c>.</summary>
public sealed class StateDictTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("athanor-state-dict-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task PyTorch_loads_what_is_written_with_names_order_types_shapes_and_values()
    {
        KeyValuePair<string, SafeTensor>[] tensors =
        [
            new("layers.0.weight", SafeTensor.Of([1.5f, -2f, 3f, 4f, float.MaxValue, 6e-40f], 2, 3)),
            new("double", SafeTensor.Of([0.1, -1e300], 2)),
            new("scalar", SafeTensor.Of([7.0])),
            new("empty", SafeTensor.Of(ReadOnlySpan<float>.Empty, 0, 4)),
            new("cube", SafeTensor.Of([.. Enumerable.Range(0, 24).Select(i => (float)i)], 2, 3, 4)),
            new("half", new SafeTensor(SafeTensorType.F16, [2], new byte[] { 0x00, 0x3c, 0x00, 0xc0 })),
            new("bfloat", new SafeTensor(SafeTensorType.BF16, [2], new byte[] { 0x80, 0x3f, 0x00, 0xc0 })),
            new("long", new SafeTensor(SafeTensorType.I64, [1], BitConverter.GetBytes(-5L))),
            new("int", new SafeTensor(SafeTensorType.I32, [1], BitConverter.GetBytes(-6))),
            new("short", new SafeTensor(SafeTensorType.I16, [1], BitConverter.GetBytes((short)-7))),
            new("byte", new SafeTensor(SafeTensorType.U8, [2], new byte[] { 8, 255 })),
            new("char", new SafeTensor(SafeTensorType.I8, [1], new byte[] { 0xff })),
            new("bool", new SafeTensor(SafeTensorType.Bool, [2], new byte[] { 0, 1 })),
            new("gewicht.ü", SafeTensor.Of(new float[70_000], 70_000)),
        ];
        var file = (await Load(StateDict.Write(tensors)))[0];
        Assert.Equal("OrderedDict", file.Type);
        Assert.Equal(tensors.Select(t => t.Key), file.Tensors.Select(t => t.Name));
        foreach (var ((_, written), read) in tensors.Zip(file.Tensors))
        {
            Assert.Equal(written.Shape.AsEnumerable(), read.Shape);
            Assert.True(read.Contiguous, read.Name);
            Assert.Equal(written.Type == SafeTensorType.I64 ? [-5.0] : written.ToDoubles(), read.Values);
        }
        Assert.Equal(
            ["torch.float32", "torch.float64", "torch.float64", "torch.float32", "torch.float32", "torch.float16", "torch.bfloat16", "torch.int64", "torch.int32", "torch.int16", "torch.uint8", "torch.int8", "torch.bool", "torch.float32"],
            file.Tensors.Select(t => t.Dtype));
    }

    [Fact]
    public async Task A_models_state_dict_has_its_layers_in_their_order()
    {
        int[] sizes = [1, .. Enumerable.Repeat(2, 11), 1];
        var count = Enumerable.Range(0, 12).Sum(l => (sizes[l] + 1) * sizes[l + 1]);
        var parameters = Enumerable.Range(0, count).Select(i => i / 8f).ToArray();
        var model = new ModelFile("", null, SampleModels.Tensors(parameters, sizes), [], []);
        var file = (await Load(model.StateDict()))[0];
        Assert.Equal(
            Enumerable.Range(0, 12).SelectMany(l => (string[])[$"layers.{l}.weight", $"layers.{l}.bias"]), file.Tensors.Select(t => t.Name));
        // One after another they are the parameters in the kernels' order.
        Assert.Equal(parameters.Select(p => (double)p), file.Tensors.SelectMany(t => t.Values));
    }

    [Fact]
    public void The_same_tensors_give_the_same_bytes_and_their_data_begin_at_multiples_of_64()
    {
        var tensors = SampleModels.Tensors(SampleModels.Weights(3), 3, 16, 16, 2);
        var bytes = StateDict.Write(tensors);
        Assert.Equal(bytes, StateDict.Write(tensors));
        using var zip = new ZipArchive(new MemoryStream(bytes));
        Assert.Contains(zip.Entries, entry => entry.FullName == "model/data.pkl");
        foreach (var entry in zip.Entries.Where(entry => entry.FullName.StartsWith("model/data/", StringComparison.Ordinal)))
        {
            using var content = new MemoryStream();
            using (var stream = entry.Open()) stream.CopyTo(content);
            var at = bytes.AsSpan().IndexOf(content.ToArray());
            Assert.Equal(0, at % 64);
        }
    }

    [Fact]
    public void A_type_that_PyTorch_has_no_storage_for_is_refused_by_name()
    {
        var error = Assert.Throws<ExchangeException>(() => StateDict.Write([new("w", new SafeTensor(SafeTensorType.F4, [2], new byte[1]))]));
        Assert.Equal("the tensor 'w' is of type F4, for which PyTorch has no storage", error.Message);
    }

    private Task<TorchFile[]> Load(byte[] bytes)
    {
        var path = Path.Combine(_folder, "model.pt");
        File.WriteAllBytes(path, bytes);
        return OtherRuntimes.LoadTorch(path);
    }
}
