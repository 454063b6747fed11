using System.Collections;

namespace Athanor.Hosting.Core.State;

/// <summary>Messages in order, added at either end and taken from the front: a ring that holds no memory until it is used, and none beyond
/// a few places once it is empty again.</summary>
internal sealed class ItemQueue : IEnumerable<Item>
{
    private const int Kept = 16;

    private Item?[] _ring = [];
    private int _first;

    public int Count { get; private set; }

    /// <summary>The next to be handled.</summary>
    public Item? First => Count == 0 ? null : _ring[_first];

    public void AddLast(Item item)
    {
        if (Count == _ring.Length) Grow();
        _ring[(_first + Count++) & (_ring.Length - 1)] = item;
    }

    public void AddFirst(Item item)
    {
        if (Count == _ring.Length) Grow();
        _first = (_first - 1) & (_ring.Length - 1);
        _ring[_first] = item;
        Count++;
    }

    public void RemoveFirst()
    {
        if (Count == 0) throw new InvalidOperationException("the queue is empty");
        _ring[_first] = null;
        _first = (_first + 1) & (_ring.Length - 1);
        if (--Count == 0 && _ring.Length > Kept) Clear();
    }

    public void Clear()
    {
        _ring = [];
        _first = Count = 0;
    }

    public IEnumerator<Item> GetEnumerator()
    {
        for (var i = 0; i < Count; i++) yield return _ring[(_first + i) & (_ring.Length - 1)]!;
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private void Grow()
    {
        var larger = new Item?[Math.Max(4, _ring.Length * 2)];
        for (var i = 0; i < Count; i++) larger[i] = _ring[(_first + i) & (_ring.Length - 1)];
        (_ring, _first) = (larger, 0);
    }
}
