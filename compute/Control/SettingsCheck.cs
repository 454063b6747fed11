using System.Globalization;
using Athanor.Compute.Plants;

namespace Athanor.Compute.Control;

/// <summary>Whether settings fit a model, said with the key that does not.</summary>
internal static class SettingsCheck
{
    public static void Check(PlantModel model, ControllerSettings settings)
    {
        Positive("interval-s", settings.IntervalS);
        if (settings.Inputs.IsDefaultOrEmpty)
            throw new ControlException("inputs is empty; at least one input that the controller moves would be right");
        if (settings.Tracked.IsDefault || settings.Bounds.IsDefault || settings.Objective.IsDefault || settings.Loops.IsDefault)
            throw new ControlException("tracked, bounds, objective and loops must be arrays");
        Within("horizon", settings.Horizon, 1, 400);
        Within("sqp-iterations", settings.SqpIterations, 1, 1000);
        Within("observer-gain", settings.ObserverGain, 1e-6, 1.0);
        Positive("tolerance", settings.Tolerance);
        if (settings.DeadlineMs is { } deadline) Positive("deadline-ms", deadline);
        if (settings.EndS is { } end) Finite("end-s", end);
        var taken = new HashSet<int>();
        for (var i = 0; i < settings.Inputs.Length; i++) CheckInput(model, settings.Inputs[i], $"inputs[{i}]", taken);
        for (var i = 0; i < settings.Tracked.Length; i++) CheckTracked(model, settings.Tracked[i], $"tracked[{i}]");
        for (var i = 0; i < settings.Bounds.Length; i++) CheckBound(model, settings, settings.Bounds[i], $"bounds[{i}]");
        switch (settings.Kind)
        {
            case ControllerKind.Nmpc or ControllerKind.Stochastic when settings.Tracked.Length == 0:
                throw new ControlException($"tracked is empty; a {Name(settings.Kind)} controller needs at least one state with a set-point");
            case ControllerKind.Economic when settings.Objective.Length == 0:
                throw new ControlException("objective is empty; an economic controller needs at least one term");
            case ControllerKind.Stochastic:
                Within("scenarios.count", (settings.Scenarios ?? new()).Count, 20, 100_000);
                if (!settings.Bounds.Any(static b => b.Probability is not null))
                    throw new ControlException("no bound has a probability; a stochastic controller needs at least one");
                break;
            case ControllerKind.Pid:
                CheckLoops(model, settings);
                break;
        }
        for (var i = 0; i < settings.Objective.Length; i++) CheckTerm(model, settings.Objective[i], $"objective[{i}]");
    }

    private static void CheckInput(PlantModel model, ManipulatedInput input, string at, HashSet<int> taken)
    {
        var index = Find(() => model.InputIndex(input.Input), $"{at}.input");
        at = $"{at} ({input.Input})";
        if (!taken.Add(index)) throw new ControlException($"{at}: the input is named twice");
        Finite($"{at}.minimum", input.Minimum);
        Finite($"{at}.maximum", input.Maximum);
        if (input.Minimum >= input.Maximum)
        {
            throw new ControlException(
                $"{at}: minimum {Text(input.Minimum)} is not below maximum {Text(input.Maximum)} {model.Inputs[index].Unit}");
        }
        Positive($"{at}.scale", input.Scale);
        if (input.RatePerS is { } rate) Positive($"{at}.rate-per-s", rate);
        NotNegative($"{at}.weight", input.Weight);
        NotNegative($"{at}.move-weight", input.MoveWeight);
        if (input.Reference is { } reference) Finite($"{at}.reference", reference);
    }

    private static void CheckTracked(PlantModel model, TrackedState tracked, string at)
    {
        Find(() => model.StateIndex(tracked.State), $"{at}.state");
        at = $"{at} ({tracked.State})";
        Positive($"{at}.scale", tracked.Scale);
        NotNegative($"{at}.weight", tracked.Weight);
        NotNegative($"{at}.terminal-weight", tracked.TerminalWeight);
        if (tracked.SetPoint is { } point) Finite($"{at}.set-point", point);
    }

