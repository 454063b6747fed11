using Athanor.Compute.Neural;

namespace Athanor.Compute.Tests.Neural;

/// <summary>The network as its definition reads: loops over rows, outputs and inputs in double with the platform's functions.</summary>
internal sealed class PlainNet(int[] sizes, Activation activation)
{
    /// <summary>y, gx, gp and dy.</summary>
    public double[][] Run(double[] p, double[] x, double[] dx, double[] gy, int rows)
    {
        int inputs = sizes[0], outputs = sizes[^1];
        double[] y = new double[rows * outputs], gx = new double[rows * inputs], gp = new double[p.Length], dy = new double[rows * outputs];
        for (var row = 0; row < rows; row++)
        {
            var a = new List<double[]> { x[(row * inputs)..((row + 1) * inputs)] };
            var slopes = new List<double[]>();
            var da = dx[(row * inputs)..((row + 1) * inputs)];
            var offset = 0;
            for (var l = 0; l + 1 < sizes.Length; l++)
            {
                int n = sizes[l], m = sizes[l + 1];
                var last = l + 2 == sizes.Length;
                double[] next = new double[m], dNext = new double[m], slope = new double[m];
                for (var o = 0; o < m; o++)
                {
                    double z = p[offset + (m * n) + o], dz = 0;
                    for (var i = 0; i < n; i++)
                    {
                        z += p[offset + (o * n) + i] * a[l][i];
                        dz += p[offset + (o * n) + i] * da[i];
                    }
                    (next[o], slope[o]) = last ? (z, 1) : (Value(z), Slope(z));
                    dNext[o] = slope[o] * dz;
                }
                a.Add(next);
                da = dNext;
                slopes.Add(slope);
                offset += m * (n + 1);
            }
            a[^1].CopyTo(y, row * outputs);
            da.CopyTo(dy, row * outputs);

            var g = gy[(row * outputs)..((row + 1) * outputs)];
            for (var l = sizes.Length - 2; l >= 0; l--)
            {
                int n = sizes[l], m = sizes[l + 1];
                offset -= m * (n + 1);
                var before = new double[n];
                for (var o = 0; o < m; o++)
                {
                    var delta = g[o] * slopes[l][o];
                    gp[offset + (m * n) + o] += delta;
                    for (var i = 0; i < n; i++)
                    {
                        gp[offset + (o * n) + i] += delta * a[l][i];
                        before[i] += delta * p[offset + (o * n) + i];
                    }
                }
                g = before;
            }
            g.CopyTo(gx, row * inputs);
        }
        return [y, gx, gp, dy];
    }

    private double Value(double z) => activation switch
    {
        Activation.Tanh => Math.Tanh(z),
        Activation.Softplus => Math.Max(z, 0) + Math.Log(1 + Math.Exp(-Math.Abs(z))),
        Activation.Relu => Math.Max(z, 0),
        _ => z / (1 + Math.Exp(-z)),
    };

    private double Slope(double z)
    {
        var s = 1 / (1 + Math.Exp(-z));
        return activation switch
        {
            Activation.Tanh => 1 - (Math.Tanh(z) * Math.Tanh(z)),
            Activation.Softplus => s,
            Activation.Relu => z > 0 ? 1 : 0,
            _ => s * (1 + (z * (1 - s))),
        };
    }
}
