using System.Collections.Immutable;
using System.Text;

namespace Athanor.Compute.Torch;

/// <summary>Element types that are carried across; libtorch knows more.</summary>
public enum DType
{
    Float32,
    Float64,
    Int64,

    /// <summary>Sign, 8 bits of exponent, 7 of fraction: float32's range.</summary>
    BFloat16,

    /// <summary>Sign, 5 bits of exponent, 10 of fraction: at most 65504.</summary>
    Float16,
}

/// <summary>
/// A tensor of libtorch, with PyTorch's names and rules of broadcasting. Results are new tensors; those made within a
/// <see cref="TensorScope"/> are freed at its end.
/// </summary>
public sealed unsafe class Tensor : IDisposable
{
    private delegate int Unary(TensorHandle tensor, out TensorHandle result);

    private delegate int Binary(TensorHandle left, TensorHandle right, out TensorHandle result);

    internal Tensor(TensorHandle handle)
    {
        Handle = handle;
        TensorScope.Add(this);
    }

    internal Tensor(nint handle)
        : this(new TensorHandle())
    {
        System.Runtime.InteropServices.Marshal.InitHandle(Handle, handle);
    }

    internal TensorHandle Handle { get; }

    /// <summary>Size of each dimension; empty for a scalar.</summary>
    public ImmutableArray<long> Shape
    {
        get
        {
            Native.Check(Native.Rank(Handle, out var rank));
            var shape = new long[rank];
            fixed (long* at = shape) Native.Check(Native.Shape(Handle, at));
            return ImmutableArray.Create(shape);
        }
    }

    public DType DType
    {
        get
        {
            Native.Check(Native.Type(Handle, out var type));
            return (DType)type;
        }
    }

    /// <summary><c>cpu</c>, <c>cuda:0</c>, ...</summary>
    public string Device
    {
        get
        {
            Span<byte> text = stackalloc byte[64];
            fixed (byte* at = text) Native.Check(Native.Device(Handle, at, text.Length));
            return Encoding.UTF8.GetString(text[..text.IndexOf((byte)0)]);
        }
    }

    /// <summary>Whether operations on it are recorded, so that <see cref="Backward"/> gives it a gradient.</summary>
    public bool RequiresGrad
    {
        get => Native.RequiresGrad(Handle) != 0;
        set => Native.Check(Native.SetRequiresGrad(Handle, value ? 1 : 0));
    }

    /// <summary>The gradient, or null while there is none.</summary>
    public Tensor? Grad
    {
        get
        {
            Native.Check(Native.Grad(Handle, out var gradient));
            return gradient.IsInvalid ? null : new Tensor(gradient);
        }
    }

    /// <param name="values">Row-major; copied.</param>
    /// <param name="shape">Size of each dimension; none makes a scalar.</param>
    public static Tensor From(ReadOnlySpan<float> values, ReadOnlySpan<long> shape, string device = "cpu") =>
        From(values, DType.Float32, shape, device);

    /// <inheritdoc cref="From(ReadOnlySpan{float}, ReadOnlySpan{long}, string)"/>
    public static Tensor From(ReadOnlySpan<double> values, ReadOnlySpan<long> shape, string device = "cpu") =>
        From(values, DType.Float64, shape, device);

    /// <inheritdoc cref="From(ReadOnlySpan{float}, ReadOnlySpan{long}, string)"/>
    public static Tensor From(ReadOnlySpan<long> values, ReadOnlySpan<long> shape, string device = "cpu") =>
        From(values, DType.Int64, shape, device);

    /// <summary>A tensor whose values are whatever its memory holds.</summary>
    /// <param name="pinned">In the host's memory, where a CUDA device copies from and to beside other work.</param>
    public static Tensor Empty(DType type, ReadOnlySpan<long> shape, string device = "cpu", bool pinned = false)
    {
        fixed (long* at = shape)
        {
            Native.Check(Native.Empty(at, shape.Length, (int)type, device, pinned ? 1 : 0, out var tensor));
            return new Tensor(tensor);
        }
    }

    /// <summary>The values themselves, of a contiguous tensor in the host's memory; for as long as the tensor lives.</summary>
    public Span<T> Data<T>()
        where T : unmanaged
    {
        Native.Check(Native.Data(Handle, out var data, out var bytes));
        return new Span<T>((void*)data, checked((int)(bytes / sizeof(T))));
    }

    public float[] ToFloats() => ToArray<float>(DType.Float32);

    public double[] ToDoubles() => ToArray<double>(DType.Float64);

    public long[] ToLongs() => ToArray<long>(DType.Int64);

    /// <summary>The value of a tensor that has one.</summary>
    public double Item() => DType switch
    {
        DType.Float32 => One(ToFloats()),
        DType.Float64 => One(ToDoubles()),
        _ => One(ToLongs()),
    };

    public static Tensor operator +(Tensor left, Tensor right) => Of(Native.Add, left, right);

    public static Tensor operator -(Tensor left, Tensor right) => Of(Native.Sub, left, right);

    /// <summary>Element by element.</summary>
    public static Tensor operator *(Tensor left, Tensor right) => Of(Native.Mul, left, right);

    public static Tensor operator *(Tensor left, double factor)
    {
        Native.Check(Native.Scale(left.Handle, factor, out var result));
        return new Tensor(result);
    }

    public Tensor MatMul(Tensor right) => Of(Native.MatMul, this, right);

    public Tensor Pow(double exponent)
    {
        Native.Check(Native.Pow(Handle, exponent, out var result));
        return new Tensor(result);
    }

