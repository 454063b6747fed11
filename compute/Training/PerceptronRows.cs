using System.Numerics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Athanor.Compute.Neural;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Training;

/// <summary>What perceptrons on tables have in common: which rows are for training, scaled columns, the model's words.</summary>
internal static class PerceptronRows
{
    /// <exception cref="TrainingException">The model's activation is unknown.</exception>
    public static Activation Function(JsonElement model)
    {
        var activation = TaskJson.Text(model, "model", "activation", "tanh");
        if (Enum.TryParse<Activation>(activation, ignoreCase: true, out var function) && activation == Name(function)) return function;
        var names = string.Join(", ", Enum.GetValues<Activation>().Select(Name));
        throw new TrainingException($"model.activation is '{activation}'; one of {names} would be right");
    }

    public static string Name(Activation activation) => activation.ToString().ToLowerInvariant();

    public static (string Name, int[] Shape)[] Tensors(ReadOnlySpan<int> sizes)
    {
        var tensors = new List<(string, int[])>();
        for (var layer = 0; layer + 1 < sizes.Length; layer++)
        {
            tensors.Add(($"layers.{layer}.weight", [sizes[layer + 1], sizes[layer]]));
            tensors.Add(($"layers.{layer}.bias", [sizes[layer + 1]]));
        }
        return [.. tensors];
    }

    public static JsonArray Texts(IEnumerable<string> texts) => [.. texts.Select(text => (JsonNode)text)];

    public static (int[] Train, int[] Validation) Split(TaskSource source, int rows)
    {
        var (low, high) = Range(source.Data, "rows", 1, rows) ?? (1, rows);
        var order = Enumerable.Range(low - 1, high - low + 1).ToArray();
        if (source.Data.TryGetProperty("shuffle-seed", out _))
            new Philox((ulong)TaskJson.Integer(source.Data, "data", "shuffle-seed")).Shuffle<int>(order);
        var (first, end) = (order.Length, order.Length);
        if (source.Split.Folds > 1)
        {
            if (order.Length < source.Split.Folds)
                throw new TrainingException($"{order.Length} rows cannot be cut into {source.Split.Folds} folds");
            (first, end) = source.Split.Part(order.Length);
        }
        else if (source.Data.TryGetProperty("validation", out var validation) && validation.ValueKind == JsonValueKind.Array)
        {
            var (from, to) = Range(source.Data, "validation", low, high)!.Value;
            (first, end) = (from - low, to - low + 1);
        }
        else
        {
            var fraction = TaskJson.Number(source.Data, "data", "validation", 0.0);
            if (fraction is < 0.0 or >= 1.0)
                throw Wrong("validation", source.Data.GetProperty("validation"), "a fraction from 0 to below 1, or [FIRST, LAST],");
            first = order.Length - (int)(fraction * order.Length);
        }
        int[] train = [.. order[..first], .. order[end..]];
        return train.Length > 0 ? (train, order[first..end]) : throw new TrainingException("data.validation leaves no row for training");
    }

    /// <summary>[FIRST, LAST], rows from 1; null where the key is absent.</summary>
    private static (int First, int Last)? Range(JsonElement data, string key, int least, int most)
    {
        if (!data.TryGetProperty(key, out var value)) return null;
        return value.ValueKind == JsonValueKind.Array && TaskJson.Integers(data, "data", key) is [var first, var last]
            && first >= least && first <= last && last <= most
                ? (first, last)
                : throw Wrong(key, value, $"[FIRST, LAST] within rows {least} to {most}");
    }

    private static TrainingException Wrong(string key, JsonElement value, string right) =>
        new($"data.{key} is {value.GetRawText()}; {right} would be right");

    /// <summary>(x - mean) / deviation of these columns, [rows, columns], by the training rows.</summary>
    public static (T[] Values, double[] Means, double[] Deviations) Standardised<T>(TrainingTable table, string[] names, int[] train)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var values = new T[table.Rows * names.Length];
        double[] means = new double[names.Length], deviations = new double[names.Length];
        for (var c = 0; c < names.Length; c++)
        {
            var column = table[names[c]];
            foreach (var row in train) means[c] += column[row];
            means[c] /= train.Length;
            foreach (var row in train) deviations[c] += (column[row] - means[c]) * (column[row] - means[c]);
            deviations[c] = Math.Sqrt(deviations[c] / train.Length);
            // A column that never changes tells nothing, and must not divide by 0.
            if (deviations[c] == 0.0) deviations[c] = 1.0;
            for (var row = 0; row < table.Rows; row++)
                values[row * names.Length + c] = T.CreateChecked((column[row] - means[c]) / deviations[c]);
        }
        return (values, means, deviations);
    }

    public static JsonArray Numbers(double[] values) => [.. values.Select(value => (JsonNode)value)];
}
