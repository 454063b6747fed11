namespace Athanor.Protocol.Twins.Units;

/// <summary>
/// Numbers that travel in memory with an event and are not written down: they follow from the last checkpoint and the rows after it, which
/// are. An event read from the journal carries none, and whoever needs them steps through these rows again, to the same bits.
/// </summary>
[MessagePart]
public sealed record LiveMemory
{
    private readonly double[]? _numbers;

    public LiveMemory()
    {
    }

    private LiveMemory(double[] numbers) => _numbers = numbers;

    public static LiveMemory None { get; } = new();

    /// <summary>The numbers, not to be changed; null if they were not carried.</summary>
    public double[]? Numbers() => _numbers;

    public static LiveMemory Of(double[] numbers) => new(numbers);
}
