using Athanor.Compute.Numerics;

namespace Athanor.Compute.Estimation;

/// <content>What a smoother over several intervals asks of the filter.</content>
internal sealed partial class SquareRootCore<TMap>
{
    internal void PredictOnce(Span<double> belief, ReadOnlySpan<double> u, double dtS) =>
        Predict<double, ScalarLanes<double>>(belief, u, dtS);

    /// <summary>Takes all values in, without a gate.</summary>
    internal void CorrectAll(Span<double> belief, int[] sensors, double[] values)
    {
        double[] used = new double[sensors.Length], predicted = new double[sensors.Length], variance = new double[sensors.Length];
        Array.Fill(used, 1.0);
        Correct<double, ScalarLanes<double>>(belief, sensors, values, predicted, variance, used, true);
    }

    /// <summary>Carries a belief on with the map linearised at a point; a filter's own step where the point is its mean.</summary>
    internal HorizonCore<TMap>.Pass PredictAt(double[] belief, ReadOnlySpan<double> at, double[] u, double dtS)
    {
        int n = _states, size = _size;
        if (!(dtS > 0)) return new HorizonCore<TMap>.Pass { A = [], E = [], Predicted = (double[])belief.Clone() };
        double[] a = new double[n * n], e = Joint.Estimated.Length > 0 ? new double[n * _parameters] : [], next = new double[n];
        double[] m = new double[2 * size * size], shift = new double[size], expected = new double[size];
        Linearise<double, ScalarLanes<double>>(at, u, dtS, next, a, e);
        for (var i = 0; i < size; i++) shift[i] = belief[i] - at[i];
        Transition(a, e, shift, expected);
        for (var i = 0; i < size; i++) belief[i] = expected[i] + (i < n ? next[i] : at[i]);
        Spread<double, ScalarLanes<double>>(belief.AsSpan(size), a, e, dtS, m);
        SquareRoot<double, ScalarLanes<double>>.Triangularise(m, size, 2 * size, belief.AsSpan(size));
        return new HorizonCore<TMap>.Pass { A = a, E = e, Predicted = (double[])belief.Clone() };
    }

    /// <summary>Rauch, Tung and Striebel's step: what the end of an interval turned out to be tells of its start.</summary>
    internal void SmoothBack(double[] before, in HorizonCore<TMap>.Pass pass, ReadOnlySpan<double> end, Span<double> start)
    {
        var size = _size;
        if (pass.A.Length == 0)
        {
            end.CopyTo(start);
            return;
        }
        double[] shift = new double[size], back = new double[size], point = before[..size];
        for (var i = 0; i < size; i++) shift[i] = end[i] - pass.Predicted[i];
        Divide(pass.Predicted[size..], shift);
        TransitionTransposed(pass.A, pass.E, shift, back);
        Smooth(before, back, point);
        point.CopyTo(start);
    }
}
