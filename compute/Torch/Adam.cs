namespace Athanor.Compute.Torch;

/// <summary>libtorch's Adam (Kingma and Ba, ICLR 2015), with PyTorch's defaults.</summary>
public sealed unsafe class Adam : IDisposable
{
    private readonly AdamHandle _handle;

    /// <param name="weightDecay">L2, added to the gradient.</param>
    public Adam(
        IReadOnlyList<Tensor> parameters, double learningRate = 1e-3, double beta1 = 0.9, double beta2 = 0.999, double epsilon = 1e-8,
        double weightDecay = 0)
    {
        // libtorch keeps its own references; these must only live through the call.
        var handles = parameters.Select(static parameter => parameter.Handle.DangerousGetHandle()).ToArray();
        fixed (nint* at = handles)
            Native.Check(Native.AdamNew(at, handles.Length, learningRate, beta1, beta2, epsilon, weightDecay, out _handle));
        GC.KeepAlive(parameters);
    }

    public double LearningRate
    {
        set => Native.Check(Native.AdamSetLearningRate(_handle, value));
    }

    public void Step() => Native.Check(Native.AdamStep(_handle));

    public void ZeroGrad() => Native.Check(Native.AdamZeroGrad(_handle));

    public void Dispose() => _handle.Dispose();
}
