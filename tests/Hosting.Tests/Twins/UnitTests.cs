using System.Collections.Immutable;
using Athanor.Hosting.Work.Twins.Units;
using Athanor.Protocol;
using Athanor.Protocol.Twins;
using Athanor.Protocol.Twins.Units;

namespace Hosting.Tests.Twins;

public sealed class UnitTests
{
    [Fact]
    public void A_unit_is_created_fed_and_estimates_what_nobody_measures()
    {
        var (world, plant) = (UnitWorld.Created(), new FedPlant());
        for (var i = 0; i < 90; i++)
        {
            world.Now = world.Now.AddSeconds(20);
            Assert.Equal(new SamplesAccepted(5, 0, 0), world.Ask(plant.Next()));
        }
        var view = world.View;
        Assert.Equal((90L, 90L, 1L), (view.Row, view.Taken, view.Version));
        Assert.Equal(["A", "B", "T", "Tk", "k10"], view.Estimates.Select(e => e.Name));
        Assert.InRange(view.Estimates[0].Value, plant.State[0] - (4 * view.Estimates[0].Sd), plant.State[0] + (4 * view.Estimates[0].Sd));
        Assert.All(view.Sensors, s => Assert.Equal(SensorStatus.Ok, s.Status));
        Assert.Empty(view.Alarms);
        Assert.InRange(view.Nis, 0.3, 3);
        // One event for the samples, one for what came of them.
        Assert.Equal(90, world.Journal.OfType<UnitStepped>().Count());
        Assert.True(world.Journal.OfType<UnitStepped>().Where(e => e.Checkpoint is null).Max(e => Athanor.Hosting.Families.Messages.Encode(e).Length) < 80);
    }

    [Fact]
    public void Created_again_with_the_same_spec_has_no_effect_and_with_another_is_refused()
    {
        var world = UnitWorld.Created();
        world.Ask<Done>(new CreateUnit(UnitWorld.Spec));
        Assert.Single(world.Journal);
        var refused = world.Ask<Rejected>(new CreateUnit(UnitWorld.Spec with { Sample = TimeSpan.FromSeconds(10) }));
        Assert.Equal("conflict", refused.Code);
    }

    [Fact]
    public void A_new_owner_goes_on_with_the_same_bits_wherever_the_old_one_ended()
    {
        var (whole, plant) = (UnitWorld.Created(), new FedPlant());
        var commands = Enumerable.Range(0, 230).Select(_ => plant.Next()).ToList();
        foreach (var command in commands) whole.Ask(command);
        var cut = UnitWorld.Created();
        for (var i = 0; i < commands.Count; i++)
        {
            cut.Ask(commands[i]);
            if (i is 3 or 60 or 99 or 100 or 101 or 170) cut.Recover();
            if (i is 61 or 150) cut.RecoverFromSnapshot();
        }
        Assert.Equal(whole.Written(), cut.Written());
        Assert.Contains(whole.Journal.OfType<UnitStepped>(), e => e.Checkpoint is not null);
    }

    [Fact]
    public void Samples_that_come_while_others_are_stepped_through_wait_and_go_together_and_a_new_owner_asks_again()
    {
        var (world, plant) = (UnitWorld.Created(), new FedPlant());
        world.Calculates = false;
        for (var i = 0; i < 5; i++) Assert.Equal(new SamplesAccepted(5, 0, 0), world.Ask(plant.Next()));
        Assert.Equal((0L, 5L), (world.View.Row, world.View.Taken));
        world.Recover();
        world.Calculates = true;
        world.Calculate();
        Assert.Equal((5L, 5L), (world.View.Row, world.View.Taken));
        Assert.Equal([1, 4], world.Journal.OfType<UnitStepped>().Select(e => e.Count));
    }

    [Fact]
    public void A_sample_sent_again_has_no_second_effect()
    {
        var (world, plant) = (UnitWorld.Created(), new FedPlant());
        var commands = Enumerable.Range(0, 4).Select(_ => plant.Next()).ToList();
        foreach (var command in commands) world.Ask(command);
        var before = world.Written();
        foreach (var command in commands) Assert.Equal(new SamplesAccepted(0, 5, 0), world.Ask(command));
        Assert.Equal(before, world.Written());
    }

