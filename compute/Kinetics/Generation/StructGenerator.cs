using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Athanor.Compute.Linear;
using Athanor.Compute.Ode;

namespace Athanor.Compute.Kinetics.Generation;

/// <summary>
/// Makes a struct type of a program, by Reflection.Emit: an <see cref="IRateSet{TSelf}"/>, or an <see cref="IOdeModel{TSelf}"/> that is an
/// <see cref="ISparseOdeModel"/> too. Its fields are what all instances share, the parameters, and what was prepared of them. The assembly
/// is collectible: the type goes when its network does, and the JIT compiles its methods, and solvers over it, optimised at once.
/// </summary>
[RequiresDynamicCode("Emits types.")]
internal sealed class StructGenerator
{
    private const MethodAttributes Public =
        MethodAttributes.Public | MethodAttributes.Virtual | MethodAttributes.Final | MethodAttributes.HideBySig | MethodAttributes.NewSlot;

    // Small right-hand sides become part of the solver's loop, as hand-written ones do.
    private const int InlinedInstructions = 150;

    private static readonly Type[] ScalarArguments = [typeof(double), typeof(ReadOnlySpan<double>), typeof(Span<double>)];
    private static readonly Type[] LaneArguments =
    [
        typeof(Vector512<double>), typeof(ReadOnlySpan<Vector512<double>>), typeof(ReadOnlySpan<Vector512<double>>),
        typeof(Span<Vector512<double>>),
    ];

    private readonly RateProgram _program;
    private readonly TypeBuilder _type;
    private readonly FieldBuilder _shared, _parameters, _prepared;
    private readonly List<(Tape Tape, int[] Kept, int[] Slots)> _preparedTapes = [];
    private readonly int _slots;

    private StructGenerator(RateProgram program, string name)
    {
        _program = program;
        var assembly = AssemblyBuilder.DefineDynamicAssembly(new AssemblyName("Athanor.Generated." + name), AssemblyBuilderAccess.RunAndCollect);
        _type = assembly.DefineDynamicModule("Generated").DefineType(
            "Athanor.Generated." + name,
            TypeAttributes.Public | TypeAttributes.Sealed | TypeAttributes.SequentialLayout | TypeAttributes.BeforeFieldInit,
            typeof(ValueType));
        _shared = _type.DefineField("Shared", typeof(GeneratedShared), FieldAttributes.Public);
        _parameters = _type.DefineField("Parameters", typeof(double[]), FieldAttributes.Public);
        _prepared = _type.DefineField("Prepared", typeof(double[]), FieldAttributes.Public);
        foreach (var tape in (ReadOnlySpan<Tape>)[program.Values, program.StateDerivatives])
        {
            var kept = TapeEmitter.Kept(tape);
            var slots = new int[tape.Prepared];
            foreach (var register in kept) slots[register] = _slots++;
            _preparedTapes.Add((tape, kept, slots));
        }
    }

    /// <summary>A boxed <see cref="IRateSet{TSelf}"/>.</summary>
    public static object Rates(RateProgram program, string name, ReadOnlySpan<double> parameters)
    {
        var generator = new StructGenerator(program, name);
        var type = generator._type;
        type.AddInterfaceImplementation(typeof(IRateSet<>).MakeGenericType(type));
        generator.Number("get_SpeciesCount", program.States);
        generator.Number("get_ReactionCount", program.Rows);
        generator.SharedMember("get_Pattern", typeof(RatePattern), nameof(GeneratedShared.RatePattern));
        generator.Common();
        generator.Scalar("Rates", program.Values, generator._preparedTapes[0].Slots, [], program.Rows, clear: false);
        generator.Lanes("RatesLanes", program.Values, program.Rows);
        var entries = program.Entries.Length;
        generator.Scalar("ConcentrationDerivatives", program.StateDerivatives, generator._preparedTapes[1].Slots, [], entries, clear: false);
        generator.Lanes("ConcentrationDerivativesLanes", program.StateDerivatives, entries);
        generator.Scalar("TemperatureDerivatives", program.SecondDerivatives, [], program.SecondPlaces, program.Rows, clear: true);
        return generator.Create(new GeneratedShared(program.Tables, null, new RatePattern(program.Rows, program.Entries)), parameters);
    }

