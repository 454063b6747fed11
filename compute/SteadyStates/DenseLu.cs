using Athanor.Compute.Linear;

namespace Athanor.Compute.SteadyStates;

/// <summary>A square matrix to fill, factor and solve with again and again.</summary>
internal sealed class DenseLu(int n)
{
    private readonly int[] _pivots = new int[n];

    public double[] Matrix { get; } = new double[n * n];

    public int Size => n;

    /// <summary>Factors the matrix in place; false if it is singular or not finite.</summary>
    public bool Factor() => SmallLu.Factor(Matrix, _pivots);

    public void Solve(Span<double> b) => SmallLu.Solve(Matrix, _pivots, b);

    /// <summary>Sign of the factored matrix' determinant.</summary>
    public int DeterminantSign()
    {
        var sign = 1;
        for (var i = 0; i < n; i++)
        {
            if (_pivots[i] != i) sign = -sign;
            if (Matrix[(i * n) + i] < 0) sign = -sign;
        }
        return sign;
    }

    /// <summary>Factors a matrix that is singular or nearly so: a tiny change of its diagonal keeps the pivots from being zero, which is
    /// what inverse iteration for a null vector wants.</summary>
    public void FactorPerturbed()
    {
        var copy = (double[])Matrix.Clone();
        var size = 0.0;
        foreach (var entry in copy) size = Math.Max(size, Math.Abs(entry));
        for (var epsilon = 1e-14; ; epsilon *= 10.0)
        {
            if (Factor()) return;
            if (epsilon > 1e-6) throw new ArithmeticException("A bordered matrix is singular or not finite.");
            copy.CopyTo(Matrix, 0);
            for (var i = 0; i < n; i++) Matrix[(i * n) + i] += epsilon * (size + 1e-300);
        }
    }
}
