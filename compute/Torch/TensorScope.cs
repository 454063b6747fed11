namespace Athanor.Compute.Torch;

/// <summary>
/// Frees all tensors that this thread makes until it is disposed. The collector does not see how much native memory a small object
/// holds, so a loop needs one: <c>using (new TensorScope()) { ... }</c>. Scopes nest; what must outlive one is made outside of it.
/// </summary>
public sealed class TensorScope : IDisposable
{
    [ThreadStatic]
    private static TensorScope? _current;

    private readonly TensorScope? _outer = _current;
    private readonly List<Tensor> _tensors = [];

    public TensorScope() => _current = this;

    public void Dispose()
    {
        if (_current != this)
            throw new InvalidOperationException("scopes end in the reverse order of their beginning, on their own thread");
        _current = _outer;
        foreach (var tensor in _tensors) tensor.Dispose();
    }

    /// <summary>Takes a tensor out of the present scope: whoever keeps it disposes of it.</summary>
    public static Tensor Keep(Tensor tensor)
    {
        _current?._tensors.Remove(tensor);
        return tensor;
    }

    internal static void Add(Tensor tensor) => _current?._tensors.Add(tensor);
}