    /// <summary>Over all elements.</summary>
    public Tensor Mean() => Of(Native.Mean, this);

    /// <summary>Over all elements.</summary>
    public Tensor Sum() => Of(Native.Sum, this);

    public Tensor Tanh() => Of(Native.Tanh, this);

    public Tensor ReLU() => Of(Native.Relu, this);

    public Tensor Silu() => Of(Native.Silu, this);

    public Tensor Softplus() => Of(Native.Softplus, this);

    public Tensor Abs() => Of(Native.Abs, this);

    /// <summary>Matrix by matrix: [n, a, b] x [n, b, c].</summary>
    public Tensor BatchMatMul(Tensor right) => Of(Native.Bmm, this, right);

    /// <summary>Matrix by matrix, with something added: bias + [n, a, b] x [n, b, c].</summary>
    public static Tensor BatchLinear(Tensor input, Tensor weight, Tensor bias)
    {
        Native.Check(Native.Baddbmm(bias.Handle, input.Handle, weight.Handle, out var result));
        return new Tensor(result);
    }

    /// <summary>Sum over rows of -log softmax at the row's class; of logits [rows, classes].</summary>
    /// <param name="classes">[rows], of type Int64.</param>
    public Tensor CrossEntropy(Tensor classes) => Of(Native.CrossEntropy, this, classes);

    /// <summary>Rows of logits [rows, classes] whose largest is at the row's class.</summary>
    public Tensor Hits(Tensor classes) => Of(Native.Hits, this, classes);

    public Tensor Cast(DType type)
    {
        Native.Check(Native.Cast(Handle, (int)type, out var result));
        return new Tensor(result);
    }

    /// <summary>Views of one part after the other of a flat tensor; their gradients go back to it in one pass.</summary>
    public Tensor[] Split(ReadOnlySpan<long> sizes)
    {
        var parts = new nint[sizes.Length];
        fixed (long* at = sizes)
        fixed (nint* to = parts)
            Native.Check(Native.Split(Handle, at, sizes.Length, to));
        return [.. parts.Select(static part => new Tensor(part))];
    }

    /// <summary>Forgets the gradient; the next one is a tensor of its own.</summary>
    public void ClearGrad() => Native.Check(Native.ClearGrad(Handle));

    /// <summary>Of a matrix.</summary>
    public Tensor T() => Of(Native.Transpose, this);

    /// <summary>The same values, of which no operations are recorded.</summary>
    public Tensor Detach() => Of(Native.Detach, this);

    /// <summary>The rows of the given numbers.</summary>
    /// <param name="indices">Of type Int64, one dimension.</param>
    public Tensor Rows(Tensor indices) => Of(Native.Rows, this, indices);

    public Tensor To(string device)
    {
        Native.Check(Native.To(Handle, device, out var result));
        return new Tensor(result);
    }

    public Tensor Reshape(params ReadOnlySpan<long> shape)
    {
        fixed (long* at = shape)
        {
            Native.Check(Native.Reshape(Handle, at, shape.Length, out var result));
            return new Tensor(result);
        }
    }

    /// <summary>Adds the derivatives of this scalar to the gradients of all tensors that it was made of and that require them.</summary>
    public void Backward() => Native.Check(Native.Backward(Handle));

    /// <summary>Takes over another tensor's values in place, unseen by autograd. Between pinned memory and a device it returns before the
    /// values are there; what is put on the same stream afterwards sees them.</summary>
    public void Assign(Tensor values) => Native.Check(Native.Assign(Handle, values.Handle));

    /// <summary>Draws new values in place from libtorch's generator, uniform in [low, high).</summary>
    public void Uniform(double low, double high) => Native.Check(Native.Uniform(Handle, low, high));

    public void Dispose() => Handle.Dispose();

    internal static Tensor Linear(Tensor input, Tensor weight, Tensor bias)
    {
        Native.Check(Native.Linear(input.Handle, weight.Handle, bias.Handle, out var result));
        return new Tensor(result);
    }

    private static Tensor From<T>(ReadOnlySpan<T> values, DType type, ReadOnlySpan<long> shape, string device)
        where T : unmanaged
    {
        var count = 1L;
        foreach (var size in shape) count = checked(count * size);
        if (count != values.Length)
            throw new ArgumentException($"{values.Length} values do not fill the shape ({string.Join(", ", shape.ToArray())})");
        fixed (T* data = values)
        fixed (long* at = shape)
        {
            // An empty span has no address, and libtorch wants one.
            T nothing = default;
            Native.Check(Native.From(data is null ? &nothing : data, at, shape.Length, (int)type, device, out var tensor));
            return new Tensor(tensor);
        }
    }

    private T[] ToArray<T>(DType type)
        where T : unmanaged
    {
        if (DType != type) throw new InvalidOperationException($"a tensor of type {DType} cannot be read as {type}");
        var values = new T[Shape.Aggregate(1L, static (product, size) => product * size)];
        fixed (T* data = values) Native.Check(Native.CopyOut(Handle, data, values.LongLength * sizeof(T)));
        return values;
    }

    private static T One<T>(T[] values) =>
        values.Length == 1 ? values[0] : throw new InvalidOperationException($"a tensor of {values.Length} values is not one value");

    private static Tensor Of(Unary operation, Tensor tensor)
    {
        Native.Check(operation(tensor.Handle, out var result));
        return new Tensor(result);
    }

    private static Tensor Of(Binary operation, Tensor left, Tensor right)
    {
        Native.Check(operation(left.Handle, right.Handle, out var result));
        return new Tensor(result);
    }
}
