using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;
using Athanor.Compute.Kinetics.Expressions;
using Athanor.Compute.Kinetics.Generation;
using Athanor.Compute.Ode;
using Athanor.Compute.Units;

namespace Athanor.Compute.Kinetics;

/// <summary>How text becomes something that runs. The results have the same bits.</summary>
public enum CodeForm
{
    /// <summary>Generated where the runtime allows it and the switch <c>Athanor.Kinetics.Interpret</c> (AppContext) is not set.</summary>
    Auto,

    /// <summary>A generated struct type.</summary>
    Generated,

    /// <summary>The interpreter: slower, but starts at once and runs anywhere.</summary>
    Interpreted,
}

internal static class CodeForms
{
    /// <exception cref="PlatformNotSupportedException">Generated code is asked for where there can be none.</exception>
    public static bool Generates(this CodeForm form)
    {
        if (form == CodeForm.Interpreted) return false;
        if (form == CodeForm.Generated && !RuntimeFeature.IsDynamicCodeSupported)
            throw new PlatformNotSupportedException("this runtime refuses code generation; ask for the interpreter, which gives the same bits");
        return form == CodeForm.Generated
            || (RuntimeFeature.IsDynamicCodeSupported && !(AppContext.TryGetSwitch("Athanor.Kinetics.Interpret", out var set) && set));
    }
}

/// <summary>Rates of a network that can be calculated, with what is needed to name them.</summary>
public sealed class CompiledRates
{
    private readonly object _rates;

    [UnconditionalSuppressMessage("AOT", "IL3050", Justification = "Guarded by the runtime's own feature switch.")]
    internal CompiledRates(RateProgram program, string name, double[] parameters, UnitSystem units, CodeForm form)
    {
        Units = units;
        IsGenerated = form.Generates();
        _rates = IsGenerated
            ? StructGenerator.Rates(program, name, parameters)
            : new InterpretedRates(new InterpretedProgram(program, parameters), new RatePattern(program.Rows, program.Entries));
    }

    /// <summary>The system that concentrations and rates are in.</summary>
    public UnitSystem Units { get; }

    public bool IsGenerated { get; }

    /// <summary>The rates by their interface, boxed: for calls that are not many.</summary>
    public IRateSet Rates => (IRateSet)_rates;

    /// <summary>Hands the rates over with their own type, over which a reactor unit is then compiled.</summary>
    [UnconditionalSuppressMessage("AOT", "IL3050", Justification = "Without dynamic code the type is one known when compiled.")]
    public TResult Accept<TResult>(IRateSetVisitor<TResult> visitor)
    {
        if (_rates is InterpretedRates interpreted) return visitor.Visit(interpreted);
        return VisitAs<TResult>.Method.MakeGenericMethod(_rates.GetType())
            .CreateDelegate<Func<IRateSetVisitor<TResult>, object, TResult>>()(visitor, _rates);
    }

    private static class VisitAs<TResult>
    {
        public static readonly MethodInfo Method =
            typeof(VisitAs<TResult>).GetMethod(nameof(Visit), BindingFlags.Static | BindingFlags.NonPublic)!;

        private static TResult Visit<TRates>(IRateSetVisitor<TResult> visitor, object rates)
            where TRates : struct, IRateSet<TRates> => visitor.Visit((TRates)rates);
    }
}

/// <summary>Is handed a model with its type, which for generated ones has no name in the source.</summary>
public interface IModelVisitor<out TResult>
{
    TResult Visit<TModel>(in TModel model)
        where TModel : struct, IOdeModel<TModel>, ISparseOdeModel;
}

/// <summary>A model made of text.</summary>
public sealed class CompiledModel
{
    private readonly object _model;

    [UnconditionalSuppressMessage("AOT", "IL3050", Justification = "Guarded by the runtime's own feature switch.")]
    internal CompiledModel(RateProgram program, string name, double[] parameters, CodeForm form)
    {
        Program = program;
        IsGenerated = form.Generates();
        _model = IsGenerated
            ? StructGenerator.Model(program, name, parameters)
            : new InterpretedModel(new InterpretedProgram(program, parameters), StructGenerator.Square(program), program.DensePlaces);
    }

    /// <summary>A model y' = f(t, y; p) of expressions.</summary>
    /// <param name="rows">f by state; leaves are states, parameters and time.</param>
    /// <param name="parameters">Their values.</param>
    public static CompiledModel Of(
        ExpressionGraph graph, IReadOnlyList<Expression> rows, double[] parameters, string name = "Equations", CodeForm form = CodeForm.Auto) =>
        new(RateProgram.Of(graph, rows, rows.Count, parameters.Length, graph.Time, []), name, parameters, form);

    /// <summary>What was compiled.</summary>
    internal RateProgram Program { get; }

    public bool IsGenerated { get; }

    /// <summary>The model by its interfaces, boxed.</summary>
    public ISparseOdeModel Model => (ISparseOdeModel)_model;

    /// <summary>Hands the model over with its own type, over which a solver is then compiled.</summary>
    [UnconditionalSuppressMessage("AOT", "IL3050", Justification = "Without dynamic code the type is one known when compiled.")]
    public TResult Accept<TResult>(IModelVisitor<TResult> visitor)
    {
        if (_model is InterpretedModel interpreted) return visitor.Visit(interpreted);
        return VisitAs<TResult>.Method.MakeGenericMethod(_model.GetType())
            .CreateDelegate<Func<IModelVisitor<TResult>, object, TResult>>()(visitor, _model);
    }

    private static class VisitAs<TResult>
    {
        public static readonly MethodInfo Method =
            typeof(VisitAs<TResult>).GetMethod(nameof(Visit), BindingFlags.Static | BindingFlags.NonPublic)!;

        private static TResult Visit<TModel>(IModelVisitor<TResult> visitor, object model)
            where TModel : struct, IOdeModel<TModel>, ISparseOdeModel => visitor.Visit((TModel)model);
    }
}
