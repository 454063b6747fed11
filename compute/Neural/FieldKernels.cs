using System.Numerics;
using System.Runtime.Intrinsics;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Neural;

/// <summary>Calls the kernel of the widest vectors that this machine has.</summary>
internal static unsafe class FieldKernels<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static void Solve(FieldLayout field, in FieldBlock<T> block, T* p)
    {
        if (Vector512.IsHardwareAccelerated) FieldKernel<Vector512<T>, T, Lanes512<T>>.Solve(field, block, p);
        else if (Vector256.IsHardwareAccelerated) FieldKernel<Vector256<T>, T, Lanes256<T>>.Solve(field, block, p);
        else if (Vector128.IsHardwareAccelerated) FieldKernel<Vector128<T>, T, Lanes128<T>>.Solve(field, block, p);
        else FieldKernel<T, T, ScalarLanes<T>>.Solve(field, block, p);
    }

    public static void Jvp(FieldLayout field, in FieldBlock<T> block, T* p, T* d, T* dControls, T* scratch)
    {
        if (Vector512.IsHardwareAccelerated) FieldKernel<Vector512<T>, T, Lanes512<T>>.Jvp(field, block, p, d, dControls, scratch);
        else if (Vector256.IsHardwareAccelerated) FieldKernel<Vector256<T>, T, Lanes256<T>>.Jvp(field, block, p, d, dControls, scratch);
        else if (Vector128.IsHardwareAccelerated) FieldKernel<Vector128<T>, T, Lanes128<T>>.Jvp(field, block, p, d, dControls, scratch);
        else FieldKernel<T, T, ScalarLanes<T>>.Jvp(field, block, p, d, dControls, scratch);
    }

    public static void Backward(FieldLayout field, in FieldBlock<T> block, T* p, T* sums, T* moreSums)
    {
        if (Vector512.IsHardwareAccelerated) FieldKernel<Vector512<T>, T, Lanes512<T>>.Backward(field, block, p, sums, moreSums);
        else if (Vector256.IsHardwareAccelerated) FieldKernel<Vector256<T>, T, Lanes256<T>>.Backward(field, block, p, sums, moreSums);
        else if (Vector128.IsHardwareAccelerated) FieldKernel<Vector128<T>, T, Lanes128<T>>.Backward(field, block, p, sums, moreSums);
        else FieldKernel<T, T, ScalarLanes<T>>.Backward(field, block, p, sums, moreSums);
    }

    public static void Squares(FieldLayout field, in FieldBlock<T> block, T* weights)
    {
        if (Vector512.IsHardwareAccelerated) FieldKernel<Vector512<T>, T, Lanes512<T>>.Squares(field, block, weights);
        else if (Vector256.IsHardwareAccelerated) FieldKernel<Vector256<T>, T, Lanes256<T>>.Squares(field, block, weights);
        else if (Vector128.IsHardwareAccelerated) FieldKernel<Vector128<T>, T, Lanes128<T>>.Squares(field, block, weights);
        else FieldKernel<T, T, ScalarLanes<T>>.Squares(field, block, weights);
    }
}
