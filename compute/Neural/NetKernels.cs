using System.Numerics;
using System.Runtime.Intrinsics;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Neural;

/// <summary>Calls the kernel of the widest vectors that this machine has.</summary>
internal static unsafe class NetKernels<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static void Forward(NetLayout net, T* p, T* stored, T* slopes, T* y, int rows)
    {
        if (Vector512.IsHardwareAccelerated) NetKernel<Vector512<T>, T, Lanes512<T>>.Forward(net, p, stored, slopes, y, rows);
        else if (Vector256.IsHardwareAccelerated) NetKernel<Vector256<T>, T, Lanes256<T>>.Forward(net, p, stored, slopes, y, rows);
        else if (Vector128.IsHardwareAccelerated) NetKernel<Vector128<T>, T, Lanes128<T>>.Forward(net, p, stored, slopes, y, rows);
        else NetKernel<T, T, ScalarLanes<T>>.Forward(net, p, stored, slopes, y, rows);
    }

    public static void Jvp(NetLayout net, T* p, T* scratch, T* x, T* dx, T* y, T* dy, int rows)
    {
        if (Vector512.IsHardwareAccelerated) NetKernel<Vector512<T>, T, Lanes512<T>>.Jvp(net, p, scratch, x, dx, y, dy, rows);
        else if (Vector256.IsHardwareAccelerated) NetKernel<Vector256<T>, T, Lanes256<T>>.Jvp(net, p, scratch, x, dx, y, dy, rows);
        else if (Vector128.IsHardwareAccelerated) NetKernel<Vector128<T>, T, Lanes128<T>>.Jvp(net, p, scratch, x, dx, y, dy, rows);
        else NetKernel<T, T, ScalarLanes<T>>.Jvp(net, p, scratch, x, dx, y, dy, rows);
    }

    public static void Backward(
        NetLayout net, T* p, T* stored, T* slopes, T* gy, T* gx, T* sums, T* moreSums, int rows, int count, T* scratch)
    {
        if (Vector512.IsHardwareAccelerated)
            NetKernel<Vector512<T>, T, Lanes512<T>>.Backward(net, p, stored, slopes, gy, gx, sums, moreSums, rows, count, scratch);
        else if (Vector256.IsHardwareAccelerated)
            NetKernel<Vector256<T>, T, Lanes256<T>>.Backward(net, p, stored, slopes, gy, gx, sums, moreSums, rows, count, scratch);
        else if (Vector128.IsHardwareAccelerated)
            NetKernel<Vector128<T>, T, Lanes128<T>>.Backward(net, p, stored, slopes, gy, gx, sums, moreSums, rows, count, scratch);
        else
            NetKernel<T, T, ScalarLanes<T>>.Backward(net, p, stored, slopes, gy, gx, sums, moreSums, rows, count, scratch);
    }

    public static void AddSums(NetLayout net, T* sums, T* gradient)
    {
        if (Vector512.IsHardwareAccelerated) NetKernel<Vector512<T>, T, Lanes512<T>>.AddSums(net, sums, gradient);
        else if (Vector256.IsHardwareAccelerated) NetKernel<Vector256<T>, T, Lanes256<T>>.AddSums(net, sums, gradient);
        else if (Vector128.IsHardwareAccelerated) NetKernel<Vector128<T>, T, Lanes128<T>>.AddSums(net, sums, gradient);
        else NetKernel<T, T, ScalarLanes<T>>.AddSums(net, sums, gradient);
    }

    /// <summary>to += from.</summary>
    public static void AddTo(T* to, T* from, nint count)
    {
        if (Vector512.IsHardwareAccelerated) NetKernel<Vector512<T>, T, Lanes512<T>>.AddTo(to, from, count);
        else if (Vector256.IsHardwareAccelerated) NetKernel<Vector256<T>, T, Lanes256<T>>.AddTo(to, from, count);
        else if (Vector128.IsHardwareAccelerated) NetKernel<Vector128<T>, T, Lanes128<T>>.AddTo(to, from, count);
        else NetKernel<T, T, ScalarLanes<T>>.AddTo(to, from, count);
    }

    public static void LoadRows(T* from, nint stride, int count, int features, T* to, int rows)
    {
        if (Vector512.IsHardwareAccelerated) NetKernel<Vector512<T>, T, Lanes512<T>>.LoadRows(from, stride, count, features, to, rows);
        else if (Vector256.IsHardwareAccelerated) NetKernel<Vector256<T>, T, Lanes256<T>>.LoadRows(from, stride, count, features, to, rows);
        else if (Vector128.IsHardwareAccelerated) NetKernel<Vector128<T>, T, Lanes128<T>>.LoadRows(from, stride, count, features, to, rows);
        else NetKernel<T, T, ScalarLanes<T>>.LoadRows(from, stride, count, features, to, rows);
    }

    public static void StoreRows(T* from, int rows, int count, int features, T* to, nint stride)
    {
        if (Vector512.IsHardwareAccelerated)
            NetKernel<Vector512<T>, T, Lanes512<T>>.StoreRows(from, rows, count, features, to, stride);
        else if (Vector256.IsHardwareAccelerated)
            NetKernel<Vector256<T>, T, Lanes256<T>>.StoreRows(from, rows, count, features, to, stride);
        else if (Vector128.IsHardwareAccelerated)
            NetKernel<Vector128<T>, T, Lanes128<T>>.StoreRows(from, rows, count, features, to, stride);
        else NetKernel<T, T, ScalarLanes<T>>.StoreRows(from, rows, count, features, to, stride);
    }
}
