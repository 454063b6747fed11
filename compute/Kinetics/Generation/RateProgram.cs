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
        // By row, and within a row by state, since the states come in their order. Plain lists of references: what is generic over new
        // structs is compiled anew by the JIT, and that is most of the time of a first load.
        var byRow = new List<Expression>[rows.Count];
        var statesOf = new List<int>[rows.Count];
        for (var i = 0; i < rows.Count; i++) (byRow[i], statesOf[i]) = ([], []);
        for (var j = 0; j < states; j++) AddTo(graph.State(j), (row, value) =>
        {
            byRow[row].Add(value);
            statesOf[row].Add(j);
        });
        var entries = new List<(int Row, int State)>();
        var byState = new List<Expression>();
        for (var i = 0; i < rows.Count; i++)
        {
            byState.AddRange(byRow[i]);
            foreach (var j in statesOf[i]) entries.Add((i, j));
        }
        var byParameter = new List<Expression>();
        var parameterPlaces = new List<int>();
        for (var k = 0; k < parameters; k++) AddTo(graph.Parameter(k), (row, value) =>
        {
            byParameter.Add(value);
            parameterPlaces.Add((k * rows.Count) + row);
        });
        var bySecond = new List<Expression>();
        var secondPlaces = new List<int>();
        AddTo(second, (row, value) =>
        {
            bySecond.Add(value);
            secondPlaces.Add(row);
        });
        return new RateProgram(rows.Count, states, parameters, tables)
        {
            Values = Tape.Of(rows, prepare: true),
            StateDerivatives = Tape.Of(byState, prepare: true),
            Entries = [.. entries],
            SecondDerivatives = Tape.Of(bySecond, prepare: false),
            SecondPlaces = [.. secondPlaces],
            ParameterDerivatives = Tape.Of(byParameter, prepare: false),
            ParameterPlaces = [.. parameterPlaces],
        };

        void AddTo(Expression variable, Action<int, Expression> add)
        {
            var derivatives = new Derivatives(graph, dependence, variable);
            for (var i = 0; i < rows.Count; i++)
            {
                if (!dependence.On(rows[i], variable)) continue;
                var value = derivatives.Of(rows[i]);
                if (!value.Is(0.0)) add(i, value);
            }
        }
    }
}
