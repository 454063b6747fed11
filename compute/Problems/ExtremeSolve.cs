using Athanor.Compute.Ode;

namespace Athanor.Compute.Problems;

/// <summary>Writes a solution at given times while it gathers the least and largest value of every component (<see
/// cref="ExtremeSearch"/>).</summary>
internal ref struct ExtremeSolve : IOdeObserver
{
    private readonly Span<double> _low, _high;
    private readonly ExtremeSearch _search;
    private OutputWriter _writer;

    /// <param name="times">The last is the solve's end, after its start.</param>
    /// <param name="output">Shape (times, n).</param>
    /// <param name="low">Length n, as <paramref name="high"/>.</param>
    public ExtremeSolve(ReadOnlySpan<double> times, Span<double> output, Span<double> low, Span<double> high)
    {
        _low = low;
        _high = high;
        _search = new ExtremeSearch(low.Length);
        _writer = new OutputWriter(times, output, low.Length);
    }

    /// <summary>Whether a step was seen.</summary>
    public bool Started { get; private set; }

    public bool Step(in DenseStep step)
    {
        if (!Started)
        {
            // The start of a system with algebraic unknowns is known only once they have been made consistent.
            _writer.Start(step.T0, step.Y0);
            step.Y0.CopyTo(_low);
            step.Y0.CopyTo(_high);
            Started = true;
        }
        _writer.Step(step);
        _search.Gather(step, _low, _high);
        return true;
    }
}
