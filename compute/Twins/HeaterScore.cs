namespace Athanor.Compute.Twins;

/// <summary>One free run beside what was measured.</summary>
public sealed record ScoredRun(int FirstRow, double[] Predicted, double SumOfSquares);

/// <summary>Root mean square error of free runs, pooled over all rows of all runs.</summary>
public sealed record FreeRunScore(double RmseK, IReadOnlyList<ScoredRun> Runs)
{
    /// <summary>Scores runs that start from the estimates given.</summary>
    /// <param name="estimateAt">The estimate after a number of rows.</param>
    public static FreeRunScore Of(
        HeaterModel model, HeaterRecord record, FreeRunPlan plan, Func<int, HeaterEstimate> estimateAt) =>
        Pool(record, plan, first =>
        {
            var range = first..(first + plan.Length);
            return HeaterFilter.FreeRun(model, estimateAt(first), record.TimeS.AsSpan()[range], record.Power.AsSpan()[range]);
        });

    /// <summary>Filters the record up to the last start, then scores.</summary>
    public static FreeRunScore Of(HeaterModel model, HeaterRecord record, FreeRunPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        if (plan.Runs < 1) throw new ArgumentException($"no free run of {plan.Length} rows fits rows {plan.First} to {plan.End}");
        var estimates = HeaterFilter.Estimates(model, record, plan.StartOf(plan.Runs - 1), plan.Every);
        return Of(model, record, plan, first => estimates[(first / plan.Every) - 1]);
    }

    /// <summary>The same runs, told along the way which ambient bias the filter finds there: no prediction, since it has seen the readings,
    /// but the error that the plant's equations alone leave. What lies between this and <see cref="Of(HeaterModel, HeaterRecord, FreeRunPlan)"/> is
    /// disturbance that no model of the heater can foresee.</summary>
    public static FreeRunScore KnowingAmbient(HeaterModel model, HeaterRecord record, FreeRunPlan plan)
    {
        ArgumentNullException.ThrowIfNull(plan);
        var rows = plan.StartOf(plan.Runs - 1) + plan.Length;
        var estimates = HeaterFilter.Estimates(model, record, rows, 1);
        return Pool(record, plan, first =>
        {
            var x = (double[])estimates[first - 1].State.Clone();
            var run = new double[plan.Length];
            for (var k = 0; k < run.Length; k++)
            {
                x[HeaterModel.Bias] = estimates[first + k].State[HeaterModel.Bias];
                model.Step(x, record.Power[first + k - 1], record.TimeS[first + k] - record.TimeS[first + k - 1]);
                run[k] = x[HeaterModel.Ts];
            }
            return run;
        });
    }

    /// <summary>Scores any predictor.</summary>
    /// <param name="predict">The predictions of <see cref="FreeRunPlan.Length"/> rows from a zero-based row on.</param>
    public static FreeRunScore Pool(HeaterRecord record, FreeRunPlan plan, Func<int, double[]> predict)
    {
        var runs = new ScoredRun[plan.Runs];
        var sum = 0.0;
        for (var i = 0; i < runs.Length; i++)
        {
            var first = plan.StartOf(i);
            var predicted = predict(first);
            var squares = 0.0;
            for (var k = 0; k < predicted.Length; k++)
            {
                var error = predicted[k] - record.MeasuredC[first + k];
                squares += error * error;
            }
            runs[i] = new ScoredRun(first, predicted, squares);
            sum += squares;
        }
        return new FreeRunScore(Math.Sqrt(sum / ((double)plan.Runs * plan.Length)), runs);
    }
}
