using System.Globalization;
using Athanor.Compute.Twins;
using Athanor.Protocol;
using Athanor.Protocol.Twins;

namespace Athanor.Actors.Twins;

/// <summary>What is wrong with what a twin is told; each gives one sentence that says what would be right, or null.</summary>
internal static class TwinChecks
{
    public static string? Spec(TwinSpec spec)
    {
        if (spec.Unit.Length == 0) return "the spec names no unit";
        if (spec.Model.Version != 1) return Text($"the first model has version {spec.Model.Version}; 1 would be right");
        if (!(spec.NominalStepS > 0) || !double.IsFinite(spec.NominalStepS))
            return Text($"the nominal step is {spec.NominalStepS} s; a time above 0 would be right");
        if (!(spec.MaxGapS >= spec.NominalStepS) || !double.IsFinite(spec.MaxGapS))
            return Text($"the longest gap is {spec.MaxGapS} s; at least the nominal step of {spec.NominalStepS} s would be right");
        if (spec.AlarmWindow < 1) return Text($"the alarm window is {spec.AlarmWindow} rows; at least 1 would be right");
        if (!(spec.AlarmNis > 0) || !double.IsFinite(spec.AlarmNis))
            return Text($"the alarm limit is {spec.AlarmNis}; a number above 0 would be right");
        if (spec.Signals is { } signals && (SignalName(signals.Input) ?? SignalName(signals.Measured)) is { } name) return name;
        return HeaterModel.Problem(spec.Model.Kind, spec.Model.Parameters, spec.Model.Weights);
    }

    public static string? SignalName(string name) =>
        name.Length <= TwinSampling.MaxNameLength && EntityAddress.IsValidPart(name)
            ? null
            : $"'{name}' is no signal: 1 to {TwinSampling.MaxNameLength} letters, digits, '.', '_' and '-'";

    public static string? Shape(Measure measure)
    {
        var count = measure.TimesS.Length;
        if (count is 0 or > TwinDecider.MaxRows) return Text($"{count} rows were sent; 1 to {TwinDecider.MaxRows} would be right");
        if (measure.FirstRow < 1) return Text($"the first row's number is {measure.FirstRow}; rows are numbered from 1");
        if (measure.Inputs.Length != count) return Text($"{count} times came with {measure.Inputs.Length} inputs; a heater has 1 a row");
        return measure.Measured.Length != count
            ? Text($"{count} times came with {measure.Measured.Length} measured values; a heater has 1 a row")
            : null;
    }

    /// <summary>Checks the rows after the last one taken.</summary>
    public static string? Values(Measure measure, long taken, double takenTimeS)
    {
        for (var i = (int)(taken + 1 - measure.FirstRow); i < measure.TimesS.Length; i++)
        {
            var row = measure.FirstRow + i;
            var time = measure.TimesS[i];
            if (!double.IsFinite(time)) return Text($"row {row}: the time is {time}; a finite number of seconds would be right");
            if (!double.IsFinite(measure.Inputs[i]))
                return Text($"row {row}: the input is {measure.Inputs[i]}; a finite number would be right");
            if (!double.IsFinite(measure.Measured[i]))
                return Text($"row {row}: the measured value is {measure.Measured[i]}; a finite number would be right");
            if (row == 1) continue;
            var before = row == taken + 1 ? takenTimeS : measure.TimesS[i - 1];
            if (time == before) return Text($"row {row}: duplicate time {time} s; row {row - 1} has the same, and it must rise");
            if (time < before) return Text($"row {row}: time runs back from {before} s to {time} s; it must rise from row to row");
        }
        return null;
    }

    public static string? Start(TwinEstimate start, TwinModel model)
    {
        var n = HeaterModel.StateNames(model.Kind).Count;
        if (start.State.Length != n || start.Covariance.Length != n * n)
        {
            return Text($"the start has {start.State.Length} states and {start.Covariance.Length} elements of covariance; {model.Kind} has {n}")
                + Text($" and {n * n}");
        }
        return Array.TrueForAll(start.State, double.IsFinite) && Array.TrueForAll(start.Covariance, double.IsFinite)
            ? null
            : "the start holds a value that is not a finite number";
    }

    /// <summary>What a model starts from when only temperatures are kept.</summary>
    public static TwinEstimate CarriedOver(TwinEstimate estimate, TwinModel model)
    {
        if (estimate.Row == 0) return estimate;
        var heater = HeaterModel.Create(model.Kind, model.Parameters, model.Weights);
        var (x, p) = (new double[heater.States], new double[heater.States * heater.States]);
        heater.Start(estimate.State[1], x, p);
        (x[0], x[1]) = (estimate.State[0], estimate.State[1]);
        return new TwinEstimate(estimate.Row, estimate.TimeS, x, p);
    }

    public static bool Same(TwinSpec a, TwinSpec b) => Same(a.Model, b.Model) && a with { Model = b.Model } == b;

    public static bool Same(TwinModel a, TwinModel b) =>
        a.Kind == b.Kind && a.Version == b.Version && a.Source == b.Source && a.Parameters.AsSpan().SequenceEqual(b.Parameters)
        && a.Weights.AsSpan().SequenceEqual(b.Weights);

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