    [Fact]
    public void A_sample_within_the_lag_window_changes_the_estimate_and_an_older_one_is_put_aside_under_an_alarm_that_names_it()
    {
        var (with, without, plant) = (UnitWorld.Created(), UnitWorld.Created(), new FedPlant());
        Sample? late = null;
        for (var i = 0; i < 12; i++)
        {
            var command = plant.Next();
            if (i == 8)
            {
                late = command.Samples[2];
                command = new Observe(command.Samples.RemoveAt(2));
            }
            with.Ask(command);
            without.Ask(command);
        }
        Assert.Equal(new SamplesAccepted(1, 0, 0), with.Ask(new Observe([late!])));
        Assert.NotEqual(without.View.Estimates[1].Value, with.View.Estimates[1].Value);
        Assert.Empty(with.View.Alarms);

        var old = late! with { Time = UnitWorld.Start.AddSeconds(20 * 11).AddMinutes(-3) };
        Assert.Equal(new SamplesAccepted(0, 0, 1), with.Ask(new Observe([old])));
        Assert.Equal((1L, "B.bad"), (with.View.Late, Assert.Single(with.View.Alarms).Tag));
        with.Ask(plant.Next());
        Assert.Equal(AlarmState.ReturnedUnacknowledged, Assert.Single(with.View.Alarms).State);
        with.Ask<Done>(new AcknowledgeAlarms([], "seen"));
        Assert.Empty(with.View.Alarms);
    }

    [Fact]
    public void A_clock_that_jumps_ahead_is_put_aside_and_does_not_make_the_others_late()
    {
        var (world, plant) = (UnitWorld.Created(), new FedPlant());
        world.Ask(plant.Next());
        Assert.Equal(new SamplesAccepted(0, 0, 1), world.Ask(new Observe([new Sample("T", world.Now.AddHours(2), 0, 114)])));
        Assert.Equal("T.bad", Assert.Single(world.View.Alarms).Tag);
        Assert.Equal(new SamplesAccepted(5, 0, 0), world.Ask(plant.Next()));
        Assert.Equal(2, world.View.Row);
    }

    [Fact]
    public void A_wild_and_a_frozen_sensor_raise_alarms_that_name_them_and_do_not_move_the_estimate()
    {
        var (world, plant) = (UnitWorld.Created(), new FedPlant());
        for (var i = 0; i < 60; i++)
        {
            var command = plant.Next();
            world.Ask(new Observe(command.Samples.SetItem(0, command.Samples[0] with { Value = i == 5 ? 900 : i > 20 ? 114.2 : command.Samples[0].Value })));
            if (i == 5) Assert.Equal((SensorStatus.Wild, "T.bad"), (world.View.Sensors[0].Status, Assert.Single(world.View.Alarms).Tag));
        }
        Assert.Equal(SensorStatus.Frozen, world.View.Sensors[0].Status);
        Assert.Contains(world.View.Alarms, a => a.Tag == "T.bad" && a.Active);
        Assert.InRange(world.View.Estimates[2].Value, plant.State[2] - 1, plant.State[2] + 1);
    }

    [Fact]
    public void A_step_that_fails_is_tried_again_then_set_aside_and_the_next_rows_go_on()
    {
        var (world, plant) = (UnitWorld.Created(), new FedPlant());
        world.Ask(plant.Next());
        var before = world.View.Estimates;
        world.Instead = _ => null;
        world.Ask(plant.Next());
        Assert.Equal([1, 2], world.Journal.OfType<StepRetried>().Select(e => e.Attempt));
        Assert.Equal("it was made to fail", world.LastOf<StepsSetAside>()!.Reason);
        Assert.Equal((1L, 1L, before.Length), (world.View.SetAside, world.View.Row, world.View.Estimates.Length));
        world.Instead = null;
        world.Recover();
        world.Ask(plant.Next());
        Assert.Equal((2L, (string?)null), (world.View.Row, world.View.Problem));
    }

