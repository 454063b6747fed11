namespace Athanor.Compute.Tensors;

/// <summary>What is wrong with a file, in the words of the reference implementation.</summary>
public enum SafeTensorsError
{
    HeaderTooSmall,
    HeaderTooLarge,
    InvalidHeaderLength,
    InvalidHeader,
    InvalidHeaderDeserialization,
    InvalidOffset,
    TensorInvalidInfo,
    MisalignedSlice,
    ValidationOverflow,
    MetadataIncompleteBuffer,
}

/// <summary>The bytes are no safetensors file; nothing of them is used.</summary>
public sealed class SafeTensorsException(SafeTensorsError error, string problem, Exception? inner = null)
    : Exception($"{problem} ({error})", inner)
{
    public SafeTensorsError Error { get; } = error;
}
