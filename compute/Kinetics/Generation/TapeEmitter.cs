using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.Intrinsics;
using Athanor.Compute.Kinetics.Expressions;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Kinetics.Generation;

/// <summary>
/// Turns a tape into IL. A register that is read once is an expression on the evaluation stack, one that is read more often a local; so the
/// JIT sees the tree it would see of hand-written code. Calls come first, each with nothing else on the stack: no vector register outlives a
/// call, so whatever waited there would be written to memory and read again. The order of evaluation differs from the tape's, what is
/// calculated does not.
/// </summary>
internal sealed class TapeEmitter
{
    private static readonly Type Lane = typeof(Vector512<double>);
    private static readonly MethodInfo Broadcast = typeof(Vector512).GetMethod(nameof(Vector512.Create), [typeof(double)])!;
    private static readonly MethodInfo LaneFma = typeof(Vector512).GetMethod(nameof(Vector512.FusedMultiplyAdd), [Lane, Lane, Lane])!;
    private static readonly MethodInfo Fma = typeof(Math).GetMethod(
        nameof(Math.FusedMultiplyAdd), [typeof(double), typeof(double), typeof(double)])!;

    private readonly ILGenerator _il;
    private readonly Tape _tape;
    private readonly bool _lanes;
    private readonly Mode _mode;
    private readonly bool _manyExp;
    private readonly LocalBuilder?[] _locals;

    public TapeEmitter(ILGenerator il, Tape tape, Mode mode)
    {
        _il = il;
        _tape = tape;
        _mode = mode;
        _lanes = mode == Mode.Lanes;
        _manyExp = tape.Instructions.Count(static instruction => instruction.Code == TapeCode.Exp) > 8;
        _locals = new LocalBuilder?[tape.Instructions.Length];
    }

    public enum Mode
    {
        /// <summary>What depends on states; what is prepared is read.</summary>
        Scalar,

        /// <summary>What depends on parameters alone.</summary>
        Prepare,

        /// <summary>Everything, for eight lanes.</summary>
        Lanes,
    }

    /// <summary>Pushes the reference of the first state; null where there are none.</summary>
    public LocalBuilder? States { get; init; }

    public LocalBuilder? Parameters { get; init; }

    public LocalBuilder? Prepared { get; init; }

    /// <summary>Slot of each prepared register in the array of prepared numbers, or -1.</summary>
    public int[] Slots { get; init; } = [];

    /// <summary>Pushes the array of tables.</summary>
    public Action? Tables { get; init; }

    /// <summary>Registers of the prepared part that must be kept: read by the rest, and more than a number or a parameter.</summary>
    public static int[] Kept(Tape tape)
    {
        var kept = new SortedSet<int>();
        for (var r = tape.Prepared; r < tape.Instructions.Length; r++)
        {
            var instruction = tape.Instructions[r];
            foreach (var operand in (ReadOnlySpan<int>)[instruction.A, instruction.B, instruction.C]) Add(operand);
        }
        foreach (var output in tape.Outputs) Add(output);
        return [.. kept];

        void Add(int register)
        {
            if (register >= 0 && register < tape.Prepared
                && tape.Instructions[register].Code is not (TapeCode.Constant or TapeCode.Parameter)) kept.Add(register);
        }
    }

    /// <summary>Emits outputs to their places behind a reference.</summary>
    public void Outputs(LocalBuilder target, ReadOnlySpan<int> registers, ReadOnlySpan<int> places)
    {
        Calls();
        for (var i = 0; i < registers.Length; i++)
        {
            Address(target, places.IsEmpty ? i : places[i]);
            Value(registers[i]);
            if (_lanes) _il.Emit(OpCodes.Stobj, Lane);
            else _il.Emit(OpCodes.Stind_R8);
        }
    }

    /// <summary>Calculates all that is called, into locals.</summary>
    private void Calls()
    {
        var first = _mode == Mode.Scalar ? _tape.Prepared : 0;
        var end = _mode == Mode.Prepare ? _tape.Prepared : _tape.Instructions.Length;
        for (var r = first; r < end; r++)
        {
            ref readonly var instruction = ref _tape.Instructions[r];
            if (instruction.Code is not (TapeCode.Exp or TapeCode.Log or TapeCode.Tanh or TapeCode.GuardedPower or TapeCode.Power
                or TapeCode.PowerQuotient or TapeCode.Table or TapeCode.TableSlope)) continue;
            Compute(instruction);
            var local = _il.DeclareLocal(_lanes ? Lane : typeof(double));
            _locals[r] = local;
            _il.Emit(OpCodes.Stloc, local);
        }
    }

    private void Value(int register)
    {
        ref readonly var instruction = ref _tape.Instructions[register];
        switch (instruction.Code)
        {
            case TapeCode.Constant:
                Number(instruction.Value);
                return;
            case TapeCode.Parameter:
                Load(Parameters!, instruction.Index);
                return;
            case TapeCode.Temperature or TapeCode.Time:
                _il.Emit(OpCodes.Ldarg_1);
                return;
        }
        if (_mode == Mode.Scalar && register < _tape.Prepared)
        {
            Load(Prepared!, Slots[register]);
            return;
        }
        if (_locals[register] is { } local)
        {
            _il.Emit(OpCodes.Ldloc, local);
            return;
        }
        Compute(instruction);
        if (_tape.Uses[register] < 2) return;
        local = _il.DeclareLocal(_lanes ? Lane : typeof(double));
        _locals[register] = local;
        _il.Emit(OpCodes.Dup);
        _il.Emit(OpCodes.Stloc, local);
    }

