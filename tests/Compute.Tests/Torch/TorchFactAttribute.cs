using Athanor.Compute.Torch;

namespace Compute.Tests.Torch;

/// <summary>A test that needs libtorch; skipped, with the reason, where the shim is not built.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class TorchFactAttribute : FactAttribute
{
    public TorchFactAttribute()
    {
        if (!TorchRuntime.IsAvailable) Skip = TorchRuntime.Problem;
    }
}
