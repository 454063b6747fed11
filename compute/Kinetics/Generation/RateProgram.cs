using Athanor.Compute.Kinetics.Expressions;

namespace Athanor.Compute.Kinetics.Generation;

/// <summary>
/// The tapes of a vector of expressions and of all its derivatives, before it is known how they are executed. The rows are rates (then the
/// second variable is temperature) or right-hand sides of differential equations (then it is time).
/// </summary>
internal sealed class RateProgram
{
    private RateProgram(int rows, int states, int parameters, RateTable[] tables)
    {
        Rows = rows;
        States = states;
        Parameters = parameters;
        Tables = tables;
    }

    public int Rows { get; }

    public int States { get; }

    public int Parameters { get; }

    public RateTable[] Tables { get; }

    public required Tape Values { get; init; }

    /// <summary>Non-zero d row / d state, by row and then by state.</summary>
    public required Tape StateDerivatives { get; init; }

    /// <summary>Row and state of each of them.</summary>
    public required (int Row, int State)[] Entries { get; init; }

    /// <summary>Non-zero d row / d temperature or time.</summary>
    public required Tape SecondDerivatives { get; init; }

    public required int[] SecondPlaces { get; init; }

    /// <summary>Non-zero d row / d parameter.</summary>
    public required Tape ParameterDerivatives { get; init; }

    /// <summary>Their places in an array of shape (parameters, rows).</summary>
    public required int[] ParameterPlaces { get; init; }

    /// <summary>Whether temperature or time occurs.</summary>
    public bool UsesSecond => SecondPlaces.Length > 0;

    public int[] DensePlaces => [.. Entries.Select(entry => (entry.Row * States) + entry.State)];

    public static RateProgram Of(
        ExpressionGraph graph, IReadOnlyList<Expression> rows, int states, int parameters, Expression second, RateTable[] tables)
    {
        var dependence = new Dependence();
        var byState = new List<(int Row, int State, Expression Value)>();
        var byParameter = new List<(int Place, Expression Value)>();
        var bySecond = new List<(int Place, Expression Value)>();
        for (var j = 0; j < states; j++)
        {
            foreach (var (row, value) in NonZero(graph.State(j))) byState.Add((row, j, value));
        }
        for (var k = 0; k < parameters; k++)
        {
            foreach (var (row, value) in NonZero(graph.Parameter(k))) byParameter.Add(((k * rows.Count) + row, value));
        }
        foreach (var (row, value) in NonZero(second)) bySecond.Add((row, value));
        byState.Sort(static (a, b) => a.Row != b.Row ? a.Row.CompareTo(b.Row) : a.State.CompareTo(b.State));
        return new RateProgram(rows.Count, states, parameters, tables)
        {
            Values = Tape.Of(rows, prepare: true),
            StateDerivatives = Tape.Of([.. byState.Select(static entry => entry.Value)], prepare: true),
            Entries = [.. byState.Select(static entry => (entry.Row, entry.State))],
            SecondDerivatives = Tape.Of([.. bySecond.Select(static entry => entry.Value)], prepare: false),
            SecondPlaces = [.. bySecond.Select(static entry => entry.Place)],
            ParameterDerivatives = Tape.Of([.. byParameter.Select(static entry => entry.Value)], prepare: false),
            ParameterPlaces = [.. byParameter.Select(static entry => entry.Place)],
        };

        IEnumerable<(int Row, Expression Value)> NonZero(Expression variable)
        {
            var derivatives = new Derivatives(graph, dependence, variable);
            for (var i = 0; i < rows.Count; i++)
            {
                if (!dependence.On(rows[i], variable)) continue;
                var value = derivatives.Of(rows[i]);
                if (!value.Is(0.0)) yield return (i, value);
            }
        }
    }
}
