using System.Runtime.Intrinsics;
using Athanor.Compute.Plants;

namespace Athanor.Compute.Estimation;

/// <summary>A value that the filter is asked to take in.</summary>
internal readonly record struct CoreSample(int Sensor, double Value);

/// <summary>What was expected before any value of that time was taken in.</summary>
internal record struct Correction(double Predicted, double Variance, bool Used);

/// <summary>
/// One kind of filter as a pure function over a belief, a span of doubles of fixed size. Whatever it needs from one step to the next is in
/// there, so that it can be stored, copied and filtered again.
/// </summary>
internal abstract class FilterCore(JointModel joint)
{
    public JointModel Joint { get; } = joint;

    public abstract int BeliefSize { get; }

    /// <summary>Whether <see cref="StepLanes"/> is there.</summary>
    public virtual bool HasLanes => false;

    /// <param name="x0">States; what else there is starts at its nominal value.</param>
    public abstract void Start(Span<double> belief, ReadOnlySpan<double> x0);

    /// <summary>Goes on by a time with the inputs held, then takes the samples in.</summary>
    /// <returns>Normalised innovation squared of what was taken in, together, and how many.</returns>
    public abstract (double Nis, int Samples) Step(
        Span<double> belief, ReadOnlySpan<double> u, double dtS, ReadOnlySpan<CoreSample> samples, Span<Correction> corrections);

    /// <summary>Several groups of eight beliefs, each with the bits of <see cref="Step"/> by itself. All times are positive, or all are
    /// zero.</summary>
    /// <param name="belief">Entry i of belief l of group g in lane l at g <see cref="BeliefSize"/> + i; so with the other spans.</param>
    /// <param name="nis">Per group.</param>
    public virtual void StepLanes(
        int groups, Span<Vector512<double>> belief, ReadOnlySpan<Vector512<double>> u, ReadOnlySpan<Vector512<double>> dtS,
        ReadOnlySpan<int> sensors, ReadOnlySpan<Vector512<double>> values, Span<Vector512<double>> predicted,
        Span<Vector512<double>> variance,
        Span<Vector512<double>> used, Span<Vector512<double>> nis) => throw new NotSupportedException("this filter has no lanes");

    /// <summary>Mean and standard deviation of each entry of the joint state.</summary>
    public abstract void Moments(ReadOnlySpan<double> belief, Span<double> mean, Span<double> sd);

    /// <summary>Cholesky factor of the covariance, lower, packed by rows.</summary>
    public abstract void Factor(ReadOnlySpan<double> belief, Span<double> packed);

    /// <summary>Variance of what a sensor will show.</summary>
    public abstract double Variance(ReadOnlySpan<double> belief, int sensor);

    public static FilterCore Of(JointModel joint) => joint.Model.Accept<Maker, FilterCore>(new Maker(joint));

    private readonly struct Maker(JointModel joint) : IPlantVisitor<FilterCore>
    {
        public FilterCore Visit<TMap>(in TMap map, PlantModel model)
            where TMap : struct, IPlantMap => joint.Settings.Kind switch
            {
                EstimatorKind.Ekf or EstimatorKind.Iekf or EstimatorKind.Ukf => new SquareRootCore<TMap>(joint, map),
                EstimatorKind.Mhe => new HorizonCore<TMap>(joint, map),
                _ => new EnsembleCore<TMap>(joint, map),
            };
    }
}
