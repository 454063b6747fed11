using Athanor.Compute.Linear;
using Athanor.Compute.Ode;

namespace Athanor.Compute.Tests.Ode.Stiff;

public sealed class BrusselatorTests
{
    private const int Cells = 200;
    private const double End = 2.0;

    private static readonly OdeOptions Options = new() { RelativeTolerance = 1e-6, AbsoluteTolerance = 1e-8 };

    [Fact]
    public void Two_hundred_cells_of_diffusion_and_reaction_are_the_same_by_band_sparse_and_dense_factors()
    {
        var reference = new double[2 * Cells];
        var model = new Brusselator(Cells, interleaved: true);
        var statistics = ImplicitSolve.Write(
            new DenseSystem<Brusselator>(model), new Esdirk5Method(), 0, model.Start(), [End], reference, Options);
        Assert.InRange(statistics.Accepted, 10, 200);
        // Neighbours beside each other: a band of 2. All of one species first: a band of 200, for which sparse factors are taken.
        Assert.StartsWith("band 2 + 2", SparseFactors.For(model.Pattern).Description, StringComparison.Ordinal);
        var apart = new Brusselator(Cells, interleaved: false);
        Assert.StartsWith("sparse", SparseFactors.For(apart.Pattern).Description, StringComparison.Ordinal);
        var band = Solve(model);
        var sparse = Solve(apart);
        for (var i = 0; i < Cells; i++)
        {
            for (var s = 0; s < 2; s++)
            {
                var expected = reference[(2 * i) + s];
                Assert.InRange(band[(2 * i) + s] / expected, 1 - 1e-9, 1 + 1e-9);
                // Another order of unknowns gives another rounding, within the tolerance.
                Assert.InRange(sparse[(s * Cells) + i] / expected, 1 - 1e-6, 1 + 1e-6);
            }
        }
        static double[] Solve(Brusselator model)
        {
            var y = new double[2 * Cells];
            Esdirk5.Solve(model, 0, model.Start(), [End], y, Options);
            return y;
        }
    }

    [Fact]
    public void The_pattern_of_a_model_that_gives_none_is_found_whatever_the_numbers()
    {
        var model = new Brusselator(50, interleaved: false);
        // At rest every rate is zero somewhere; NaN passes through all the same.
        var found = StiffSolve.Sparse(new Hidden(model), 0.0, new double[100]);
        Assert.NotNull(found);
        Assert.Equal(model.Pattern.RowStarts, found.Pattern.RowStarts);
        Assert.Equal(model.Pattern.Columns, found.Pattern.Columns);
        double[] own = new double[100], detected = new double[100];
        Rodas5P.Solve(model, 0, model.Start(), [1], own, Options);
        Rodas5P.Solve(new Hidden(model), 0, model.Start(), [1], detected, Options);
        Assert.Equal(own, detected);
    }

    [Fact]
    public void The_same_bits_come_out_on_any_number_of_threads()
    {
        var models = Enumerable.Range(0, 8).Select(i => new Brusselator(20 + i, interleaved: i % 2 == 0)).ToArray();
        var alone = models.Select(Solve).ToArray();
        var together = new double[models.Length][];
        Parallel.For(0, models.Length, new ParallelOptions { MaxDegreeOfParallelism = 4 }, i => together[i] = Solve(models[i]));
        for (var i = 0; i < models.Length; i++)
            Assert.Equal(alone[i].Select(BitConverter.DoubleToInt64Bits), together[i].Select(BitConverter.DoubleToInt64Bits));

        static double[] Solve(Brusselator model)
        {
            var y = new double[2 * model.Dimension];
            Rodas5P.Solve(model, 0, model.Start(), [0.5], y.AsSpan(0, model.Dimension), Options);
            Esdirk5.Solve(model, 0, model.Start(), [0.5], y.AsSpan(model.Dimension), Options);
            return y;
        }
    }

