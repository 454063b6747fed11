namespace Athanor.Compute.SteadyStates;

/// <summary>The equations of a problem for intervals, at any parameters. Every method encloses: the result holds what each point of the box
/// gives. Safe to use from several threads.</summary>
public interface IIntervalModel
{
    /// <summary>Writes an enclosure of f over the box <paramref name="x"/>.</summary>
    void Rhs(ReadOnlySpan<Interval> x, ReadOnlySpan<double> parameters, Span<Interval> f);

    /// <summary>Writes an enclosure of df/dx over the box, shape (n, n) row-major; the whole line where f has a jump or a kink that the box
    /// may hold.</summary>
    void Jacobian(ReadOnlySpan<Interval> x, ReadOnlySpan<double> parameters, Span<Interval> jacobian);
}

/// <summary>Equations written once for every kind of number; derivatives over a box come from forward differentiation of the same
/// text.</summary>
internal sealed class GenericIntervalModel(IGenericField field) : IIntervalModel
{
    public void Rhs(ReadOnlySpan<Interval> x, ReadOnlySpan<double> parameters, Span<Interval> f) => field.Rhs(x, parameters, f);

    public void Jacobian(ReadOnlySpan<Interval> x, ReadOnlySpan<double> parameters, Span<Interval> jacobian)
    {
        var n = x.Length;
        IntervalGradient[] variables = new IntervalGradient[n], f = new IntervalGradient[n];
        for (var i = 0; i < n; i++) variables[i] = IntervalGradient.Variable(x[i], i, n);
        field.Rhs<IntervalGradient>(variables, parameters, f);
        for (var i = 0; i < n; i++)
        {
            for (var j = 0; j < n; j++) jacobian[(i * n) + j] = f[i].Derivative(j);
        }
    }
}
