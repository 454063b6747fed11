using System.Collections.Immutable;
using Athanor.Hosting.Core.State;
using Athanor.Hosting.Stores;

namespace Athanor.Hosting.Core;

/// <summary>
/// Mailboxes. A row told in a commit lies in the store until a commit of its own shard handles it. It comes into memory in one of two ways:
/// by reading the shard's mailbox (on opening, on a hint, and every poll), or, if both shards are held here, straight from the commit that
/// told it.
///
/// Once. A row in memory is <see cref="Shard.Known"/> and is skipped when read again. It stays known until the commit that deletes it is
/// confirmed and every read that may have seen it before has returned (<see cref="Shard.JustHandled"/>). A commit may be read before it is
/// confirmed: what a reading has shown (<see cref="Batch.Seen"/>), or may have shown in an earlier term, is not handed over once more.
///
/// In order. A reading is a prefix of the rows in order of arrival. A row may skip the reading only if no earlier row of its sender can be
/// waiting in the store unseen: a complete reading was issued after the sender's shard opened here (its rows of former owners are then
/// known) and after the last row that was left to the store (<see cref="Shard.DirtyAt"/>).
/// </summary>
internal sealed partial class ClusterCore
{
    private readonly SortedDictionary<string, SortedSet<int>> _hints = new(StringComparer.Ordinal);
    private TimeSpan _nextPoll;

    private void TakeHint(CoreInput.MailHint hint)
    {
        foreach (var number in hint.Shards)
        {
            if (number < 0 || number >= _shards.Length) continue;
            if (_shards[number] is { } shard) LeaveToStore(shard);
            else LookAgain();
        }
    }

    /// <summary>There is, or may be, a row that only the store knows.</summary>
    private void LeaveToStore(Shard shard)
    {
        shard.DirtyAt = _step;
        shard.WantsMail = true;
    }

    private void Deliver(Batch batch)
    {
        foreach (var row in batch.Mail)
        {
            if (batch.Seen.Contains(row.Id)) continue;
            if (_shards[row.Shard] is not { IsHeld: true } to)
            {
                // On its way to another node the shard has no owner yet; who should be it is about to look.
                if ((OtherOwnerOf(row.Shard) ?? Desired(row.Shard)) is not { } owner || owner == _options.Node) continue;
                HintTo(owner, row.Shard);
            }
            else if (MaySkipReading(batch, to) || (_options.Bug == CoreBug.MailOvertakes && to.IsOpen)) Receive(to, row);
            else LeaveToStore(to);
        }
    }

    private bool MaySkipReading(Batch batch, Shard to) =>
        batch.Shard.IsOpen && to.IsOpen && to.OpenedAt < batch.SentAt && to.ReadAt > to.DirtyAt && to.ReadAt > batch.Shard.OpenedAt
        && to.Known.Count < _options.MailInMemory;

    private void MarkSeen(MailId id)
    {
        if (id.SourceShard >= 0 && _shards[id.SourceShard]?.InFlight is { } batch && batch.Number == id.SourceNumber) batch.Seen.Add(id);
    }

    /// <returns>Whether the row is set aside: it stays in the store, and every reading until its entity's repair is committed shows it.</returns>
    private bool Receive(Shard shard, MailRow row)
    {
        if (shard.JustHandled.Contains(row.Id) || !shard.Known.Add(row.Id)) return false;
        var entity = EntityIn(shard, row.To);
        if (entity.Phase == EntityPhase.Faulted || entity.Repair is not null || entity.IsClearing)
        {
            // Its rows are set aside in the store, and read when it is repaired; until that is committed none may come before them.
            shard.Known.Remove(row.Id);
            return true;
        }
        Enqueue(entity, new MailItem(row));
        return false;
    }

    /// <summary>The rows are deleted.</summary>
    private void Forget(Shard shard, IEnumerable<MailId> handled)
    {
        foreach (var id in handled)
        {
            shard.Known.Remove(id);
            if (shard.ReadingMail && _options.Bug != CoreBug.HandledMailReadAgain) shard.JustHandled.Add(id);
        }
    }

    private void ReadMailboxes()
    {
        if (_now >= _nextPoll)
        {
            _nextPoll = _now + _options.PollEvery;
            foreach (var shard in _shards)
            {
                if (shard is { IsOpen: true }) shard.WantsMail = true;
            }
        }
        var wanted = new List<Shard>();
        var known = 0;
        foreach (var shard in _shards)
        {
            if (shard is not { IsOpen: true, WantsMail: true, ReadingMail: false } || shard.Known.Count >= _options.MailInMemory) continue;
            wanted.Add(shard);
            known = Math.Max(known, shard.Known.Count);
        }
        if (wanted.Count == 0) return;
        // Rows in memory are read again, as they come first; the limit leaves room for new ones behind them.
        var limit = known + _options.MailPage;
        var issued = ++_step;
        foreach (var shard in wanted) (shard.WantsMail, shard.ReadingMail) = (false, true);
        Do(new CoreAction.ReadMail(Expect(outcome =>
        {
            var rows = (outcome as CoreInput.MailRead)?.Rows.ToLookup(static row => row.Shard);
            foreach (var shard in wanted)
            {
                shard.ReadingMail = false;
                if (!shard.Dropped && rows is not null) TakeMail(shard, rows[shard.Number].ToList(), limit, issued);
                shard.JustHandled.Clear();
            }
            if (outcome is not CoreInput.StoreFailed failed) return;
            Note(NoteLevel.Warning, $"mailboxes could not be read: {failed.Reason}");
            After(_options.StoreRetry, () =>
            {
                foreach (var shard in wanted) shard.WantsMail = true;
            });
        }), [.. wanted.Select(static shard => shard.Number)], limit));
    }

    private void TakeMail(Shard shard, List<MailRow> rows, int limit, long issued)
    {
        var known = shard.Known.Count;
        var aside = 0;
        foreach (var row in rows)
        {
            MarkSeen(row.Id);
            if (Receive(shard, row)) aside++;
        }
        if (rows.Count < limit) shard.ReadAt = issued;
        // The next reading would show the same rows: those that are set aside leave it when the commit that does so is there.
        else if (aside > 0 && shard.Known.Count == known) After(_options.StoreRetry, () => shard.WantsMail = true);
        else shard.WantsMail = true;
    }

    private void HintTo(string node, int shard)
    {
        if (!_hints.TryGetValue(node, out var shards)) _hints.Add(node, shards = []);
        shards.Add(shard);
    }

    private void SendHints()
    {
        foreach (var (node, shards) in _hints) Do(new CoreAction.Hint(node, [.. shards]));
        _hints.Clear();
    }
}
