using System.Collections.Immutable;
using Athanor.Compute.Kinetics.Text;
using Athanor.Hosting.Configuration.Hocon;

namespace Athanor.Hosting.Specifications;

/// <summary>Reads <c>balance { ... }</c>: the batch reactor or stirred tank that a network reacts in.</summary>
internal sealed class BalanceSection
{
    private static readonly string[] Keys =
    [
        "kind", "temperature", "heat-capacity", "heat-transfer", "coolant", "volume", "flow", "feed", "feed-temperature", "end",
    ];

    private readonly SpecificationReader _reader;
    private readonly SpecificationReader? _feed;

    public BalanceSection(HoconObject hocon)
    {
        _reader = new SpecificationReader(hocon, "balance", Keys);
        var kind = _reader.Text("kind") switch
        {
            null or "batch" => BalanceKind.Batch,
            "cstr" => BalanceKind.Cstr,
            _ => throw _reader.Wrong("kind", "batch or cstr"),
        };
        _feed = _reader.Object("feed") is { } feed ? new SpecificationReader(feed, "balance.feed", null) : null;
        Text = new BalanceText
        {
            Kind = kind,
            Temperature = Operating("temperature") ?? throw _reader.Missing("temperature"),
            HeatCapacity = Operating("heat-capacity"),
            HeatTransfer = Operating("heat-transfer"),
            Coolant = Operating("coolant"),
            Volume = Operating("volume"),
            Flow = Operating("flow"),
            Feed = _feed is null
                ? ImmutableSortedDictionary<string, double>.Empty
                : _feed.Fields.ToImmutableSortedDictionary(
                    static field => field.Key, field => SpecificationReader.AsNumber(field.Value, _feed.At(field.Key)), StringComparer.Ordinal),
            FeedTemperature = Operating("feed-temperature"),
            End = _reader.Number("end") ?? 10.0,
        };
    }

    public BalanceText Text { get; }

    /// <summary>Where something stands that the balance has named by its key: <c>balance</c>, <c>feed</c>, <c>A</c>.</summary>
    public HoconOrigin Find(ReadOnlySpan<string> key)
    {
        if (key.Length > 2 && key[1] == "feed" && _feed is not null) return _feed.Origin(key[2]);
        return _reader.Origin(key.Length > 1 ? key[1] : "");
    }

    private OperatingText? Operating(string key) => _reader.Quantity(key) is { } quantity ? new OperatingText(quantity.Value, quantity.Unit) : null;
}
