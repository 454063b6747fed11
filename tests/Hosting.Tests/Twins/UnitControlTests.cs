using System.Collections.Immutable;
using Athanor.Actors;
using Athanor.Protocol;
using Athanor.Protocol.Twins;
using Athanor.Protocol.Twins.Units;

namespace Hosting.Tests.Twins;

public sealed class UnitControlTests
{
    private const string Controller =
        """
        {"kind":"nmpc","interval-s":60,"horizon":8,
         "inputs":[{"input":"q","minimum":5,"maximum":35,"scale":5,"rate-per-s":0.05},{"input":"Qk","minimum":-9000,"maximum":0,"scale":1000,"rate-per-s":10}],
         "tracked":[{"state":"B","scale":0.1},{"state":"T","scale":5,"weight":0.1,"terminal-weight":0.1}]}
        """;

    private static readonly UnitSpec Spec = UnitWorld.Spec with
    {
        Model = UnitWorld.FirstModel with { Controller = Controller },
        Interval = TimeSpan.FromSeconds(60),
        MoveValidity = TimeSpan.FromSeconds(150),
        Watchdog = TimeSpan.FromSeconds(180),
        Setpoints = ImmutableSortedDictionary<string, double>.Empty.Add("B", 1.0),
    };

    [Fact]
    public void Advice_is_given_at_each_interval_and_nothing_leaves()
    {
        var world = Fed(10);
        Assert.Equal([1L, 4, 7, 10], world.Journal.OfType<MovePlanned>().Select(e => e.Row));
        Assert.Empty(world.Journal.OfType<TwinMoved>());
        Assert.Equal(ControllerMode.Advisory, world.View.Controller.Mode);
        Assert.All(world.View.Inputs, i => Assert.NotNull(i.Planned));
        Assert.All(world.Journal.OfType<MovePlanned>(), e => Assert.NotEqual("fallback", e.Status));
    }

    [Fact]
    public void In_shadow_moves_are_recorded_and_not_shown_and_off_makes_none()
    {
        var world = Fed(4);
        world.Ask<Done>(new SetUnitMode(ControllerMode.Shadow, "not yet"));
        Feed(world, 3);
        Assert.Equal(3, world.Journal.OfType<MovePlanned>().Count());
        Assert.All(world.View.Inputs, i => Assert.Null(i.Planned));
        world.Ask<Done>(new SetUnitMode(ControllerMode.Off, "pump is serviced"));
        Feed(world, 6);
        Assert.Equal(3, world.Journal.OfType<MovePlanned>().Count());
        var set = world.LastOf<UnitModeSet>()!;
        Assert.Equal(("ada", "pump is serviced"), (set.By, set.Why));
    }

    [Fact]
    public void In_closed_loop_moves_leave_within_bounds_and_rates_and_letting_go_says_so()
    {
        var world = Fed(1);
        world.Ask<Done>(new SetUnitMode(ControllerMode.ClosedLoop, "tuned"));
        var plant = Feed(world, 30);
        var moves = world.Journal.OfType<TwinMoved>().ToList();
        Assert.Equal(Enumerable.Range(1, moves.Count).Select(i => (long)i), moves.Select(m => m.Sequence));
        Assert.Equal(10, moves.Count);
        double[] before = [14.19, -1113.5];
        foreach (var move in moves)
        {
            var (q, heat) = (move.Setpoints["q"], move.Setpoints["Qk"]);
            Assert.InRange(q, 5, 35);
            Assert.InRange(Math.Abs(q - before[0]), 0, (0.05 * 60) + 1e-9);
            Assert.InRange(heat, -9000, 0);
            Assert.InRange(Math.Abs(heat - before[1]), 0, (10 * 60) + 1e-6);
            Assert.Equal(Spec.MoveValidity, move.ValidUntil - move.Time);
            before = [q, heat];
        }
        _ = plant;
        world.Ask<Done>(new SetUnitMode(ControllerMode.Advisory, "shift change"));
        var last = world.LastOf<TwinMoved>()!;
        Assert.Equal((11L, 0), (last.Sequence, last.Setpoints.Count));
        Assert.Empty(world.Timers);
    }

    [Fact]
    public void An_overridden_input_stays_and_a_limit_is_kept_and_both_say_who_and_why()
    {
        var world = Fed(1);
        world.Ask<Done>(new SetUnitMode(ControllerMode.ClosedLoop, "tuned"));
        world.Ask<Done>(new OverrideInput("Qk", -1500, "valve test"));
        world.Ask<Done>(new LimitInput("q", 14, 15, "feed is short"));
        Feed(world, 12);
        Assert.All(world.Journal.OfType<TwinMoved>(), m => Assert.Equal(-1500, m.Setpoints["Qk"]));
        Assert.All(world.Journal.OfType<TwinMoved>(), m => Assert.InRange(m.Setpoints["q"], 14 - 1e-9, 15 + 1e-9));
        Assert.Equal(("ada", "valve test"), (world.LastOf<InputOverridden>()!.By, world.LastOf<InputOverridden>()!.Why));
        var qk = world.View.Inputs[1];
        Assert.Equal((-9000.0, 0.0, (double?)-1500), (qk.Low, qk.High, qk.Override));
        world.Ask<Done>(new OverrideInput("Qk", null, "done"));
        Assert.Null(world.View.Inputs[1].Override);
    }

