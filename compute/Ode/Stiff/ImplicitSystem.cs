using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Athanor.Compute.Linear;

namespace Athanor.Compute.Ode;

/// <summary>
/// What implicit methods ask of a system M y' = f(t, y): its right-hand side, and solutions with c M - J, where J is the Jacobian last
/// asked for. Implemented by structs over models, so that the JIT compiles a method for each model and kind of matrix.
/// </summary>
internal interface IImplicitSystem
{
    int Dimension { get; }

    bool IsAutonomous { get; }

    /// <summary>M's diagonal, length n; empty for the identity. Null where M is not diagonal.</summary>
    double[]? MassDiagonal { get; }

    void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy);

    void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative);

    /// <summary>Takes J = df/dy here.</summary>
    void UpdateJacobian(double t, ReadOnlySpan<double> y);

    /// <summary>Factors c M - J.</summary>
    /// <returns>False if it is singular or not finite.</returns>
    bool Factor(double c);

    /// <summary>Solves (c M - J) x = b in place.</summary>
    void Solve(Span<double> b);

    /// <summary>result = J x.</summary>
    void MultiplyJacobian(ReadOnlySpan<double> x, Span<double> result);

    /// <summary>result = M x.</summary>
    void MultiplyMass(ReadOnlySpan<double> x, Span<double> result);

    /// <summary>The first entry of J that is NaN or infinite, or (-1, -1).</summary>
    (int Row, int Column) NonFiniteJacobian();

    /// <summary>Bound of the eigenvalues of J by its largest row sum of absolute values.</summary>
    double JacobianNorm();
}

/// <summary>A model with a dense Jacobian.</summary>
internal readonly struct DenseSystem<TModel> : IImplicitSystem
    where TModel : struct, IStiffOdeModel
{
    private readonly TModel _model;
    private readonly double[] _jacobian;
    private readonly double[] _factors;
    private readonly int[] _order;
    private readonly double[]? _mass;

    public DenseSystem(in TModel model)
    {
        _model = model;
        var n = model.Dimension;
        _jacobian = new double[n * n];
        _factors = new double[DenseLu.Storage(n)];
        _order = new int[n];
        (MassDiagonal, _mass) = Masses.Of(model);
    }

    public int Dimension => _model.Dimension;

    public bool IsAutonomous => _model.IsAutonomous;

    public double[]? MassDiagonal { get; }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy) => _model.Rhs(t, y, dy);

    public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative) => _model.TimeDerivative(t, y, derivative);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void UpdateJacobian(double t, ReadOnlySpan<double> y) => _model.Jacobian(t, y, _jacobian);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Factor(double c)
    {
        var n = _model.Dimension;
        var stride = DenseLu.Stride(n);
        ref var j = ref MemoryMarshal.GetArrayDataReference(_jacobian);
        ref var a = ref MemoryMarshal.GetArrayDataReference(_factors);
        for (var i = 0; i < n; i++)
        {
            for (var k = 0; k < n; k++) Unsafe.Add(ref a, (i * stride) + k) = -Unsafe.Add(ref j, (i * n) + k);
        }
        if (_mass is not null)
        {
            for (var i = 0; i < n; i++)
            {
                for (var k = 0; k < n; k++) Unsafe.Add(ref a, (i * stride) + k) += c * _mass[(i * n) + k];
            }
        }
        else if (MassDiagonal!.Length > 0)
        {
            for (var i = 0; i < n; i++) Unsafe.Add(ref a, (i * stride) + i) += c * MassDiagonal[i];
        }
        else
        {
            for (var i = 0; i < n; i++) Unsafe.Add(ref a, (i * stride) + i) += c;
        }
        return DenseLu.Factor(_factors, _order, n);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Solve(Span<double> b) => DenseLu.Solve(_factors, _order, b, _model.Dimension);

    public void MultiplyJacobian(ReadOnlySpan<double> x, Span<double> result) => Multiply(_jacobian, x, result);

    public void MultiplyMass(ReadOnlySpan<double> x, Span<double> result)
    {
        if (_mass is not null) Multiply(_mass, x, result);
        else Masses.MultiplyDiagonal(MassDiagonal!, x, result);
    }

    public (int Row, int Column) NonFiniteJacobian() =>
        ErrorNorm.NonFinite(_jacobian) is >= 0 and var bad ? (bad / Dimension, bad % Dimension) : (-1, -1);

    public double JacobianNorm()
    {
        var n = Dimension;
        var largest = 0.0;
        for (var i = 0; i < n; i++)
        {
            var sum = 0.0;
            foreach (var entry in _jacobian.AsSpan(i * n, n)) sum += Math.Abs(entry);
            largest = Math.Max(largest, sum);
        }
        return largest;
    }

    private static void Multiply(double[] matrix, ReadOnlySpan<double> x, Span<double> result)
    {
        var n = x.Length;
        for (var i = 0; i < n; i++)
        {
            var row = matrix.AsSpan(i * n, n);
            var sum = 0.0;
            for (var k = 0; k < row.Length; k++) sum = Math.FusedMultiplyAdd(row[k], x[k], sum);
            result[i] = sum;
        }
    }
}