    /// <summary>A boxed <see cref="IOdeModel{TSelf}"/>.</summary>
    public static object Model(RateProgram program, string name, ReadOnlySpan<double> parameters)
    {
        var generator = new StructGenerator(program, name);
        var type = generator._type;
        type.AddInterfaceImplementation(typeof(IOdeModel<>).MakeGenericType(type));
        type.AddInterfaceImplementation(typeof(ISparseOdeModel));
        type.AddInterfaceImplementation(typeof(ILaneDerivatives));
        generator.Number("get_Dimension", program.States);
        generator.Flag("get_IsAutonomous", !program.UsesSecond);
        generator.SharedMember("get_Pattern", typeof(SparsePattern), nameof(GeneratedShared.SquarePattern));
        generator.Common();
        generator.Scalar("Rhs", program.Values, generator._preparedTapes[0].Slots, [], program.Rows, clear: false);
        generator.Lanes("RhsLanes", program.Values, program.Rows);
        var slots = generator._preparedTapes[1].Slots;
        if (IsSmall(program.StateDerivatives))
        {
            generator.Scalar(
                "Jacobian", program.StateDerivatives, slots, program.DensePlaces, program.Rows * program.States,
                clear: program.Entries.Length < program.Rows * program.States);
        }
        else
        {
            generator.DenseJacobian();
        }
        if (program.States <= LaneLu.Largest)
        {
            generator.Flag("get_HasLaneJacobian", true);
            generator.Lanes("JacobianLanes", program.StateDerivatives, program.Rows * program.States, program.DensePlaces);
        }
        generator.Lanes("JacobianValuesLanes", program.StateDerivatives, program.Entries.Length);
        generator.Lanes(
            "ParameterDerivativesLanes", program.ParameterDerivatives, program.Parameters * program.Rows, program.ParameterPlaces);
        generator.Scalar("JacobianValues", program.StateDerivatives, slots, [], program.Entries.Length, clear: false);
        generator.Scalar("TimeDerivative", program.SecondDerivatives, [], program.SecondPlaces, program.Rows, clear: true);
        return generator.Create(new GeneratedShared(program.Tables, Square(program), null, program.DensePlaces), parameters);
    }

    internal static SparsePattern Square(RateProgram program)
    {
        var rows = new RatePattern(program.Rows, program.Entries);
        return new SparsePattern(program.States, rows.RowStarts, rows.Columns);
    }

    private object Create(GeneratedShared shared, ReadOnlySpan<double> parameters)
    {
        var type = _type.CreateType();
        var instance = RuntimeHelpers.GetUninitializedObject(type);
        type.GetField("Shared")!.SetValue(instance, shared);
        return Starter.For(type, instance, parameters);
    }

    private void Common()
    {
        Number("get_ParameterCount", _program.Parameters);
        ParameterMethod();
        WithMethod();
        Scalar(
            "ParameterDerivatives", _program.ParameterDerivatives, [], _program.ParameterPlaces, _program.Parameters * _program.Rows,
            clear: true);
    }

    private static bool IsSmall(Tape tape) => tape.Instructions.Length - tape.Prepared <= InlinedInstructions;

