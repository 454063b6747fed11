using Athanor.Compute.Kinetics;
using Athanor.Compute.Linear;
using Athanor.Compute.Numerics;
using Athanor.Compute.Ode;

namespace Athanor.Compute.Fitting;

/// <summary>Bounds, starts and tolerances of a kinetic fit; rates in 1/time unit of the data.</summary>
public sealed record KineticFitOptions(
    double Lower, double Upper, double StartLow, double StartHigh, double RelativeTolerance, double AbsoluteTolerance, int MaxIterations);

/// <summary>Estimates with relative standard errors from the linear approximation at the optimum, s^2 (J^T J)^-1, s^2 = SSE / (residuals
/// - parameters); an error of -1 means that the data do not determine the parameter.</summary>
public sealed record KineticInterval(double[] Parameters, double[] RelativeErrors, double SumOfSquares, int Residuals);

/// <summary>Multi-start fits of the rate constants of a first-order network.</summary>
public sealed class KineticFit
{
    /// <summary>A combination of responses with a smaller standard deviation than this is constant: three times the standard deviation of
    /// a sum of numbers rounded to 0.1.</summary>
    public const double RoundingThreshold = 0.3;

    // In ln k. From starts five decades apart, short first steps downhill (large first damping) keep the search out of the plateau where
    // the reactant is gone before the first sample and nothing depends on its rates any more.
    private const double LongestStep = 2.0;
    private const double FirstDamping = 1.0;

    private readonly double[] _rates;
    private readonly FirstOrderNetwork _network;
    private readonly KineticTable _table;
    private readonly KineticFitOptions _options;
    private readonly double[] _lower;
    private readonly double[] _upper;

    public KineticFit(int[] from, int[] to, int[] parameter, int parameters, KineticTable table, KineticFitOptions options)
    {
        ArgumentNullException.ThrowIfNull(table);
        ArgumentNullException.ThrowIfNull(options);
        _rates = new double[parameters];
        Array.Fill(_rates, 1.0);
        _network = new FirstOrderNetwork(table.Species, from, to, parameter, _rates);
        _table = table;
        _options = options;
        _lower = new double[parameters];
        _upper = new double[parameters];
        Array.Fill(_lower, DetMath.Log(options.Lower));
        Array.Fill(_upper, DetMath.Log(options.Upper));
    }

    /// <summary>The logarithms of start <paramref name="index"/>: log-uniform draws that depend on the seed and the index alone.</summary>
    public double[] Start(ulong seed, int index)
    {
        var stream = new Philox(seed, (ulong)index);
        double low = DetMath.Log(_options.StartLow), high = DetMath.Log(_options.StartHigh);
        var x = new double[_rates.Length];
        for (var k = 0; k < x.Length; k++) x[k] = stream.NextDouble(low, high);
        return x;
    }

    /// <summary>Searches from logarithms of rate constants, all responses counted.</summary>
    public FitResult Search(ReadOnlySpan<double> start, CancellationToken cancellation = default) =>
        Search(start, KineticProblem.Identity(_table.Species), cancellation);

    /// <summary>The interval at a found optimum with every response counted as an independent measurement.</summary>
    public KineticInterval Naive(FitResult fit) => Interval(fit, KineticProblem.Identity(_table.Species));

    /// <summary>Refits to the independent combinations of the responses alone, from a found optimum, and gives the interval
    /// there.</summary>
    public KineticInterval Independent(FitResult fit, ResponseDependencies dependencies, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(fit);
        ArgumentNullException.ThrowIfNull(dependencies);
        return Interval(Search(fit.Parameters, dependencies.Independent, cancellation), dependencies.Independent);
    }

    public ResponseDependencies Dependencies() => ResponseDependencies.Find(_table, RoundingThreshold);

    private FitResult Search(ReadOnlySpan<double> start, double[] combinations, CancellationToken cancellation)
    {
        var problem = Problem(combinations);
        var options = new LevenbergMarquardtOptions
        {
            MaxIterations = _options.MaxIterations,
            MaxStep = LongestStep,
            InitialDamping = FirstDamping,
        };
        return LevenbergMarquardt.Minimise(ref problem, start, _lower, _upper, options, cancellation);
    }

    private KineticProblem Problem(double[] combinations) => new(
        _network, _rates, _table, combinations,
        new OdeOptions { RelativeTolerance = _options.RelativeTolerance, AbsoluteTolerance = _options.AbsoluteTolerance });

    private KineticInterval Interval(FitResult fit, double[] combinations)
    {
        var problem = Problem(combinations);
        int n = problem.Parameters, m = problem.Residuals;
        double[] residuals = new double[m], jacobian = new double[m * n], normal = new double[n * n], inverse = new double[n * n];
        var errors = new double[n];
        Array.Fill(errors, -1.0);
        if (problem.Evaluate(fit.Parameters, residuals, jacobian) && m > n)
        {
            for (var row = 0; row < m; row++)
            {
                for (var a = 0; a < n; a++)
                {
                    for (var b = 0; b < n; b++) normal[(a * n) + b] += jacobian[(row * n) + a] * jacobian[(row * n) + b];
                }
            }
            if (SmallCholesky.Factor(normal, n))
            {
                SmallCholesky.Invert(normal, n, inverse);
                var variance = fit.SumOfSquares / (m - n);
                // In ln k, a standard error is a relative standard error of k.
                for (var k = 0; k < n; k++) errors[k] = Math.Sqrt(variance * inverse[(k * n) + k]);
            }
        }
        return new KineticInterval(Array.ConvertAll(fit.Parameters, DetMath.Exp), errors, fit.SumOfSquares, m);
    }
}
