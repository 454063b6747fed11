namespace Athanor.Hosting.Slots;

/// <summary>The slots of one pool (<c>cpu</c>, <c>cuda</c>): at most so many processes, started when first needed and kept warm.</summary>
internal sealed class SlotPool(string name, int size, SlotLaunch launch, SlotLimits limits, TimeProvider time) : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly Stack<SlotProcess> _idle = [];
    private int _taken;

    public string Name => name;

    public int Size => size;

    /// <summary>Memory that one slot may use.</summary>
    public long MemoryBytes => limits.MemoryBytes;

    public int Free
    {
        get
        {
            lock (_gate) return size - _taken;
        }
    }

    /// <summary>Takes a slot, a warm one if there is one.</summary>
    /// <exception cref="IOException">The process cannot be started; nothing was taken.</exception>
    public async Task<SlotProcess> Take()
    {
        SlotProcess? slot;
        lock (_gate)
        {
            if (_taken == size) throw new InvalidOperationException($"all {size} slots of pool {name} are taken");
            _taken++;
            _idle.TryPop(out slot);
        }
        try
        {
            if (slot is { Usable: false })
            {
                // It died while idle: nobody's work was in it.
                await slot.DisposeAsync().ConfigureAwait(false);
                slot = null;
            }
            return slot ?? SlotProcess.Start(launch, limits, time);
        }
        catch
        {
            lock (_gate) _taken--;
            throw;
        }
    }

    public async Task GiveBack(SlotProcess slot)
    {
        if (!slot.Usable)
        {
            await slot.DisposeAsync().ConfigureAwait(false);
            lock (_gate) _taken--;
            return;
        }
        lock (_gate)
        {
            _taken--;
            _idle.Push(slot);
        }
    }

    /// <summary>Ends the idle slots; those taken must have been given back.</summary>
    public async ValueTask DisposeAsync()
    {
        SlotProcess[] idle;
        lock (_gate)
        {
            idle = [.. _idle];
            _idle.Clear();
        }
        await Task.WhenAll(idle.Select(slot => slot.DisposeAsync().AsTask())).ConfigureAwait(false);
    }
}
