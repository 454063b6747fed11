using Athanor.Protocol;

namespace Athanor.Hosting.Stores.Memory;

internal sealed partial class MemoryStore
{
    private readonly Dictionary<string, WorkEntry> _work = [];
    private readonly List<WorkEntry> _workByAge = [];
    private long _lastToken;

    private sealed class WorkEntry(WorkRow row, long number)
    {
        public WorkRow Row { get; } = row;

        /// <summary>Its place in order of age; makes its result's mailbox row the same row.</summary>
        public long Number { get; } = number;

        public WorkStatus Status { get; set; }

        public string? Holder { get; set; }

        public long Token { get; set; }

        public int Attempt { get; set; }

        public int Deaths { get; set; }

        public DateTimeOffset LeaseUntil { get; set; }

        public string? Reason { get; set; }

        public bool IsUnfinished => Status is WorkStatus.Pending or WorkStatus.Leased;

        public bool IsHeldBy(long token) => Status == WorkStatus.Leased && Token == token;
    }

    private void AddWork(WorkRow row)
    {
        if (_work.ContainsKey(row.Id)) return;
        var entry = new WorkEntry(row, _workByAge.Count + 1);
        _work.Add(row.Id, entry);
        _workByAge.Add(entry);
    }

    private void CancelWork(string id)
    {
        if (_work.TryGetValue(id, out var entry) && entry.IsUnfinished) End(entry, WorkStatus.Cancelled, null);
    }

    private static void End(WorkEntry entry, WorkStatus status, string? reason) =>
        (entry.Status, entry.Reason, entry.Holder) = (status, reason, null);

    public Task<IReadOnlyList<WorkLease>> LeaseWork(
        string holder, IReadOnlyList<string> pools, int count, TimeSpan lease, CancellationToken cancellation)
    {
        lock (_gate)
        {
            var now = _time.GetUtcNow();
            var leases = new List<WorkLease>();
            var free = _workByAge
                .Where(entry => pools.Contains(entry.Row.Pool)
                    && (entry.Status == WorkStatus.Pending || (entry.Status == WorkStatus.Leased && entry.LeaseUntil <= now)))
                .OrderByDescending(static entry => entry.Row.Priority).ThenBy(static entry => entry.Number).Take(count).ToList();
            foreach (var entry in free)
            {
                (entry.Status, entry.Holder, entry.LeaseUntil) = (WorkStatus.Leased, holder, now + lease);
                entry.Token = ++_lastToken;
                entry.Attempt++;
                leases.Add(new WorkLease(entry.Row, holder, entry.Token, entry.Attempt, entry.LeaseUntil));
            }
            return Task.FromResult<IReadOnlyList<WorkLease>>(leases);
        }
    }

    public Task<IReadOnlyList<long>> RenewWork(string holder, IReadOnlyList<long> tokens, TimeSpan lease, CancellationToken cancellation)
    {
        lock (_gate)
        {
            var held = new List<long>();
            foreach (var entry in _workByAge)
            {
                if (entry.Status != WorkStatus.Leased || entry.Holder != holder || !tokens.Contains(entry.Token)) continue;
                entry.LeaseUntil = _time.GetUtcNow() + lease;
                held.Add(entry.Token);
            }
            return Task.FromResult<IReadOnlyList<long>>(held);
        }
    }

    public Task<bool> CompleteWork(string workId, long token, StoredMessage command, CancellationToken cancellation)
    {
        lock (_gate)
        {
            if (!_work.TryGetValue(workId, out var entry) || !entry.IsUnfinished) return Task.FromResult(false);
            End(entry, WorkStatus.Completed, null);
            Tell(entry, command);
            return Task.FromResult(true);
        }
    }

    public Task<bool> FailWork(
        string workId, long token, WorkStatus status, string reason, StoredMessage command, CancellationToken cancellation)
    {
        if (status is not (WorkStatus.Failed or WorkStatus.Parked))
            throw new ArgumentException($"work fails as {WorkStatus.Failed} or {WorkStatus.Parked}, not as {status}", nameof(status));
        lock (_gate)
        {
            // Only its latest doer may give it up: an attempt that was overtaken knows nothing of the one that runs.
            if (!_work.TryGetValue(workId, out var entry) || !entry.IsUnfinished || entry.Token != token) return Task.FromResult(false);
            End(entry, status, reason);
            Tell(entry, command);
            return Task.FromResult(true);
        }
    }

    private void Tell(WorkEntry entry, StoredMessage command) => _shards[entry.Row.Shard].Mail.Add(
        new MailRow(new MailId(-1, entry.Number, 0), entry.Row.Shard, entry.Row.Entity, null, command, entry.Row.TraceParent));

    public Task<int> ReturnWork(string workId, long token, bool died, CancellationToken cancellation)
    {
        lock (_gate)
        {
            if (!_work.TryGetValue(workId, out var entry)) return Task.FromResult(0);
            if (entry.IsHeldBy(token))
            {
                (entry.Status, entry.Holder) = (WorkStatus.Pending, null);
                if (died) entry.Deaths++;
            }
            return Task.FromResult(entry.Deaths);
        }
    }

    public Task<int> ReturnWorkOf(string holder, CancellationToken cancellation)
    {
        lock (_gate)
        {
            var returned = 0;
            foreach (var entry in _workByAge)
            {
                if (entry.Status != WorkStatus.Leased || entry.Holder != holder) continue;
                (entry.Status, entry.Holder) = (WorkStatus.Pending, null);
                returned++;
            }
            return Task.FromResult(returned);
        }
    }

    public Task<IReadOnlyList<WorkView>> ListWork(WorkStatus? status, CancellationToken cancellation)
    {
        lock (_gate)
        {
            IReadOnlyList<WorkView> views = _workByAge.Where(entry => status is null || entry.Status == status)
                .Select(static entry => new WorkView(entry.Row, entry.Status, entry.Holder, entry.Deaths, entry.Reason)).ToList();
            return Task.FromResult(views);
        }
    }
}
