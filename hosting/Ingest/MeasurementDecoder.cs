using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Athanor.Protocol;
using Athanor.Protocol.Twins;

namespace Athanor.Hosting.Ingest;

/// <summary>
/// Measurements as the plant sends them, in JSON or MessagePack (told apart by the first byte), of one shape:
/// <code>
/// { "time": "2026-03-01T12:00:00.250Z", "sequence": 17, "signals": { "temperature": 351.2, "pressure": 2.0e5 } }
/// { "samples": [ { "signal": "temperature", "time": 1772366400250, "sequence": 17, "value": 351.2 }, ... ] }
/// </code>
/// A time is ISO 8601 with an offset, a whole number of milliseconds since 1970 (UTC), or MessagePack's own. Time and sequence of the whole
/// message hold for each sample that has none. Other keys are skipped.
/// </summary>
internal static class MeasurementDecoder
{
    private const int MaxDepth = 8;

    /// <exception cref="MeasurementException">It is not one; the message says what would be right.</exception>
    public static ImmutableArray<Sample> Decode(ReadOnlyMemory<byte> body)
    {
        var span = body.Span;
        var start = span.IndexOfAnyExcept(" \t\r\n"u8);
        if (start < 0) throw new MeasurementException("the message is empty");
        var draft = new MeasurementDraft();
        if (span[start] == (byte)'{') ReadJson(body, draft);
        else ReadMessagePack(span, draft);
        return draft.Samples();
    }

    private static void ReadJson(ReadOnlyMemory<byte> body, MeasurementDraft draft)
    {
        try
        {
            using var document = JsonDocument.Parse(body, new JsonDocumentOptions { MaxDepth = MaxDepth });
            foreach (var member in document.RootElement.EnumerateObject())
            {
                switch (member.Name)
                {
                    case "time": draft.Time = JsonTime(member.Value); break;
                    case "sequence": draft.Sequence = JsonSequence(member.Value); break;
                    case "signals":
                        foreach (var signal in Members(member.Value, "signals")) draft.Add(signal.Name, JsonValue(signal.Value, signal.Name));
                        break;
                    case "samples":
                        if (member.Value.ValueKind != JsonValueKind.Array) throw new MeasurementException("samples must be an array of objects");
                        foreach (var sample in member.Value.EnumerateArray()) JsonSample(sample, draft);
                        break;
                }
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // The latter for a string that is no UTF-8.
            throw new MeasurementException($"the message begins as JSON and is not: {e.Message}");
        }
    }

    private static void JsonSample(JsonElement element, MeasurementDraft draft)
    {
        string? signal = null;
        double? value = null;
        DateTimeOffset? time = null;
        long? sequence = null;
        foreach (var member in Members(element, "each of samples"))
        {
            switch (member.Name)
            {
                case "signal":
                    signal = member.Value.ValueKind == JsonValueKind.String
                        ? member.Value.GetString() : throw new MeasurementException("signal must be a string");
                    break;
                case "value": value = JsonValue(member.Value, signal ?? "value"); break;
                case "time": time = JsonTime(member.Value); break;
                case "sequence": sequence = JsonSequence(member.Value); break;
            }
        }
        draft.Add(signal, value, time, sequence);
    }

    private static JsonElement.ObjectEnumerator Members(JsonElement element, string what) => element.ValueKind == JsonValueKind.Object
        ? element.EnumerateObject()
        : throw new MeasurementException($"{what} must be an object");

    private static double JsonValue(JsonElement value, string signal) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number)
            ? number
            : throw new MeasurementException($"the value of {MeasurementDraft.Brief(signal)} must be a number");

