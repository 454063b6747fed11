namespace Athanor.Compute.Control.Qp;

/// <summary>Vectors of eight in a row of a stage's matrices; a constant for the widths that are common, so that the loops over a row
/// disappear.</summary>
internal interface IRowWidth
{
    /// <summary>0: known at run time only.</summary>
    static abstract int Chunks { get; }
}

internal readonly struct OneChunk : IRowWidth
{
    public static int Chunks => 1;
}

internal readonly struct TwoChunks : IRowWidth
{
    public static int Chunks => 2;
}

internal readonly struct ManyChunks : IRowWidth
{
    public static int Chunks => 0;
}
