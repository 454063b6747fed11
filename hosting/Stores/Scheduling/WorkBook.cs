using System.Collections.Immutable;

namespace Athanor.Hosting.Stores.Scheduling;

/// <summary>
/// What may happen to work, the same for every store; each call is one transaction over <see cref="IWorkTables"/>. The order of pending
/// rows is <see cref="WorkSchedule"/>'s.
///
/// A row is pending, leased, or ended. A lease has a token that names row, attempt and rank. The attempt is counted in the transaction
/// that gives the lease, so before the work starts. A single row's result is taken whoever brings it first, whatever its token's age: the
/// work may be done twice. A gang's is taken of its present generation alone.
///
/// Gangs. A gang of N is formed in two phases. It gathers: slots that nodes offer become its seats, and the store holds them back from
/// everything else. At most one gang of a pool gathers at a time, so two half-filled gangs never wait for each other. When the Nth seat is
/// taken the gang is formed in that transaction: its generation (its attempt) is raised, every seat's lease begins, and each holder is
/// given its members' leases at its next call. Nothing of it runs before. Failures while it gathers: a holder that offers nothing for one
/// lease loses its seats; a gang that is not full within the policy's <c>Gather</c> gives all its seats up and is put off for as long, so
/// one that can never be full holds slots for at most half of the time. Failures once formed: a member that dies, is given back, or is not
/// renewed ends the generation for all: the others' tokens are no longer held, their rendezvous is forgotten and refuses them, and the row
/// is pending again for the next generation. A death is counted by the transaction that ends the generation, so once however many members
/// die; a node's death, a drain and a cancel count nothing. The job ends once: with the result of rank 0, with a failure by any member, or
/// by cancellation; members of other ranks that finish before are excused.
/// </summary>
internal readonly struct WorkBook(IWorkTables tables)
{
    public async ValueTask<IReadOnlyList<WorkLease>> Lease(WorkRequest request)
    {
        var (now, until) = (tables.Now, tables.Now + request.Lease);
        var leases = new List<WorkLease>();
        var gathering = await TakeSeatsOfFormed(request, leases).ConfigureAwait(false);
        var free = request.Free - leases.Count;
        if (gathering is not null)
        {
            var kept = Keep(gathering, request, Math.Max(0, free), until);
            if (Fits(gathering, request)) kept = Join(kept, request, free - SeatsOf(kept, request.Holder), until);
            free -= SeatsOf(kept, request.Holder);
            if (IsFull(kept)) kept = Form(kept, request, leases, until);
            if (SeatsOf(gathering, request.Holder) + SeatsOf(kept, request.Holder) > 0) await tables.Put(kept).ConfigureAwait(false);
            if (!kept.Gathers)
            {
                await Charge(request, kept).ConfigureAwait(false);
                gathering = null;
            }
        }
        if (free > 0) await LeasePending(request, leases, free, gathering is null, now, until).ConfigureAwait(false);
        return leases;
    }

    /// <summary>Leases for several pools, in their order, with the default policy.</summary>
    public async ValueTask<IReadOnlyList<WorkLease>> LeaseEach(string holder, IReadOnlyList<string> pools, int count, TimeSpan lease)
    {
        var leases = new List<WorkLease>();
        foreach (var pool in pools.Distinct(StringComparer.Ordinal))
            leases.AddRange(await Lease(new WorkRequest(holder, pool, count - leases.Count, lease)).ConfigureAwait(false));
        return leases;
    }

    private async ValueTask LeasePending(
        WorkRequest request, List<WorkLease> leases, int free, bool gangs, DateTimeOffset now, DateTimeOffset until)
    {
        var pending = (await tables.Pending(request.Pool, request.MemoryBytes, gangs, free).ConfigureAwait(false))
            .ToDictionary(static entry => entry.Number);
        if (pending.Count == 0) return;
        var shares = await tables.Shares(request.Pool).ConfigureAwait(false);
        while (free > 0 && WorkSchedule.Next(now, pending.Values.Select(static entry => entry.Turn), shares, request.Policy) is { } turn)
        {
            pending.Remove(turn.Number, out var entry);
            if (!entry!.IsGang)
            {
                free--;
                entry = entry with { Status = WorkStatus.Leased, Holder = request.Holder, Attempt = entry.Attempt + 1, LeaseUntil = until };
                leases.Add(entry.LeaseOf(request.Holder));
            }
            else
            {
                entry = entry.GivenBack() with { Seats = new GangSeats(now + request.Policy.Gather, []) };
                entry = Join(entry, request, free, until);
                free -= SeatsOf(entry, request.Holder);
                if (IsFull(entry)) entry = Form(entry, request, leases, until);
            }
            await tables.Put(entry).ConfigureAwait(false);
            if (entry.Gathers) break; // It has taken every slot that was free.
            var (tenant, pool) = WorkSchedule.Served(request.Pool, turn, now, shares, request.Policy);
            (shares[turn.Tenant], shares[""]) = (tenant, pool);
            await tables.Put(tenant).ConfigureAwait(false);
            await tables.Put(pool).ConfigureAwait(false);
        }
    }

    /// <summary>Gives the holder its seats in gangs that were formed since it last asked, and ends what is broken.</summary>
    /// <returns>The gang of the pool that gathers, if one does.</returns>
    private async ValueTask<WorkEntry?> TakeSeatsOfFormed(WorkRequest request, List<WorkLease> leases)
    {
        WorkEntry? gathering = null;
        foreach (var gang in await tables.Gangs(request.Pool).ConfigureAwait(false))
        {
            var entry = await Mend(gang, request.Policy).ConfigureAwait(false);
            if (entry.Gathers) gathering = entry;
            if (entry is not { Status: WorkStatus.Leased, Seats: { } seats }) continue;
            var given = false;
            for (var rank = 0; rank < seats.Seats.Length && leases.Count < request.Free; rank++)
            {
                if (seats.Seats[rank] is not { Given: false } seat || seat.Holder != request.Holder) continue;
                seats = seats.With(rank, seat with { Given = true, LeaseUntil = tables.Now + request.Lease });
                entry = entry with { Seats = seats };
                leases.Add(entry.LeaseOf(rank));
                given = true;
            }
            if (given) await tables.Put(entry).ConfigureAwait(false);
        }
        return gathering;
    }

    /// <summary>Takes the dead from a gang: seats of holders that are silent while it gathers, the whole generation once it runs.</summary>
    private async ValueTask<WorkEntry> Mend(WorkEntry gang, WorkPolicy policy)
    {
        var now = tables.Now;
        if (gang.Seats is not { } seats) return gang;
        if (gang.Gathers)
        {
            var mended = seats.GatherUntil <= now
                ? gang.GivenBack() with { PutOffUntil = now + policy.Gather }
                : gang with { Seats = seats with { Seats = seats.Seats.RemoveAll(seat => seat.LeaseUntil <= now) } };
            if (mended.Seats?.Seats.Length != seats.Seats.Length) await tables.Put(mended).ConfigureAwait(false);
            return mended;
        }
        return seats.IsBroken(now) ? await EndGeneration(gang, died: false).ConfigureAwait(false) : gang;
    }

    private async ValueTask<WorkEntry> EndGeneration(WorkEntry gang, bool died)
    {
        var ended = gang.GivenBack() with { Deaths = gang.Deaths + (died ? 1 : 0) };
        await tables.Put(ended).ConfigureAwait(false);
        await tables.DropKeys(gang.Number).ConfigureAwait(false);
        return ended;
    }

    private static bool Fits(WorkEntry gang, WorkRequest request) => request.MemoryBytes <= 0 || gang.Row.MemoryBytes <= request.MemoryBytes;

    private static bool IsFull(WorkEntry gang) => gang.Seats!.Seats.Length == gang.Row.Gang;

    private static int SeatsOf(WorkEntry gang, string holder) => gang.Seats?.Seats.Count(seat => seat.Holder == holder) ?? 0;

    /// <summary>Renews the seats that a holder still has slots for, and drops the rest.</summary>
    private static WorkEntry Keep(WorkEntry gang, WorkRequest request, int slots, DateTimeOffset until)
    {
        var kept = ImmutableArray.CreateBuilder<GangSeat>();
        foreach (var seat in gang.Seats!.Seats)
        {
            if (seat.Holder != request.Holder) kept.Add(seat);
            else if (slots-- > 0) kept.Add(seat with { LeaseUntil = until });
        }
        return gang with { Seats = gang.Seats with { Seats = kept.DrainToImmutable() } };
    }

    private static WorkEntry Join(WorkEntry gang, WorkRequest request, int free, DateTimeOffset until)
    {
        var more = Math.Min(free, gang.Row.Gang - gang.Seats!.Seats.Length);
        if (more <= 0) return gang;
        var seat = new GangSeat(request.Holder, request.Address, until);
        return gang with { Seats = gang.Seats with { Seats = gang.Seats.Seats.AddRange(Enumerable.Repeat(seat, more)) } };
    }

    private static WorkEntry Form(WorkEntry gang, WorkRequest request, List<WorkLease> leases, DateTimeOffset until)
    {
        // Members of one node have neighbouring ranks.
        var seats = gang.Seats!.Seats.OrderBy(static seat => seat.Holder, StringComparer.Ordinal)
            .Select(seat => seat with { LeaseUntil = until, Given = seat.Holder == request.Holder }).ToImmutableArray();
        var formed = gang with
        {
            Status = WorkStatus.Leased,
            Holder = seats[0].Holder,
            Attempt = gang.Attempt + 1,
            LeaseUntil = until,
            Seats = gang.Seats with { Seats = seats },
        };
        for (var rank = 0; rank < seats.Length; rank++)
        {
            if (seats[rank].Given) leases.Add(formed.LeaseOf(rank));
        }
        return formed;
    }

    private async ValueTask Charge(WorkRequest request, WorkEntry gang)
    {
        var shares = await tables.Shares(request.Pool).ConfigureAwait(false);
        var (tenant, pool) = WorkSchedule.Served(request.Pool, gang.Turn, tables.Now, shares, request.Policy);
        await tables.Put(tenant).ConfigureAwait(false);
        await tables.Put(pool).ConfigureAwait(false);
    }

    /// <summary>Leases rows whose time has passed, so that their holder can fail them.</summary>
    public async ValueTask<IReadOnlyList<WorkLease>> LeaseOverdue(string holder, int limit, TimeSpan lease)
    {
        var leases = new List<WorkLease>();
        foreach (var gang in await tables.Gangs(null).ConfigureAwait(false))
        {
            var entry = await Mend(gang, WorkPolicy.Default).ConfigureAwait(false);
            if (entry.Gathers && entry.Row.NotAfter <= tables.Now) await tables.Put(entry.GivenBack()).ConfigureAwait(false);
        }
        foreach (var entry in await tables.Overdue(limit).ConfigureAwait(false))
        {
            var leased = entry.GivenBack() with
            {
                Status = WorkStatus.Leased,
                Holder = holder,
                Attempt = entry.Attempt + 1,
                LeaseUntil = tables.Now + lease,
            };
            await tables.Put(leased).ConfigureAwait(false);
            leases.Add(leased.LeaseOf(holder));
        }
        return leases;
    }

    public async ValueTask<IReadOnlyList<long>> Renew(string holder, IReadOnlyList<long> tokens, TimeSpan lease)
    {
        var held = new List<long>();
        var until = tables.Now + lease;
        foreach (var token in tokens)
        {
            if (await Holding(token).ConfigureAwait(false) is not { } entry) continue;
            if (entry.Seats is not { } seats)
            {
                if (entry.Holder != holder) continue;
                entry = entry with { LeaseUntil = until };
            }
            else
            {
                var seat = seats.Seats[WorkToken.RankOf(token)];
                if (seat.Holder != holder) continue;
                entry = entry with { LeaseUntil = until, Seats = seats.With(WorkToken.RankOf(token), seat with { LeaseUntil = until }) };
            }
            await tables.Put(entry).ConfigureAwait(false);
            held.Add(token);
        }
        return held;
    }

    public async ValueTask<bool> Complete(string workId, long token, StoredMessage command)
    {
        if (await tables.Find(workId).ConfigureAwait(false) is not { IsOpen: true } entry) return false;
        if (entry.IsGang)
        {
            if (Of(entry, token) is not { Seats: { } seats }) return false;
            var rank = WorkToken.RankOf(token);
            if (rank > 0)
            {
                await tables.Put(entry with { Seats = seats.With(rank, seats.Seats[rank] with { Done = true }) }).ConfigureAwait(false);
                return true;
            }
        }
        await End(entry, WorkStatus.Completed, null, command).ConfigureAwait(false);
        return true;
    }

    public async ValueTask<bool> Fail(string workId, long token, WorkStatus status, string reason, StoredMessage command)
    {
        if (status is not (WorkStatus.Failed or WorkStatus.Parked))
            throw new ArgumentException($"work fails as {WorkStatus.Failed} or {WorkStatus.Parked}, not as {status}", nameof(status));
        // Only its latest doer may give it up: an attempt that was overtaken knows nothing of the one that runs.
        if (await tables.Find(workId).ConfigureAwait(false) is not { IsOpen: true } entry || !IsLatest(entry, token)) return false;
        await End(entry, status, reason, command).ConfigureAwait(false);
        return true;
    }

    private async ValueTask End(WorkEntry entry, WorkStatus status, string? reason, StoredMessage command)
    {
        await tables.Put(entry.Ended(status, reason)).ConfigureAwait(false);
        if (entry.IsGang) await tables.DropKeys(entry.Number).ConfigureAwait(false);
        await tables.Tell(entry, command).ConfigureAwait(false);
    }

    public async ValueTask<int> Return(string workId, long token, bool died)
    {
        if (await tables.Find(workId).ConfigureAwait(false) is not { } entry) return 0;
        if (Of(entry, token) is null) return entry.Deaths;
        return (await EndGeneration(entry, died).ConfigureAwait(false)).Deaths;
    }

    public async ValueTask<int> ReturnOf(string holder)
    {
        var returned = 0;
        foreach (var entry in await tables.HeldBy(holder).ConfigureAwait(false))
        {
            if (entry.Gathers)
                await tables.Put(entry with { Seats = entry.Seats! with { Seats = entry.Seats.Seats.RemoveAll(s => s.Holder == holder) } })
                    .ConfigureAwait(false);
            else await EndGeneration(entry, died: false).ConfigureAwait(false);
            returned++;
        }
        return returned;
    }

    public async ValueTask Cancel(WorkEntry entry)
    {
        if (!entry.IsOpen) return;
        await tables.Put(entry.Ended(WorkStatus.Cancelled, null)).ConfigureAwait(false);
        if (entry.IsGang) await tables.DropKeys(entry.Number).ConfigureAwait(false);
    }

    public async ValueTask<bool> Checkpoint(string workId, long token, WorkCheckpoint checkpoint)
    {
        if (await tables.Find(workId).ConfigureAwait(false) is not { } entry || Of(entry, token) is null) return false;
        if (checkpoint.Step > (entry.Checkpoint?.Step ?? long.MinValue))
            await tables.Put(entry with { Checkpoint = checkpoint, Deaths = 0 }).ConfigureAwait(false);
        return true;
    }

    public async ValueTask<bool> PutKey(long token, string key, ReadOnlyMemory<byte> value)
    {
        if (await Holding(token).ConfigureAwait(false) is not { Seats: not null } entry) return false;
        await tables.PutKey(entry.Number, entry.Attempt, key, value).ConfigureAwait(false);
        return true;
    }

    public async ValueTask<IReadOnlyDictionary<string, byte[]>?> Keys(long token) =>
        await Holding(token).ConfigureAwait(false) is { Seats: not null } entry
            ? await tables.Keys(entry.Number, entry.Attempt).ConfigureAwait(false)
            : null;

    /// <summary>The row that a token still holds; a gang that is broken ends here.</summary>
    private async ValueTask<WorkEntry?> Holding(long token)
    {
        if (await tables.Find(WorkToken.NumberOf(token)).ConfigureAwait(false) is not { } entry || Of(entry, token) is null) return null;
        if (entry.Seats is null || !entry.Seats.IsBroken(tables.Now)) return entry;
        await EndGeneration(entry, died: false).ConfigureAwait(false);
        return null;
    }

    private static bool IsLatest(WorkEntry entry, long token) =>
        entry.Token(WorkToken.RankOf(token)) == token && WorkToken.RankOf(token) < entry.Row.Gang;

    /// <summary>The row if it is leased under this token's attempt.</summary>
    private static WorkEntry? Of(WorkEntry entry, long token) =>
        entry.Status == WorkStatus.Leased && IsLatest(entry, token) ? entry : null;
}
