using System.Numerics;

namespace Athanor.Compute.Neural.Models;

/// <summary>What one thread needs for a block of windows: the states before each step (the stages are computed again on the way back), one
/// tape per stage.</summary>
internal sealed class ShootingScratch<T>(int rows, int states, int controls, int steps, FieldTape<T>[] tapes)
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public readonly int Rows = rows;
    public readonly T[] States = new T[(steps + 1) * rows * states];
    public readonly T[] U = new T[rows * controls];
    public readonly T[] H = new T[rows];
    public readonly T[] Pull = new T[rows];
    public readonly T[] Stage = new T[rows * states];
    public readonly T[] K1 = new T[rows * states], K2 = new T[rows * states], K3 = new T[rows * states], K4 = new T[rows * states];

    /// <summary>By stage: its slope, and Jᵀ of what came back to it; of methods that are not written out.</summary>
    public readonly T[][] K = [.. tapes.Select(_ => new T[rows * states])], Back = [.. tapes.Select(_ => new T[rows * states])];
    public readonly T[] Adjoint = new T[rows * states], Sum = new T[rows * states];
    public readonly T[] G = new T[rows * states], Gx = new T[rows * states];
    public readonly FieldTape<T>[] Tapes = tapes;
    public readonly int[] Order = new int[rows];
    public readonly Window[] Windows = new Window[rows];
    public readonly int[] Samples = new int[rows];
    public readonly int[] Steps = new int[rows];
    public readonly (int Record, int Interval, int Intervals)[] Intervals = new (int, int, int)[rows];
}
