using Athanor.Compute.Ode;

namespace Athanor.Compute.Problems;

/// <summary>
/// Solves a batch on several threads that take trajectories from one list: by <see cref="OdeMethod.Tsit5"/> and, for models of up to
/// <see cref="Linear.LaneLu.Largest"/> states, <see cref="OdeMethod.Rodas5P"/> in the lanes of vectors; other methods and models one by
/// one. With
/// <see cref="OdeMethod.Auto"/> every trajectory starts in an explicit lane and goes on in a stiff one and back where
/// <see cref="AutoSolve"/> would change the method (see <see cref="LaneWork"/>); of larger models those that would are solved one by one
/// from the start.
/// </summary>
/// <remarks>Values have the bits of <see cref="OdeProblem.Solve"/>, whatever the batch, the threads and the machine.</remarks>
internal sealed class BatchSolver<TModel>(
    TModel model, int count, double[] parameters, double[] initial, double start, double[] times, OdeOptions options)
    where TModel : struct, IOdeModel<TModel>
{
    private readonly TModel _model = model;
    private readonly OdeOptions _options = options;

    /// <summary>One or two by themselves are quicker than in a vector of eight.</summary>
    private const int FewestInStiffLanes = 3;

    /// <param name="name">Names the state and the trajectory of an error.</param>
    public BatchResult Solve(OdeBatch batch, Func<int, OdeException, OdeException> name, CancellationToken cancellation)
    {
        int n = _model.Dimension, p = _model.ParameterCount;
        OutputWriter.Check(start, initial.AsSpan(0, count == 0 ? initial.Length : n), times, new double[times.Length * n], n);
        _options.Validate();
        var values = new double[(long)count * times.Length * n];
        var low = batch.Extremes ? new double[count * n] : null;
        var high = batch.Extremes ? new double[count * n] : null;
        var threads = Math.Clamp(batch.Threads > 0 ? batch.Threads : Environment.ProcessorCount, 1, Math.Max(count, 1));
        var moves = times[^1] > start && count > 0;
        var explicitLanes = moves && batch.Method is OdeMethod.Auto or OdeMethod.Tsit5;
        var stiffLanes = moves && batch.Method is OdeMethod.Rodas5P && count >= FewestInStiffLanes && Rodas5PLanes.Takes(_model);
        var lanes = explicitLanes || stiffLanes;
        var stops = _options.HitOutputTimes ? [.. times.Where(t => t > start).Distinct()] : new[] { times[^1] };
        var work = new LaneWork(count, parameters, p, initial, n, start, lanes ? stops : [times[^1]], _options, batch.CollectFailures, batch.Progress)
        {
            Switches = batch.Method == OdeMethod.Auto,
        };
        if (explicitLanes) Explicit();
        if (stiffLanes) Stiff();
        var switched = false;
        if (!Rodas5PLanes.Takes(_model)) work.LeftAreSolvedAlone();
        for (var stiff = true; work.NextRound(); stiff = !stiff)
        {
            switched = true;
            if (stiff) Stiff();
            else Explicit();
        }
        var rest = lanes ? [.. work.ToSolveAlone] : Enumerable.Range(0, count).ToArray();
        var taken = -1;
        if (rest.Length > 0)
        {
            switched = true;
            Together(Math.Min(threads, rest.Length), cancellation, () =>
            {
                for (int i; (i = Interlocked.Increment(ref taken)) < rest.Length && work.Wanted(rest[i]);)
                {
                    cancellation.ThrowIfCancellationRequested();
                    One(batch.Method, rest[i], work, values, low, high);
                }
            });
        }
        var failures = work.Failures.Select(f => new BatchFailure(f.Key, name(f.Key, f.Value))).ToArray();
        if (failures.Length > 0 && !batch.CollectFailures) throw failures[0].Error;
        foreach (var (trajectory, _) in failures)
        {
            values.AsSpan(trajectory * times.Length * n, times.Length * n).Fill(double.NaN);
            low?.AsSpan(trajectory * n, n).Fill(double.NaN);
            high?.AsSpan(trajectory * n, n).Fill(double.NaN);
        }
        var method = batch.Method != OdeMethod.Auto ? batch.Method : switched ? OdeMethod.Auto : OdeMethod.Tsit5;
        return new BatchResult(count, times, values, n, low, high, work.Statistics, method, failures);

        void Explicit() => Together(threads, cancellation, () =>
        {
            var observer = new BatchObserver(work, times, values, n, low, high);
            Tsit5Lanes.Run(_model, work, ref observer, cancellation);
        });

        void Stiff() => Together(threads, cancellation, () =>
        {
            var observer = new StiffBatchObserver(work, times, values, n, low, high);
            Rodas5PLanes.Run(_model, work, ref observer, cancellation);
        });
    }

    private void One(OdeMethod method, int trajectory, LaneWork work, double[] values, double[]? low, double[]? high)
    {
        int n = _model.Dimension, p = _model.ParameterCount;
        Span<double> parameter = stackalloc double[p], y0 = stackalloc double[n];
        for (var k = 0; k < p; k++) parameter[k] = work.Parameter(trajectory, k);
        for (var i = 0; i < n; i++) y0[i] = work.Initial(trajectory, i);
        var own = _model.With(parameter);
        var output = values.AsSpan(trajectory * times.Length * n, times.Length * n);
        try
        {
            if (low is null || high is null) work.Add(MethodTable.Solve(method, own, start, y0, times, output, _options).Statistics);
            else work.Add(Extreme(method, own, y0, output, low.AsSpan(trajectory * n, n), high.AsSpan(trajectory * n, n)));
            work.Done();
        }
        catch (OdeException error)
        {
            work.Fail(trajectory, error);
        }
    }

    private OdeStatistics Extreme(
        OdeMethod method, in TModel own, ReadOnlySpan<double> y0, Span<double> output, Span<double> low, Span<double> high)
    {
        if (times[^1] <= start)
        {
            var statistics = MethodTable.Solve(method, own, start, y0, times, output, _options).Statistics;
            output[^own.Dimension..].CopyTo(low);
            output[^own.Dimension..].CopyTo(high);
            return statistics;
        }
        var observer = new ExtremeSolve(times, output, low, high);
        return MethodTable.Observe(method, own, start, y0, times, _options, ref observer).Statistics;
    }

    private static void Together(int threads, CancellationToken cancellation, Action action)
    {
        if (threads == 1) action();
        else Parallel.For(0, threads, new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellation }, _ => action());
    }
}
