using System.Runtime.Intrinsics;
using Athanor.Compute.Kinetics.Expressions;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Kinetics.Generation;

/// <summary>Runs a tape where code generation is refused, with the bits of the generated code: the same operations in the same order, the
/// elementary functions by the same methods.</summary>
internal static class TapeInterpreter
{
    private const int OnStack = 512;

    /// <summary>Runs the prepared part of a tape. Its registers are returned; they are handed to <see cref="Run(Tape, RateTable[],
    /// double[], double, double, ReadOnlySpan{double}, ReadOnlySpan{double}, Span{double}, ReadOnlySpan{int})"/>.</summary>
    public static double[] Prepare(Tape tape, RateTable[] tables, ReadOnlySpan<double> parameters)
    {
        var registers = new double[tape.Prepared];
        Execute(tape.Instructions.AsSpan(0, tape.Prepared), 0, tables, 0.0, 0.0, [], parameters, registers);
        return registers;
    }

    /// <param name="places">Where each output goes; empty for 0, 1, 2...</param>
    public static void Run(
        Tape tape, RateTable[] tables, double[] prepared, double time, double temperature, ReadOnlySpan<double> states,
        ReadOnlySpan<double> parameters, Span<double> outputs, ReadOnlySpan<int> places = default)
    {
        var count = tape.Instructions.Length;
        var registers = count <= OnStack ? stackalloc double[OnStack] : new double[count];
        prepared.AsSpan(0, tape.Prepared).CopyTo(registers);
        Execute(tape.Instructions.AsSpan(tape.Prepared), tape.Prepared, tables, time, temperature, states, parameters, registers);
        for (var i = 0; i < tape.Outputs.Length; i++) outputs[places.IsEmpty ? i : places[i]] = registers[tape.Outputs[i]];
    }

    /// <summary>Per lane; nothing is prepared, since each lane has its own parameters.</summary>
    public static void RunLanes(
        Tape tape, RateTable[] tables, Vector512<double> time, Vector512<double> temperature, ReadOnlySpan<Vector512<double>> states,
        ReadOnlySpan<Vector512<double>> parameters, Span<Vector512<double>> outputs)
    {
        var registers = new Vector512<double>[tape.Instructions.Length];
        for (var r = 0; r < registers.Length; r++)
        {
            ref readonly var i = ref tape.Instructions[r];
            registers[r] = i.Code switch
            {
                TapeCode.Constant => Vector512.Create(i.Value),
                TapeCode.State => states[i.Index],
                TapeCode.Parameter => parameters[i.Index],
                TapeCode.Temperature => temperature,
                TapeCode.Time => time,
                TapeCode.Add => registers[i.A] + registers[i.B],
                TapeCode.Subtract => registers[i.A] - registers[i.B],
                TapeCode.Multiply => registers[i.A] * registers[i.B],
                TapeCode.Divide => registers[i.A] / registers[i.B],
                TapeCode.Reciprocal => Vector512<double>.One / registers[i.A],
                TapeCode.Negate => -registers[i.A],
                TapeCode.MultiplyAdd => Vector512.FusedMultiplyAdd(registers[i.A], registers[i.B], registers[i.C]),
                TapeCode.MultiplySubtract => Vector512.FusedMultiplyAdd(registers[i.A], registers[i.B], -registers[i.C]),
                TapeCode.NegatedMultiplyAdd => Vector512.FusedMultiplyAdd(-registers[i.A], registers[i.B], registers[i.C]),
                TapeCode.Exp => DetMath.Exp(registers[i.A]),
                TapeCode.Log => DetMath.Log(registers[i.A]),
                TapeCode.Tanh => DetMath.Tanh(registers[i.A]),
                TapeCode.Root => ExpressionFunctions.Root(registers[i.A]),
                TapeCode.GuardedPower => ExpressionFunctions.GuardedPower(registers[i.A], i.Value),
                TapeCode.Power => ExpressionFunctions.Power(registers[i.A], registers[i.B]),
                TapeCode.PowerQuotient => ExpressionFunctions.PowerQuotient(registers[i.A], registers[i.B], registers[i.C]),
                TapeCode.Select => ExpressionFunctions.Select(registers[i.A], registers[i.B], registers[i.C]),
                TapeCode.Table => tables[i.Index].At(registers[i.A]),
                TapeCode.TableSlope => tables[i.Index].SlopeAt(registers[i.A]),
                _ => throw new InvalidOperationException($"no instruction {i.Code}"),
            };
        }
        for (var i = 0; i < tape.Outputs.Length; i++) outputs[i] = registers[tape.Outputs[i]];
    }

    private static void Execute(
        ReadOnlySpan<TapeInstruction> instructions, int first, RateTable[] tables, double time, double temperature,
        ReadOnlySpan<double> states, ReadOnlySpan<double> parameters, Span<double> registers)
    {
        for (var n = 0; n < instructions.Length; n++)
        {
            ref readonly var i = ref instructions[n];
            registers[first + n] = i.Code switch
            {
                TapeCode.Constant => i.Value,
                TapeCode.State => states[i.Index],
                TapeCode.Parameter => parameters[i.Index],
                TapeCode.Temperature => temperature,
                TapeCode.Time => time,
                TapeCode.Add => registers[i.A] + registers[i.B],
                TapeCode.Subtract => registers[i.A] - registers[i.B],
                TapeCode.Multiply => registers[i.A] * registers[i.B],
                TapeCode.Divide => registers[i.A] / registers[i.B],
                TapeCode.Reciprocal => 1.0 / registers[i.A],
                TapeCode.Negate => -registers[i.A],
                TapeCode.MultiplyAdd => Math.FusedMultiplyAdd(registers[i.A], registers[i.B], registers[i.C]),
                TapeCode.MultiplySubtract => Math.FusedMultiplyAdd(registers[i.A], registers[i.B], -registers[i.C]),
                TapeCode.NegatedMultiplyAdd => Math.FusedMultiplyAdd(-registers[i.A], registers[i.B], registers[i.C]),
                TapeCode.Exp => DetMath.Exp(registers[i.A]),
                TapeCode.Log => DetMath.Log(registers[i.A]),
                TapeCode.Tanh => DetMath.Tanh(registers[i.A]),
                TapeCode.Root => ExpressionFunctions.Root(registers[i.A]),
                TapeCode.GuardedPower => ExpressionFunctions.GuardedPower(registers[i.A], i.Value),
                TapeCode.Power => ExpressionFunctions.Power(registers[i.A], registers[i.B]),
                TapeCode.PowerQuotient => ExpressionFunctions.PowerQuotient(registers[i.A], registers[i.B], registers[i.C]),
                TapeCode.Select => ExpressionFunctions.Select(registers[i.A], registers[i.B], registers[i.C]),
                TapeCode.Table => tables[i.Index].At(registers[i.A]),
                TapeCode.TableSlope => tables[i.Index].SlopeAt(registers[i.A]),
                _ => throw new InvalidOperationException($"no instruction {i.Code}"),
            };
        }
    }
}
