using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Athanor.Compute.Tensors;

namespace Athanor.Compute.Training;

/// <summary>A place amid two check-points; its tensors have the prefix <c>present.</c>.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Sum">Of the losses since the last check-point.</param>
/// <param name="Skipped">As in <see cref="LoopManifest"/>, with <paramref name="Scale"/> and <paramref name="SinceGrowth"/>.</param>
internal sealed record LoopPresent(
    long Step, double Sum,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] long Skipped = 0,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] double? Scale = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] int SinceGrowth = 0);

/// <summary>What a checkpoint says besides its tensors.</summary>
/// <param name="Format">Of this manifest.</param>
/// <param name="Kernels">The version of the kernels: another one's bits differ.</param>
/// <param name="Spec">Hash of the whole spec.</param>
/// <param name="Precision"><c>float</c> or <c>double</c>.</param>
/// <param name="Seed">With the cursor it is all that the random draws depend on: there is no generator with a state.</param>
/// <param name="Stage">Of the curriculum; with <paramref name="StageStep"/> the data cursor.</param>
/// <param name="StageStep">Batches drawn since the stage began.</param>
/// <param name="Loss">Mean before the check-point.</param>
/// <param name="BestLoss">Of the best validation, if any.</param>
/// <param name="Present">Where the training was when it was stopped amid two check-points; null at a check-point.</param>
/// <param name="Skipped">Steps whose scaled gradient was not finite: the moments are younger by so many.</param>
/// <param name="Scale">Of the loss, and <paramref name="SinceGrowth"/> how many steps it has stood; null where nothing is scaled.</param>
/// <param name="MicroBatch">Samples at once, where memory did not suffice for what the settings say; 0 otherwise.</param>
/// <param name="Recent">What the guard remembers, as <paramref name="LowestLoss"/> and <paramref name="SinceLowest"/>.</param>
internal sealed record LoopManifest(
    int Format, string Kernels, string Spec, string Precision, ulong Seed, long Step, int Stage, long StageStep, double Loss,
        double? BestLoss,
    long BestStep, int SinceBest, ImmutableArray<double> Recent, double? LowestLoss, int SinceLowest, int Rollbacks, double RateFactor,
    LoopEnd End, string Cause, ImmutableSortedDictionary<string, double> BestFigures,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] LoopPresent? Present = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] long Skipped = 0,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] double? Scale = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] int SinceGrowth = 0,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] int MicroBatch = 0)
{
    public const int CurrentFormat = 1;

    /// <summary>Raise it with every change of the loop's or a model's bits.</summary>
    public const string KernelSet = "training.1";

    public const string Key = "athanor.checkpoint";
    public const string ModelKey = "athanor.model";

    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.KebabCaseLower,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower) },
        RespectRequiredConstructorParameters = true,
    };

    public string ToJson() => JsonSerializer.Serialize(this, Options);

    /// <exception cref="TrainingException">The file holds no manifest that this build reads.</exception>
    public static LoopManifest Of(SafeTensors file)
    {
        if (!file.Metadata.TryGetValue(Key, out var text))
            throw new TrainingException($"this safetensors file is no checkpoint: its metadata have no '{Key}'");
        try
        {
            using (var document = JsonDocument.Parse(text))
            {
                if (document.RootElement.TryGetProperty("format", out var format) && format.TryGetInt32(out var version)
                    && version != CurrentFormat)
                    throw new TrainingException($"the checkpoint has format {version}; this build reads format {CurrentFormat}");
            }
            return JsonSerializer.Deserialize<LoopManifest>(text, Options)!;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new TrainingException($"the checkpoint's manifest cannot be read: {e.Message}", e);
        }
    }

    /// <exception cref="TrainingException">The checkpoint is of something else.</exception>
    public void CheckFits(string spec, string precision, ulong seed)
    {
        if (Kernels != KernelSet)
            throw new TrainingException($"the checkpoint was made by the kernels {Kernels}, and this build has {KernelSet}: other bits");
        if (Precision != precision) throw new TrainingException($"the checkpoint is in {Precision} where {precision} would be right");
        if (Spec != spec || Seed != seed)
            throw new TrainingException($"the checkpoint is of another run: its spec is {Brief(Spec)}, and this run's is {Brief(spec)}");

        static string Brief(string hash) => hash.Length > 12 ? hash[..12] : hash;
    }
}
