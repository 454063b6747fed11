namespace Athanor.Compute.Estimation;

/// <summary>A state-space model with one measured value, as the filter needs it.</summary>
public interface IFilterModel
{
    /// <summary>Number of states n.</summary>
    int States { get; }

    /// <summary>Moves the state on by <paramref name="dt"/> under constant inputs.</summary>
    /// <param name="x">Shape (n); replaced.</param>
    /// <param name="jacobian">Receives ∂x'/∂x, shape (n, n) row-major.</param>
    /// <param name="noise">Receives the variance that the states gain over <paramref name="dt"/>, shape (n): independent noises.</param>
    void Predict(Span<double> x, ReadOnlySpan<double> inputs, double dt, Span<double> jacobian, Span<double> noise);

    /// <summary>What the instrument should read.</summary>
    /// <param name="gradient">Receives ∂h/∂x, shape (n).</param>
    /// <param name="variance">Variance of the instrument's noise.</param>
    double Measure(ReadOnlySpan<double> x, Span<double> gradient, out double variance);
}

/// <summary>What a measurement told.</summary>
/// <param name="Predicted">The value expected before it was seen.</param>
/// <param name="Variance">Variance of the innovation.</param>
/// <param name="Nis">Normalised innovation squared, (measured - predicted)² / variance; its mean is 1 for a consistent filter.</param>
public readonly record struct Innovation(double Predicted, double Variance, double Nis);

/// <summary>
/// The extended Kalman filter (Jazwinski, Stochastic Processes and Filtering Theory, 1970, sect. 8.3), with the covariance update in
/// Joseph's form P = (I - K H) P (I - K H)ᵀ + K R Kᵀ, which stays symmetric and positive under rounding (Bucy and Joseph 1968). For a
/// linear model it is the Kalman filter. Sums run in index order, so the result has the same bits everywhere.
/// </summary>
public static class ExtendedKalmanFilter
{
    /// <summary>Largest number of states.</summary>
    public const int MaxStates = 8;

    /// <summary>x ← f(x), P ← F P Fᵀ + Q.</summary>
    /// <param name="p">Covariance, shape (n, n) row-major.</param>
    public static void Predict<TModel>(in TModel model, Span<double> x, Span<double> p, ReadOnlySpan<double> inputs, double dt)
        where TModel : struct, IFilterModel
    {
        var n = Size(model.States, x, p);
        Span<double> f = stackalloc double[MaxStates * MaxStates];
        Span<double> work = stackalloc double[MaxStates * MaxStates];
        Span<double> noise = stackalloc double[MaxStates];
        f = f[..(n * n)];
        work = work[..(n * n)];
        noise = noise[..n];
        model.Predict(x, inputs, dt, f, noise);
        Congruence(f, p, work, n);
        for (var i = 0; i < n; i++) p[(i * n) + i] += noise[i];
    }

    /// <summary>Takes one measured value in.</summary>
    /// <exception cref="ArithmeticException">The innovation's variance is not positive.</exception>
    public static Innovation Update<TModel>(in TModel model, Span<double> x, Span<double> p, double measured)
        where TModel : struct, IFilterModel
    {
        Span<double> gain = stackalloc double[MaxStates];
        return Update(model, x, p, measured, gain[..model.States]);
    }

    /// <summary>As <see cref="Update{TModel}(in TModel, Span{double}, Span{double}, double)"/>; <paramref name="gain"/> receives the gain, shape (n).</summary>
    internal static Innovation Update<TModel>(in TModel model, Span<double> x, Span<double> p, double measured, Span<double> gain)
        where TModel : struct, IFilterModel
    {
        var n = Size(model.States, x, p);
        Span<double> h = stackalloc double[MaxStates];
        Span<double> factor = stackalloc double[MaxStates * MaxStates];
        Span<double> work = stackalloc double[MaxStates * MaxStates];
        h = h[..n];
        var predicted = model.Measure(x, h, out var r);
        var s = r;
        for (var i = 0; i < n; i++)
        {
            var sum = 0.0;
            for (var j = 0; j < n; j++) sum += p[(i * n) + j] * h[j];
            gain[i] = sum;
            s += h[i] * sum;
        }
        if (!(s > 0) || !double.IsFinite(s)) throw new ArithmeticException($"the innovation's variance is {s}; it must be positive");
        for (var i = 0; i < n; i++) gain[i] /= s;

        var innovation = measured - predicted;
        for (var i = 0; i < n; i++) x[i] += gain[i] * innovation;

        for (var i = 0; i < n; i++)
        {
            for (var j = 0; j < n; j++) factor[(i * n) + j] = (i == j ? 1.0 : 0.0) - (gain[i] * h[j]);
        }
        Congruence(factor[..(n * n)], p, work[..(n * n)], n);
        for (var i = 0; i < n; i++)
        {
            for (var j = 0; j < n; j++) p[(i * n) + j] += gain[i] * gain[j] * r;
        }
        return new Innovation(predicted, s, innovation * innovation / s);
    }

    /// <summary>P ← A P Aᵀ, made exactly symmetric.</summary>
    private static void Congruence(ReadOnlySpan<double> a, Span<double> p, Span<double> work, int n)
    {
        for (var i = 0; i < n; i++)
        {
            for (var j = 0; j < n; j++)
            {
                var sum = 0.0;
                for (var k = 0; k < n; k++) sum += a[(i * n) + k] * p[(k * n) + j];
                work[(i * n) + j] = sum;
            }
        }
        for (var i = 0; i < n; i++)
        {
            for (var j = 0; j <= i; j++)
            {
                var sum = 0.0;
                for (var k = 0; k < n; k++) sum += work[(i * n) + k] * a[(j * n) + k];
                p[(i * n) + j] = sum;
                p[(j * n) + i] = sum;
            }
        }
    }

    private static int Size(int n, Span<double> x, Span<double> p)
    {
        if (n is < 1 or > MaxStates) throw new ArgumentException($"the filter takes 1 to {MaxStates} states, not {n}");
        if (x.Length != n || p.Length != n * n)
            throw new ArgumentException($"the model has {n} states; the state has {x.Length} and the covariance {p.Length} elements");
        return n;
    }
}
