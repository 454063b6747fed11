using Athanor.Compute.Fitting;

namespace Athanor.Compute.Tests.Fitting;

/// <summary>The measured isomerisation of alpha-pinene (data/kinetics/alpha_pinene.csv).</summary>
internal static class AlphaPinene
{
    public static readonly int[] From = [0, 0, 2, 2, 4];
    public static readonly int[] To = [1, 2, 3, 4, 2];
    public static readonly int[] Parameter = [0, 1, 2, 3, 4];

    public static readonly KineticFitOptions Options = new(1e-8, 1e-1, 1e-7, 1e-2, 1e-8, 1e-8, 300);

    public static KineticTable Table { get; } = new(
        [0, 1230, 3060, 4920, 7800, 10680, 15030, 22620, 36420],
        [
            100, 0, 0, 0, 0,
            88.35, 7.3, 2.3, 0.4, 1.75,
            76.4, 15.6, 4.5, 0.7, 2.8,
            65.1, 23.1, 5.3, 1.1, 5.8,
            50.4, 32.9, 6.0, 1.5, 9.3,
            37.5, 42.7, 6.0, 1.9, 12.0,
            25.9, 49.1, 5.9, 2.2, 17.0,
            14.0, 57.4, 5.1, 2.6, 21.0,
            4.5, 63.1, 3.8, 2.9, 25.7,
        ],
        5);

    public static KineticFit Fit() => new(From, To, Parameter, 5, Table, Options);
}
