using System.Security.Cryptography;
using Athanor.Compute.Kernels;

namespace Athanor.Compute.Evolution;

/// <summary>
/// The training of one genome in segments. State 0 follows from the seed, state i from state i-1, and the error from the state, all by
/// the deterministic kernels: so any segment can be replayed from the state before it and compared by hash. A training whose numbers stop
/// being finite has diverged: its state is then one fixed text and its error <see cref="DivergedError"/>, for good.
/// </summary>
public sealed class GenomeTraining
{
    /// <summary>Of whatever must be the same bits on both sides of a comparison of hashes: kernels, scaling, layout of the state.</summary>
    public const string KernelSet = "perceptron.1";

    public const string Precision = "float32";

    public const string DeviceClass = "cpu-deterministic";

    /// <summary>Error of a training that diverged.</summary>
    public const double DivergedError = 1e30;

    private static readonly byte[] DivergedState = "athanor.diverged.1"u8.ToArray();

    private readonly EvaluationTable _table;
    private readonly PerceptronTrainer _trainer;
    private readonly int _steps;
    private readonly int _segments;
    private readonly float[] _predicted;
    private bool _diverged;

    /// <exception cref="ArgumentException">The genome or the schedule is no training.</exception>
    public GenomeTraining(NetworkGenome genome, ulong seed, EvaluationTable table, int segments, int stepsPerSegment)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(segments, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(stepsPerSegment, 1);
        _table = table;
        (_segments, _steps) = (segments, stepsPerSegment);
        var spec = new PerceptronTraining(
            [table.Inputs, .. genome.Widths, 1], seed, (long)segments * stepsPerSegment, genome.BatchSize, genome.LearningRate);
        _trainer = new PerceptronTrainer(spec, table.TrainingX, table.TrainingY);
        _predicted = new float[table.ValidationY.Length];
    }

    /// <summary>The canonical state as it is now; its SHA-256 is what a chain commits to.</summary>
    public byte[] State => _diverged ? DivergedState : _trainer.ToBytes();

    /// <summary>Lower-case hex SHA-256 of a state.</summary>
    public static string Hash(ReadOnlySpan<byte> state) => Convert.ToHexStringLower(SHA256.HashData(state));

    /// <summary>Goes to state <paramref name="segment"/> as somebody committed to it.</summary>
    /// <exception cref="InvalidDataException">The bytes are no state of this training after that many segments.</exception>
    public void Load(ReadOnlySpan<byte> state, int segment)
    {
        _diverged = state.SequenceEqual(DivergedState);
        if (_diverged) return;
        _trainer.FromBytes(state);
        if (segment < 0 || segment > _segments || _trainer.Step != (long)segment * _steps)
            throw new InvalidDataException($"the state is at step {_trainer.Step}; segment {segment} ends at step {(long)segment * _steps}");
    }

    /// <summary>Does one segment.</summary>
    public void Advance(CancellationToken cancellation)
    {
        if (_diverged) return;
        try
        {
            _trainer.Run(_steps, cancellation);
            foreach (var p in _trainer.Parameters)
            {
                if (!float.IsFinite(p)) _diverged = true;
            }
        }
        catch (ArithmeticException)
        {
            _diverged = true;
        }
    }

    /// <summary>Root mean squared error over the validation rows, in the target's unit, summed in the order of the rows.</summary>
    public double Error()
    {
        if (_diverged) return DivergedError;
        _trainer.Predict(_table.ValidationX, _predicted);
        var sum = 0.0;
        for (var i = 0; i < _predicted.Length; i++)
        {
            var d = Math.FusedMultiplyAdd(_predicted[i], _table.TargetDeviation, _table.TargetMean) - _table.ValidationY[i];
            sum = Math.FusedMultiplyAdd(d, d, sum);
        }
        var error = Math.Sqrt(sum / _predicted.Length);
        return error < DivergedError ? error : DivergedError;
    }
}