    private void Compute(in TapeInstruction i)
    {
        switch (i.Code)
        {
            case TapeCode.State:
                Load(States!, i.Index);
                break;
            case TapeCode.Add or TapeCode.Subtract or TapeCode.Multiply or TapeCode.Divide:
                Value(i.A);
                Value(i.B);
                Arithmetic(i.Code);
                break;
            case TapeCode.Reciprocal:
                Number(1.0);
                Value(i.A);
                Arithmetic(TapeCode.Divide);
                break;
            case TapeCode.Negate:
                Value(i.A);
                Arithmetic(TapeCode.Negate);
                break;
            case TapeCode.MultiplyAdd or TapeCode.MultiplySubtract or TapeCode.NegatedMultiplyAdd:
                Value(i.A);
                if (i.Code == TapeCode.NegatedMultiplyAdd) Arithmetic(TapeCode.Negate);
                Value(i.B);
                Value(i.C);
                if (i.Code == TapeCode.MultiplySubtract) Arithmetic(TapeCode.Negate);
                _il.Emit(OpCodes.Call, _lanes ? LaneFma : Fma);
                break;
            case TapeCode.Table or TapeCode.TableSlope:
                Tables!();
                _il.Emit(OpCodes.Ldc_I4, i.Index);
                _il.Emit(OpCodes.Ldelem_Ref);
                Value(i.A);
                Call(typeof(RateTable), i.Code == TapeCode.Table ? nameof(RateTable.At) : nameof(RateTable.SlopeAt), 1);
                break;
            case TapeCode.GuardedPower:
                Value(i.A);
                _il.Emit(OpCodes.Ldc_R8, i.Value);
                _il.Emit(OpCodes.Call, typeof(ExpressionFunctions).GetMethod(
                    nameof(ExpressionFunctions.GuardedPower), [_lanes ? Lane : typeof(double), typeof(double)])!);
                break;
            case TapeCode.Exp or TapeCode.Tanh or TapeCode.Log:
                Value(i.A);
                // In lanes the exponential is inlined by itself, which is worth it only while there are few.
                Call(_lanes && _manyExp && i.Code == TapeCode.Exp ? typeof(ExpressionFunctions) : typeof(DetMath), i.Code.ToString(), 1);
                break;
            case TapeCode.Power:
                Value(i.A);
                Value(i.B);
                Call(typeof(ExpressionFunctions), nameof(ExpressionFunctions.Power), 2);
                break;
            case TapeCode.Select or TapeCode.PowerQuotient:
                Value(i.A);
                Value(i.B);
                Value(i.C);
                Call(typeof(ExpressionFunctions), i.Code.ToString(), 3);
                break;
            case TapeCode.Root:
                Value(i.A);
                Call(typeof(ExpressionFunctions), i.Code.ToString(), 1);
                break;
            default:
                throw new InvalidOperationException($"no instruction {i.Code}");
        }
    }

    private void Arithmetic(TapeCode code)
    {
        if (_lanes)
        {
            var name = code switch
            {
                TapeCode.Add => "op_Addition",
                TapeCode.Subtract => "op_Subtraction",
                TapeCode.Multiply => "op_Multiply",
                TapeCode.Divide => "op_Division",
                _ => "op_UnaryNegation",
            };
            _il.Emit(OpCodes.Call, Lane.GetMethod(name, code == TapeCode.Negate ? [Lane] : [Lane, Lane])!);
            return;
        }
        _il.Emit(code switch
        {
            TapeCode.Add => OpCodes.Add,
            TapeCode.Subtract => OpCodes.Sub,
            TapeCode.Multiply => OpCodes.Mul,
            TapeCode.Divide => OpCodes.Div,
            _ => OpCodes.Neg,
        });
    }

    private void Call(Type type, string name, int arguments)
    {
        var types = Enumerable.Repeat(_lanes ? Lane : typeof(double), arguments).ToArray();
        var method = type.GetMethod(name, types) ?? throw new MissingMethodException(type.Name, name);
        _il.Emit(OpCodes.Call, method);
    }

    private void Number(double value)
    {
        _il.Emit(OpCodes.Ldc_R8, value);
        if (_lanes) _il.Emit(OpCodes.Call, Broadcast);
    }

    private void Load(LocalBuilder reference, int index)
    {
        Address(reference, index);
        if (_lanes) _il.Emit(OpCodes.Ldobj, Lane);
        else _il.Emit(OpCodes.Ldind_R8);
    }

    private void Address(LocalBuilder reference, int index)
    {
        _il.Emit(OpCodes.Ldloc, reference);
        if (index == 0) return;
        _il.Emit(OpCodes.Ldc_I4, index * (_lanes ? 64 : 8));
        _il.Emit(OpCodes.Add);
    }
}
