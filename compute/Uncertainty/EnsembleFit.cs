using System.Collections.Immutable;
using Athanor.Compute.Kernels;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Uncertainty;

/// <summary>How the members of an ensemble are trained and their intervals calibrated.</summary>
/// <param name="Sizes">Inputs, hidden widths, 1.</param>
/// <param name="Passes">Passes over the training rows.</param>
/// <param name="Alpha">Share of new rows that an interval may miss, e.g. 0.1.</param>
public sealed record EnsembleOptions(
    ImmutableArray<int> Sizes, int Members, int Passes, int BatchRows, double LearningRate, double WeightDecay, double Alpha,
    ImmutableArray<LogShift> Logs)
{
    /// <summary>What is wrong with these, or null.</summary>
    public string? Check()
    {
        if (Members is < 2 or > 100) return $"{Members} members; 2 to 100 would be right";
        if (Passes is < 1 or > 1_000_000) return $"{Passes} passes; 1 to 1,000,000 would be right";
        if (!(Alpha is > 0.0 and < 1.0)) return $"a miscoverage of {Alpha}; between 0 and 1 would be right";
        if (Training(1, 0).Check() is { } wrong) return wrong;
        return Sizes[^1] == 1 ? null : $"the network has {Sizes[^1]} outputs; 1 would be right";
    }

    /// <summary>The training of one member on so many rows.</summary>
    public PerceptronTraining Training(int rows, ulong seed)
    {
        var batch = Math.Max(1, Math.Min(BatchRows, rows));
        return new PerceptronTraining(
            Sizes, seed, Math.Max(1, (long)Passes * rows / batch), BatchRows, LearningRate, 0.0, WeightDecay);
    }
}

/// <summary>
/// One fit: members trained on the training rows, intervals calibrated on the calibration rows, both scored on the test rows. Constant
/// intervals are mean ± q with q from scores |y - mean|; normalised ones mean ± q s with scores |y - mean| / s, where s is the members'
/// spread.
/// </summary>
public sealed record EnsembleFit(
    EnsembleModel Model, RowSplit Split, EnsemblePrediction Calibration, EnsemblePrediction Test, double Rmse, double MemberRmse,
    double ConstantQuantile, double NormalisedQuantile, int CoveredByConstant, int CoveredByNormalised, double ConstantWidth,
    double NormalisedWidth)
{
    /// <summary>Seed of a member, a function of the fit's seed.</summary>
    public static ulong MemberSeed(ulong seed, int member)
    {
        var (low, high, _, _) = Philox4x32.Block(seed, (ulong)member, 0);
        return low | ((ulong)high << 32);
    }

    /// <param name="table">One output column.</param>
    /// <param name="report">Told the number of members done.</param>
    public static EnsembleFit Run(
        SampleTable table, RowSplit split, EnsembleOptions options, ulong seed, Action<int>? report = null,
        CancellationToken cancellation = default)
    {
        if (options.Check() is { } wrong) throw new ArgumentException(wrong, nameof(options));
        if (table.Outputs != 1) throw new ArgumentException($"the table has {table.Outputs} outputs; 1 would be right");
        if (table.Inputs != options.Sizes[0])
            throw new ArgumentException($"the network takes {options.Sizes[0]} inputs where the table has {table.Inputs}");
        var input = Standardization.Fit(table.X, table.Inputs, split.Training, options.Logs.AsSpan());
        var output = Standardization.Fit(table.Y, 1, split.Training, []);
        var x = input.Apply(table.X, split.Training);
        var y = output.Apply(table.Y, split.Training);
        var members = ImmutableArray.CreateBuilder<float[]>(options.Members);
        for (var m = 0; m < options.Members; m++)
        {
            var trainer = new PerceptronTrainer(options.Training(split.Training.Length, MemberSeed(seed, m)), x, y);
            trainer.Run(trainer.Spec.TotalSteps, cancellation);
            members.Add(trainer.Parameters.ToArray());
            report?.Invoke(m + 1);
        }
        var model = new EnsembleModel(options.Sizes, input, output.Means[0], output.Deviations[0], members.MoveToImmutable());
        return Score(model, table, split, options.Alpha);
    }

    private static EnsembleFit Score(EnsembleModel model, SampleTable table, RowSplit split, double alpha)
    {
        var calibration = model.Predict(table.X, split.Calibration);
        var test = model.Predict(table.X, split.Test);
        var constant = SplitConformal.Quantile(Scores(table.Y, split.Calibration, calibration, false), alpha);
        var normalised = SplitConformal.Quantile(Scores(table.Y, split.Calibration, calibration, true), alpha);

        var residuals = Scores(table.Y, split.Test, test, false);
        var ratios = Scores(table.Y, split.Test, test, true);
        double squares = 0.0, spreads = 0.0;
        int inConstant = 0, inNormalised = 0;
        for (var i = 0; i < residuals.Length; i++)
        {
            squares += residuals[i] * residuals[i];
            spreads += test.Spread[i];
            if (residuals[i] <= constant) inConstant++;
            if (ratios[i] <= normalised) inNormalised++;
        }
        var memberRmse = 0.0;
        foreach (var member in model.PredictEach(table.X, split.Test))
        {
            var sum = 0.0;
            for (var i = 0; i < member.Length; i++)
            {
                var r = model.OutputMean + model.OutputDeviation * member[i] - table.Y[split.Test[i]];
                sum += r * r;
            }
            memberRmse += Math.Sqrt(sum / member.Length);
        }
        return new EnsembleFit(
            model, split, calibration, test, Math.Sqrt(squares / residuals.Length), memberRmse / model.Members.Length, constant, normalised,
            inConstant, inNormalised, 2.0 * constant, 2.0 * normalised * spreads / residuals.Length);
    }

    private static double[] Scores(ReadOnlySpan<float> y, ReadOnlySpan<int> rows, EnsemblePrediction prediction, bool normalised)
    {
        var scores = new double[rows.Length];
        for (var i = 0; i < scores.Length; i++)
        {
            var residual = Math.Abs((double)y[rows[i]] - prediction.Mean[i]);
            scores[i] = normalised ? residual / prediction.Spread[i] : residual;
        }
        return scores;
    }
}
