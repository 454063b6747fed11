using System.Globalization;
using Athanor.Compute.Tensors;

namespace Athanor.Compute.Exchange.PyTorch;

/// <summary>
/// Writes what <c>torch.save(model.state_dict(), file)</c> writes (the zip format of PyTorch 1.6 and later): <c>data.pkl</c>, a pickle of an
/// OrderedDict of tensors that names storages, the storages as <c>data/0</c>, <c>data/1</c>, ..., and the format's version. The pickle has
/// nothing but tensors, so <c>torch.load(file, weights_only=True)</c> takes it. The same tensors give the same bytes.
/// </summary>
public static class StateDict
{
    /// <param name="tensors">By name, in the order of the dictionary.</param>
    /// <exception cref="ExchangeException">A tensor has a type that PyTorch has no storage for, or they are too large.</exception>
    public static byte[] Write(IEnumerable<KeyValuePair<string, SafeTensor>> tensors)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        var pickle = new PickleWriter().Global("collections", "OrderedDict").EmptyTuple().Reduce().Mark();
        var storages = new List<ReadOnlyMemory<byte>>();
        foreach (var (name, tensor) in tensors)
        {
            pickle.Text(name).Global("torch._utils", "_rebuild_tensor_v2").Mark();
            pickle.Mark().Text("storage").Global("torch", Storage(name, tensor.Type))
                .Text(storages.Count.ToString(CultureInfo.InvariantCulture)).Text("cpu").Int(Count(tensor)).Tuple().Persistent();
            // Offset, shape, strides, requires_grad, backward hooks.
            pickle.Int(0).Ints(tensor.Shape).Ints(Strides(tensor)).False();
            pickle.Global("collections", "OrderedDict").EmptyTuple().Reduce().Tuple().Reduce();
            storages.Add(tensor.Data);
        }
        var zip = new StoredZip();
        zip.Add("model/data.pkl", pickle.SetItems().Stop());
        zip.Add("model/byteorder", "little"u8);
        for (var i = 0; i < storages.Count; i++) zip.Add(string.Create(CultureInfo.InvariantCulture, $"model/data/{i}"), storages[i].Span);
        zip.Add("model/version", "3\n"u8);
        return zip.ToArray();
    }

    private static long Count(SafeTensor tensor) => tensor.Shape.Aggregate(1L, static (product, size) => checked(product * size));

    private static IEnumerable<long> Strides(SafeTensor tensor)
    {
        var strides = new long[tensor.Shape.Length];
        var stride = 1L;
        for (var d = strides.Length - 1; d >= 0; d--)
        {
            strides[d] = stride;
            // PyTorch's rule for tensors without elements.
            stride *= Math.Max(tensor.Shape[d], 1);
        }
        return strides;
    }

    private static string Storage(string name, SafeTensorType type) => type switch
    {
        SafeTensorType.F64 => "DoubleStorage",
        SafeTensorType.F32 => "FloatStorage",
        SafeTensorType.F16 => "HalfStorage",
        SafeTensorType.BF16 => "BFloat16Storage",
        SafeTensorType.I64 => "LongStorage",
        SafeTensorType.I32 => "IntStorage",
        SafeTensorType.I16 => "ShortStorage",
        SafeTensorType.I8 => "CharStorage",
        SafeTensorType.U8 => "ByteStorage",
        SafeTensorType.Bool => "BoolStorage",
        _ => throw new ExchangeException($"the tensor '{name}' is of type {type.Name()}, for which PyTorch has no storage"),
    };
}