    private static long JsonSequence(JsonElement value) => value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var number)
        ? number
        : throw new MeasurementException("sequence must be a whole number");

    private static DateTimeOffset JsonTime(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => MeasurementDraft.TimeOf(value.GetString()!),
        JsonValueKind.Number when value.TryGetInt64(out var ms) => MeasurementDraft.TimeOf(ms),
        _ => throw new MeasurementException(MeasurementDraft.TimeForms),
    };

    private static void ReadMessagePack(ReadOnlySpan<byte> body, MeasurementDraft draft)
    {
        try
        {
            var reader = new MessagePackReader(body);
            if (reader.NextType != MessagePackType.Map) throw new MeasurementException("the message is neither a JSON object nor a MessagePack map");
            for (var left = reader.BeginMap(); left > 0; left--)
            {
                switch (reader.ReadString())
                {
                    case "time": draft.Time = PackTime(ref reader); break;
                    case "sequence": draft.Sequence = reader.ReadInt64(); break;
                    case "signals":
                        for (var signals = reader.BeginMap(); signals > 0; signals--) draft.Add(reader.ReadString(), PackValue(ref reader));
                        reader.End();
                        break;
                    case "samples":
                        for (var samples = reader.BeginArray(); samples > 0; samples--) PackSample(ref reader, draft);
                        reader.End();
                        break;
                    default: reader.Skip(); break;
                }
            }
            reader.End();
            reader.EndOfData();
        }
        catch (MessageFormatException e)
        {
            throw new MeasurementException($"the message is no MessagePack of a measurement: {e.Message}");
        }
    }

    private static void PackSample(ref MessagePackReader reader, MeasurementDraft draft)
    {
        string? signal = null;
        double? value = null;
        DateTimeOffset? time = null;
        long? sequence = null;
        for (var left = reader.BeginMap(); left > 0; left--)
        {
            switch (reader.ReadString())
            {
                case "signal": signal = reader.ReadString(); break;
                case "value": value = PackValue(ref reader); break;
                case "time": time = PackTime(ref reader); break;
                case "sequence": sequence = reader.ReadInt64(); break;
                default: reader.Skip(); break;
            }
        }
        reader.End();
        draft.Add(signal, value, time, sequence);
    }

    private static double PackValue(ref MessagePackReader reader) =>
        reader.NextType == MessagePackType.Integer ? reader.ReadInt64() : reader.ReadDouble();

    private static DateTimeOffset PackTime(ref MessagePackReader reader) => reader.NextType switch
    {
        MessagePackType.String => MeasurementDraft.TimeOf(reader.ReadString()),
        MessagePackType.Integer => MeasurementDraft.TimeOf(reader.ReadInt64()),
        _ => reader.ReadDateTimeOffset(),
    };
}

/// <summary>A measurement that cannot be taken; the message says what would be right.</summary>
internal sealed class MeasurementException(string message) : Exception(message);

/// <summary>What was read of a message so far.</summary>
internal sealed class MeasurementDraft
{
    public const string TimeForms =
        "a time must be ISO 8601 with an offset such as 2026-03-01T12:00:00.250Z, or whole milliseconds since 1970";

    private readonly List<(string Signal, double Value, DateTimeOffset? Time, long? Sequence)> _samples = [];

    public DateTimeOffset? Time { get; set; }

    public long? Sequence { get; set; }

    public void Add(string? signal, double? value, DateTimeOffset? time = null, long? sequence = null)
    {
        if (signal is null) throw new MeasurementException("a sample names no signal");
        if (!EntityAddress.IsValidPart(signal) || signal.Length > 64)
            throw new MeasurementException($"'{Brief(signal)}' is no signal: 1 to 64 letters, digits, '.', '_' and '-'");
        if (value is not { } number) throw new MeasurementException($"the sample of {signal} has no value");
        if (!double.IsFinite(number)) throw new MeasurementException($"the value of {signal} is {number.ToString(CultureInfo.InvariantCulture)}; a finite number would be right");
        if (sequence is < 0) throw new MeasurementException($"the sequence of {signal} is below 0");
        _samples.Add((signal, number, time, sequence));
    }

    public ImmutableArray<Sample> Samples()
    {
        if (Sequence is < 0) throw new MeasurementException("the sequence is below 0");
        if (_samples.Count == 0) throw new MeasurementException("the message holds no samples: signals { NAME: VALUE } or samples [ ... ] would be right");
        return [.. _samples.Select(s => new Sample(s.Signal, s.Time ?? Time, s.Sequence ?? Sequence ?? 0, s.Value))];
    }

    public static DateTimeOffset TimeOf(string text) =>
        // The offset must be written: a plant's local time is another one twice a year.
        text.Length > 10 && (text.EndsWith('Z') || text.IndexOfAny(['+', '-'], 11) > 0)
            && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal, out var time)
            ? time
            : throw new MeasurementException($"'{Brief(text)}': {TimeForms}");

    public static DateTimeOffset TimeOf(long milliseconds) => milliseconds is > 0 and < 253_402_300_800_000
        ? DateTimeOffset.FromUnixTimeMilliseconds(milliseconds)
        : throw new MeasurementException($"{milliseconds} ms: {TimeForms}");

    public static string Brief(string text) => text.Length <= 80 ? text : text[..80] + " ...";
}
