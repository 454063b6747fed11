using System.Collections.Immutable;

namespace Athanor.Compute.Reconciliation;

/// <summary>What the balances say of a variable.</summary>
public enum VariableClass
{
    /// <summary>Measured, and checked by other measurements.</summary>
    Redundant = 0,

    /// <summary>Measured, and nothing checks it: it is not adjusted, and an error in it is not seen.</summary>
    NonRedundant = 1,

    /// <summary>Not measured, and fixed by the balances.</summary>
    Observable = 2,

    /// <summary>Not measured, and not fixed: its value is a guess.</summary>
    Unobservable = 3,
}

/// <summary>One variable after reconciliation.</summary>
/// <param name="Measured">Null if it is not measured.</param>
/// <param name="Value">Reconciled; not a number if unobservable.</param>
/// <param name="Deviation">Of the reconciled value; not a number if unobservable.</param>
/// <param name="Test">Measurement test: the adjustment over its own deviation, of maximum power; 0 unless redundant.</param>
/// <param name="Rejected">Found in gross error: its measurement was not used.</param>
public sealed record ReconciledVariable(
    string Name, string Unit, VariableClass Class, double? Measured, double Value, double Deviation, double Test, bool Rejected);

/// <summary>The test of one balance whose variables are all measured.</summary>
/// <param name="Imbalance">Of the measurements, in the balance's unit.</param>
/// <param name="Test">Over its deviation.</param>
public sealed record NodalTest(string Balance, double Imbalance, double Test);

/// <summary>A gross error.</summary>
/// <param name="Name">Of a measured variable, or a leak.</param>
/// <param name="Size">Bias (measured minus true), or leak, in its unit.</param>
/// <param name="Statistic">Generalised likelihood ratio when it was found, χ² with one degree of freedom without errors.</param>
/// <param name="Alike">Others with the same signature: the balances cannot tell which of them it is.</param>
public sealed record GrossError(string Name, string Unit, double Size, double Deviation, double Statistic, ImmutableArray<string> Alike);

/// <summary>The result.</summary>
/// <param name="Global">Test of all measurements together, before any was rejected.</param>
/// <param name="Redundancy">Its degrees of freedom.</param>
/// <param name="GlobalLimit">χ² quantile at the level asked for.</param>
/// <param name="GlobalAfter">The same after those in error were rejected, with <paramref name="RedundancyAfter"/> and its limit.</param>
/// <param name="TestLimit">Of the measurement tests: normal quantile at the level shared among them (Šidák).</param>
/// <param name="NodalLimit">Of the nodal tests.</param>
/// <param name="Iterations">Linearisations until nothing moved.</param>
public sealed record Reconciled(
    ImmutableArray<ReconciledVariable> Variables, ImmutableArray<NodalTest> Nodes, ImmutableArray<GrossError> Errors,
    double Global, int Redundancy, double GlobalLimit, double GlobalAfter, int RedundancyAfter, double GlobalLimitAfter,
    double TestLimit, double NodalLimit, int Iterations)
{
    public ReconciledVariable this[string name] => Variables.First(v => v.Name == name);

    /// <summary>Whether the measurements fit the balances.</summary>
    public bool Consistent => Redundancy == 0 || Global <= GlobalLimit;
}