    private static void CheckBound(PlantModel model, ControllerSettings settings, StateBound bound, string at)
    {
        var index = Find(() => model.StateIndex(bound.State), $"{at}.state");
        at = $"{at} ({bound.State})";
        if (bound.Minimum is null && bound.Maximum is null) throw new ControlException($"{at} has neither minimum nor maximum");
        if (bound.Minimum is { } low) Finite($"{at}.minimum", low);
        if (bound.Maximum is { } high) Finite($"{at}.maximum", high);
        if (bound.Minimum >= bound.Maximum)
        {
            throw new ControlException(
                $"{at}: minimum {Text(bound.Minimum!.Value)} is not below maximum {Text(bound.Maximum!.Value)} {model.States[index].Unit}");
        }
        Positive($"{at}.scale", bound.Scale);
        NotNegative($"{at}.linear-penalty", bound.LinearPenalty);
        Positive($"{at}.quadratic-penalty", bound.QuadraticPenalty);
        if (bound.Probability is not { } probability) return;
        if (!(probability > 0.5 && probability < 1.0))
            throw new ControlException($"{at}.probability is {Text(probability)}; between 0.5 and 1 would be right");
        if (settings.Kind != ControllerKind.Stochastic)
            throw new ControlException($"{at}.probability is set; only a stochastic controller keeps one, this one is {Name(settings.Kind)}");
    }

    private static void CheckTerm(PlantModel model, EconomicTerm term, string at)
    {
        if (term.Factors.IsDefault || term.Factors.Length is < 1 or > 2)
            throw new ControlException($"{at}.factors: one or two names of states or inputs would be right");
        Finite($"{at}.coefficient", term.Coefficient);
        foreach (var factor in term.Factors)
        {
            if (model.States.Any(s => Same(s.Name, factor)) || (!term.Terminal && model.Inputs.Any(i => Same(i.Name, factor)))) continue;
            var right = string.Join(", ", (term.Terminal ? model.States : model.States.Concat(model.Inputs)).Select(static q => q.Name));
            throw new ControlException($"{at}.factors: '{factor}' is none of {right}");
        }
    }

    private static void CheckLoops(PlantModel model, ControllerSettings settings)
    {
        if (settings.Loops.Length == 0) throw new ControlException("loops is empty; a pid controller needs at least one");
        var moved = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        for (var i = 0; i < settings.Loops.Length; i++)
        {
            var loop = settings.Loops[i];
            Find(() => model.StateIndex(loop.State), $"loops[{i}].state");
            var at = $"loops[{i}] ({loop.State} by {loop.Input})";
            if (!settings.Inputs.Any(input => Same(input.Input, loop.Input)))
            {
                var right = string.Join(", ", settings.Inputs.Select(static input => input.Input));
                throw new ControlException($"{at}.input: '{loop.Input}' is none of {right}");
            }
            if (!moved.Add(loop.Input)) throw new ControlException($"{at}: the input has a loop already");
            Finite($"{at}.gain", loop.Gain);
            if (loop.Gain == 0.0) throw new ControlException($"{at}.gain is 0");
            if (loop.IntegralS is { } integral) Positive($"{at}.integral-s", integral);
            NotNegative($"{at}.derivative-s", loop.DerivativeS);
            NotNegative($"{at}.filter-s", loop.FilterS);
            NotNegative($"{at}.tracking-s", loop.TrackingS);
            if (!(loop.SetPointWeight is >= 0.0 and <= 1.0))
                throw new ControlException($"{at}.set-point-weight is {Text(loop.SetPointWeight)}; 0 to 1 would be right");
        }
    }

    public static bool Same(string a, string b) => string.Equals(a, b, StringComparison.OrdinalIgnoreCase);

    private static int Find(Func<int> find, string at)
    {
        try
        {
            return find();
        }
        catch (PlantException error)
        {
            throw new ControlException($"{at}: {error.Message}", error);
        }
    }

    private static string Name(ControllerKind kind) => kind.ToString().ToLowerInvariant();

    private static string Text(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    private static void Within(string at, double value, double low, double high)
    {
        if (!(value >= low && value <= high))
            throw new ControlException($"{at} is {Text(value)}; {Text(low)} to {Text(high)} would be right");
    }

    private static void Finite(string at, double value)
    {
        if (!double.IsFinite(value)) throw new ControlException($"{at} is {Text(value)}; a finite number would be right");
    }

    private static void Positive(string at, double value)
    {
        if (!(value > 0.0) || !double.IsFinite(value))
            throw new ControlException($"{at} is {Text(value)}; a finite number above 0 would be right");
    }

    private static void NotNegative(string at, double value)
    {
        if (!(value >= 0.0) || !double.IsFinite(value))
            throw new ControlException($"{at} is {Text(value)}; a finite number, 0 or more, would be right");
    }
}
