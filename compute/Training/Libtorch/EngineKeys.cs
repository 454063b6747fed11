using System.Text.Json;
using Athanor.Compute.Torch;

namespace Athanor.Compute.Training.Libtorch;

/// <summary>How libtorch computes a model: the keys <c>engine = libtorch</c>, <c>device</c>, <c>graph</c> and <c>loss-scale</c>
/// (<c>initial</c>, <c>every</c>) of the model, and the training's precision.</summary>
/// <param name="Device"><c>cpu</c>, <c>cuda</c> or <c>cuda:N</c>; empty for what the slot is configured for
/// (<c>athanor.torch.device</c>).</param>
/// <param name="Autocast">Type of matrix products; null for that of the parameters.</param>
/// <param name="Graph">Whether steps of a shape are kept as a graph; null: where there is a CUDA device.</param>
/// <param name="Scaling">Of the loss; null for none, which is usual but with fp16.</param>
internal sealed record EngineKeys(string Device, DType? Autocast, bool? Graph, LossScaling? Scaling)
{
    private static readonly string[] Known = ["engine", "device", "graph", "loss-scale"];

    /// <summary>A model without these keys, and what they say; null where our kernels compute it.</summary>
    /// <exception cref="TrainingException">They are wrong, or it cannot be computed so; the message says what would be right.</exception>
    public static (JsonElement Model, EngineKeys? Engine) Of(JsonElement model, DType? autocast)
    {
        var engine = TaskJson.Text(model, "model", "engine", "kernels");
        if (engine is not ("kernels" or "libtorch"))
            throw new TrainingException($"model.engine is '{engine}'; kernels or libtorch would be right");
        if (engine == "kernels")
        {
            if (autocast is { } lower)
            {
                throw new TrainingException(
                    $"training.precision is {Name(lower)}, which only models with model.engine = libtorch have; float32 or float64 would be right");
            }
            if (Known[1..].FirstOrDefault(key => model.TryGetProperty(key, out _)) is { } odd)
                throw new TrainingException($"model.{odd} is of models with model.engine = libtorch");
        }
        var rest = model.EnumerateObject().Where(static field => !Known.Contains(field.Name))
            .ToDictionary(static field => field.Name, static field => field.Value);
        var bare = JsonSerializer.SerializeToElement(rest);
        if (engine == "kernels") return (bare, null);
        var keys = new EngineKeys(DeviceOf(model), autocast, GraphOf(model), ScalingOf(model, autocast));
        return keys.Device.Length > 0 && keys.ProblemOn(keys.Device) is { } wrong ? throw new TrainingException(wrong) : (bare, keys);
    }

    /// <summary>What cannot be computed on a device, and what would be right; null if all can.</summary>
    public string? ProblemOn(string device) => Autocast == DType.Float16 && device == "cpu"
        ? "training.precision is fp16, in which libtorch has no matrix products on a cpu; bf16, or model.device = cuda, would be right"
        : Graph == true && device == "cpu"
            ? "model.graph is true, and a cpu has no graphs; model.device = cuda, or graph = false, would be right"
            : null;

    private static string Name(DType type) => type == DType.Float16 ? "fp16" : "bf16";

    private static LossScaling? ScalingOf(JsonElement model, DType? autocast)
    {
        if (!model.TryGetProperty("loss-scale", out var keys)) return autocast == DType.Float16 ? new LossScaling() : null;
        if (keys.ValueKind != JsonValueKind.Object)
            throw new TrainingException($"model.loss-scale is {keys.GetRawText()}; an object of initial and every would be right");
        TaskJson.CheckKeys(keys, "model.loss-scale", "initial", "every");
        var usual = new LossScaling();
        var scaling = new LossScaling(
            TaskJson.Number(keys, "model.loss-scale", "initial", usual.Initial),
            TaskJson.Integer(keys, "model.loss-scale", "every", usual.Every));
        return scaling.Check() is { } wrong ? throw new TrainingException(wrong) : scaling;
    }

    private static string DeviceOf(JsonElement model)
    {
        var device = TaskJson.Text(model, "model", "device", "");
        return device is "" or "cpu" or "cuda" || (device.StartsWith("cuda:", StringComparison.Ordinal) && int.TryParse(device.AsSpan(5), out _))
            ? device
            : throw new TrainingException($"model.device is '{device}'; cpu, cuda or cuda:N would be right");
    }

    private static bool? GraphOf(JsonElement model) => !model.TryGetProperty("graph", out var value) ? null
        : value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean()
        : throw new TrainingException($"model.graph is {value.GetRawText()}; true or false would be right");
}
