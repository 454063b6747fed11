using System.Numerics;
using System.Text.Json;
using Athanor.Compute.Neural.Models.Protocols;
using Athanor.Compute.Training;

namespace Athanor.Compute.Neural.Models;

/// <summary>
/// Makes the tasks of the models of <see cref="ModelSpecification"/> from JSON. Data keys:
/// <list type="bullet">
/// <item><c>table</c> with the columns <c>time</c> (its name; default <c>t</c>), the observed states and the controls; where the column
/// named by <c>trajectory</c> changes, a new record begins. Of one record <c>rows</c> = [FIRST, LAST] (from 1) are used, and
/// <c>validation</c> = [FIRST, LAST] of them held out; of several <c>validation</c> = that many last ones;</item>
/// <item>or <c>benchmark</c>, a case of the reactor protocol, with <c>seed</c>: 24 records and 8 to validate;</item>
/// <item><c>window</c>, <c>stride</c> (intervals), <c>substeps</c>, <c>predict-substeps</c>, <c>method</c>, <c>start-rows</c>, <c>noise</c>: see
/// <see cref="ShootingOptions"/>.</item>
/// </list>
/// The model's <c>loss</c> has the terms <c>absolute</c>, <c>relative</c>, <c>residual</c>, <c>positivity</c>, <c>mass</c>, <c>energy</c>,
/// <c>smoothness</c>, <c>collocation</c>: see <see cref="ShootingOptions"/>. Scales come from the training records. A
/// curriculum may schedule <c>window</c>, <c>stride</c> and <c>substeps</c>.
/// </summary>
internal sealed class ShootingTaskFactory(string kind) : ITrainingTaskFactory
{
    public string Kind => kind;

    public ITrainingTask<T> Create<T>(TaskSource source)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var data = source.Data;
        TaskJson.CheckKeys(
            data, "data", "table", "time", "trajectory", "rows", "validation", "benchmark", "seed", "window", "stride", "substeps",
            "predict-substeps", "start-rows", "noise", "method");
        var model = ModelJson.Read(source.Model);
        ModelCheck.Check(model);
        var terms = new Dictionary<string, double> { ["absolute"] = 1.0 };
        if (source.Model.TryGetProperty("loss", out var loss))
        {
            TaskJson.CheckKeys(
                loss, "loss", "absolute", "relative", "residual", "positivity", "mass", "energy", "smoothness", "collocation", "l2");
            terms = loss.EnumerateObject().ToDictionary(static term => term.Name, term => TaskJson.Number(loss, "loss", term.Name));
        }
        var (training, validation) = Records(source, model);
        var window = TaskJson.Integer(data, "data", "window", 8);
        var substeps = TaskJson.Integer(data, "data", "substeps", 4);
        var options = new ShootingOptions(
            window, TaskJson.Integer(data, "data", "stride", Math.Max(1, window / 2)), substeps,
            TaskJson.Integer(data, "data", "predict-substeps", 4 * substeps), TaskJson.Integer(data, "data", "start-rows", 20),
            Weight("absolute"), Weight("relative"), Weight("residual"), TaskJson.Number(data, "data", "noise", 0.01))
        {
            Method = Method(data),
            Positivity = Weight("positivity"),
            Mass = Weight("mass"),
            Energy = Weight("energy"),
            Smoothness = Weight("smoothness"),
            Collocation = Weight("collocation"),
        };
        foreach (var record in training.Concat(validation)) record.Check(model.Controls.Length, model.States.Count(s => s.Observed));
        return NeuralModel<T>.Of(ModelJson.Normalised(model, training)).Task(training, validation, options);