    private void DenseJacobian()
    {
        var il = Method("Jacobian", null, ScalarArguments);
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Ldarg_1);
        il.Emit(OpCodes.Ldarg_2);
        il.Emit(OpCodes.Ldarg_3);
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Ldfld, _shared);
        il.Emit(OpCodes.Ldc_I4, _program.Rows * _program.States);
        il.Emit(OpCodes.Call, Helper(nameof(GeneratedCode.Dense)).MakeGenericMethod(_type));
        il.Emit(OpCodes.Ret);
    }

    private ILGenerator Method(string name, Type? result, Type[] arguments, MethodImplAttributes implementation = default)
    {
        var method = _type.DefineMethod(name, Public, result ?? typeof(void), arguments);
        method.SetImplementationFlags(MethodImplAttributes.IL | implementation);
        // Every local is written before it is read.
        method.InitLocals = false;
        return method.GetILGenerator();
    }

    private void Number(string name, int value)
    {
        var il = Method(name, typeof(int), []);
        il.Emit(OpCodes.Ldc_I4, value);
        il.Emit(OpCodes.Ret);
    }

    private void Flag(string name, bool value)
    {
        var il = Method(name, typeof(bool), []);
        il.Emit(value ? OpCodes.Ldc_I4_1 : OpCodes.Ldc_I4_0);
        il.Emit(OpCodes.Ret);
    }

    private void SharedMember(string name, Type type, string property)
    {
        var il = Method(name, type, []);
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Ldfld, _shared);
        il.Emit(OpCodes.Call, typeof(GeneratedShared).GetProperty(property)!.GetMethod!);
        il.Emit(OpCodes.Ret);
    }

    private void ParameterMethod()
    {
        var il = Method("Parameter", typeof(double), [typeof(int)]);
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Ldfld, _parameters);
        il.Emit(OpCodes.Ldarg_1);
        il.Emit(OpCodes.Ldelem_R8);
        il.Emit(OpCodes.Ret);
    }

    private void WithMethod()
    {
        var il = Method("With", _type, [typeof(ReadOnlySpan<double>)]);
        var result = il.DeclareLocal(_type);
        il.Emit(OpCodes.Ldloca, result);
        il.Emit(OpCodes.Initobj, _type);
        il.Emit(OpCodes.Ldloca, result);
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Ldfld, _shared);
        il.Emit(OpCodes.Stfld, _shared);
        il.Emit(OpCodes.Ldloca, result);
        il.Emit(OpCodes.Ldarg_1);
        il.Emit(OpCodes.Ldc_I4, _program.Parameters);
        il.Emit(OpCodes.Call, Helper(nameof(GeneratedCode.Parameters)));
        il.Emit(OpCodes.Stfld, _parameters);
        if (_slots > 0)
        {
            il.Emit(OpCodes.Ldloca, result);
            il.Emit(OpCodes.Ldc_I4, _slots);
            il.Emit(OpCodes.Newarr, typeof(double));
            il.Emit(OpCodes.Stfld, _prepared);
            var parameters = ArrayReference(il, () => il.Emit(OpCodes.Ldloc, result), _parameters);
            var prepared = ArrayReference(il, () => il.Emit(OpCodes.Ldloc, result), _prepared);
            foreach (var (tape, kept, slots) in _preparedTapes)
            {
                var emitter = new TapeEmitter(il, tape, TapeEmitter.Mode.Prepare) { Parameters = parameters, Tables = () => Tables(il) };
                emitter.Outputs(prepared, kept, [.. kept.Select(register => slots[register])]);
            }
        }
        il.Emit(OpCodes.Ldloc, result);
        il.Emit(OpCodes.Ret);
    }

    private void Scalar(string name, Tape tape, int[] slots, int[] places, int length, bool clear)
    {
        var inlined = IsSmall(tape);
        var il = Method(name, null, ScalarArguments, inlined ? MethodImplAttributes.AggressiveInlining : default);
        LocalBuilder? states = null, parameters = null, prepared = null;
        if (Reads(tape, TapeCode.State)) states = SpanReference(il, OpCodes.Ldarg_2, nameof(GeneratedCode.Read), _program.States, typeof(double));
        if (Reads(tape, TapeCode.Parameter)) parameters = ArrayReference(il, () => Self(il), _parameters);
        if (TapeEmitter.Kept(tape).Length > 0) prepared = ArrayReference(il, () => Self(il), _prepared);
        LocalBuilder target;
        if (clear)
        {
            target = il.DeclareLocal(typeof(double).MakeByRefType());
            il.Emit(OpCodes.Ldarg_3);
            il.Emit(OpCodes.Ldc_I4, length);
            il.Emit(OpCodes.Call, Helper(nameof(GeneratedCode.Cleared)));
            il.Emit(OpCodes.Stloc, target);
        }
        else
        {
            target = SpanReference(il, OpCodes.Ldarg_3, nameof(GeneratedCode.Write), length, typeof(double));
        }
        var emitter = new TapeEmitter(il, tape, TapeEmitter.Mode.Scalar)
        {
            States = states,
            Parameters = parameters,
            Prepared = prepared,
            Slots = slots,
            Tables = () => Tables(il),
        };
        emitter.Outputs(target, tape.Outputs, places);
        il.Emit(OpCodes.Ret);
    }

    /// <param name="places">Where the outputs go, all else being zero; null for 0, 1, 2...</param>
    private void Lanes(string name, Tape tape, int length, int[]? places = null)
    {
        var il = Method(name, null, LaneArguments);
        var lane = typeof(Vector512<double>);
        LocalBuilder? states = null, parameters = null;
        if (Reads(tape, TapeCode.State)) states = SpanReference(il, OpCodes.Ldarg_2, nameof(GeneratedCode.Read), _program.States, lane);
        if (_program.Parameters > 0)
            parameters = SpanReference(il, OpCodes.Ldarg_3, nameof(GeneratedCode.Read), _program.Parameters, lane);
        il.Emit(OpCodes.Ldarg_S, (byte)4);
        il.Emit(OpCodes.Ldc_I4, length);
        var write = places is null ? Helper(nameof(GeneratedCode.Write)).MakeGenericMethod(lane) : Helper(nameof(GeneratedCode.ClearedLanes));
        il.Emit(OpCodes.Call, write);
        var target = il.DeclareLocal(lane.MakeByRefType());
        il.Emit(OpCodes.Stloc, target);
        var emitter = new TapeEmitter(il, tape, TapeEmitter.Mode.Lanes)
        {
            States = states,
            Parameters = parameters,
            Tables = () => Tables(il),
        };
        emitter.Outputs(target, tape.Outputs, places ?? []);
        il.Emit(OpCodes.Ret);
    }

    private void Tables(ILGenerator il)
    {
        Self(il);
        il.Emit(OpCodes.Ldfld, _shared);
        il.Emit(OpCodes.Call, typeof(GeneratedShared).GetProperty(nameof(GeneratedShared.Tables))!.GetMethod!);
    }

    private static void Self(ILGenerator il) => il.Emit(OpCodes.Ldarg_0);

    private static LocalBuilder ArrayReference(ILGenerator il, Action owner, FieldBuilder field)
    {
        var reference = il.DeclareLocal(typeof(double).MakeByRefType());
        owner();
        il.Emit(OpCodes.Ldfld, field);
        il.Emit(OpCodes.Call, Helper(nameof(GeneratedCode.Array)));
        il.Emit(OpCodes.Stloc, reference);
        return reference;
    }

    private static LocalBuilder SpanReference(ILGenerator il, OpCode argument, string helper, int count, Type element)
    {
        var reference = il.DeclareLocal(element.MakeByRefType());
        il.Emit(argument);
        il.Emit(OpCodes.Ldc_I4, count);
        il.Emit(OpCodes.Call, Helper(helper).MakeGenericMethod(element));
        il.Emit(OpCodes.Stloc, reference);
        return reference;
    }

    private static bool Reads(Tape tape, TapeCode code) => Array.Exists(tape.Instructions, instruction => instruction.Code == code);

    private static MethodInfo Helper(string name) => typeof(GeneratedCode).GetMethod(name)!;

    /// <summary>Calls With of a type that has no name in the source.</summary>
    private static class Starter
    {
        private delegate object Start(object instance, ReadOnlySpan<double> parameters);

        public static object For(Type type, object instance, ReadOnlySpan<double> parameters)
        {
            var isModel = typeof(IOdeModel).IsAssignableFrom(type);
            var method = typeof(Starter).GetMethod(isModel ? nameof(Model) : nameof(Rates), BindingFlags.NonPublic | BindingFlags.Static)!;
            return method.MakeGenericMethod(type).CreateDelegate<Start>()(instance, parameters);
        }

        private static object Model<T>(object instance, ReadOnlySpan<double> parameters)
            where T : struct, IOdeModel<T> => ((T)instance).With(parameters);

        private static object Rates<T>(object instance, ReadOnlySpan<double> parameters)
            where T : struct, IRateSet<T> => ((T)instance).With(parameters);
    }
}
