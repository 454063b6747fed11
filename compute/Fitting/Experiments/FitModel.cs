using Athanor.Compute.Ode;

namespace Athanor.Compute.Fitting;

/// <summary>What a fit asks of a model: a solution with its sensitivities to groups of parameters. Parameters of one group are the same
/// number in the fit (one value bound to several places), so they have one sensitivity.</summary>
public sealed class FitSolve
{
    public required double[] Parameters { get; init; }

    /// <summary>By group, which parameters of the model move with it; none for a group that is in the start alone.</summary>
    public required int[][] Groups { get; init; }

    /// <summary>By group, the change that its sensitivity is of: s = scale dy/dq, so that sensitivities have the size of y.</summary>
    public required double[] Scales { get; init; }

    public required double Start { get; init; }

    public required double[] Initial { get; init; }

    /// <summary>Sensitivities of the start, shape (groups, states), times the scales.</summary>
    public required double[] InitialSensitivities { get; init; }

    /// <summary>Strictly rising, after the start.</summary>
    public required double[] Times { get; init; }

    /// <summary>Shape (times, 1 + groups, states): at each time y, then the scaled sensitivities.</summary>
    public required double[] Output { get; init; }

    public OdeOptions Options { get; init; } = new();
}

/// <summary>A model as a fit sees it. One object serves one search at a time.</summary>
public abstract class FitModel
{
    public abstract IReadOnlyList<string> States { get; }

    public abstract IReadOnlyList<string> Parameters { get; }

    /// <exception cref="OdeException">The model cannot be solved there.</exception>
    public abstract void Solve(FitSolve request, CancellationToken cancellation);
}

/// <summary>A model that is a struct type of the solvers.</summary>
/// <param name="with">The model with other parameters.</param>
public sealed class FitModel<TModel>(
    IReadOnlyList<string> states, IReadOnlyList<string> parameters, Func<double[], TModel> with) : FitModel
    where TModel : struct, IParametricOdeModel
{
    /// <summary>Steps that the explicit method may take before the problem counts as stiff; about the cost of a stiff solution.</summary>
    private const int ExplicitSteps = 1_500;

    /// <summary>Beyond this many time constants (largest row sum of the Jacobian at the start, times the span) an explicit method needs so
    /// many steps that it is not tried.</summary>
    private const double ExplicitSpan = 5_000;

    public override IReadOnlyList<string> States => states;

    public override IReadOnlyList<string> Parameters => parameters;

    public override void Solve(FitSolve request, CancellationToken cancellation)
    {
        var model = new GroupedModel<TModel>(with(request.Parameters), parameters.Count, request.Groups, request.Scales);
        cancellation.ThrowIfCancellationRequested();
        var options = request.Options with { HitOutputTimes = true };
        if (TimeConstants(model, request) <= ExplicitSpan)
        {
            try
            {
                SensitivitySolver.Explicit(
                    model, logarithmic: true, request.Start, request.Initial, request.InitialSensitivities, request.Times, request.Output,
                    options with { MaxSteps = Math.Min(options.MaxSteps, ExplicitSteps) });
                return;
            }
            catch (OdeException failure) when (failure is TooManyStepsException or StepSizeTooSmallException)
            {
                cancellation.ThrowIfCancellationRequested();
            }
        }
        SensitivitySolver.Stiff(
            model, logarithmic: true, request.Start, request.Initial, request.InitialSensitivities, request.Times, request.Output, options);
    }

    // Depends on the request alone, so that a search's bits do not depend on those before it.
    private static double TimeConstants(in GroupedModel<TModel> model, FitSolve request)
    {
        var n = model.Dimension;
        var jacobian = new double[n * n];
        model.Jacobian(request.Start, request.Initial, jacobian);
        var largest = 0.0;
        for (var i = 0; i < n; i++)
        {
            var sum = 0.0;
            for (var j = 0; j < n; j++) sum += Math.Abs(jacobian[(i * n) + j]);
            largest = Math.Max(largest, sum);
        }
        return largest * (request.Times[^1] - request.Start);
    }
}

/// <summary>A model whose parameters are a fit's groups.</summary>
internal readonly struct GroupedModel<TModel>(TModel model, int parameters, int[][] groups, double[] scales) : IParametricOdeModel
    where TModel : struct, IParametricOdeModel
{
    private readonly TModel _model = model;
    private readonly double[] _derivatives = new double[parameters * model.Dimension];

    public int Dimension => _model.Dimension;

    public bool IsAutonomous => _model.IsAutonomous;

    public int ParameterCount => groups.Length;

    public double Parameter(int index) => scales[index];

    public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy) => _model.Rhs(t, y, dy);

    public void Jacobian(double t, ReadOnlySpan<double> y, Span<double> jacobian) => _model.Jacobian(t, y, jacobian);

    public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative) => _model.TimeDerivative(t, y, derivative);

    public void ParameterDerivatives(double t, ReadOnlySpan<double> y, Span<double> derivatives)
    {
        if (groups.Length == 0) return;
        var n = y.Length;
        _model.ParameterDerivatives(t, y, _derivatives);
        derivatives.Clear();
        for (var g = 0; g < groups.Length; g++)
        {
            var row = derivatives.Slice(g * n, n);
            foreach (var k in groups[g])
            {
                var of = _derivatives.AsSpan(k * n, n);
                for (var i = 0; i < n; i++) row[i] += of[i];
            }
        }
    }
}
