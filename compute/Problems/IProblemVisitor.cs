using Athanor.Compute.Ode;

namespace Athanor.Compute.Problems;

/// <summary>What wants the model's own type of a problem that is only known at run time.</summary>
internal interface IProblemVisitor<out TResult>
{
    TResult Visit<TModel>(TModel model)
        where TModel : struct, IOdeModel<TModel>;
}