/// <summary>A model with a sparse Jacobian: banded where the band is narrow, sparse otherwise.</summary>
internal readonly struct SparseSystem<TModel> : IImplicitSystem
    where TModel : struct, IStiffOdeModel
{
    private readonly TModel _model;
    private readonly ISparseOdeModel _sparse;
    private readonly SparsePattern _pattern;
    private readonly double[] _values;
    private readonly ISparseFactors _factors;

    /// <param name="sparse">Where pattern and values come from: the model itself, or what was found of it.</param>
    public SparseSystem(in TModel model, ISparseOdeModel sparse)
    {
        _model = model;
        _sparse = sparse;
        _pattern = sparse.Pattern;
        if (_pattern.Size != model.Dimension)
            throw new ArgumentException($"the pattern has {_pattern.Size} rows where the model has {model.Dimension} states");
        _values = new double[_pattern.Count];
        (MassDiagonal, var full) = Masses.Of(model);
        if (full is not null) throw new ArgumentException("a model with a sparse Jacobian needs a diagonal mass matrix");
        _factors = SparseFactors.For(_pattern);
    }

    public int Dimension => _model.Dimension;

    public bool IsAutonomous => _model.IsAutonomous;

    public double[]? MassDiagonal { get; }

    public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy) => _model.Rhs(t, y, dy);

    public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative) => _model.TimeDerivative(t, y, derivative);

    public void UpdateJacobian(double t, ReadOnlySpan<double> y) => _sparse.JacobianValues(t, y, _values);

    public bool Factor(double c) => _factors.Factor(_values, c, MassDiagonal!);

    public void Solve(Span<double> b) => _factors.Solve(b);

    public void MultiplyJacobian(ReadOnlySpan<double> x, Span<double> result)
    {
        for (var i = 0; i < _pattern.Size; i++)
        {
            var sum = 0.0;
            for (var k = _pattern.RowStarts[i]; k < _pattern.RowStarts[i + 1]; k++)
                sum = Math.FusedMultiplyAdd(_values[k], x[_pattern.Columns[k]], sum);
            result[i] = sum;
        }
    }

    public void MultiplyMass(ReadOnlySpan<double> x, Span<double> result) => Masses.MultiplyDiagonal(MassDiagonal!, x, result);

    public (int Row, int Column) NonFiniteJacobian()
    {
        var bad = ErrorNorm.NonFinite(_values);
        if (bad < 0) return (-1, -1);
        var row = 0;
        while (_pattern.RowStarts[row + 1] <= bad) row++;
        return (row, _pattern.Columns[bad]);
    }

    public double JacobianNorm()
    {
        var largest = 0.0;
        for (var i = 0; i < _pattern.Size; i++)
        {
            var sum = 0.0;
            for (var k = _pattern.RowStarts[i]; k < _pattern.RowStarts[i + 1]; k++) sum += Math.Abs(_values[k]);
            largest = Math.Max(largest, sum);
        }
        return largest;
    }
}

/// <summary>Mass matrices of models.</summary>
internal static class Masses
{
    /// <summary>The diagonal (empty for the identity), or the full matrix.</summary>
    /// <exception cref="ArgumentException">An entry is NaN or infinite.</exception>
    public static (double[]? Diagonal, double[]? Full) Of<TModel>(in TModel model)
        where TModel : struct, IStiffOdeModel
    {
        if (model is not IMassOdeModel mass) return ([], null);
        var n = model.Dimension;
        var values = new double[mass.HasDiagonalMass ? n : n * n];
        mass.Mass(values);
        if (ErrorNorm.NonFinite(values) is >= 0 and var bad)
        {
            var row = mass.HasDiagonalMass ? bad : bad / n;
            throw new ArgumentException(
                FormattableString.Invariant($"entry ({row}, {(mass.HasDiagonalMass ? row : bad % n)}) of the mass matrix is {values[bad]:R}"));
        }
        return mass.HasDiagonalMass ? (values, null) : (null, values);
    }

    public static void MultiplyDiagonal(double[] diagonal, ReadOnlySpan<double> x, Span<double> result)
    {
        if (diagonal.Length == 0) x.CopyTo(result);
        else for (var i = 0; i < x.Length; i++) result[i] = diagonal[i] * x[i];
    }
}
