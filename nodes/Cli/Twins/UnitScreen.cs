using System.Globalization;
using Athanor.Protocol.Twins.Units;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Athanor.Nodes.Cli.Twins;

/// <summary>A unit as operators look at it: estimates with bands, sensors, inputs and moves, scores, alarms.</summary>
internal static class UnitScreen
{
    private const int Bar = 24;

    public static void Print(UnitView view) => AnsiConsole.Write(Of(view, null));

    /// <param name="shown">What to say beside the unit's name; null: nothing.</param>
    public static IRenderable Of(UnitView view, string? shown)
    {
        var rows = new List<IRenderable>
        {
            new Text($"{view.Unit}  {view.Source}  row {view.Row}{(view.Taken > view.Row ? $" of {view.Taken}" : "")}  {UnitArguments.Time(view.Time)} UTC{(shown is null ? "" : $"  {shown}")}"),
            Estimates(view), Sensors(view),
        };
        if (!view.Inputs.IsEmpty) rows.Add(Inputs(view));
        if (!view.Scores.IsEmpty) rows.Add(Scores(view));
        if (view.Diagnosis is { } diagnosis && !diagnosis.Causes.IsEmpty)
        {
            var causes = string.Join(", ", diagnosis.Causes.Take(3).Select(static c => string.Create(CultureInfo.InvariantCulture, $"{c.Name} {c.Share:P0}")));
            rows.Add(new Text($"It points to {causes}{(diagnosis.Class is { } known ? $"; known as {known}" : "")}."));
        }
        if (view.Trial is { } trial)
        {
            rows.Add(new Text(string.Create(
                CultureInfo.InvariantCulture,
                $"On trial {trial.Source}: mean NIS {trial.TrialMeanNis:G4} beside {trial.MeanNis:G4}, log score {trial.TrialLogScore:G4} beside {trial.LogScore:G4} over {trial.Rows} rows")));
        }
        var alarms = view.Alarms;
        rows.Add(alarms.IsEmpty ? new Text("No alarms.", new Style(Color.Green)) : Alarms(view));
        if (view.Late > 0 || view.SetAside > 0) rows.Add(new Text($"{view.Late} samples came too late, {view.SetAside} rows were set aside{(view.Problem is { } p ? $": {p}" : "")}."));
        return new Rows(rows);
    }

    private static Table Estimates(UnitView view)
    {
        var table = Table("Estimate", "Value", "± sd", "Unit", "");
        foreach (var e in view.Estimates)
            table.AddRow(new Text(e.Name), new Text(UnitArguments.Number(e.Value)), new Text(e.Sd.ToString("G2", CultureInfo.InvariantCulture)), new Text(e.Unit), new Text(""));
        table.Caption = new TableTitle(string.Create(CultureInfo.InvariantCulture, $"NIS {view.Nis:G3} (1 is expected)"));
        return table;
    }

    private static Table Sensors(UnitView view)
    {
        var table = Table("Sensor", "Value", "Unit", "Innovation/sd", "Status");
        foreach (var s in view.Sensors)
        {
            var style = s.Status is SensorStatus.Ok or SensorStatus.Missing ? Style.Plain : new Style(Color.Yellow);
            table.AddRow(
                new Text(s.Signal), new Text(s.Value is { } v ? UnitArguments.Number(v) : "-"), new Text(s.Unit),
                new Text(s.Innovation.ToString("F2", CultureInfo.InvariantCulture)), new Text(s.Status.ToString().ToLowerInvariant(), style));
        }
        return table;
    }

    private static Table Inputs(UnitView view)
    {
        var table = Table("Input", "Value", "Move", "Unit", "low .. high");
        foreach (var i in view.Inputs)
        {
            table.AddRow(
                new Text(i.Signal), new Text(UnitArguments.Number(i.Actual)),
                new Text(i.Override is { } held ? $"{UnitArguments.Number(held)} (held)" : i.Planned is { } planned ? UnitArguments.Number(planned) : "-"), new Text(i.Unit),
                new Text(Place(i.Actual, i.Low, i.High)));
        }
        var control = view.Controller;
        var setpoints = string.Join(", ", control.Setpoints.Select(static s => $"{s.Key} {UnitArguments.Number(s.Value)}"));
        table.Caption = new TableTitle(
            $"controller {System.Text.Json.JsonNamingPolicy.KebabCaseLower.ConvertName(control.Mode.ToString())}, {(control.Status.Length == 0 ? "no move yet" : control.Status)}"
            + $"{(setpoints.Length > 0 ? $"; set-points {setpoints}" : "")}{(control.Fallback is { } lost ? $"; fallback: {lost}" : "")}");
        return table;
    }

    private static Table Scores(UnitView view)
    {
        var table = Table("Detector", "of its limit", "");
        foreach (var s in view.Scores)
        {
            var style = s.Ratio > 1.0 ? new Style(Color.Red) : Style.Plain;
            table.AddRow(new Text(s.Name, style), new Text(s.Ratio.ToString("F2", CultureInfo.InvariantCulture), style), new Text(Fill(s.Ratio), style));
        }
        return table;
    }

    private static Table Alarms(UnitView view)
    {
        var table = Table("Alarm", "State", "Priority", "Since (UTC)", "Value");
        foreach (var a in view.Alarms)
        {
            var style = new Style(a.Active ? a.Priority >= AlarmPriority.High ? Color.Red : Color.Yellow : Color.Grey);
            table.AddRow(
                new Text(a.Tag + (a.FirstOut ? " (first out)" : ""), style), new Text(AlarmCommands.Name(a.State), style), new Text(a.Priority.ToString().ToLowerInvariant()),
                new Text(UnitArguments.Time(a.Since)), new Text(UnitArguments.Number(a.Value)));
        }
        return table;
    }

    private static Table Table(params string[] heads)
    {
        var table = new Table().Border(TableBorder.Rounded);
        foreach (var head in heads) table.AddColumn(new TableColumn(Markup.Escape(head)));
        return table;
    }

    private static string Place(double value, double low, double high)
    {
        var at = (int)Math.Clamp(Math.Round((Bar - 1) * (value - low) / (high - low)), 0, Bar - 1);
        return $"{UnitArguments.Number(low)} {new string('─', at)}●{new string('─', Bar - 1 - at)} {UnitArguments.Number(high)}";
    }

    private static string Fill(double ratio)
    {
        var full = (int)Math.Clamp(Math.Round(Bar * ratio), 0, Bar);
        return new string('█', full) + new string('░', Bar - full);
    }
}
