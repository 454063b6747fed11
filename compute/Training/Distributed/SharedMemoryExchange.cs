using System.IO.MemoryMappedFiles;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Athanor.Compute.Training.Distributed;

/// <summary>
/// Members on one host add their gradients in memory that they share: a file under /dev/shm (or the temporary folder), unlinked as soon
/// as all have mapped it, so that nothing stays whoever dies.
///
/// One sum, of n numbers over M members. (1) Each member writes the parts of its subtrees that others will add, then tells that it has
/// come. (2) When all have, member m adds part m (n / M numbers) of all subtrees in the tree's order, writes the sum, and tells. (3) When all
/// have, each copies the other parts. A member reads of and writes to memory about 2 n numbers in all, whatever M is.
/// What is told is a count in the member's own cache line, written after what it speaks of (release) and read before (acquire). A part
/// is written again only in the next sum, which nobody begins before all have told (2), and the result only after all have told (1).
/// Where the host's members hold not all logical ranks, (2) ends at their largest complete subtrees; the first member takes these to
/// the other hosts' (the outer exchange), writes the root's sum, and tells a third time.
/// Where the members share the update, part m of the parameters, brought up to date by member m between (1) and (2), takes the sum's place.
///
/// Failures. A member that does not come within the time-out (killed, stopped, or far slower) ends the sum for the others with a
/// <see cref="TimeoutException"/>; the gang is formed anew, with another file.
/// </summary>
public sealed unsafe class SharedMemoryExchange<T> : ISharedUpdate<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const long Magic = 0x31474752544e4148;
    private const int Line = 128;
    private const int Piece = 4096;

    /// <summary>In the first line: magic, members, ranks, count, size of a number, stop.</summary>
    private const int StopAt = 5 * sizeof(long);

    private readonly Membership _place;
    private readonly int _count;
    private readonly int[] _firstSubtree;
    private readonly TreeSum _tree;
    private readonly IGradientExchange<T>? _outer;
    private readonly SubtreeSum<T>[] _largest = [];
    private readonly bool _isWhole;
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _base;
    private readonly long _losses, _sums, _result;
    private readonly TimeSpan _timeout;
    private readonly TimeProvider _time;
    private long _told;

    private SharedMemoryExchange(
        string path, Membership place, int count, bool create, TimeSpan timeout, TimeProvider time, IGradientExchange<T>? outer)
    {
        _place = place;
        _count = count;
        _timeout = timeout;
        _time = time;
        var subtrees = place.Subtrees();
        _firstSubtree = new int[place.Members + 1];
        for (var m = 0; m < place.Members; m++) _firstSubtree[m + 1] = _firstSubtree[m] + subtrees[m].Length;
        _tree = new TreeSum([.. subtrees.SelectMany(static s => s)], place.Ranks);
        _isWhole = _tree.IsWhole(place.Ranks);
        if (create && !_isWhole)
        {
            _outer = outer ?? throw new ArgumentException("a group that holds not all ranks needs an exchange with the others", nameof(outer));
            _largest = [.. _tree.Largest.Select(node => new SubtreeSum<T>(node.First, node.Level, new T[count], 0.0))];
        }
        _losses = Line * (1L + place.Members);
        _sums = Round(_losses + sizeof(double) * (long)_firstSubtree[^1]);
        Stride = Round(sizeof(T) * (long)count);
        _result = _sums + Stride * _firstSubtree[^1];
        var size = _result + Stride;
        _file = create
            ? MemoryMappedFile.CreateFromFile(path, FileMode.CreateNew, null, size)
            : MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0);
        _view = _file.CreateViewAccessor(0, create ? size : 0);
        if (!create && (long)_view.SafeMemoryMappedViewHandle.ByteLength < size)
        {
            Close();
            throw new TrainingException($"the shared memory {path} has not the size that {count} parameters over {place.Members} members need");
        }
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _base);
        var header = (long*)_base;
        if (create) (header[1], header[2], header[3], header[4]) = (place.Members, place.Ranks, count, sizeof(T));
        else if (header[0] != Magic || (header[1], header[2], header[3], header[4]) != (place.Members, place.Ranks, count, sizeof(T)))
        {
            Dispose();
            throw new TrainingException($"the shared memory {path} is of another group: its members disagree about the model or the ranks");
        }
        if (create) Volatile.Write(ref header[0], Magic);
    }

    public (int First, int Count) Own => _place.Own;

    public bool WantsStop { private get; set; }

    public bool Stop { get; private set; }

    private long Stride { get; }

    /// <summary>Makes the memory, before any other member opens it.</summary>
    /// <param name="path">From <see cref="SharedMemory.Path"/>; all members take the same.</param>
    /// <param name="count">Parameters.</param>
    /// <param name="outer">With the other groups, where this one does not hold all ranks; of its first member.</param>
    /// <exception cref="TrainingException">The memory cannot be had.</exception>
    public static SharedMemoryExchange<T> Create(
        string path, Membership place, int count, TimeProvider time, TimeSpan? timeout = null, IGradientExchange<T>? outer = null) =>
        Open(path, place, count, create: true, time, timeout, outer);

    /// <exception cref="TrainingException">There is no such memory, or it is of another group.</exception>
    public static SharedMemoryExchange<T> Join(string path, Membership place, int count, TimeProvider time, TimeSpan? timeout = null) =>
        Open(path, place, count, create: false, time, timeout, null);

    /// <summary>Returns when all members have the memory mapped; its name goes.</summary>
    public void Meet(string path, CancellationToken cancellation)
    {
        Tell();
        Await(cancellation);
        if (_place.Member == 0) File.Delete(path);
    }

    public bool CanShare => _isWhole && _place.Members > 1;

    public (int From, int End) Part => RankTree.Share(_count, _place.Members, _place.Member);

    public (double Loss, double Updates) SumAndUpdate(
        IReadOnlyList<SubtreeSum<T>> own, Span<T> gradient, Span<T> parameters, Func<double> update, CancellationToken cancellation)
    {
        if (!CanShare) throw new InvalidOperationException("a group that holds not all ranks cannot share the update");
        var (from, end) = Part;
        var losses = Come(own, from, end, cancellation);
        for (var at = from; at < end; at += Piece)
        {
            var length = Math.Min(Piece, end - at);
            foreach (var (to, more) in _tree.Additions) RankTree.Add(Piecewise(own, to, at, length), (ReadOnlySpan<T>)Piecewise(own, more, at, length));
            Piecewise(own, 0, at, length).CopyTo(gradient.Slice(at, length));
        }
        Update(_place.Member) = update();
        parameters[from..end].CopyTo(Result[from..end]);
        Tell();
        Await(cancellation);
        TakeOthers(parameters, from, end);
        var sum = 0.0;
        for (var member = 0; member < _place.Members; member++) sum += Update(member);
        return (losses[0], sum);
    }

    public void Gather(Span<T> values, CancellationToken cancellation)
    {
        var (from, end) = Part;
        // Others may still read what stands there, and may not begin to write before all have read this.
        Tell();
        Await(cancellation);
        values[from..end].CopyTo(Result[from..end]);
        Tell();
        Await(cancellation);
        TakeOthers(values, from, end);
        Tell();
        Await(cancellation);
    }

    public double Sum(IReadOnlyList<SubtreeSum<T>> own, Span<T> gradient, CancellationToken cancellation)
    {
        var (from, end) = Part;
        var losses = Come(own, from, end, cancellation);
        for (var at = from; at < end; at += Piece)
        {
            var length = Math.Min(Piece, end - at);
            foreach (var (to, more) in _tree.Additions) RankTree.Add(Piecewise(own, to, at, length), (ReadOnlySpan<T>)Piecewise(own, more, at, length));
            if (_isWhole)
            {
                // While it is in the cache: for the others, and for this member itself.
                Piecewise(own, 0, at, length).CopyTo(Result.Slice(at, length));
                Piecewise(own, 0, at, length).CopyTo(gradient.Slice(at, length));
            }
            else
            {
                foreach (var (index, _, _) in _tree.Largest) Piecewise(own, index, at, length).CopyTo(Subtree(index).Slice(at, length));
            }
        }
        Tell();
        Await(cancellation);
        if (!_isWhole)
        {
            var loss = SumOverHosts(losses, cancellation);
            Result.CopyTo(gradient);
            return loss;
        }
        TakeOthers(gradient, from, end);
        return losses[0];
    }

    /// <summary>(1): gives the others their parts of this member's subtrees, and waits for theirs.</summary>
    /// <returns>Losses by subtree, added up as the tree says.</returns>
    private double[] Come(IReadOnlyList<SubtreeSum<T>> own, int from, int end, CancellationToken cancellation)
    {
        if (own.Count != _firstSubtree[_place.Member + 1] - _firstSubtree[_place.Member])
            throw new ArgumentException("these are not the largest complete subtrees of this member's ranks");
        for (var i = 0; i < own.Count; i++)
        {
            var shared = Subtree(_firstSubtree[_place.Member] + i);
            own[i].Gradient.AsSpan(0, from).CopyTo(shared);
            own[i].Gradient.AsSpan(end).CopyTo(shared[end..]);
            Losses[_firstSubtree[_place.Member] + i] = own[i].Loss;
        }
        if (_place.Member == 0) Unsafe.AsRef<long>(_base + StopAt) = WantsStop ? 1 : 0;
        Tell();
        Await(cancellation);

        Stop = Unsafe.AsRef<long>(_base + StopAt) != 0;
        var losses = Losses.ToArray();
        _tree.Add(losses);
        return losses;
    }

    private void TakeOthers(Span<T> values, int from, int end)
    {
        Result[..from].CopyTo(values);
        Result[end..].CopyTo(values[end..]);
    }

    public void Dispose()
    {
        _outer?.Dispose();
        if (_base != null) _view.SafeMemoryMappedViewHandle.ReleasePointer();
        Close();
    }

    private Span<double> Losses => new(_base + _losses, _firstSubtree[^1]);

    private Span<T> Result => new(_base + _result, _count);

    private Span<T> Subtree(int index) => new(_base + _sums + Stride * index, _count);

    private double SumOverHosts(ReadOnlySpan<double> losses, CancellationToken cancellation)
    {
        // Behind the last member's count; written by the first member alone, after all have told (2) and before it tells again.
        ref var loss = ref Unsafe.AsRef<double>(_base + Line * (1L + _place.Members) - sizeof(double));
        ref var stop = ref Unsafe.AsRef<long>(_base + Line * (1L + _place.Members) - sizeof(double) - sizeof(long));
        if (_outer is not null)
        {
            _outer.WantsStop = Stop;
            for (var i = 0; i < _largest.Length; i++)
            {
                Subtree(_tree.Largest[i].Index).CopyTo(_largest[i].Gradient);
                _largest[i] = _largest[i] with { Loss = losses[_tree.Largest[i].Index] };
            }
            loss = _outer.Sum(_largest, Result, cancellation);
            stop = _outer.Stop ? 1 : 0;
        }
        Tell();
        Await(cancellation);
        Stop = stop != 0;
        return loss;
    }

    /// <summary>A subtree as this member sees it in its own part: its own were never copied there.</summary>
    private Span<T> Piecewise(IReadOnlyList<SubtreeSum<T>> own, int index, int at, int length)
    {
        var mine = index - _firstSubtree[_place.Member];
        var subtree = mine >= 0 && mine < own.Count ? own[mine].Gradient : Subtree(index);
        return subtree.Slice(at, length);
    }

    /// <summary>In the member's line, behind its count; written before it tells (2) and read after.</summary>
    private ref double Update(int member) => ref Unsafe.AsRef<double>(_base + Line * (1L + member) + sizeof(long));

    private ref long Told(int member) => ref Unsafe.AsRef<long>(_base + Line * (1L + member));

    private void Tell() => Volatile.Write(ref Told(_place.Member), ++_told);

    private void Await(CancellationToken cancellation)
    {
        var begun = _time.GetTimestamp();
        var spin = new SpinWait();
        for (var member = 0; member < _place.Members; member++)
        {
            while (Volatile.Read(ref Told(member)) < _told)
            {
                cancellation.ThrowIfCancellationRequested();
                var waited = _time.GetElapsedTime(begun);
                if (waited > _timeout)
                    throw new TimeoutException($"member {member} of {_place.Members} has not come within {_timeout.TotalSeconds:0.#} s to add its gradients");
                // A step's members come within a millisecond of each other; whoever waits longer gives the processor away.
                spin.SpinOnce(waited < TimeSpan.FromMilliseconds(2) ? -1 : 10);
            }
        }
    }

    private void Close()
    {
        _view.Dispose();
        _file.Dispose();
    }

    private static SharedMemoryExchange<T> Open(
        string path, Membership place, int count, bool create, TimeProvider time, TimeSpan? timeout, IGradientExchange<T>? outer)
    {
        try
        {
            return new SharedMemoryExchange<T>(path, place, count, create, timeout ?? Membership.Timeout, time, outer);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new TrainingException($"the shared memory {path} cannot be {(create ? "made" : "opened")}: {e.Message}", e);
        }
    }

    private static long Round(long bytes) => (bytes + 4095) / 4096 * 4096;
}
