using System.Collections.Concurrent;
using System.Security.Cryptography;
using Athanor.Hosting.Work;

namespace Athanor.Hosting.Slots;

/// <summary>Input blobs on the slot's side: asked of the node once, then kept, for the jobs of one run read the same data.</summary>
internal sealed class BlobExchange(FramePipe pipe)
{
    /// <summary>Kept content is forgotten from here on, oldest first; a single larger blob is still served.</summary>
    private const long KeptBytes = 256L << 20;

    private readonly BlockingCollection<SlotFrame.Blob> _arrived = [];
    private readonly Dictionary<string, byte[]> _kept = [];
    private readonly Queue<string> _order = [];
    private long _bytes;

    /// <summary>Called by the reader thread.</summary>
    public void Arrived(SlotFrame.Blob blob) => _arrived.Add(blob);

    public byte[] Get(string hash, CancellationToken cancellation)
    {
        lock (_kept)
        {
            if (_kept.TryGetValue(hash, out var known)) return known;
            pipe.WriteBlocking(new SlotFrame.WantBlob(hash));
            SlotFrame.Blob answer;
            do
            {
                // An answer to a question of a job that was cancelled meanwhile may still be under way.
                answer = _arrived.Take(cancellation);
            }
            while (answer.Hash != hash);
            var content = answer.Content ?? throw new WorkRefusedException($"input blob {hash} cannot be read: {answer.Problem}");
            if (Convert.ToHexStringLower(SHA256.HashData(content)) != hash)
                throw new InvalidDataException($"input blob {hash} was damaged on its way to the slot");
            Keep(hash, content);
            return content;
        }
    }

    private void Keep(string hash, byte[] content)
    {
        _kept[hash] = content;
        _order.Enqueue(hash);
        _bytes += content.Length;
        while (_bytes > KeptBytes && _order.Count > 1 && _kept.Remove(_order.Dequeue(), out var old)) _bytes -= old.Length;
    }
}
