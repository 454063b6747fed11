using System.Buffers.Binary;

namespace Athanor.Hosting.Slots;

/// <summary>Frames on a pipe: four bytes of length, little-endian, then so many bytes. Writers may be many, the reader is one.</summary>
internal sealed class FramePipe(Stream input, Stream output) : IDisposable
{
    /// <summary>A longer frame is a sign of a torn pipe, not of a large blob.</summary>
    private const int MaxLength = 1 << 30;

    private readonly SemaphoreSlim _writing = new(1);

    /// <returns>Null at the end of the pipe.</returns>
    public async ValueTask<SlotFrame?> Read(CancellationToken cancellation)
    {
        var head = new byte[4];
        var got = await input.ReadAtLeastAsync(head, 4, throwOnEndOfStream: false, cancellation).ConfigureAwait(false);
        if (got < 4) return null;
        var body = new byte[Length(head)];
        got = await input.ReadAtLeastAsync(body, body.Length, throwOnEndOfStream: false, cancellation).ConfigureAwait(false);
        return got < body.Length ? null : SlotFrame.Decode(body);
    }

    /// <inheritdoc cref="Read"/>
    public SlotFrame? ReadBlocking()
    {
        Span<byte> head = stackalloc byte[4];
        if (input.ReadAtLeast(head, 4, throwOnEndOfStream: false) < 4) return null;
        var body = new byte[Length(head)];
        return input.ReadAtLeast(body, body.Length, throwOnEndOfStream: false) < body.Length ? null : SlotFrame.Decode(body);
    }

    public async ValueTask Write(SlotFrame frame, CancellationToken cancellation)
    {
        var bytes = Prefixed(frame);
        await _writing.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            // Not cancellable: half a frame would tear the pipe.
            await output.WriteAsync(bytes, CancellationToken.None).ConfigureAwait(false);
            await output.FlushAsync(CancellationToken.None).ConfigureAwait(false);
        }
        finally
        {
            _writing.Release();
        }
    }

    public void WriteBlocking(SlotFrame frame)
    {
        var bytes = Prefixed(frame);
        _writing.Wait();
        WriteHeld(bytes);
    }

    /// <summary>Writes unless another thread is writing.</summary>
    public bool TryWriteBlocking(SlotFrame frame)
    {
        if (!_writing.Wait(0)) return false;
        WriteHeld(Prefixed(frame));
        return true;
    }

    private void WriteHeld(byte[] bytes)
    {
        try
        {
            output.Write(bytes);
            output.Flush();
        }
        finally
        {
            _writing.Release();
        }
    }

    public void Dispose()
    {
        output.Dispose();
        input.Dispose();
    }

    private static byte[] Prefixed(SlotFrame frame)
    {
        var body = frame.Encode();
        var bytes = new byte[4 + body.Length];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, body.Length);
        body.CopyTo(bytes, 4);
        return bytes;
    }

    private static int Length(ReadOnlySpan<byte> head)
    {
        var length = BinaryPrimitives.ReadInt32LittleEndian(head);
        return length is > 0 and <= MaxLength
            ? length
            : throw new InvalidDataException($"a frame of {length} bytes: something else wrote to the slot's pipe");
    }
}
