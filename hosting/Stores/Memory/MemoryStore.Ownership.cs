using System.Collections.Immutable;

namespace Athanor.Hosting.Stores.Memory;

internal sealed partial class MemoryStore
{
    public Task<NodeRow> RenewNode(string node, string address, ImmutableArray<string> roles, TimeSpan lease,
        CancellationToken cancellation)
    {
        lock (_gate)
        {
            var row = _nodes.GetValueOrDefault(node, new NodeRow(node, address, roles, default)) with
            {
                Address = address,
                Roles = roles,
                LeaseUntil = _time.GetUtcNow() + lease,
            };
            _nodes[node] = row;
            return Task.FromResult(row);
        }
    }

    public Task RemoveNode(string node, CancellationToken cancellation)
    {
        lock (_gate) _nodes.Remove(node);
        return Task.CompletedTask;
    }

    public Task<IReadOnlyList<NodeRow>> ReadNodes(CancellationToken cancellation)
    {
        lock (_gate) return Task.FromResult<IReadOnlyList<NodeRow>>(_nodes.Values.ToList());
    }

    public Task NoteSkew(string node, TimeSpan skew, CancellationToken cancellation)
    {
        lock (_gate)
        {
            if (_nodes.TryGetValue(node, out var row)) _nodes[node] = row with { Skew = skew };
        }
        return Task.CompletedTask;
    }

    public Task<bool> AskToDrain(string node, CancellationToken cancellation)
    {
        lock (_gate)
        {
            if (!_nodes.TryGetValue(node, out var row)) return Task.FromResult(false);
            _nodes[node] = row with { MustDrain = true };
            return Task.FromResult(true);
        }
    }

    public Task<INodeLock> LockNode(string node, CancellationToken cancellation)
    {
        lock (_gate)
        {
            if (_locks.ContainsKey(node)) throw new StoreException($"a node named {node} is alive in another process");
            var held = new MemoryLock(this, node);
            _locks.Add(node, held);
            return Task.FromResult<INodeLock>(held);
        }
    }

    /// <summary>Ends a node's session as a lost connection does.</summary>
    public void BreakLock(string node)
    {
        MemoryLock? broken;
        lock (_gate) _locks.Remove(node, out broken);
        broken?.Break();
    }

    private sealed class MemoryLock(MemoryStore store, string node) : INodeLock
    {
        private readonly CancellationTokenSource _lost = new();

        public string Node => node;

        public CancellationToken Lost => _lost.Token;

        public void Break() => _lost.Cancel();

        public ValueTask DisposeAsync()
        {
            lock (store._gate)
            {
                if (store._locks.TryGetValue(node, out var held) && ReferenceEquals(held, this)) store._locks.Remove(node);
            }
            return ValueTask.CompletedTask;
        }
    }

    public Task<IReadOnlyList<ShardRow>> ReadShards(CancellationToken cancellation)
    {
        lock (_gate) return Task.FromResult<IReadOnlyList<ShardRow>>(_shards.Select(static shard => shard.Row).ToList());
    }

    public Task<ShardRow?> Claim(int shard, string node, Epoch seen, TimeSpan lease, CancellationToken cancellation)
    {
        lock (_gate)
        {
            var now = _time.GetUtcNow();
            var row = _shards[shard].Row;
            if (row.Epoch != seen || (row.Owner is not null && row.LeaseUntil > now)) return Task.FromResult<ShardRow?>(null);
            row = row with { Owner = node, Epoch = new Epoch(_incarnation, seen.Counter + 1), LeaseUntil = now + lease };
            _shards[shard].Row = row;
            return Task.FromResult<ShardRow?>(row);
        }
    }

    public Task<IReadOnlyList<int>> RenewShards(
        string node, IReadOnlyList<(int Shard, Epoch Epoch)> shards, TimeSpan lease, CancellationToken cancellation)
    {
        lock (_gate)
        {
            var until = _time.GetUtcNow() + lease;
            var renewed = new List<int>();
            foreach (var (shard, epoch) in shards)
            {
                var table = _shards[shard];
                if (table.Row.Owner != node || table.Row.Epoch != epoch) continue;
                table.Row = table.Row with { LeaseUntil = until };
                renewed.Add(shard);
            }
            return Task.FromResult<IReadOnlyList<int>>(renewed);
        }
    }

    public Task Release(int shard, string node, Epoch epoch, CancellationToken cancellation)
    {
        lock (_gate)
        {
            var table = _shards[shard];
            if (table.Row.Owner == node && table.Row.Epoch == epoch)
                table.Row = table.Row with { Owner = null, LeaseUntil = DateTimeOffset.MinValue };
        }
        return Task.CompletedTask;
    }

    public Task<ClusterRow> ReadCluster(CancellationToken cancellation)
    {
        lock (_gate) return Task.FromResult(new ClusterRow(ShardCount, _incarnation, _featureLevel));
    }

    public Task<long> RaiseIncarnation(CancellationToken cancellation)
    {
        lock (_gate)
        {
            _incarnation = Epoch.NextIncarnation(_incarnation, _time.GetUtcNow());
            foreach (var table in _shards)
            {
                table.Row = table.Row with
                {
                    Owner = null,
                    Epoch = table.Row.Epoch with { Incarnation = _incarnation },
                    LeaseUntil = DateTimeOffset.MinValue,
                };
            }
            return Task.FromResult(_incarnation);
        }
    }

    public Task RaiseFeatureLevel(int level, CancellationToken cancellation)
    {
        lock (_gate) _featureLevel = Math.Max(_featureLevel, level);
        return Task.CompletedTask;
    }
}
