using Athanor.Hosting.Stores.Scheduling;

namespace Athanor.Hosting.Stores.Memory;

/// <summary>Work: what may happen is in <see cref="WorkBook"/>, the rows are here.</summary>
internal sealed partial class MemoryStore
{
    private readonly WorkTables _work;

    private void AddWork(WorkRow row) => _work.Add(row);

    private void CancelWork(string id)
    {
        if (Done(_work.Find(id)) is { } entry) Done(new WorkBook(_work).Cancel(entry));
    }

    public Task<IReadOnlyList<WorkLease>> LeaseWork(WorkRequest request, CancellationToken cancellation) => Do(b => b.Lease(request));

    public Task<IReadOnlyList<WorkLease>> LeaseWork(
        string holder, IReadOnlyList<string> pools, int count, TimeSpan lease, CancellationToken cancellation) =>
        Do(book => book.LeaseEach(holder, pools, count, lease));

    public Task<IReadOnlyList<WorkLease>> LeaseOverdueWork(string holder, int limit, TimeSpan lease, CancellationToken cancellation) =>
        Do(book => book.LeaseOverdue(holder, limit, lease));

    public Task<IReadOnlyList<long>> RenewWork(
        string holder, IReadOnlyList<long> tokens, TimeSpan lease, CancellationToken cancellation) =>
        Do(book => book.Renew(holder, tokens, lease));

    public Task<bool> CompleteWork(string workId, long token, StoredMessage command, CancellationToken cancellation) =>
        Do(book => book.Complete(workId, token, command));

    public Task<bool> FailWork(
        string workId, long token, WorkStatus status, string reason, StoredMessage command, CancellationToken cancellation) =>
        Do(book => book.Fail(workId, token, status, reason, command));

    public Task<int> ReturnWork(string workId, long token, bool died, CancellationToken cancellation) =>
        Do(book => book.Return(workId, token, died));

    public Task<int> ReturnWorkOf(string holder, CancellationToken cancellation) => Do(book => book.ReturnOf(holder));

    public Task<bool> CheckpointWork(string workId, long token, WorkCheckpoint checkpoint, CancellationToken cancellation) =>
        Do(book => book.Checkpoint(workId, token, checkpoint));

    public Task<bool> PutGangKey(long token, string key, ReadOnlyMemory<byte> value, CancellationToken cancellation) =>
        Do(book => book.PutKey(token, key, value));

    public Task<IReadOnlyDictionary<string, byte[]>?> ReadGangKeys(long token, CancellationToken cancellation) =>
        Do(book => book.Keys(token));

    public Task<IReadOnlyList<WorkView>> ListWork(WorkStatus? status, CancellationToken cancellation)
    {
        lock (_gate)
        {
            return Task.FromResult<IReadOnlyList<WorkView>>(
                _work.All.Where(entry => status is null || entry.Status == status).Select(static entry => entry.View).ToList());
        }
    }

    private Task<T> Do<T>(Func<WorkBook, ValueTask<T>> call)
    {
        lock (_gate) return Task.FromResult(Done(call(new WorkBook(_work))));
    }

    /// <summary>Nothing in memory waits, so every call is complete when it returns.</summary>
    private static T Done<T>(ValueTask<T> call) => call.GetAwaiter().GetResult();

    private static void Done(ValueTask call) => call.GetAwaiter().GetResult();

    private void Tell(WorkEntry entry, StoredMessage command) => _shards[entry.Row.Shard].Mail.Add(
        new MailRow(new MailId(-1, entry.Number, 0), entry.Row.Shard, entry.Row.Entity, null, command, entry.Row.TraceParent));

    private sealed class WorkTables(MemoryStore store) : IWorkTables
    {
        private readonly List<WorkEntry> _byAge = [];
        private readonly Dictionary<string, int> _places = new(StringComparer.Ordinal);
        private readonly Dictionary<(string Pool, string Tenant), TenantShare> _shares = [];
        private readonly Dictionary<(long Number, int Generation, string Key), byte[]> _keys = [];

        public IEnumerable<WorkEntry> All => _byAge;

        public void CopyTo(WorkTables to)
        {
            to._byAge.Clear();
            to._byAge.AddRange(_byAge);
            Replace(to._places, _places);
            Replace(to._shares, _shares);
            Replace(to._keys, _keys);
        }

        public DateTimeOffset Now => store._time.GetUtcNow();

        public void Add(WorkRow row)
        {
            if (!_places.TryAdd(row.Id, _byAge.Count)) return;
            _byAge.Add(new WorkEntry(_byAge.Count + 1, row, WorkStatus.Pending, null, 0, DateTimeOffset.MinValue, 0, null) { Created = Now });
        }

        public ValueTask<IReadOnlyList<WorkEntry>> Pending(string pool, long memoryBytes, bool gangs, int each) => List(
            _byAge.Where(e => e.Row.Pool == pool && e.FreeAt <= Now && !(e.Row.NotAfter <= Now) && (gangs || !e.IsGang)
                    && (memoryBytes <= 0 || e.Row.MemoryBytes <= memoryBytes))
                .GroupBy(static e => (e.Row.Entity.Tenant, e.Row.Priority)).SelectMany(g => g.Take(each)));

        public ValueTask<IReadOnlyList<WorkEntry>> Gangs(string? pool) =>
            List(_byAge.Where(e => e.Seats is not null && (pool is null || e.Row.Pool == pool)));

        public ValueTask<IReadOnlyList<WorkEntry>> Overdue(int limit) =>
            List(_byAge.Where(e => e.Row.NotAfter <= Now && e.FreeAt <= Now).Take(limit));

        public ValueTask<IReadOnlyList<WorkEntry>> HeldBy(string holder) => List(_byAge.Where(e =>
            e.Seats is { } seats ? seats.Seats.Any(s => s.Holder == holder) : e.Status == WorkStatus.Leased && e.Holder == holder));

        public ValueTask<WorkEntry?> Find(string id) => new(_places.TryGetValue(id, out var place) ? _byAge[place] : null);

        public ValueTask<WorkEntry?> Find(long number) => new(number >= 1 && number <= _byAge.Count ? _byAge[(int)number - 1] : null);

        public ValueTask Put(WorkEntry entry)
        {
            _byAge[(int)entry.Number - 1] = entry;
            return default;
        }

        public ValueTask Tell(WorkEntry entry, StoredMessage command)
        {
            store.Tell(entry, command);
            return default;
        }

        public ValueTask<Dictionary<string, TenantShare>> Shares(string pool) => new(
            _shares.Values.Where(s => s.Pool == pool).ToDictionary(static s => s.Tenant, StringComparer.Ordinal));

        public ValueTask Put(TenantShare share)
        {
            _shares[(share.Pool, share.Tenant)] = share;
            return default;
        }

        public ValueTask PutKey(long number, int generation, string key, ReadOnlyMemory<byte> value)
        {
            _keys[(number, generation, key)] = value.ToArray();
            return default;
        }

        public ValueTask<IReadOnlyDictionary<string, byte[]>> Keys(long number, int generation) => new(
            _keys.Where(k => k.Key.Number == number && k.Key.Generation == generation)
                .ToDictionary(static k => k.Key.Key, static k => k.Value, StringComparer.Ordinal));

        public ValueTask DropKeys(long number)
        {
            foreach (var key in _keys.Keys.Where(k => k.Number == number).ToList()) _keys.Remove(key);
            return default;
        }

        private static ValueTask<IReadOnlyList<WorkEntry>> List(IEnumerable<WorkEntry> entries) => new(entries.ToList());
    }
}