    /// <summary>The Brusselator with diffusion (Hairer and Wanner, Solving Ordinary Differential Equations II, IV.1): u' = 1 + u^2 v - 4 u +
    /// a u_xx, v' = 3 u - u^2 v + a v_xx, a = 1/50, u = 1 and v = 3 at both ends, u = 1 + sin 2 pi x and v = 3 at the start.</summary>
    internal readonly struct Brusselator : ISparseOdeModel
    {
        private readonly int _cells;
        private readonly bool _interleaved;
        private readonly double _diffusion;

        public Brusselator(int cells, bool interleaved)
        {
            _cells = cells;
            _interleaved = interleaved;
            _diffusion = 0.02 * (cells + 1) * (cells + 1);
            var own = this;
            Pattern = SparsePattern.From(2 * cells, Enumerable.Range(0, cells).SelectMany(i => own.Entries(i)));
        }

        public SparsePattern Pattern { get; }

        public int Dimension => 2 * _cells;

        public bool IsAutonomous => true;

        public double[] Start()
        {
            var y = new double[2 * _cells];
            for (var i = 0; i < _cells; i++)
            {
                y[At(0, i)] = 1 + Math.Sin(2 * Math.PI * (i + 1) / (_cells + 1));
                y[At(1, i)] = 3;
            }
            return y;
        }

        private int At(int species, int cell) => _interleaved ? (2 * cell) + species : (species * _cells) + cell;

        private List<(int, int)> Entries(int i)
        {
            var entries = new List<(int, int)>();
            for (var s = 0; s < 2; s++)
            {
                entries.Add((At(s, i), At(0, i)));
                entries.Add((At(s, i), At(1, i)));
                if (i > 0) entries.Add((At(s, i), At(s, i - 1)));
                if (i < _cells - 1) entries.Add((At(s, i), At(s, i + 1)));
            }
            return entries;
        }

        public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy)
        {
            for (var i = 0; i < _cells; i++)
            {
                double u = y[At(0, i)], v = y[At(1, i)];
                double left = i > 0 ? y[At(0, i - 1)] : 1, right = i < _cells - 1 ? y[At(0, i + 1)] : 1;
                double low = i > 0 ? y[At(1, i - 1)] : 3, high = i < _cells - 1 ? y[At(1, i + 1)] : 3;
                dy[At(0, i)] = 1 + (u * u * v) - (4 * u) + (_diffusion * (left - (2 * u) + right));
                dy[At(1, i)] = (3 * u) - (u * u * v) + (_diffusion * (low - (2 * v) + high));
            }
        }

        public void JacobianValues(double t, ReadOnlySpan<double> y, Span<double> values)
        {
            for (var i = 0; i < _cells; i++)
            {
                double u = y[At(0, i)], v = y[At(1, i)];
                values[Pattern.IndexOf(At(0, i), At(0, i))] = (2 * u * v) - 4 - (2 * _diffusion);
                values[Pattern.IndexOf(At(0, i), At(1, i))] = u * u;
                values[Pattern.IndexOf(At(1, i), At(0, i))] = 3 - (2 * u * v);
                values[Pattern.IndexOf(At(1, i), At(1, i))] = -(u * u) - (2 * _diffusion);
                for (var s = 0; s < 2; s++)
                {
                    if (i > 0) values[Pattern.IndexOf(At(s, i), At(s, i - 1))] = _diffusion;
                    if (i < _cells - 1) values[Pattern.IndexOf(At(s, i), At(s, i + 1))] = _diffusion;
                }
            }
        }

        public void Jacobian(double t, ReadOnlySpan<double> y, Span<double> jacobian)
        {
            var values = new double[Pattern.Count];
            JacobianValues(t, y, values);
            jacobian.Clear();
            foreach (var (row, column) in Pattern.Entries()) jacobian[(row * Dimension) + column] = values[Pattern.IndexOf(row, column)];
        }

        public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative) => derivative.Clear();
    }

    /// <summary>The same without its pattern.</summary>
    private readonly struct Hidden(Brusselator model) : IStiffOdeModel
    {
        private readonly Brusselator _model = model;

        public int Dimension => _model.Dimension;

        public bool IsAutonomous => true;

        public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy) => _model.Rhs(t, y, dy);

        public void Jacobian(double t, ReadOnlySpan<double> y, Span<double> jacobian) => _model.Jacobian(t, y, jacobian);

        public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative) => derivative.Clear();
    }
}
