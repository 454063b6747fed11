using Athanor.Compute.Control.Qp;
using Athanor.Compute.Plants;

namespace Athanor.Compute.Control;

/// <summary>
/// An economic objective over a plan, as a cost: minus Σ coefficient · product · interval for running terms, minus coefficient · product at
/// the horizon's end for terminal ones. Products of states alone are taken at intervals' ends, those with an input at their starts, so that
/// each belongs to one stage.
/// </summary>
internal sealed class EconomicCost
{
    private readonly Term[] _terms;

    public EconomicCost(PlantModel model, ControllerSettings settings, ShootingProblem problem) =>
        _terms = [.. settings.Objective.Select(term => Parse(model, term, problem))];

    /// <summary>The cost; terms of inputs that are not moved count with the held value.</summary>
    public double Value(ShootingProblem problem, ReadOnlySpan<double> x, ReadOnlySpan<double> u)
    {
        var sum = 0.0;
        foreach (var term in _terms)
        {
            for (var k = term.First(problem); k <= term.Last(problem); k++)
            {
                var product = -term.Coefficient * term.Span(problem, k);
                foreach (var factor in term.Factors) product *= factor.Value(problem, x, u, k);
                sum += product;
            }
        }
        return sum;
    }

    /// <summary>Adds the gradient at the plan and, for products, the curvature, which need not be convex.</summary>
    /// <param name="curvature">By stage (width, width) in scaled inputs and states.</param>
    public void AddDerivatives(StageQp qp, ShootingProblem problem, ReadOnlySpan<double> x, ReadOnlySpan<double> u, Span<double> curvature)
    {
        foreach (var term in _terms)
        {
            for (var k = term.First(problem); k <= term.Last(problem); k++)
            {
                var weight = -term.Coefficient * term.Span(problem, k);
                var gradient = qp.Gradient(k);
                for (var f = 0; f < term.Factors.Length; f++)
                {
                    if (term.Factors[f].Row(problem) is not (>= 0 and var row)) continue;
                    var slope = weight * term.Factors[f].Scale(problem);
                    if (term.Factors.Length == 2) slope *= term.Factors[1 - f].Value(problem, x, u, k);
                    gradient[row] += slope;
                }
                if (term.Factors.Length < 2) continue;
                int i = term.Factors[0].Row(problem), j = term.Factors[1].Row(problem);
                if (i < 0 || j < 0) continue;
                var block = curvature.Slice(k * qp.Width * qp.Width, qp.Width * qp.Width);
                var second = weight * term.Factors[0].Scale(problem) * term.Factors[1].Scale(problem);
                block[(i * qp.Width) + j] += second;
                block[(j * qp.Width) + i] += second;
            }
        }
    }

    /// <summary>Derivative of the whole cost along the step to the program's solution.</summary>
    public double Slope(StageQp qp, ShootingProblem problem, double[] x, double[] u)
    {
        const double step = 1e-6;
        double[] nearX = new double[x.Length], nearU = new double[u.Length];
        for (var k = 0; k <= problem.Stages; k++)
        {
            var point = qp.Point(k);
            for (var i = 0; i < problem.States; i++)
            {
                var at = (k * problem.States) + i;
                nearX[at] = x[at] + (step * (problem.StateOrigin[i] + (problem.StateScale[i] * point[problem.Inputs + i]) - x[at]));
            }
            for (var i = 0; i < problem.Inputs && k < problem.Stages; i++)
            {
                var at = (k * problem.Inputs) + i;
                nearU[at] = u[at] + (step * (problem.InputOrigin[i] + (problem.InputScale[i] * point[i]) - u[at]));
            }
        }
        var near = problem.TrackingCost(nearX, nearU) + Value(problem, nearX, nearU);
        return (near - problem.TrackingCost(x, u) - Value(problem, x, u)) / step;
    }

    private static Term Parse(PlantModel model, EconomicTerm term, ShootingProblem problem)
    {
        var factors = term.Factors.Select(name =>
        {
            for (var i = 0; i < model.States.Count; i++)
            {
                if (SettingsCheck.Same(model.States[i].Name, name)) return new Factor(i, -1, -1);
            }
            var input = model.InputIndex(name);
            return new Factor(-1, Array.IndexOf(problem.Moved, input), input);
        });
        return new Term([.. factors], term.Coefficient, term.Terminal);
    }

    /// <param name="State">-1: an input.</param>
    /// <param name="Moved">Place among the inputs moved; -1: held.</param>
    private readonly record struct Factor(int State, int Moved, int Input)
    {
        public double Value(ShootingProblem problem, ReadOnlySpan<double> x, ReadOnlySpan<double> u, int k) =>
            State >= 0 ? x[(k * problem.States) + State] : Moved >= 0 ? u[(k * problem.Inputs) + Moved] : problem.Held[Input];

        public int Row(ShootingProblem problem) => State >= 0 ? problem.Inputs + State : Moved;

        public double Scale(ShootingProblem problem) =>
            State >= 0 ? problem.StateScale[State] : Moved >= 0 ? problem.InputScale[Moved] : 1.0;
    }

    private sealed record Term(Factor[] Factors, double Coefficient, bool Terminal)
    {
        private readonly bool _withInput = Factors.Any(static f => f.State < 0);

        public int First(ShootingProblem problem) => Terminal ? problem.Stages : _withInput ? 0 : 1;

        public int Last(ShootingProblem problem) => Terminal || !_withInput ? problem.Stages : problem.Stages - 1;

        public double Span(ShootingProblem problem, int k) => Terminal ? 1.0 : problem.IntervalS[_withInput ? k : k - 1];
    }
}
