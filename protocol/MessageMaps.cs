using System.Collections.Immutable;

namespace Athanor.Protocol;

/// <summary>The one order in which a map's pairs are written, whatever comparer it was made with: strings by UTF-16 code unit,
/// numbers ascending.</summary>
public static class MessageMaps
{
    public static IEnumerable<KeyValuePair<string, T>> InOrder<T>(ImmutableSortedDictionary<string, T> map) =>
        map.KeyComparer == StringComparer.Ordinal ? map : map.OrderBy(pair => pair.Key, StringComparer.Ordinal);

    public static IEnumerable<KeyValuePair<int, T>> InOrder<T>(ImmutableSortedDictionary<int, T> map) =>
        map.KeyComparer == Comparer<int>.Default ? map : map.OrderBy(pair => pair.Key);

    public static IEnumerable<KeyValuePair<long, T>> InOrder<T>(ImmutableSortedDictionary<long, T> map) =>
        map.KeyComparer == Comparer<long>.Default ? map : map.OrderBy(pair => pair.Key);
}
