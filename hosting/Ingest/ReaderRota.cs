namespace Athanor.Hosting.Ingest;

/// <summary>
/// Who should read which queue: the nodes that were heard of lately, by name, take the queues in turn.
///
/// It is a wish and no lock. That only one node reads a queue is the broker's doing (single active consumer), whatever this says; two nodes
/// with different views cost balance for a while, and never order. So nothing here needs to agree with anybody.
/// </summary>
/// <param name="self">This session's own id, <c>NODE/SESSION</c>: another session of the same node is another member, because its place in the
/// broker's lines is another.</param>
/// <param name="forgetAfter">A member that was not heard of for so long is gone.</param>
internal sealed class ReaderRota(string self, TimeSpan forgetAfter, TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly SortedDictionary<string, long> _heard = new(StringComparer.Ordinal) { [self] = time.GetTimestamp() };
    private string[] _members = [self];
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public string Self => self;

    /// <summary>Completes when the members are no longer those of the moment at which it was asked for.</summary>
    public Task Changed
    {
        get
        {
            lock (_gate) return _changed.Task;
        }
    }

    public IReadOnlyList<string> Members
    {
        get
        {
            lock (_gate) return _members;
        }
    }

    public string OwnerOf(int queue)
    {
        lock (_gate) return _members[queue % _members.Length];
    }

    public void Heard(string member)
    {
        lock (_gate)
        {
            _heard[member] = time.GetTimestamp();
            Settle();
        }
    }

    public void Left(string member)
    {
        lock (_gate)
        {
            if (member != self && _heard.Remove(member)) Settle();
        }
    }

    /// <summary>Forgets whom nobody hears any more.</summary>
    public void Forget()
    {
        lock (_gate)
        {
            foreach (var (member, at) in _heard.Where(h => h.Key != self && time.GetElapsedTime(h.Value) > forgetAfter).ToArray()) _heard.Remove(member);
            Settle();
        }
    }

    private void Settle()
    {
        if (_heard.Count == _members.Length && _heard.Keys.SequenceEqual(_members)) return;
        _members = [.. _heard.Keys];
        var changed = _changed;
        _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        changed.TrySetResult();
    }
}
