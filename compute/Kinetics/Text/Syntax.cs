namespace Athanor.Compute.Kinetics.Text;

/// <summary>A piece of an expression as it was written; <paramref name="Column"/> counts from 1.</summary>
internal abstract record Syntax(int Column);

/// <param name="Unit">Null for a bare number.</param>
internal sealed record NumberSyntax(int Column, double Value, string? Unit) : Syntax(Column);

internal sealed record NameSyntax(int Column, string Name) : Syntax(Column);

internal sealed record NegateSyntax(int Column, Syntax Operand) : Syntax(Column);

/// <param name="Operator">One of + - * / ^.</param>
/// <param name="Column">That of the operator.</param>
internal sealed record BinarySyntax(int Column, char Operator, Syntax Left, Syntax Right) : Syntax(Column);

/// <param name="Named">Arguments written as name = value.</param>
internal sealed record CallSyntax(int Column, string Function, IReadOnlyList<Syntax> Arguments, IReadOnlyList<NamedSyntax> Named)
    : Syntax(Column);

internal sealed record NamedSyntax(int Column, string Name, Syntax Value) : Syntax(Column);

/// <summary>A species of a side of a reaction.</summary>
/// <param name="Coefficient">Null for one.</param>
internal sealed record TermSyntax(int Column, Syntax? Coefficient, string Species) : Syntax(Column);

/// <summary>What stands behind a semicolon: name = expression.</summary>
internal sealed record ClauseSyntax(int Column, string Name, Syntax Value) : Syntax(Column);

internal sealed record ReactionSyntax(
    IReadOnlyList<TermSyntax> Reactants, bool Reversible, IReadOnlyList<TermSyntax> Products, IReadOnlyList<ClauseSyntax> Clauses);

/// <summary>The text cannot be read; who knows whose text it is makes a <see cref="KineticsException"/> of it.</summary>
internal sealed class SyntaxException(int column, string problem) : Exception(problem)
{
    public int Column { get; } = column;
}
