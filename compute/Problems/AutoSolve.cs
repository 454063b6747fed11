using Athanor.Compute.Ode;

namespace Athanor.Compute.Problems;

/// <summary>Starts with <see cref="Tsit5"/> and hands over, from the point that was reached, to the stiff method where its step turns out to be
/// bounded by stability (<see cref="StiffnessWatch"/>) or falls to nothing.</summary>
internal static class AutoSolve
{
    /// <returns>The explicit part's statistics, and the rows of the output that are written: all of them, or those before the stiff method
    /// is to take over from <paramref name="t"/> and <paramref name="y"/>.</returns>
    public static (OdeStatistics Statistics, int Rows) Explicit<TModel>(
        in TModel model, ref double t, Span<double> y, ReadOnlySpan<double> times, Span<double> output, in OdeOptions options)
        where TModel : struct, IOdeModel
    {
        OutputWriter.Check(t, y, times, output, model.Dimension);
        var writer = new OutputWriter(times, output, model.Dimension);
        writer.Start(t, y);
        var watch = new StiffnessWatch { Ends = true };
        var statistics = Tsit5.Run(
            model, model.Dimension, ref t, y, times[^1], options.HitOutputTimes ? times : [], options, ref writer, ref watch);
        return (statistics, writer.Written);
    }
}
