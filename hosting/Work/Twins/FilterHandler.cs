using Athanor.Compute.Twins;
using Athanor.Protocol;
using Athanor.Protocol.Twins;

namespace Athanor.Hosting.Work.Twins;

/// <summary>Filters the rows of many twins; each request on its own, so that its bits do not depend on its neighbours.</summary>
internal sealed class FilterHandler : IComputeHandler
{
    public Type Handles => typeof(FilterRows);

    public IReadOnlyList<IComputeResult> Run(IReadOnlyList<ICompute> batch, CancellationToken cancellation)
    {
        var results = new IComputeResult[batch.Count];
        for (var i = 0; i < results.Length; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            results[i] = Filter((FilterRows)batch[i]);
        }
        return results;
    }

    internal static RowsFiltered Filter(FilterRows request)
    {
        var model = HeaterModel.Create(request.Model.Kind, request.Model.Parameters, request.Model.Weights);
        var count = request.TimesS.Length;
        var (predicted, variance) = (new double[count], new double[count]);
        var from = request.From.Row == 0
            ? HeaterEstimate.None with { Nis = request.Nis }
            : new HeaterEstimate(
                request.FirstRow - 1, request.From.TimeS, request.LastInputs.Length > 0 ? request.LastInputs[0] : 0.0, request.From.State,
                request.From.Covariance, request.Nis);
        var estimate = HeaterFilter.Run(
            model, from, request.TimesS, request.Inputs, request.Measured, request.MaxGapS, request.NisWindow, predicted, variance);
        return new RowsFiltered(
            new TwinEstimate(request.FirstRow + count - 1, estimate.TimeS, estimate.State, estimate.Covariance), predicted, variance,
            estimate.Nis);
    }
}
