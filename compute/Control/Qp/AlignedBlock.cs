namespace Athanor.Compute.Control.Qp;

/// <summary>Doubles that do not move and start at a cache line, cut into parts of whole lines. The owner keeps it alive.</summary>
internal sealed unsafe class AlignedBlock
{
    private readonly double[] _numbers;
    private readonly double* _next;
    private readonly double* _end;
    private double* _free;

    public AlignedBlock(int count)
    {
        _numbers = GC.AllocateArray<double>(count + 8, pinned: true);
        var first = (nuint)System.Runtime.InteropServices.Marshal.UnsafeAddrOfPinnedArrayElement(_numbers, 0);
        _next = (double*)((first + 63) & ~(nuint)63);
        _free = _next;
        _end = (double*)(first + ((nuint)_numbers.Length * sizeof(double)));
    }

    /// <summary>Zeros.</summary>
    public double* Take(int count)
    {
        var part = _free;
        _free += RoundUp(count);
        if (_free > _end) throw new InvalidOperationException("the block is too small for its parts");
        return part;
    }

    public static int RoundUp(int count) => (count + 7) & ~7;
}
