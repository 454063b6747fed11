using System.Runtime.Intrinsics;
using Athanor.Compute.Linear;
using Athanor.Compute.Ode;

namespace Athanor.Compute.Kinetics.Generation;

/// <summary>A program and a set of parameters, run by the interpreter.</summary>
internal sealed class InterpretedProgram
{
    private readonly double[] _values, _derivatives;

    public InterpretedProgram(RateProgram program, ReadOnlySpan<double> parameters)
    {
        Program = program;
        Parameters = GeneratedCode.Parameters(parameters, program.Parameters);
        _values = TapeInterpreter.Prepare(program.Values, program.Tables, parameters);
        _derivatives = TapeInterpreter.Prepare(program.StateDerivatives, program.Tables, parameters);
    }

    public RateProgram Program { get; }

    public double[] Parameters { get; }

    // The second variable is temperature or time; of the two, only the one occurs.
    public void Values(double second, ReadOnlySpan<double> states, Span<double> values) =>
        TapeInterpreter.Run(Program.Values, Program.Tables, _values, second, second, states, Parameters, values);

    public void StateDerivatives(double second, ReadOnlySpan<double> states, Span<double> values, ReadOnlySpan<int> places = default) =>
        TapeInterpreter.Run(Program.StateDerivatives, Program.Tables, _derivatives, second, second, states, Parameters, values, places);

    public void SecondDerivatives(double second, ReadOnlySpan<double> states, Span<double> derivatives)
    {
        derivatives[..Program.Rows].Clear();
        TapeInterpreter.Run(
            Program.SecondDerivatives, Program.Tables, [], second, second, states, Parameters, derivatives, Program.SecondPlaces);
    }

    public void ParameterDerivatives(double second, ReadOnlySpan<double> states, Span<double> derivatives)
    {
        derivatives[..(Program.Parameters * Program.Rows)].Clear();
        TapeInterpreter.Run(
            Program.ParameterDerivatives, Program.Tables, [], second, second, states, Parameters, derivatives, Program.ParameterPlaces);
    }

    public void Lanes(
        Tape tape, Vector512<double> second, ReadOnlySpan<Vector512<double>> states, ReadOnlySpan<Vector512<double>> parameters,
        Span<Vector512<double>> values) =>
        TapeInterpreter.RunLanes(tape, Program.Tables, second, second, states, parameters, values);
}

/// <summary>Rates by the interpreter; the bits of generated ones.</summary>
internal readonly struct InterpretedRates(InterpretedProgram program, RatePattern pattern) : IRateSet<InterpretedRates>
{
    public int SpeciesCount => program.Program.States;

    public int ReactionCount => program.Program.Rows;

    public int ParameterCount => program.Program.Parameters;

    public RatePattern Pattern => pattern;

    public double Parameter(int index) => program.Parameters[index];

    public InterpretedRates With(ReadOnlySpan<double> parameters) => new(new InterpretedProgram(program.Program, parameters), pattern);

    public void Rates(double temperature, ReadOnlySpan<double> concentrations, Span<double> rates) =>
        program.Values(temperature, concentrations, rates);

    public void RatesLanes(
        Vector512<double> temperature, ReadOnlySpan<Vector512<double>> concentrations, ReadOnlySpan<Vector512<double>> parameters,
        Span<Vector512<double>> rates) =>
        program.Lanes(program.Program.Values, temperature, concentrations, parameters, rates);

    public void ConcentrationDerivatives(double temperature, ReadOnlySpan<double> concentrations, Span<double> values) =>
        program.StateDerivatives(temperature, concentrations, values);

    public void ConcentrationDerivativesLanes(
        Vector512<double> temperature, ReadOnlySpan<Vector512<double>> concentrations, ReadOnlySpan<Vector512<double>> parameters,
        Span<Vector512<double>> values) =>
        program.Lanes(program.Program.StateDerivatives, temperature, concentrations, parameters, values);

    public void TemperatureDerivatives(double temperature, ReadOnlySpan<double> concentrations, Span<double> derivatives) =>
        program.SecondDerivatives(temperature, concentrations, derivatives);

    public void ParameterDerivatives(double temperature, ReadOnlySpan<double> concentrations, Span<double> derivatives) =>
        program.ParameterDerivatives(temperature, concentrations, derivatives);
}

/// <summary>A model by the interpreter; the bits of a generated one.</summary>
internal readonly struct InterpretedModel(InterpretedProgram program, SparsePattern pattern, int[] places)
    : IOdeModel<InterpretedModel>, ISparseOdeModel, ILaneDerivatives
{
    public int Dimension => program.Program.States;

    public bool IsAutonomous => !program.Program.UsesSecond;

    public int ParameterCount => program.Program.Parameters;

    public SparsePattern Pattern => pattern;

    public double Parameter(int index) => program.Parameters[index];

    public InterpretedModel With(ReadOnlySpan<double> parameters) => new(new InterpretedProgram(program.Program, parameters), pattern, places);

    public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy) => program.Values(t, y, dy);

    public void RhsLanes(
        Vector512<double> t, ReadOnlySpan<Vector512<double>> y, ReadOnlySpan<Vector512<double>> parameters, Span<Vector512<double>> dy) =>
        program.Lanes(program.Program.Values, t, y, parameters, dy);

    public bool HasLaneJacobian => true;

    public void JacobianLanes(
        Vector512<double> t, ReadOnlySpan<Vector512<double>> y, ReadOnlySpan<Vector512<double>> parameters,
        Span<Vector512<double>> jacobian)
    {
        jacobian[..(Dimension * Dimension)].Clear();
        Scatter(program.Program.StateDerivatives, places, t, y, parameters, jacobian);
    }

    public void JacobianValuesLanes(
        Vector512<double> t, ReadOnlySpan<Vector512<double>> y, ReadOnlySpan<Vector512<double>> parameters, Span<Vector512<double>> values) =>
        program.Lanes(program.Program.StateDerivatives, t, y, parameters, values);

    public void ParameterDerivativesLanes(
        Vector512<double> t, ReadOnlySpan<Vector512<double>> y, ReadOnlySpan<Vector512<double>> parameters,
        Span<Vector512<double>> derivatives)
    {
        derivatives[..(ParameterCount * Dimension)].Clear();
        Scatter(program.Program.ParameterDerivatives, program.Program.ParameterPlaces, t, y, parameters, derivatives);
    }

    private void Scatter(
        Tape tape, int[] to, Vector512<double> t, ReadOnlySpan<Vector512<double>> y, ReadOnlySpan<Vector512<double>> parameters,
        Span<Vector512<double>> result)
    {
        var values = new Vector512<double>[to.Length];
        program.Lanes(tape, t, y, parameters, values);
        for (var i = 0; i < values.Length; i++) result[to[i]] = values[i];
    }

    public void Jacobian(double t, ReadOnlySpan<double> y, Span<double> jacobian)
    {
        jacobian[..(Dimension * Dimension)].Clear();
        program.StateDerivatives(t, y, jacobian, places);
    }

    public void JacobianValues(double t, ReadOnlySpan<double> y, Span<double> values) => program.StateDerivatives(t, y, values);

    public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative) => program.SecondDerivatives(t, y, derivative);

    public void ParameterDerivatives(double t, ReadOnlySpan<double> y, Span<double> derivatives) =>
        program.ParameterDerivatives(t, y, derivatives);
}