    [Theory]
    [InlineData("q", 40.0, "q cannot be held at 40; 5 to 35 1/h would be right")]
    [InlineData("x", 1.0, "R-101 has no input 'x'; its inputs are q, Qk")]
    public void An_override_that_cannot_be_is_refused(string input, double value, string reason) =>
        Assert.Equal(reason, Fed(1).Ask<Rejected>(new OverrideInput(input, value, "try")).Reason);

    [Fact]
    public void A_set_point_is_changed_by_name_and_an_unknown_one_is_refused()
    {
        var world = Fed(1);
        world.Ask<Done>(new SetSetpoint("B", 0.95, "less wanted"));
        Assert.Equal(0.95, world.View.Controller.Setpoints["B"]);
        Assert.Equal("there is no set-point 'C'; there are B, T", world.Ask<Rejected>(new SetSetpoint("C", 1, "x")).Reason);
        Assert.Equal("Why must say in 1 to 512 characters what speaks for it", world.Ask<Rejected>(new SetSetpoint("B", 1, "")).Reason);
    }

    [Fact]
    public void When_samples_stop_the_fallback_leaves_and_the_loop_comes_back_with_them()
    {
        var world = Fed(1);
        world.Ask<Done>(new SetUnitMode(ControllerMode.ClosedLoop, "tuned"));
        Feed(world, 6);
        var before = world.Journal.OfType<TwinMoved>().Count();
        // Content as long as samples came.
        world.Fire("watchdog");
        Assert.Null(world.View.Controller.Fallback);
        world.Fire("watchdog");
        Assert.StartsWith("no samples for", world.View.Controller.Fallback, StringComparison.Ordinal);
        var fallback = world.LastOf<TwinMoved>()!;
        Assert.Equal((before + 1, 14.19, -1113.5), (world.Journal.OfType<TwinMoved>().Count(), fallback.Setpoints["q"], fallback.Setpoints["Qk"]));
        Assert.Contains(world.View.Alarms, a => a.Tag == "controller.bad" && a.Active);
        world.Fire("watchdog");
        Assert.Equal(before + 1, world.Journal.OfType<TwinMoved>().Count());
        world.Recover();
        Feed(world, 3);
        Assert.Null(world.View.Controller.Fallback);
        Assert.Equal(before + 2, world.Journal.OfType<TwinMoved>().Count());
    }

    [Fact]
    public void A_plan_that_fails_holds_the_last_move_under_an_alarm_and_the_watchdog_ends_it()
    {
        var world = Fed(1);
        world.Ask<Done>(new SetUnitMode(ControllerMode.ClosedLoop, "tuned"));
        Feed(world, 3);
        var held = world.LastOf<TwinMoved>()!;
        var handlers = Athanor.Hosting.Families.ComputeHandlers.ToDictionary(static h => h.Handles);
        world.Instead = request => request is PlanMove ? null : handlers[request.GetType()].Run([request], default)[0];
        Feed(world, 3);
        Assert.Equal(held, world.LastOf<TwinMoved>());
        Assert.Equal("it was made to fail", world.LastOf<PlanFailed>()!.Reason);
        Assert.Contains(world.View.Alarms, a => a.Tag == "controller.bad" && a.Active);
        Feed(world, 6);
        world.Fire("watchdog");
        Assert.StartsWith("no move for", world.View.Controller.Fallback, StringComparison.Ordinal);
    }

    [Fact]
    public void A_new_owner_asks_again_for_a_move_that_was_being_planned()
    {
        var world = Fed(1);
        world.Ask<Done>(new SetUnitMode(ControllerMode.ClosedLoop, "tuned"));
        var handlers = Athanor.Hosting.Families.ComputeHandlers.ToDictionary(static h => h.Handles);
        Feed(world, 2);
        world.Calculates = false;
        Feed(world, 1);
        world.Recover();
        world.Calculates = true;
        world.Calculate();
        Assert.Single(world.Journal.OfType<TwinMoved>());
        world.Recover();
        Assert.Single(world.Journal.OfType<TwinMoved>());
        _ = handlers;
    }

