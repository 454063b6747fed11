using Athanor.Compute.Control;

namespace Athanor.Compute.Tests.Control;

public class ControllerSettingsTests
{
    [Fact]
    public void Settings_come_back_from_their_canonical_text()
    {
        var settings = LoopTrial.Settings with { Scenarios = new(100, 7), EndS = 12.5, Objective = [new(["Ca", "q"], 2.0, false)] };
        var text = ControllerJson.Write(settings);
        Assert.Equal(text, ControllerJson.Write(ControllerJson.Read(text)));
        Assert.StartsWith("{\"kind\":\"nmpc\",\"interval-s\":6,\"horizon\":20,\"inputs\":[{\"input\":\"Tc\",\"minimum\":250,", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"kind\":\"nmpc\",\"interval-s\":6,\"inputs\":[],\"horizn\":3}", "horizn")]
    [InlineData("{\"kind\":\"mpc\",\"interval-s\":6,\"inputs\":[]}", "kind")]
    [InlineData("{\"kind\":\"nmpc\",\"inputs\":[]}", "interval-s")]
    [InlineData("null", "null")]
    public void Text_that_is_no_settings_is_refused_with_the_key(string json, string names)
    {
        var error = Assert.Throws<ControlException>(() => ControllerJson.Read(json));
        Assert.Contains(names, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Settings_that_do_not_fit_the_model_are_refused_with_the_key_and_what_would_be_right()
    {
        var good = LoopTrial.Settings;
        Refused(good with { Inputs = [new("Tx", 1.0, 2.0, 1.0)] }, "inputs[0].input", "Tc, q");
        Refused(good with { Inputs = [new("Tc", 320.0, 280.0, 1.0)] }, "inputs[0] (Tc)", "not below maximum");
        Refused(good with { Inputs = [good.Inputs[0], good.Inputs[0]] }, "inputs[1]", "twice");
        Refused(good with { Tracked = [] }, "tracked is empty");
        Refused(good with { Bounds = [new("T", 1.0)] }, "bounds[0] (T)", "neither minimum nor maximum");
        Refused(good with { Bounds = [new("T", 1.0, Maximum: 3.0, Probability: 0.9)] }, "probability", "stochastic");
        Refused(good with { Horizon = 0 }, "horizon is 0", "1 to 400");
        Refused(good with { IntervalS = double.NaN }, "interval-s");
        Refused(good with { Kind = ControllerKind.Economic }, "objective is empty");
        Refused(good with { Kind = ControllerKind.Economic, Objective = [new(["Cz"], 1.0)] }, "objective[0]", "Ca, T, Tc, q");
        Refused(good with { Kind = ControllerKind.Pid }, "loops is empty");
        Refused(good with { Kind = ControllerKind.Pid, Loops = [new("T", "Tz", 1.0)] }, "loops[0]", "'Tz'");
    }

    [Fact]
    public void Vectors_and_memory_of_another_model_are_refused()
    {
        var controller = Controller.Create(CstrProblem.Model, LoopTrial.Settings);
        var memory = controller.Start();
        var input = CstrProblem.Input(0.0, [0.4, 355.0], [298.0, 100.0]);
        Assert.Contains("mean has 1", Assert.Throws<ControlException>(() => controller.Move(ref memory, input with { Mean = [1.0] }, Deadline.None)).Message, StringComparison.Ordinal);
        Assert.Contains(
            "previous move of q", Assert.Throws<ControlException>(() => controller.Move(ref memory, input with { PreviousMove = [298.0, double.NaN] }, Deadline.None)).Message,
            StringComparison.Ordinal);
        var other = new double[memory.Length - 1];
        Assert.Contains("start a new one", Assert.Throws<ControlException>(() => controller.Move(ref other, input, Deadline.None)).Message, StringComparison.Ordinal);
    }

    private static void Refused(ControllerSettings settings, params string[] says)
    {
        var error = Assert.Throws<ControlException>(() => Controller.Create(CstrProblem.Model, settings));
        foreach (var part in says) Assert.Contains(part, error.Message, StringComparison.Ordinal);
    }
}
