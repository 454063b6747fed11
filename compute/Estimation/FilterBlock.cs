namespace Athanor.Compute.Estimation;

/// <summary>
/// A filter at one time: [time s, NIS sum, its degrees of freedom, the squares of their weights, updates, inputs that hold (m), last value
/// and number of its repetitions per sensor (2 s), belief]. A whole memory is
/// <code>
/// [0] version (1)   [1] now, s   [2] rows   [3] inputs as last told (m)   block at the window's start   block at the last row   rows
/// </code>
/// with rows (time s, sensor or -1 - input, value) in order of time, a time's samples before its changes of inputs. Without a lag window
/// there is one block and no rows.
/// </summary>
internal readonly struct FilterLayout(FilterCore core)
{
    public const double Version = 1.0;
    public const int RowSize = 3, InputsAt = 3;
    public const int Time = 0, NisSum = 1, Freedom = 2, FreedomSquares = 3, Updates = 4, BlockInputsAt = 5;

    public FilterCore Core { get; } = core;

    public int Inputs { get; } = core.Joint.Model.Inputs.Count;

    public int Sensors { get; } = core.Joint.Sensors.Length;

    public int SensorsAt => BlockInputsAt + Inputs;

    public int BeliefAt => SensorsAt + (2 * Sensors);

    public int BlockSize => BeliefAt + Core.BeliefSize;

    public bool HasWindow => Core.Joint.Settings.LagWindowS > 0;

    public int FirstBlock => InputsAt + Inputs;

    public int CurrentBlock => HasWindow ? FirstBlock + BlockSize : FirstBlock;

    public int RowsAt => CurrentBlock + BlockSize;

    public Span<double> Belief(Span<double> block) => block.Slice(BeliefAt, Core.BeliefSize);

    /// <exception cref="EstimationException">The memory is another estimator's.</exception>
    public void Check(double[] memory)
    {
        if (memory.Length >= RowsAt && memory[0] == Version && memory.Length == RowsAt + (RowSize * memory[2])) return;
        throw new EstimationException(
            memory.Length > 0 && memory[0] != Version
                ? FormattableString.Invariant($"the memory is of version {memory[0]:R}; this estimator reads version {Version}")
                : $"the memory has {memory.Length} numbers, which is no memory of this estimator ({RowsAt} and {RowSize} per " +
                "sample in the lag window)");
    }
}

/// <summary>A sample or a change of an input in the lag window.</summary>
/// <param name="Code">Sensor, or -1 - input.</param>
/// <param name="IsNew">Whether it came in this step.</param>
internal readonly record struct FilterRow(double Time, int Code, double Value, bool IsNew)
{
    /// <summary>Samples of a time come before its inputs, which hold from then on.</summary>
    public int Order => Code >= 0 ? Code : int.MaxValue + Code;

    public bool IsBefore(in FilterRow other) => Time < other.Time || (Time == other.Time && Order < other.Order);
}
