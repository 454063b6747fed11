using Athanor.Compute.Numerics;

namespace Athanor.Compute.Training;

/// <summary>
/// Which samples a step sees. Samples come in passes: pass k of a curriculum's stage is a permutation of all of them, drawn from a Philox
/// stream of its own under the run's seed, and batches run through the passes without gaps. So the data cursor is (stage, steps since it
/// began), and batch t is known without those before it.
/// </summary>
internal sealed class BatchDraw(ulong seed)
{
    /// <summary>Streams from here on are passes; those of stage s begin 2^40 s later.</summary>
    private const ulong PassStreams = 1UL << 62;

    private int[] _order = [];
    private (int Stage, long Pass) _of = (-1, -1);

    /// <param name="step">Since the stage began, from 0.</param>
    /// <param name="samples">How many there are in this stage.</param>
    /// <param name="indices">[batch]; written.</param>
    /// <param name="whole">The batch is all samples: they come in their own order.</param>
    public void Fill(int stage, long step, int samples, Span<int> indices, bool whole = false)
    {
        for (var i = 0; i < indices.Length; i++)
        {
            if (whole)
            {
                indices[i] = i;
                continue;
            }
            var position = checked(step * indices.Length + i);
            var pass = position / samples;
            if (_of != (stage, pass) || _order.Length != samples)
            {
                _order = new Philox(seed, PassStreams + ((ulong)stage << 40) + (ulong)pass).Permutation(samples);
                _of = (stage, pass);
            }
            indices[i] = _order[(int)(position % samples)];
        }
    }
}