    [Fact]
    public void Many_units_in_one_batch_have_the_bits_of_each_alone()
    {
        var requests = new List<ICompute>();
        for (var i = 0; i < 21; i++)
        {
            var (world, plant) = (UnitWorld.Created(i % 5 == 4 ? UnitWorld.Spec with { Model = Other } : null), new FedPlant(i));
            for (var k = 0; k < 3 + i; k++) world.Ask(plant.Next());
            world.Calculates = false;
            world.Instead = null;
            for (var k = 0; k <= i % 3; k++) world.Ask(plant.Next());
            if (i % 4 == 1) world.RecoverFromSnapshot();
            requests.Add(((Athanor.Actors.IDecider)new Athanor.Actors.Twins.TwinDecider()).Awaiting(world.State)[0].Request);
        }
        var handler = new StepUnitHandler();
        var together = handler.Run(requests, default).Cast<UnitSteps>().ToList();
        for (var i = 0; i < requests.Count; i++)
        {
            var alone = (UnitSteps)handler.Run([requests[i]], default)[0];
            Assert.Equal(Athanor.Hosting.Families.Messages.Encode(alone), Athanor.Hosting.Families.Messages.Encode(together[i]));
            Assert.Equal(
                alone.Stepped.Memory.Numbers()!.Select(BitConverter.DoubleToInt64Bits), together[i].Stepped.Memory.Numbers()!.Select(BitConverter.DoubleToInt64Bits));
        }
    }

    [Fact]
    public void A_drifting_sensor_is_found_and_named_and_a_new_owner_finds_it_with_the_same_bits()
    {
        var spec = UnitWorld.Spec with { Model = UnitWorld.FirstModel with { Detectors = """{"sensors":["T","Tk","B"],"values":[]}""" } };
        var (world, other, plant) = (UnitWorld.Created(spec), UnitWorld.Created(spec), new FedPlant());
        for (var i = 0; i < 150; i++)
        {
            var command = plant.Next();
            if (i >= 120) command = new Observe(command.Samples.SetItem(1, command.Samples[1] with { Value = command.Samples[1].Value + 1.0 }));
            world.Ask(command);
            other.Ask(command);
            if (i is 40 or 125) other.Recover();
            if (i == 119) Assert.DoesNotContain(world.View.Alarms, a => a.Tag == "fault.high" && a.Active);
        }
        Assert.Contains(world.View.Alarms, a => a.Tag == "fault.high" && a.Active);
        Assert.Equal(("Tk", "sensor"), (world.View.Diagnosis!.Causes[0].Name, world.View.Diagnosis.Causes[0].Kind));
        Assert.True(world.View.Scores.Max(s => s.Ratio) > 1);
        Assert.Equal(world.Written(), other.Written());
    }

    [Fact]
    public void Detectors_of_other_sensors_are_refused_by_name()
    {
        var spec = UnitWorld.Spec with { Model = UnitWorld.FirstModel with { Detectors = """{"sensors":["T","P"],"values":[]}""" } };
        Assert.Contains("detectors.sensors are T, P where the estimator's are T, Tk, B", new UnitWorld().Ask<Rejected>(new CreateUnit(spec)).Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("q2", "1/h", "the model's inputs are: q, Qk")]
    [InlineData("q", "m3/h", "'m3/h' here and in '1/h' in the model")]
    public void A_model_with_other_inputs_is_refused_with_the_signal(string name, string unit, string part)
    {
        var spec = UnitWorld.Spec with { Inputs = UnitWorld.Spec.Inputs.SetItem(0, UnitWorld.Spec.Inputs[0] with { Signal = name, Unit = unit }) };
        var refused = new UnitWorld().Ask<Rejected>(new CreateUnit(spec));
        Assert.Equal("invalid", refused.Code);
        Assert.Contains(part, refused.Reason, StringComparison.Ordinal);
        Assert.Contains(name, refused.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void An_unobservable_state_is_refused_by_name()
    {
        // A bias of every sensor that shows T cannot be told from T.
        var estimator = UnitWorld.Estimator.Replace("\"sensors\":{\"T\":", "\"sensors\":{\"X\":", StringComparison.Ordinal);
        var spec = UnitWorld.Spec with { Model = UnitWorld.FirstModel with { Estimator = estimator } };
        Assert.Contains("X", new UnitWorld().Ask<Rejected>(new CreateUnit(spec)).Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("P", 1.0, "R-101 has no signal 'P'; its signals are T, Tk, B, q, Qk")]
    [InlineData("T", double.NaN, "the value of T is NaN; a finite number would be right")]
    public void A_sample_that_cannot_be_taken_is_refused_with_its_signal(string signal, double value, string reason)
    {
        var world = UnitWorld.Created();
        Assert.Equal(reason, world.Ask<Rejected>(new Observe([new Sample(signal, UnitWorld.Start, 0, value)])).Reason);
        Assert.Single(world.Journal);
    }

    private static UnitModel Other { get; } = UnitWorld.FirstModel with
    {
        Estimator = UnitWorld.Estimator.Replace("\"noise\":0.02", "\"noise\":0.05", StringComparison.Ordinal),
    };
}
