using System.Runtime.CompilerServices;

namespace Athanor.Compute.Neural;

/// <content>One row: outputs along the lanes.</content>
internal static unsafe partial class NetKernel<TVector, T, TLanes>
{
    /// <summary>y = f(x); where it lies.</summary>
    /// <param name="packed">Per layer the bias [padded outputs], then the weight [inputs, padded outputs].</param>
    /// <param name="scratch">[2, widest].</param>
    public static T* Single(NetLayout net, T* packed, T* x, T* scratch)
    {
        for (var l = 0; l < net.Layers; l++)
        {
            int inputs = net.Sizes[l], outputs = net.Sizes[l + 1];
            nint padded = NetLayout.Padded(outputs);
            var y = scratch + (l % 2 * net.Widest);
            nint o = 0;
            for (; o + (4 * TLanes.Count) <= padded; o += 4 * TLanes.Count) Single4(packed + o, padded, inputs, x, y + o);
            for (; o < padded; o += TLanes.Count) Single1(packed + o, padded, inputs, x, y + o);
            if (l + 1 == net.Layers) return y;
            Activate(net.Activation, y, null, padded);
            packed += padded * (inputs + 1);
            x = y;
        }
        return x;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Single4(T* w, nint padded, int inputs, T* x, T* y)
    {
        var s0 = TLanes.Load(w);
        var s1 = TLanes.Load(w + TLanes.Count);
        var s2 = TLanes.Load(w + (2 * TLanes.Count));
        var s3 = TLanes.Load(w + (3 * TLanes.Count));
        for (var i = 0; i < inputs; i++)
        {
            w += padded;
            var c = TLanes.Create(x[i]);
            s0 = TLanes.Fma(TLanes.Load(w), c, s0);
            s1 = TLanes.Fma(TLanes.Load(w + TLanes.Count), c, s1);
            s2 = TLanes.Fma(TLanes.Load(w + (2 * TLanes.Count)), c, s2);
            s3 = TLanes.Fma(TLanes.Load(w + (3 * TLanes.Count)), c, s3);
        }
        TLanes.Store(s0, y);
        TLanes.Store(s1, y + TLanes.Count);
        TLanes.Store(s2, y + (2 * TLanes.Count));
        TLanes.Store(s3, y + (3 * TLanes.Count));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Single1(T* w, nint padded, int inputs, T* x, T* y)
    {
        var s = TLanes.Load(w);
        for (var i = 0; i < inputs; i++)
        {
            w += padded;
            s = TLanes.Fma(TLanes.Load(w), TLanes.Create(x[i]), s);
        }
        TLanes.Store(s, y);
    }
}
