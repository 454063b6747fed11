using System.Collections.Immutable;

namespace Athanor.Compute.Reconciliation;

/// <summary>A quantity of a network: a flow, a composition or temperature of a stream, a duty, an extent.</summary>
/// <param name="Measured">In its unit; null if nothing measures it.</param>
/// <param name="Deviation">Standard deviation of the measurement, above 0; not used without one.</param>
/// <param name="Guess">Where the search for an unmeasured one begins; not used with a measurement.</param>
public sealed record BalanceVariable(string Name, string Unit, double? Measured, double Deviation, double Guess);

/// <summary>Coefficient × variable, or coefficient × variable × variable.</summary>
/// <param name="Second">-1 for a linear term.</param>
public readonly record struct BalanceTerm(double Coefficient, int First, int Second = -1);

/// <summary>A balance: the sum of its terms is 0.</summary>
public sealed record BalanceEquation(string Name, ImmutableArray<BalanceTerm> Terms);

/// <summary>An error that may be in a balance and not in a measurement: what a leak of 1 takes out of each equation.</summary>
/// <param name="Terms">Coefficients by equation.</param>
public sealed record BalanceLeak(string Name, string Unit, ImmutableArray<(int Equation, double Coefficient)> Terms);

/// <summary>Variables, balances and conceivable leaks of a unit or network.</summary>
public sealed record BalanceProblem(
    ImmutableArray<BalanceVariable> Variables, ImmutableArray<BalanceEquation> Equations, ImmutableArray<BalanceLeak> Leaks)
{
    /// <summary>What is wrong, naming the variable or equation; null if nothing is.</summary>
    public string? Problem()
    {
        if (Equations.Length == 0) return "there is no balance";
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var v in Variables)
        {
            if (!names.Add(v.Name)) return $"two variables are named {v.Name}";
            if (v.Measured is { } value && !double.IsFinite(value)) return $"{v.Name} was measured as {value}; a finite number is needed";
            if (v.Measured is not null && (!(v.Deviation > 0.0) || !double.IsFinite(v.Deviation)))
                return FormattableString.Invariant($"the standard deviation of {v.Name} is {v.Deviation}; above 0 would be right");
        }
        if (Variables.All(v => v.Measured is null)) return "nothing is measured";
        foreach (var equation in Equations)
        {
            if (equation.Terms.IsEmpty) return $"the balance {equation.Name} has no term";
            if (equation.Terms.Any(t => !double.IsFinite(t.Coefficient)))
                return $"the balance {equation.Name} has a coefficient that is not finite";
        }
        return null;
    }

    /// <summary>Values of all equations, shape (equations).</summary>
    internal double[] Residuals(ReadOnlySpan<double> v)
    {
        var f = new double[Equations.Length];
        for (var e = 0; e < f.Length; e++)
        {
            foreach (var t in Equations[e].Terms) f[e] += t.Coefficient * v[t.First] * (t.Second < 0 ? 1.0 : v[t.Second]);
        }
        return f;
    }

    /// <summary>Derivatives, shape (equations, variables) row-major.</summary>
    internal double[] Jacobian(ReadOnlySpan<double> v)
    {
        var n = Variables.Length;
        var a = new double[Equations.Length * n];
        for (var e = 0; e < Equations.Length; e++)
        {
            foreach (var t in Equations[e].Terms)
            {
                a[(e * n) + t.First] += t.Coefficient * (t.Second < 0 ? 1.0 : v[t.Second]);
                if (t.Second >= 0) a[(e * n) + t.Second] += t.Coefficient * v[t.First];
            }
        }
        return a;
    }
}

/// <summary>A problem that cannot be reconciled, and why.</summary>
public sealed class ReconciliationException(string message) : Exception(message);
