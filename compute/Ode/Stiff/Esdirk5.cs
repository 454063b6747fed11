namespace Athanor.Compute.Ode;

/// <summary>
/// The singly diagonally implicit Runge-Kutta method ESDIRK5(4)8L[2]SA2 of C. A. Kennedy and M. H. Carpenter, "Higher-order additive
/// Runge-Kutta schemes for ordinary differential equations", Applied Numerical Mathematics 136 (2019), implicit part: eight stages of which
/// the first is explicit, order 5 with an error estimate of order 4, L-stable, stiffly accurate, stage order 2. Simplified Newton
/// iterations with one matrix M / (h gamma) - J, kept over steps while they converge. For large stiff systems and for sensitivities, which
/// are the exact derivatives of the numerical solution and need no second derivatives of the model.
/// </summary>
public static class Esdirk5
{
    internal const int Stages = 8;
    internal const double Gamma = 2.0 / 9.0;

    /// <summary>a_ij below the diagonal, row by row; the last row is the solution's weights.</summary>
    internal static readonly double[][] A = Table();

    internal static readonly double[] C =
    [
        0.0, 4.0 / 9.0, 6456083330201.0 / 8509243623797.0, 1632083962415.0 / 14158861528103.0, 6365430648612.0 / 17842476412687.0,
        18.0 / 25.0, 191.0 / 200.0, 1.0,
    ];

    /// <summary>Weights of the solution less those of the embedded one.</summary>
    internal static readonly double[] E =
    [
        0.0, 0.0,
        (3517720773327.0 / 20256071687669.0) - (520639020421.0 / 8300446712847.0),
        (4569610470461.0 / 17934693873752.0) - (4550235134915.0 / 17827758688493.0),
        (2819471173109.0 / 11655438449929.0) - (1482366381361.0 / 6201654941325.0),
        (3296210113763.0 / 10722700128969.0) - (5551607622171.0 / 13911031047899.0),
        (-1142099968913.0 / 5710983926999.0) - (-5266607656330.0 / 36788968843917.0),
        Gamma - (1074053359553.0 / 5740751784926.0),
    ];

    /// <summary>Solves M y' = f from (t0, y0) to the last of <paramref name="times"/>; M, if any, is diagonal. Band or sparse factors are
    /// used for models that give a sparse Jacobian, and for large ones whose Jacobian is found to be sparse.</summary>
    /// <param name="times">Output times, not falling, none before t0.</param>
    /// <param name="output">Solution at the times, shape (times, n) row-major.</param>
    /// <exception cref="OdeException">The solve could not go on; the message names time and component.</exception>
    public static OdeStatistics Solve<TModel>(
        in TModel model, double t0, ReadOnlySpan<double> y0, ReadOnlySpan<double> times, Span<double> output, in OdeOptions options)
        where TModel : struct, IStiffOdeModel =>
        StiffSolve.Write(model, new Esdirk5Method(), t0, y0, times, output, options);

    private static double[][] Table()
    {
        const double A31 = 2366667076620.0 / 8822750406821.0, A41 = -257962897183.0 / 4451812247028.0;
        const double A51 = -486229321650.0 / 11227943450093.0, A61 = 621307788657.0 / 4714163060173.0;
        const double A71 = 2036305566805.0 / 6583108094622.0;
        return
        [
            [],
            [Gamma],
            [A31, A31],
            [A41, A41, 128530224461.0 / 14379561246022.0],
            [A51, A51, -225633144460.0 / 6633558740617.0, 1741320951451.0 / 6824444397158.0],
            [A61, A61, -125196015625.0 / 3866852212004.0, 940440206406.0 / 7593089888465.0, 961109811699.0 / 6734810228204.0],
            [
                A71, A71, -3039402635899.0 / 4450598839912.0, -1829510709469.0 / 31102090912115.0, -286320471013.0 / 6931253422520.0,
                8651533662697.0 / 9642993110008.0,
            ],
            [
                0.0, 0.0, 3517720773327.0 / 20256071687669.0, 4569610470461.0 / 17934693873752.0, 2819471173109.0 / 11655438449929.0,
                3296210113763.0 / 10722700128969.0, -1142099968913.0 / 5710983926999.0,
            ],
        ];
    }
}

internal readonly struct Esdirk5Method : IImplicitMethod
{
    public OdeStatistics Run<TSystem, TObserver>(
        TSystem system, double t0, ReadOnlySpan<double> y0, double end, ReadOnlySpan<double> stops, in OdeOptions options,
        ref TObserver observer)
        where TSystem : struct, IImplicitSystem
        where TObserver : struct, IOdeObserver, allows ref struct =>
        new Esdirk5Stepper<TSystem, NoSensitivities>(system, default, options).Run(t0, y0, end, stops, ref observer);
}

/// <summary>The method for a state with its sensitivities as one vector.</summary>
internal readonly struct Esdirk5Sensitivities<TSensitivities>(TSensitivities sensitivities) : IImplicitMethod
    where TSensitivities : struct, ISensitivities
{
    private readonly TSensitivities _sensitivities = sensitivities;

    public OdeStatistics Run<TSystem, TObserver>(
        TSystem system, double t0, ReadOnlySpan<double> y0, double end, ReadOnlySpan<double> stops, in OdeOptions options,
        ref TObserver observer)
        where TSystem : struct, IImplicitSystem
        where TObserver : struct, IOdeObserver, allows ref struct =>
        new Esdirk5Stepper<TSystem, TSensitivities>(system, _sensitivities, options).Run(t0, y0, end, stops, ref observer);
}

/// <summary>What the sensitivities of a system need besides its Jacobian.</summary>
internal interface ISensitivities
{
    /// <summary>Blocks of n components after the state.</summary>
    int Count { get; }

    /// <summary>Writes df/dq at fixed y, shape (<see cref="Count"/>, n).</summary>
    void Derivatives(double t, ReadOnlySpan<double> y, Span<double> derivatives);
}

internal readonly struct NoSensitivities : ISensitivities
{
    public int Count => 0;

    public void Derivatives(double t, ReadOnlySpan<double> y, Span<double> derivatives) { }
}

/// <summary>To the parameters of a model, or to their logarithms.</summary>
internal readonly struct ParameterSensitivities<TModel>(TModel model, bool logarithmic) : ISensitivities
    where TModel : struct, IParametricOdeModel
{
    private readonly TModel _model = model;

    public int Count => _model.ParameterCount;

    public void Derivatives(double t, ReadOnlySpan<double> y, Span<double> derivatives)
    {
        _model.ParameterDerivatives(t, y, derivatives);
        if (!logarithmic) return;
        for (var k = 0; k < Count; k++)
        {
            var p = _model.Parameter(k);
            foreach (ref var entry in derivatives.Slice(k * y.Length, y.Length)) entry *= p;
        }
    }
}
