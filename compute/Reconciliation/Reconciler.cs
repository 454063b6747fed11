using System.Collections.Immutable;
using Athanor.Compute.Fitting;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Reconciliation;

/// <summary>
/// Steady-state data reconciliation: the values that satisfy all balances and are nearest to the measurements, each in units of its
/// deviation. Bilinear balances by successive linearisation (Knepper and Gorman, AIChE J. 26:260, 1980); each step is the linear problem of
/// <see cref="LinearisedBalances"/>. Tests as in Narasimhan and Jordache, Data Reconciliation and Gross Error Detection (2000), ch. 7 and
/// 8; gross errors by the generalised likelihood ratio (Narasimhan and Mah, AIChE J. 33:1514, 1987), one after another: the most likely
/// error becomes an unknown, the rest is reconciled and tested again, until the global test passes.
/// </summary>
public static class Reconciler
{
    private const int MaxIterations = 100;

    /// <param name="level">Probability that measurements without gross error pass each kind of test.</param>
    /// <exception cref="ReconciliationException">The problem is wrong or the iteration did not converge.</exception>
    public static Reconciled Solve(BalanceProblem problem, double level = 0.95)
    {
        if (problem.Problem() is { } wrong) throw new ReconciliationException(wrong);
        if (!(level > 0.5 && level < 1.0))
            throw new ReconciliationException(FormattableString.Invariant($"the level is {level}; above 0.5 and below 1 would be right"));
        var deviations = problem.Variables.Select(v => v.Measured is null ? double.NaN : v.Deviation).ToArray();
        var first = Fit(problem, deviations);
        var (errors, last) = Eliminate(problem, deviations, first, level);
        var tests = MeasurementTests(first);
        var redundant = first.Balances.Redundant.Count(r => r);
        var nodes = NodalTests(problem);
        var values = last.Values;
        var spread = last.Balances.Deviations();
        var classes = Classes(first.Balances, values.Length);
        var after = Classes(last.Balances, values.Length);
        var variables = problem.Variables.Select((v, j) =>
        {
            var rejected = errors.Any(e => e.Name == v.Name);
            var known = after[j] != VariableClass.Unobservable;
            return new ReconciledVariable(
                v.Name, v.Unit, classes[j], v.Measured, known ? values[j] : double.NaN, known ? spread[j] : double.NaN, tests[j], rejected);
        });
        return new Reconciled(
            [.. variables], nodes, errors, first.Global, first.Balances.Redundancy, Limit(level, first.Balances.Redundancy), last.Global,
            last.Balances.Redundancy, Limit(level, last.Balances.Redundancy), Sidak(level, redundant), Sidak(level, nodes.Length),
            first.Iterations + last.Iterations);
    }

    /// <summary>The critical value of each of <paramref name="count"/> two-sided normal tests such that all pass at the level.</summary>
    public static double Sidak(double level, int count) =>
        count == 0 ? double.PositiveInfinity : NormalDistribution.Quantile(0.5 * (1.0 + DetMath.Exp(DetMath.Log(level) / count)));

    private sealed record Solution(double[] Values, LinearisedBalances Balances, double Global, double[] Scaled, int Iterations);

    private static double Limit(double level, int freedom) => freedom == 0 ? double.PositiveInfinity : ChiSquared.Quantile(level, freedom);

    private static Solution Fit(BalanceProblem problem, double[] deviations)
    {
        var v = Start(problem, deviations);
        for (var iteration = 1; iteration <= MaxIterations; iteration++)
        {
            var balances = new LinearisedBalances(problem, v, deviations);
            var scaled = balances.Measured.Select(j => problem.Variables[j].Measured!.Value / deviations[j]).ToArray();
            var next = balances.Complete(balances.Adjust(scaled), v);
            var wild = Array.FindIndex(next, x => !double.IsFinite(x));
            if (wild >= 0)
                throw new ReconciliationException($"{problem.Variables[wild].Name} grew without bound; its balances are singular here");
            var moved = 0.0;
            for (var j = 0; j < v.Length; j++) moved = Math.Max(moved, Math.Abs(next[j] - v[j]) / Math.Max(Math.Abs(next[j]), 1e-3));
            v = next;
            if (moved > 1e-11) continue;
            Check(problem, v);
            var r = balances.Imbalance(scaled);
            var w = balances.Weigh(r);
            return new Solution(v, balances, r.Zip(w, (a, b) => a * b).Sum(), scaled, iteration);
        }
        throw new ReconciliationException(
            $"the balances did not converge in {MaxIterations} linearisations; better guesses of the unmeasured variables are needed");
    }

