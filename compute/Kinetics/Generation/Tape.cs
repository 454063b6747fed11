using Athanor.Compute.Kinetics.Expressions;

namespace Athanor.Compute.Kinetics.Generation;

/// <summary>What an instruction does: the operations of expressions, and those that a machine has besides.</summary>
internal enum TapeCode : byte
{
    Constant,
    State,
    Parameter,
    Temperature,
    Time,
    Add,
    Subtract,
    Multiply,
    Divide,
    Reciprocal,
    Negate,

    /// <summary>a b + c, rounded once.</summary>
    MultiplyAdd,

    /// <summary>a b - c, rounded once.</summary>
    MultiplySubtract,

    /// <summary>c - a b, rounded once.</summary>
    NegatedMultiplyAdd,

    Exp,
    Log,
    Tanh,
    Root,
    GuardedPower,
    Power,
    PowerQuotient,
    Select,
    Table,
    TableSlope,
}

/// <summary>One operation; its result is the register of its own number.</summary>
/// <param name="A">Register of the first operand.</param>
/// <param name="Index">Number of a state, parameter or table.</param>
internal readonly record struct TapeInstruction(TapeCode Code, int A, int B, int C, double Value, int Index);

/// <summary>
/// A straight-line program for some expressions. It is the single source of both forms of execution: the interpreter runs it, the emitter
/// turns it into machine code, scalar and in lanes, so that all four round at the same places and give the same bits. The first
/// <see cref="Prepared"/> instructions depend on parameters alone; scalar code runs them once for each set of parameters.
/// </summary>
internal sealed class Tape
{
    private Tape(TapeInstruction[] instructions, int prepared, int[] outputs)
    {
        Instructions = instructions;
        Prepared = prepared;
        Outputs = outputs;
        Uses = new int[instructions.Length];
        foreach (var instruction in instructions)
        {
            if (instruction.A >= 0) Uses[instruction.A]++;
            if (instruction.B >= 0) Uses[instruction.B]++;
            if (instruction.C >= 0) Uses[instruction.C]++;
        }
        foreach (var output in outputs) Uses[output]++;
    }

    public TapeInstruction[] Instructions { get; }

    public int Prepared { get; }

    /// <summary>Register of each output.</summary>
    public int[] Outputs { get; }

    /// <summary>How often each register is read.</summary>
    public int[] Uses { get; }

    /// <param name="prepare">Whether what depends on parameters alone goes first.</param>
    public static Tape Of(IReadOnlyList<Expression> outputs, bool prepare) => new Builder(outputs, prepare).Build();

    private sealed class Builder(IReadOnlyList<Expression> outputs, bool prepare)
    {
        private readonly Dictionary<Expression, int> _uses = [];
        private readonly Dictionary<Expression, int> _registers = [];
        private readonly List<TapeInstruction> _prepared = [], _body = [];

        public Tape Build()
        {
            foreach (var output in outputs) Count(output);
            foreach (var output in outputs) Lower(output);
            var instructions = new TapeInstruction[_prepared.Count + _body.Count];
            for (var i = 0; i < instructions.Length; i++)
            {
                var instruction = i < _prepared.Count ? _prepared[i] : _body[i - _prepared.Count];
                instructions[i] = instruction with { A = Place(instruction.A), B = Place(instruction.B), C = Place(instruction.C) };
            }
            var registers = new int[outputs.Count];
            for (var i = 0; i < registers.Length; i++) registers[i] = Place(_registers[outputs[i]]);
            return new Tape(instructions, _prepared.Count, registers);
        }

        private int Place(int register) => register >= 0 ? register + _prepared.Count : register == int.MinValue ? -1 : ~register;

        private void Count(Expression node)
        {
            _uses[node] = _uses.GetValueOrDefault(node) + 1;
            if (_uses[node] > 1) return;
            if (node.A is not null) Count(node.A);
            if (node.B is not null) Count(node.B);
            if (node.C is not null) Count(node.C);
        }

        private bool IsPrepared(Expression node) => prepare && node.IsParametric;

        // Registers of the body are 0 and up, those of the prepared part ~0 and down, until the length of that part is known.
        private int Lower(Expression node)
        {
            if (_registers.TryGetValue(node, out var register)) return register;
            var instruction = Choose(node);
            if (IsPrepared(node))
            {
                register = ~_prepared.Count;
                _prepared.Add(instruction);
            }
            else
            {
                register = _body.Count;
                _body.Add(instruction);
            }
            _registers.Add(node, register);
            return register;
        }

        private TapeInstruction Choose(Expression node)
        {
            switch (node.Operation)
            {
                case Operation.Add:
                    if (Fuses(node, node.B!)) return Make(TapeCode.MultiplyAdd, node.B!.A, node.B.B, node.A);
                    if (Fuses(node, node.A!)) return Make(TapeCode.MultiplyAdd, node.A!.A, node.A.B, node.B);
                    return Make(TapeCode.Add, node.A, node.B);
                case Operation.Subtract:
                    if (Fuses(node, node.B!)) return Make(TapeCode.NegatedMultiplyAdd, node.B!.A, node.B.B, node.A);
                    if (Fuses(node, node.A!)) return Make(TapeCode.MultiplySubtract, node.A!.A, node.A.B, node.B);
                    return Make(TapeCode.Subtract, node.A, node.B);
                case Operation.Multiply:
                    if (Divides(node, node.B!)) return Make(TapeCode.Divide, node.A, node.B!.A);
                    if (Divides(node, node.A!)) return Make(TapeCode.Divide, node.B, node.A!.A);
                    return Make(TapeCode.Multiply, node.A, node.B);
                default:
                    return Make(Code(node.Operation), node.A, node.B, node.C, node.Value, node.Index);
            }
        }

        // A product or reciprocal that nothing else needs, and that would be calculated in the same part.
        private bool Alone(Expression node, Expression operand) => _uses[operand] == 1 && IsPrepared(node) == IsPrepared(operand);

        private bool Fuses(Expression node, Expression operand) =>
            operand.Operation == Operation.Multiply && Alone(node, operand) && !Divides(operand, operand.A!) && !Divides(operand, operand.B!);

        private bool Divides(Expression node, Expression operand) => operand.Operation == Operation.Reciprocal && Alone(node, operand);

        private TapeInstruction Make(TapeCode code, Expression? a, Expression? b = null, Expression? c = null, double value = 0.0, int index = 0) =>
            new(code, Operand(a), Operand(b), Operand(c), value, index);

        private int Operand(Expression? node) => node is null ? int.MinValue : Lower(node);

        private static TapeCode Code(Operation operation) => operation switch
        {
            Operation.Constant => TapeCode.Constant,
            Operation.State => TapeCode.State,
            Operation.Parameter => TapeCode.Parameter,
            Operation.Temperature => TapeCode.Temperature,
            Operation.Time => TapeCode.Time,
            Operation.Reciprocal => TapeCode.Reciprocal,
            Operation.Negate => TapeCode.Negate,
            Operation.Exp => TapeCode.Exp,
            Operation.Log => TapeCode.Log,
            Operation.Tanh => TapeCode.Tanh,
            Operation.Root => TapeCode.Root,
            Operation.GuardedPower => TapeCode.GuardedPower,
            Operation.Power => TapeCode.Power,
            Operation.PowerQuotient => TapeCode.PowerQuotient,
            Operation.Select => TapeCode.Select,
            Operation.Table => TapeCode.Table,
            Operation.TableSlope => TapeCode.TableSlope,
            _ => throw new InvalidOperationException($"{operation} is lowered elsewhere"),
        };
    }
}
