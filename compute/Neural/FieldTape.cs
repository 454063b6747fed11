using System.Numerics;

namespace Athanor.Compute.Neural;

/// <summary>What the backward pass needs of the last <see cref="NeuralField{T}.Solve"/>, scratch per thread and sums per share of sixteen
/// rows; used by one caller at a time and reused from call to call.</summary>
public sealed unsafe class FieldTape<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Shares whose sums over rows are held at once; they are added in the order of shares before the next are begun.</summary>
    internal const int Wave = 64;

    private readonly AlignedBuffer<T> _kept, _scratch, _sums;

    internal FieldTape(FieldLayout field, int maxRows, int maxSteps, ComputeTeam? team, bool keepsAll)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxRows);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxSteps);
        (Field, MaxRows, MaxSteps, Team, KeepsAll) = (field, maxRows, maxSteps, team, keepsAll);
        var threads = team?.Threads ?? 1;
        var padded = NetLayout.PaddedRows(maxRows);
        RowElements = field.RowElements(maxSteps);
        ScratchElements = NetLayout.Padded(checked((int)field.ScratchElements(maxSteps)));
        SumElements = NetLayout.Padded(field.Net.SumLength);
        _kept = new AlignedBuffer<T>(RowElements * (keepsAll ? padded : Math.Min(padded, NetLayout.Block) * (long)threads));
        _scratch = new AlignedBuffer<T>(ScratchElements * threads);
        var shares = Math.Min(padded / NetLayout.Share, Wave);
        _sums = new AlignedBuffer<T>(SumElements * shares);
        StepLengths = new AlignedBuffer<T>(maxSteps);
        Loss = new double[maxRows];
    }

    public int MaxRows { get; }

    public int MaxSteps { get; }

    /// <summary>Trajectories of the last solve.</summary>
    public int Rows { get; internal set; }

    /// <summary>Steps of the last solve.</summary>
    public int Steps { get; internal set; }

    internal FieldLayout Field { get; }

    internal ComputeTeam? Team { get; }

    /// <summary>Whether the records of all rows stay; else only those of the blocks in work, for forward and backward in one.</summary>
    internal bool KeepsAll { get; }

    internal AlignedBuffer<T> StepLengths { get; }

    internal double[] Loss { get; }

    /// <summary>Rows of a block: two shares at a time are quicker, unless threads would then wait for one another. The bits are the
    /// same.</summary>
    internal int BlockSize
    {
        get
        {
            var (threads, pairs) = (Team?.Threads ?? 1, (Rows + NetLayout.Block - 1) / NetLayout.Block);
            return pairs % threads == 0 || pairs >= 4 * threads ? NetLayout.Block : NetLayout.Share;
        }
    }

    private long RowElements { get; }

    private long ScratchElements { get; }

    private long SumElements { get; }

    /// <summary>The block that begins at a row; a row's place does not depend on how rows are cut into blocks.</summary>
    internal FieldBlock<T> Block(int from, int rows, int worker)
    {
        var kept = _kept.Pointer + (RowElements * (KeepsAll ? from : worker * NetLayout.Block));
        return new FieldBlock<T>(
            Field, kept, _scratch.Pointer + (ScratchElements * worker), rows, Math.Min(rows, Rows - from), Steps, StepLengths.Pointer);
    }

    /// <summary>The sums of a share within its wave.</summary>
    internal T* Sums(int share) => _sums.Pointer + (SumElements * (share % Wave));

    internal void ClearSums(int share) => new Span<T>(Sums(share), Field.Net.SumLength).Clear();
}
