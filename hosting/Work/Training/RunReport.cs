using System.Globalization;
using System.Text.RegularExpressions;
using Athanor.Protocol.Training;

namespace Athanor.Hosting.Work.Training;

/// <summary>Says how far a segment is, some times a second.</summary>
/// <param name="from">Step at which the segment began.</param>
internal sealed class RunReport(IWorkContext context, TimeProvider time, TimeSpan every, RunSpec spec, int part, long from)
{
    private long _said, _steps;
    private double _sum;
    private double? _validation;

    public void Stepped(long step, double loss)
    {
        _sum += loss;
        _steps++;
        var now = time.GetTimestamp();
        if (_said != 0 && time.GetElapsedTime(_said, now) < every) return;
        _said = now;
        var until = spec.SegmentSteps > 0 ? Math.Min(spec.Stop.Steps, from + spec.SegmentSteps) : spec.Stop.Steps;
        var note = new RunNote(part, step, _sum / _steps, _validation);
        context.Report(Math.Clamp((step - from) / (double)Math.Max(1, until - from), 0.0, 1.0), note.ToString());
        (_sum, _steps) = (0.0, 0);
    }

    public void Measured(RunPoint point) => _validation = point.Validation.TryGetValue("loss", out var loss) ? loss : null;
}

/// <summary>The words in which a running segment says where it is.</summary>
/// <param name="Loss">Mean of the last steps.</param>
/// <param name="Validation">Loss at the last check-point, if there was one.</param>
public sealed partial record RunNote(int Part, long Step, double Loss, double? Validation)
{
    public override string ToString()
    {
        var text = string.Create(CultureInfo.InvariantCulture, $"part {Part}, step {Step}, loss {Loss:G5}");
        return Validation is { } value ? text + string.Create(CultureInfo.InvariantCulture, $", validation {value:G5}") : text;
    }

    /// <summary>Null if the text is none of these words.</summary>
    public static RunNote? Parse(string text)
    {
        if (Form().Match(text) is not { Success: true } match) return null;
        var groups = match.Groups;
        var numbers = CultureInfo.InvariantCulture;
        return int.TryParse(groups[1].Value, numbers, out var part) && long.TryParse(groups[2].Value, numbers, out var step)
            && double.TryParse(groups[3].Value, numbers, out var loss)
                ? new RunNote(part, step, loss, double.TryParse(groups[4].Value, numbers, out var validation) ? validation : null)
                : null;
    }

    [GeneratedRegex("^part ([0-9]+), step ([0-9]+), loss ([^,]+)(?:, validation ([^,]+))?$")]
    private static partial Regex Form();
}