    [Fact]
    public void Actuators_without_samples_are_taken_to_do_as_they_are_told()
    {
        var world = UnitWorld.Created(Spec);
        var plant = new FedPlant();
        void Give() => world.Ask(new Observe([.. plant.Next().Samples.Where(s => s.Signal is "T" or "Tk" or "B")]));
        Give();
        world.Ask<Done>(new SetUnitMode(ControllerMode.ClosedLoop, "tuned"));
        for (var i = 0; i < 3; i++) Give();
        var move = world.LastOf<TwinMoved>()!;
        Assert.Equal(move.Setpoints["q"], world.View.Inputs[0].Actual);
        Assert.Contains(world.Journal.OfType<UnitObserved>(), e => e.Ours == true);
        world.Recover();
        Give();
        Assert.Equal(move.Setpoints["q"], world.View.Inputs[0].Actual);
    }

    [Fact]
    public void A_model_is_tried_beside_adopted_with_its_estimate_and_gone_back_from()
    {
        var world = Fed(5);
        var other = UnitWorld.FirstModel with
        {
            Source = "models/reactor@2",
            Controller = Controller,
            Estimator = UnitWorld.Estimator.Replace("\"noise\":0.02", "\"noise\":0.2", StringComparison.Ordinal),
        };
        world.Ask<Done>(new TryUnitModel(other, "smoother"));
        Feed(world, 20);
        var trial = world.View.Trial!;
        Assert.Equal((20L, "models/reactor@2"), (trial.Rows, trial.Source));
        Assert.True(trial.TrialMeanNis < trial.MeanNis && trial.TrialLogScore < trial.LogScore);
        world.Recover();
        world.Ask<Done>(new AdoptUnitModel(null, "it drifts less"));
        Assert.Equal((2L, "models/reactor@2", (TrialView?)null), (world.View.Version, world.View.Source, world.View.Trial));
        Assert.Equal(("ada", "it drifts less"), (world.LastOf<UnitModelAdopted>()!.By, world.LastOf<UnitModelAdopted>()!.Why));
        world.Recover();
        Feed(world, 5);
        Assert.InRange(world.View.Estimates[2].Value, 113, 116);
        world.Ask<Done>(new RevertUnitModel(2, "too slow"));
        Assert.Equal((3L, "examples/klatt-engell.hocon"), (world.View.Version, world.View.Source));
        world.Ask<Done>(new RevertUnitModel(2, "too slow"));
        Feed(world, 5);
        world.Recover();
        Feed(world, 5);
        Assert.InRange(world.View.Estimates[2].Value, 113, 116);
    }

    [Fact]
    public void A_unit_just_read_from_its_journal_takes_a_model_and_goes_back_from_its_estimates_but_puts_none_on_trial()
    {
        var world = Fed(5);
        world.RecoverFromSnapshot();
        Assert.NotEmpty(world.State.Unit!.Memory.Rows);
        var next = UnitWorld.FirstModel with { Version = 2, Source = "models/reactor@2", Controller = Controller };
        Assert.Equal("unavailable", world.Ask<Rejected>(new TryUnitModel(next, "x")).Code);
        var before = world.View.Estimates[2].Value;
        world.Ask<Done>(new AdoptUnitModel(next, "x"));
        Assert.Equal(before, world.LastOf<UnitModelAdopted>()!.Start[2], 0.01);
        world.Recover();
        Feed(world, 5);
        Assert.InRange(world.View.Estimates[2].Value, 113, 116);
        world.RecoverFromSnapshot();
        world.Ask<Done>(new RevertUnitModel(2, "x"));
        Feed(world, 5);
        Assert.InRange(world.View.Estimates[2].Value, 113, 116);
    }

    [Fact]
    public void A_model_with_other_inputs_is_not_adopted_and_the_signal_is_named()
    {
        var world = Fed(3);
        var other = UnitWorld.FirstModel with { Version = 2, Model = UnitWorld.Model.Replace("\"Qk\"", "\"T0\"", StringComparison.Ordinal) };
        foreach (var command in new ICommand[] { new AdoptUnitModel(other, "x"), new TryUnitModel(other, "x") })
            Assert.Contains("R-101 has the input 'Qk' where the model's inputs are: q, T0", world.Ask<Rejected>(command).Reason, StringComparison.Ordinal);
        Assert.Equal(1, world.View.Version);
    }

    private static UnitWorld Fed(int rows)
    {
        var world = UnitWorld.Created(Spec);
        Feed(world, rows);
        return world;
    }

    /// <summary>Feeds the plant on from where the unit is; the plant does what the last move says.</summary>
    private static FedPlant Feed(UnitWorld world, int rows)
    {
        var plant = world.Plant;
        for (var i = 0; i < rows; i++)
        {
            if (world.State.Unit!.Control.Move is { Setpoints: { Count: > 0 } set }) (plant.Inputs[0], plant.Inputs[1]) = (set["q"], set["Qk"]);
            world.Now = world.Now.AddSeconds(20);
            Assert.IsType<SamplesAccepted>(world.Ask(plant.Next()));
        }
        return plant;
    }
}
