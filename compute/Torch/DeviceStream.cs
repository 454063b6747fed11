namespace Athanor.Compute.Torch;

/// <summary>
/// A queue of a CUDA device's own: what is put on it runs in order, and beside what is put on others. Each slot computes on one of its own, so that
/// slots that share a device do not wait for each other in its default queue; a second one copies what comes next meanwhile.
/// </summary>
public sealed class DeviceStream : IDisposable
{
    [ThreadStatic]
    private static DeviceStream? _current;

    private readonly StreamHandle _handle;

    /// <exception cref="TorchException">There is no such device, or this libtorch has no CUDA.</exception>
    public DeviceStream(string device)
    {
        Native.Check(Native.StreamNew(device, out var handle));
        _handle = handle;
    }

    /// <summary>Until it is disposed, this thread's operations on the device are put here; afterwards where they were put before.</summary>
    public IDisposable Use()
    {
        var before = _current;
        Set(this);
        return new Current(before);
    }

    /// <summary>Waits for all that was put here.</summary>
    public void Wait() => Native.Check(Native.StreamWait(_handle));

    /// <summary>What is put here from now on runs after what is on the other now.</summary>
    public void After(DeviceStream other) => Native.Check(Native.StreamAfter(_handle, other._handle));

    public void Dispose() => _handle.Dispose();

    private static void Set(DeviceStream? stream)
    {
        Native.Check(stream is null ? Native.StreamUse(0) : Native.StreamUse(stream._handle));
        _current = stream;
    }

    private sealed class Current(DeviceStream? before) : IDisposable
    {
        public void Dispose() => Set(before);
    }
}

/// <summary>
/// A step of fixed shapes, kept as one graph of the device's kernels and started by one call: where the kernels are short, starting each of them by
/// itself takes longer than they do. What it reads is what stands in the same tensors when it is run.
/// </summary>
public sealed class DeviceGraph : IDisposable
{
    private const int WarmUps = 3;

    private readonly GraphHandle _handle;

    private DeviceGraph(GraphHandle handle) => _handle = handle;

    /// <summary>Runs a step a few times (libraries choose their kernels and make their work spaces) and then keeps it.</summary>
    /// <param name="stream">Not the device's default one.</param>
    /// <param name="step">The tensors that it reads and its results must outlive the graph, and it must not look at values.</param>
    /// <exception cref="TorchException">The step does what cannot be kept, or this libtorch has no CUDA.</exception>
    public static DeviceGraph Capture(DeviceStream stream, Action step)
    {
        using var use = stream.Use();
        for (var i = 0; i < WarmUps; i++)
        {
            using var scope = new TensorScope();
            step();
        }
        stream.Wait();
        Native.Check(Native.GraphBegin(out var handle));
        try
        {
            step();
        }
        catch
        {
            // The stream must not stay in the state of being kept; the first reason is the one that counts.
            _ = Native.GraphEnd(handle);
            handle.Dispose();
            throw;
        }
        Native.Check(Native.GraphEnd(handle));
        return new DeviceGraph(handle);
    }

    /// <summary>Puts the step on the thread's current stream.</summary>
    public void Replay() => Native.Check(Native.GraphReplay(_handle));

    public void Dispose() => _handle.Dispose();
}