        double Weight(string term) => terms.GetValueOrDefault(term);
    }

    private static FixedStepMethod Method(JsonElement data) => TaskJson.Text(data, "data", "method", "rk4") switch
    {
        "rk4" => FixedStepMethod.Rk4,
        "tsit5" => FixedStepMethod.Tsit5,
        var other => throw new TrainingException($"data.method is '{other}'; one of rk4, tsit5 would be right"),
    };

    private static (IReadOnlyList<ProcessRecord> Training, IReadOnlyList<ProcessRecord> Validation) Records(
        TaskSource source, ModelSpecification model)
    {
        var data = source.Data;
        if (data.TryGetProperty("benchmark", out _))
        {
            var name = TaskJson.Text(data, "data", "benchmark");
            var reactor = ReactorCase.All.FirstOrDefault(c => c.Key == name) ?? throw new TrainingException(
                $"data.benchmark is '{name}'; one of {string.Join(", ", ReactorCase.All.Select(c => c.Key))} would be right");
            var observed = model.States.Where(s => s.Observed).Select(s => s.Name).ToArray();
            var columns = observed.Select(reactor.Problem.StateIndex).ToArray();
            var records = reactor.Records((ulong)TaskJson.Integer(data, "data", "seed", 42)).Select(r => r with
            {
                Controls = [.. r.Times.SelectMany(_ => model.Controls.Select(c => reactor.Control(c.Name)))],
                Outputs = [.. r.Times.SelectMany((_, k) => columns.Select(c => r.Outputs[(k * reactor.Nominal.Length) + c]))],
            }).ToArray();
            return Split(source, records, ReactorCase.Validation);
        }
        var table = source.Table(TaskJson.Text(data, "data", "table"));
        var all = Cut(table, model, TaskJson.Text(data, "data", "time", "t"), data.TryGetProperty("trajectory", out _)
            ? TaskJson.Text(data, "data", "trajectory")
            : null);
        if (all.Count > 1) return Split(source, all, TaskJson.Integer(data, "data", "validation", 0));
        return SplitRows(source, all[0]);
    }

    private static (IReadOnlyList<ProcessRecord>, IReadOnlyList<ProcessRecord>) Split(
        TaskSource source, IReadOnlyList<ProcessRecord> records, int held)
    {
        if (held < 0 || held >= records.Count)
            throw new TrainingException($"data.validation is {held}; fewer than the {records.Count} records would be right");
        var (first, end) = source.Split.Folds > 1 ? source.Split.Part(records.Count) : (records.Count - held, records.Count);
        return ([.. records.Take(first), .. records.Skip(end)], [.. records.Skip(first).Take(end - first)]);
    }

    private static (IReadOnlyList<ProcessRecord>, IReadOnlyList<ProcessRecord>) SplitRows(TaskSource source, ProcessRecord record)
    {
        var (from, to) = Rows(source.Data, "rows", 1, record.Rows) ?? (1, record.Rows);
        var (first, end) = (to, to);
        if (source.Split.Folds > 1)
        {
            (first, end) = source.Split.Part(to - from + 1);
            (first, end) = (first + from - 1, end + from - 1);
        }
        else if (Rows(source.Data, "validation", from, to) is { } held)
        {
            (first, end) = (held.First - 1, held.Last);
        }
        var training = new List<ProcessRecord>();
        if (first - (from - 1) >= 2) training.Add(record.Slice(from - 1, first - (from - 1)));
        if (to - end >= 2) training.Add(record.Slice(end, to - end));
        if (training.Count == 0) throw new TrainingException("data.validation leaves no rows for training");
        return (training, end - first >= 2 ? [record.Slice(first, end - first)] : []);
    }

    /// <summary>[FIRST, LAST], rows from 1; null where the key is absent.</summary>
    private static (int First, int Last)? Rows(JsonElement data, string key, int least, int most)
    {
        if (!data.TryGetProperty(key, out var value)) return null;
        return value.ValueKind == JsonValueKind.Array && TaskJson.Integers(data, "data", key) is [var first, var last] && first >= least
            && last > first && last <= most
            ? (first, last)
            : throw new TrainingException(
                $"data.{key} is {value.GetRawText()}; [FIRST, LAST] within rows {least} to {most} would be right");
    }

    private static IReadOnlyList<ProcessRecord> Cut(TrainingTable table, ModelSpecification model, string time, string? trajectory)
    {
        var times = table[time].ToArray();
        var names = model.States.Where(s => s.Observed).Select(s => s.Name).ToArray();
        var controls = model.Controls.Select(c => table[c.Name].ToArray()).ToArray();
        var outputs = names.Select(n => table[n].ToArray()).ToArray();
        var ids = trajectory is null ? null : table[trajectory].ToArray();
        var records = new List<ProcessRecord>();
        for (var first = 0; first < times.Length;)
        {
            var end = first + 1;
            while (end < times.Length && (ids is null || ids[end] == ids[first])) end++;
            var rows = Enumerable.Range(first, end - first).ToArray();
            records.Add(new ProcessRecord(
                [.. rows.Select(k => times[k])], [.. rows.SelectMany(k => controls.Select(c => c[k]))],
                [.. rows.SelectMany(k => outputs.Select(c => c[k]))]));
            first = end;
        }
        return records.Count > 0 ? records : throw new TrainingException("the table has no rows");
    }
}
