using Athanor.Compute.Kinetics;
using Athanor.Compute.Kinetics.Expressions;
using Athanor.Compute.Kinetics.Generation;
using Athanor.Compute.Ode;

namespace Athanor.Compute.Fitting;

/// <summary>A function of an experiment given as an expression; its derivatives are symbolic.</summary>
public sealed class ExpressionFormula : IFormula
{
    private readonly Tape _tape;
    private readonly int[] _states;
    private readonly int[] _parameters;

    /// <param name="states">Number of states that derivatives are taken to.</param>
    /// <param name="parameters">Number of parameters that derivatives are taken to.</param>
    public ExpressionFormula(ExpressionGraph graph, Expression expression, int states, int parameters)
    {
        var outputs = new List<Expression> { expression };
        _states = Depends(graph, expression, states, graph.State, outputs);
        _parameters = Depends(graph, expression, parameters, graph.Parameter, outputs);
        _tape = Tape.Of(outputs, prepare: false);
    }

    public double Evaluate(double t, ReadOnlySpan<double> y, ReadOnlySpan<double> p, Span<double> dy, Span<double> dp)
    {
        var count = 1 + _states.Length + _parameters.Length;
        Span<double> outputs = count <= 64 ? stackalloc double[64] : new double[count];
        TapeInterpreter.Run(_tape, [], [], t, double.NaN, y, p, outputs[..count]);
        for (var i = 0; i < _states.Length; i++) dy[_states[i]] = outputs[1 + i];
        for (var i = 0; i < _parameters.Length; i++) dp[_parameters[i]] = outputs[1 + _states.Length + i];
        return outputs[0];
    }

    private static int[] Depends(
        ExpressionGraph graph, Expression expression, int count, Func<int, Expression> leaf, List<Expression> outputs)
    {
        var places = new List<int>();
        var dependence = new Dependence();
        for (var i = 0; i < count; i++)
        {
            if (!dependence.On(expression, leaf(i))) continue;
            var derivative = new Derivatives(graph, dependence, leaf(i)).Of(expression);
            if (derivative.IsConstant && derivative.Value == 0.0) continue;
            places.Add(i);
            outputs.Add(derivative);
        }
        return [.. places];
    }
}

/// <summary>A model y' = f(t, y; p) given as expressions, one a state; its derivatives are symbolic, so sensitivities have exact right
/// sides. It becomes a generated struct type where the runtime allows it, with the interpreter's bits.</summary>
public static class ExpressionModel
{
    /// <param name="rates">By state, dy/dt as an expression of the graph's states, parameters and time.</param>
    public static FitModel Of(
        ExpressionGraph graph, IReadOnlyList<string> states, IReadOnlyList<string> parameters, IReadOnlyList<Expression> rates)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(states);
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentNullException.ThrowIfNull(rates);
        if (rates.Count != states.Count) throw new ArgumentException($"{rates.Count} rates are given for {states.Count} states");
        var program = RateProgram.Of(graph, rates, states.Count, parameters.Count, graph.Time, []);
        return Of(new CompiledModel(program, "fit", new double[parameters.Count], CodeForm.Auto), states, parameters);
    }

    /// <summary>A model made of text, e.g. a network's balance.</summary>
    public static FitModel Of(CompiledModel model, IReadOnlyList<string> states, IReadOnlyList<string> parameters)
    {
        ArgumentNullException.ThrowIfNull(model);
        return model.Accept(new Wrapper(states, parameters));
    }

    private sealed class Wrapper(IReadOnlyList<string> states, IReadOnlyList<string> parameters) : IModelVisitor<FitModel>
    {
        public FitModel Visit<TModel>(in TModel model)
            where TModel : struct, IOdeModel<TModel>, ISparseOdeModel
        {
            var any = model;
            return new FitModel<TModel>(states, parameters, p => any.With(p));
        }
    }
}
