using System.Collections.Immutable;
using Athanor.Compute.Ode;
using Athanor.Compute.Problems;

namespace Athanor.Compute.Benchmarks;

/// <summary>Makes a benchmark's problem and checks that its words and its model fit.</summary>
internal static class Benchmark
{
    public static OdeProblem Of<TModel>(
        string name, string title, string source, string timeUnit, double start, double end, ImmutableArray<OdeState> states,
        ImmutableArray<OdeParameter> parameters, TModel model)
        where TModel : struct, IOdeModel<TModel>
    {
        if (states.Length != model.Dimension || parameters.Length != model.ParameterCount)
            throw new InvalidOperationException($"{name}: states or parameters do not fit the model");
        for (var k = 0; k < parameters.Length; k++)
        {
            if (parameters[k].Value != model.Parameter(k))
                throw new InvalidOperationException($"{name}: parameter {parameters[k].Name} is not the model's");
        }
        return new OdeProblem<TModel>(model)
        {
            Name = name,
            Title = title,
            Source = source,
            TimeUnit = timeUnit,
            Start = start,
            End = end,
            States = states,
            Parameters = parameters,
        };
    }
}