    /// <summary>Measured values; for the others the linear balances from the guesses, so that flows are right before products of them are
    /// used.</summary>
    private static double[] Start(BalanceProblem problem, double[] deviations)
    {
        var v = problem.Variables.Select((x, j) => double.IsNaN(deviations[j]) ? x.Guess : x.Measured!.Value).ToArray();
        var linear = problem with { Equations = [.. problem.Equations.Where(e => e.Terms.All(t => t.Second < 0))] };
        if (linear.Equations.Length == 0 || linear.Equations.Length == problem.Equations.Length) return v;
        var balances = new LinearisedBalances(linear, v, deviations);
        return balances.Complete(balances.Adjust([.. balances.Measured.Select(j => v[j] / deviations[j])]), v);
    }

    private static void Check(BalanceProblem problem, double[] v)
    {
        var f = problem.Residuals(v);
        for (var e = 0; e < f.Length; e++)
        {
            var size = problem.Equations[e].Terms.Sum(t => Math.Abs(t.Coefficient * v[t.First] * (t.Second < 0 ? 1.0 : v[t.Second])));
            if (Math.Abs(f[e]) > 1e-7 * Math.Max(size, 1e-9))
                throw new ReconciliationException($"the balance {problem.Equations[e].Name} contradicts the others: no values satisfy them all");
        }
    }

    private static VariableClass[] Classes(LinearisedBalances balances, int count)
    {
        var classes = new VariableClass[count];
        var (redundant, observable) = (balances.Redundant, balances.Observable);
        for (var j = 0; j < redundant.Length; j++)
            classes[balances.Measured[j]] = redundant[j] ? VariableClass.Redundant : VariableClass.NonRedundant;
        for (var j = 0; j < observable.Length; j++)
            classes[balances.Unmeasured[j]] = observable[j] ? VariableClass.Observable : VariableClass.Unobservable;
        return classes;
    }

    /// <summary>z = |d| / sd(d), d = Gᵀ S⁻¹ r: of maximum power (Tamhane, Technometrics 24:319, 1982; Mah and Tamhane, AIChE J. 28:828,
    /// 1982).</summary>
    private static double[] MeasurementTests(Solution solution)
    {
        var balances = solution.Balances;
        var d = balances.Spread(balances.Weigh(balances.Imbalance(solution.Scaled)));
        var redundant = balances.Redundant;
        var tests = new double[solution.Values.Length];
        for (var j = 0; j < d.Length; j++)
        {
            if (!redundant[j]) continue;
            var signature = balances.Signature(j);
            tests[balances.Measured[j]] = Math.Abs(d[j]) / Math.Sqrt(Dot(signature, balances.Weigh(signature)));
        }
        return tests;
    }

    /// <summary>Balances of measured variables alone, at the measurements.</summary>
    private static ImmutableArray<NodalTest> NodalTests(BalanceProblem problem)
    {
        var v = problem.Variables.Select(x => x.Measured ?? 0.0).ToArray();
        var (f, jacobian, n) = (problem.Residuals(v), problem.Jacobian(v), v.Length);
        var tests = ImmutableArray.CreateBuilder<NodalTest>();
        for (var e = 0; e < f.Length; e++)
        {
            var used = problem.Equations[e].Terms.SelectMany(t => t.Second < 0 ? new[] { t.First } : [t.First, t.Second]).Distinct()
                .ToArray();
            if (used.Any(j => problem.Variables[j].Measured is null)) continue;
            var variance = used.Sum(j => Square(jacobian[(e * n) + j] * problem.Variables[j].Deviation));
            if (variance > 0.0) tests.Add(new NodalTest(problem.Equations[e].Name, f[e], Math.Abs(f[e]) / Math.Sqrt(variance)));
        }
        return tests.ToImmutable();
    }

