using System.Runtime.CompilerServices;

namespace Athanor.Compute.Neural;

/// <summary>Zeroed, pinned memory that starts at a cache line. Whoever uses its address holds the object meanwhile.</summary>
internal sealed unsafe class AlignedBuffer<T>
    where T : unmanaged
{
    private const int LineBytes = 64;
    private readonly T[] _memory;

    public AlignedBuffer(long length)
    {
        if (length > Array.MaxLength - LineBytes)
        {
            throw new ArgumentException(
                $"{length} numbers are more than one array holds; fewer rows or steps at a time, or checkpointed stages, need less");
        }
        Length = length;
        _memory = GC.AllocateArray<T>((int)length + (LineBytes / sizeof(T)), pinned: true);
        Pointer = (T*)(((nuint)Unsafe.AsPointer(ref _memory[0]) + LineBytes - 1) & ~(nuint)(LineBytes - 1));
    }

    public long Length { get; }

    public T* Pointer { get; }

    public void Clear() => _memory.AsSpan().Clear();
}
