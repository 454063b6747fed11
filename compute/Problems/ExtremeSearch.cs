using Athanor.Compute.Ode;

namespace Athanor.Compute.Problems;

/// <summary>
/// The least and largest value of every component over accepted steps, whatever methods they are of: the ends of the steps, and the turns
/// of their continuous extensions within them. A turn is bracketed by samples of the step (its quarters, and a point close to either end)
/// and then narrowed down until its value is known to rounding.
/// </summary>
internal readonly struct ExtremeSearch(int n)
{
    // A turn within the first or last thousandth of a step differs from the step's end by a millionth of the step's change.
    private static ReadOnlySpan<double> Points => [0.0, 0.001, 0.25, 0.5, 0.75, 0.999, 1.0];

    /// <summary>Narrowings of a bracket by the golden section, each to 0.618 of its width: the value at a turn is off by the square of
    /// what is left.</summary>
    private const int Narrowings = 40;

    private const double Golden = 0.6180339887498949;

    private readonly double[] _samples = new double[Points.Length * n], _state = new double[n];
    private readonly int _n = n;

    /// <summary>Takes a step's extremes into those so far.</summary>
    public void Gather(in DenseStep step, Span<double> least, Span<double> most)
    {
        var last = Points.Length - 1;
        for (var j = 1; j < last; j++) step.Interpolate(At(step, Points[j]), _samples.AsSpan(j * _n, _n));
        step.Y0.CopyTo(_samples);
        step.Y1.CopyTo(_samples.AsSpan(last * _n));
        for (var i = 0; i < _n; i++)
        {
            least[i] = Math.Min(least[i], step.Y1[i]);
            most[i] = Math.Max(most[i], step.Y1[i]);
            for (var j = 1; j < last; j++)
            {
                double before = Sample(j - 1, i), here = Sample(j, i), after = Sample(j + 1, i);
                // Between three samples a smooth function exceeds the middle one by less than that exceeds the others.
                if (here >= before && here >= after && (2.0 * here) - Math.Min(before, after) > most[i])
                    most[i] = Math.Max(most[i], Turn(step, i, j, 1.0));
                else if (here <= before && here <= after && (2.0 * here) - Math.Max(before, after) < least[i])
                    least[i] = Math.Min(least[i], Turn(step, i, j, -1.0));
            }
        }
    }

    /// <summary>The largest (sign 1) or least (sign -1) value of component i between the samples beside sample j.</summary>
    private double Turn(in DenseStep step, int i, int j, double sign)
    {
        double left = Points[j - 1], right = Points[j + 1];
        double a = right - (Golden * (right - left)), b = left + (Golden * (right - left));
        double atA = Value(step, a, i), atB = Value(step, b, i);
        var best = Sample(j, i);
        for (var k = 0; k < Narrowings; k++)
        {
            if (sign * atA > sign * best) best = atA;
            if (sign * atB > sign * best) best = atB;
            if (sign * atA > sign * atB)
            {
                (right, b, atB) = (b, a, atA);
                a = right - (Golden * (right - left));
                atA = Value(step, a, i);
            }
            else
            {
                (left, a, atA) = (a, b, atB);
                b = left + (Golden * (right - left));
                atB = Value(step, b, i);
            }
        }
        return best;
    }

    private double Sample(int j, int i) => _samples[(j * _n) + i];

    private double Value(in DenseStep step, double theta, int i)
    {
        step.Interpolate(At(step, theta), _state);
        return _state[i];
    }

    private static double At(in DenseStep step, double theta) => step.T0 + (theta * (step.T1 - step.T0));
}