    private static (ImmutableArray<GrossError> Errors, Solution Last) Eliminate(
        BalanceProblem problem, double[] deviations, Solution solution, double level)
    {
        var found = ImmutableArray.CreateBuilder<GrossError>();
        var (present, remaining) = (problem, (double[])deviations.Clone());
        while (solution.Balances.Redundancy > 0 && solution.Global > Limit(level, solution.Balances.Redundancy))
        {
            if (Likeliest(present, problem.Leaks, solution, found) is not { } error) break;
            found.Add(error);
            (present, remaining) = Without(present, problem, remaining, error);
            solution = Fit(present, remaining);
        }
        // Sizes are those of the joint solution, once all are unknowns.
        var values = solution.Values;
        var spread = solution.Balances.Deviations();
        return ([.. found.Select(e => Size(e, present, problem, deviations, values, spread))], solution);
    }

    private static GrossError? Likeliest(
        BalanceProblem present, ImmutableArray<BalanceLeak> leaks, Solution solution, ImmutableArray<GrossError>.Builder found)
    {
        var balances = solution.Balances;
        var weighed = balances.Weigh(balances.Imbalance(solution.Scaled));
        var candidates = balances.Measured.Select((j, k) =>
            (present.Variables[j].Name, present.Variables[j].Unit, Signature: balances.Signature(k)))
            .Concat(leaks.Where(l => found.All(e => e.Name != l.Name))
                .Select(l => (l.Name, l.Unit, Signature: balances.Signature(l.Terms))))
            .Select(c => (c.Name, c.Unit, c.Signature, Information: Dot(c.Signature, balances.Weigh(c.Signature))))
            .Where(c => c.Information > 1e-12)
            .Select(c => (c.Name, c.Unit, c.Signature, c.Information, Ratio: Square(Dot(c.Signature, weighed)) / c.Information)).ToArray();
        if (candidates.Length == 0) return null;
        var best = candidates.MaxBy(c => c.Ratio);
        var alike = candidates.Where(c => c.Name != best.Name && Parallel(c.Signature, best.Signature)).Select(c => c.Name);
        return new GrossError(best.Name, best.Unit, 0.0, 0.0, best.Ratio, [.. alike]);
    }

    /// <summary>The problem with an error as an unknown: a measurement is no longer one, a leak is a variable more.</summary>
    private static (BalanceProblem Problem, double[] Deviations) Without(
        BalanceProblem present, BalanceProblem original, double[] deviations, GrossError error)
    {
        var measured = present.Variables.ToList().FindIndex(v => v.Name == error.Name);
        if (measured >= 0)
        {
            var fewer = (double[])deviations.Clone();
            fewer[measured] = double.NaN;
            var variable = present.Variables[measured];
            return (present with { Variables = present.Variables.SetItem(measured, variable with { Guess = variable.Measured!.Value }) },
                fewer);
        }
        var leak = original.Leaks.First(l => l.Name == error.Name);
        var equations = present.Equations;
        foreach (var (equation, coefficient) in leak.Terms)
        {
            equations = equations.SetItem(equation, equations[equation] with
            {
                Terms = equations[equation].Terms.Add(new BalanceTerm(coefficient, present.Variables.Length)),
            });
        }
        return (present with
        {
            Equations = equations,
            Variables =
            present.Variables.Add(new BalanceVariable(leak.Name, leak.Unit, null, 0.0, 0.0))
        },
            [.. deviations, double.NaN]);
    }

    private static GrossError Size(
        GrossError error, BalanceProblem present, BalanceProblem original, double[] deviations, double[] values, double[] spread)
    {
        var at = present.Variables.ToList().FindIndex(v => v.Name == error.Name);
        return at >= original.Variables.Length
            ? error with { Size = values[at], Deviation = spread[at] }
            : error with
            {
                Size = original.Variables[at].Measured!.Value - values[at],
                Deviation = Math.Sqrt(Square(deviations[at]) + Square(spread[at])),
            };
    }

    private static bool Parallel(double[] a, double[] b) => Math.Abs(Dot(a, b)) > (1.0 - 1e-9) * Math.Sqrt(Dot(a, a) * Dot(b, b));

    private static double Dot(double[] a, double[] b)
    {
        var sum = 0.0;
        for (var i = 0; i < a.Length; i++) sum += a[i] * b[i];
        return sum;
    }

    private static double Square(double x) => x * x;
}
