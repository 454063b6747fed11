using Athanor.Compute.Numerics;

namespace Athanor.Compute.Neural;

/// <content>Sums brought home: from padded lanes into the parameters' order; rows to and from blocks.</content>
internal static unsafe partial class NetKernel<TVector, T, TLanes>
{
    /// <summary>Adds the sums over rows to the gradient, in the parameters' order.</summary>
    public static void AddSums(NetLayout net, T* sums, T* gradient)
    {
        for (var l = 0; l < net.Layers; l++)
        {
            int inputs = net.Sizes[l], outputs = net.Sizes[l + 1];
            T* from = sums + net.WeightSums[l], to = gradient + net.Weights[l];
            if (net.HasFewInputs(l))
            {
                AddTrees(from, outputs * inputs, to);
            }
            else
            {
                var padded = NetLayout.Padded(inputs);
                for (var o = 0; o < outputs; o++, from += padded, to += inputs) AddTo(to, from, inputs);
            }
            AddTrees(sums + net.BiasSums[l], outputs, gradient + net.Biases[l]);
        }
    }

    /// <summary>to += from.</summary>
    public static void AddTo(T* to, T* from, nint count)
    {
        nint i = 0;
        for (; i + TLanes.Count <= count; i += TLanes.Count) TLanes.Store(TLanes.Add(TLanes.Load(to + i), TLanes.Load(from + i)), to + i);
        for (; i < count; i++) to[i] += from[i];
    }

    /// <summary>[rows, features] as callers have them to [features, rows] of a block; padding is 0.</summary>
    /// <param name="stride">From one row to the next in <paramref name="from"/>.</param>
    public static void LoadRows(T* from, nint stride, int count, int features, T* to, int rows)
    {
        var whole = count / TLanes.Count * TLanes.Count;
        var f = 0;
        for (; f + TLanes.Count <= features; f += TLanes.Count)
        {
            for (var r = 0; r < whole; r += TLanes.Count)
                TLanes.Transpose(from + (r * stride) + f, stride, to + ((nint)f * rows) + r, rows);
        }
        for (var g = 0; g < features; g++, to += rows)
        {
            for (var r = g < f ? whole : 0; r < count; r++) to[r] = from[(r * stride) + g];
            for (var r = count; r < rows; r++) to[r] = T.Zero;
        }
    }

    /// <summary>[features, rows] of a block to [rows, features].</summary>
    /// <param name="stride">From one row to the next in <paramref name="to"/>.</param>
    public static void StoreRows(T* from, int rows, int count, int features, T* to, nint stride)
    {
        var whole = count / TLanes.Count * TLanes.Count;
        var f = 0;
        for (; f + TLanes.Count <= features; f += TLanes.Count)
        {
            for (var r = 0; r < whole; r += TLanes.Count)
                TLanes.Transpose(from + ((nint)f * rows) + r, rows, to + (r * stride) + f, stride);
        }
        for (var g = 0; g < features; g++, from += rows)
        {
            for (var r = g < f ? whole : 0; r < count; r++) to[(r * stride) + g] = from[r];
        }
    }

    /// <summary>to[i] += the sum of the sixteen lanes at from + 16 i: l with l + 8, then + 4, + 2, + 1.</summary>
    private static void AddTrees(T* from, int count, T* to)
    {
        const int share = NetLayout.Share;
        var i = 0;
        if (TLanes.Count > 1)
        {
            // Turned, so that as many sums as there are lanes go side by side.
            var turned = stackalloc T[share * TLanes.Count];
            for (; i + TLanes.Count <= count; i += TLanes.Count, from += share * TLanes.Count)
            {
                for (var l = 0; l < share; l += TLanes.Count) TLanes.Transpose(from + l, share, turned + (l * TLanes.Count), TLanes.Count);
                for (var half = share / 2; half > 0; half /= 2)
                {
                    for (var l = 0; l < half; l++)
                    {
                        var sum = turned + (l * TLanes.Count);
                        TLanes.Store(TLanes.Add(TLanes.Load(sum), TLanes.Load(sum + (half * TLanes.Count))), sum);
                    }
                }
                TLanes.Store(TLanes.Add(TLanes.Load(to + i), TLanes.Load(turned)), to + i);
            }
        }
        for (; i < count; i++, from += share) to[i] += Tree(from);
    }

    private static T Tree(T* lanes)
    {
        var s = stackalloc T[8];
        for (var i = 0; i < 8; i++) s[i] = lanes[i] + lanes[i + 8];
        for (var i = 0; i < 4; i++) s[i] += s[i + 4];
        return (s[0] + s[2]) + (s[1] + s[3]);
    }
}
