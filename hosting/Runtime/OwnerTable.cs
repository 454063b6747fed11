using System.Collections.Concurrent;
using System.Collections.Frozen;
using Athanor.Hosting.Configuration;
using Athanor.Hosting.Stores;

namespace Athanor.Hosting.Runtime;

/// <summary>Who owns which shard and where that node listens, as the tables said when they were last read, corrected by what owners said
/// since. It may be old: whoever is asked by mistake says so, and the store fences what is done by mistake.</summary>
internal sealed class OwnerTable
{
    private readonly ConcurrentDictionary<int, (string Node, string Address)> _corrections = new();
    private volatile View _view = new(FrozenDictionary<string, NodeRow>.Empty, [], default);

    private sealed record View(FrozenDictionary<string, NodeRow> Nodes, ShardRow?[] Shards, DateTimeOffset StoreTime);

    public void Read(DateTimeOffset storeTime, IReadOnlyList<NodeRow> nodes, IReadOnlyList<ShardRow> shards)
    {
        var rows = new ShardRow?[shards.Count == 0 ? 0 : shards.Max(static row => row.Shard) + 1];
        foreach (var row in shards) rows[row.Shard] = row;
        _view = new View(nodes.ToFrozenDictionary(static node => node.Node), rows, storeTime);
        _corrections.Clear();
    }

    /// <summary>A node said that another one owns the shard.</summary>
    public void Correct(int shard, string node, string? address)
    {
        if ((address ?? AddressOf(node)) is { Length: > 0 } known) _corrections[shard] = (node, known);
    }

    /// <summary>The owner did not answer: what is known of it counts no more until the tables are read again.</summary>
    public void Doubt(int shard) => _corrections.TryRemove(shard, out _);

    /// <summary>The owner with its address (empty for one that listens nowhere), or null if there was none whose lease held.</summary>
    public (string Node, string Address)? OwnerOf(int shard)
    {
        if (_corrections.TryGetValue(shard, out var corrected)) return corrected;
        var view = _view;
        if (shard >= view.Shards.Length || view.Shards[shard] is not { Owner: { } owner } row || row.LeaseUntil <= view.StoreTime) return null;
        return (owner, view.Nodes.GetValueOrDefault(owner)?.Address ?? "");
    }

    public string? AddressOf(string node) => _view.Nodes.GetValueOrDefault(node)?.Address;

    /// <summary>Live nodes that run work.</summary>
    public IEnumerable<NodeRow> Computing()
    {
        var view = _view;
        return view.Nodes.Values.Where(node => node.LeaseUntil > view.StoreTime && node.Roles.Contains(NodeRoles.Compute));
    }
}
