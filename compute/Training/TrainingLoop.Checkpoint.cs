using System.Collections.Immutable;
using System.Numerics;
using System.Runtime.InteropServices;
using Athanor.Compute.Tensors;

namespace Athanor.Compute.Training;

/// <summary>
/// Checkpoints: a safetensors file whose metadata hold the manifest (<see cref="LoopManifest"/>) under <c>athanor.checkpoint</c> and the
/// model under <c>athanor.model</c>. The weights have the task's names; <c>optimizer.first.NAME</c>, <c>optimizer.second.NAME</c>,
/// <c>average.NAME</c> and <c>best.NAME</c> stand beside them where there are such.
/// </summary>
public sealed partial class TrainingLoop<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private static string Precision => typeof(T) == typeof(float) ? "float" : "double";

    private static SafeTensorType TensorType => typeof(T) == typeof(float) ? SafeTensorType.F32 : SafeTensorType.F64;

    /// <summary>The state at the last check-point, from which <see cref="Restore(ReadOnlyMemory{byte})"/> goes on with the same
    /// bits.</summary>
    public byte[] Checkpoint()
    {
        var tensors = ImmutableSortedDictionary.CreateBuilder<string, SafeTensor>(StringComparer.Ordinal);
        foreach (var (prefix, values) in Parts(_good.Parameters, _good.First, _good.Second, _good.Average)) Add(tensors, prefix, values);
        var state = _good.State;
        var manifest = new LoopManifest(
            LoopManifest.CurrentFormat, LoopManifest.KernelSet, _specHash, Precision, Settings.Seed, state.Step, state.Stage,
                state.Step - StageStart,
            state.Loss, Finite(state.BestLoss), state.BestStep, state.SinceBest, state.Watch.Recent, Finite(state.Watch.Best),
                state.Watch.SinceBest,
            state.Rollbacks, state.RateFactor, state.End, state.Cause, state.BestFigures);
        return new SafeTensors(tensors.ToImmutable(), ImmutableSortedDictionary.CreateRange(StringComparer.Ordinal,
        [
            KeyValuePair.Create(LoopManifest.Key, manifest.ToJson()), KeyValuePair.Create(LoopManifest.ModelKey, _task.Model),
        ])).Write();
    }

    /// <summary>The weights alone, as a model's version is kept: tensors by the task's names, the model under
    /// <c>athanor.model</c>.</summary>
    public byte[] ModelFile()
    {
        var tensors = ImmutableSortedDictionary.CreateBuilder<string, SafeTensor>(StringComparer.Ordinal);
        Add(tensors, "", Weights);
        return new SafeTensors(tensors.ToImmutable(), ImmutableSortedDictionary.CreateRange(
            StringComparer.Ordinal, [KeyValuePair.Create(LoopManifest.ModelKey, _task.Model)])).Write();
    }

    /// <summary>Puts a checkpoint in place of the present state.</summary>
    /// <exception cref="TrainingException">It is damaged, or of another model, spec, precision or version; nothing is changed
    /// then.</exception>
    public void Restore(ReadOnlyMemory<byte> checkpoint)
    {
        SafeTensors file;
        try
        {
            file = SafeTensors.Read(checkpoint);
        }
        catch (SafeTensorsException e)
        {
            throw new TrainingException($"the checkpoint of {checkpoint.Length} bytes is no whole safetensors file: {e.Message}", e);
        }
        var manifest = LoopManifest.Of(file);
        manifest.CheckFits(_specHash, Precision, Settings.Seed);
        var size = _task.ParameterCount;
        T[] parameters = new T[size], best = new T[size], first = new T[_first.Length], second = new T[_second.Length],
            average = new T[_average.Length];
        foreach (var (prefix, values) in Parts(parameters, first, second, average, best)) Read(file, prefix, values);
        var watch = new LossWatch(manifest.Recent, manifest.LowestLoss ?? double.PositiveInfinity, manifest.SinceLowest);
        var end = manifest.End == LoopEnd.Diverged && manifest.Rollbacks <= _allowed ? LoopEnd.None : manifest.End;
        Restore(new Snapshot(parameters, first, second, average, new State(
            manifest.Step, manifest.Stage, manifest.Loss, manifest.BestLoss ?? double.PositiveInfinity, manifest.BestStep,
                manifest.SinceBest, watch,
            manifest.Rollbacks, manifest.RateFactor, end, end == LoopEnd.Diverged ? manifest.Cause : "",
            manifest.BestFigures.WithComparers(StringComparer.Ordinal))));
        best.CopyTo(_best, 0);
        _points.Clear();
        _rolled.Clear();
        SetStage();
        _good = Take();
    }

    private IEnumerable<(string Prefix, T[] Values)> Parts(T[] parameters, T[] first, T[] second, T[] average, T[]? best = null)
    {
        yield return ("", parameters);
        if (first.Length > 0) yield return ("optimizer.first.", first);
        if (second.Length > 0) yield return ("optimizer.second.", second);
        if (average.Length > 0) yield return ("average.", average);
        yield return ("best.", best ?? _best);
    }

    private void Add(ImmutableSortedDictionary<string, SafeTensor>.Builder tensors, string prefix, ReadOnlySpan<T> values)
    {
        var at = 0;
        foreach (var (name, shape) in _task.Tensors)
        {
            var count = Count(shape);
            var bytes = MemoryMarshal.AsBytes(values.Slice(at, count)).ToArray();
            if (!BitConverter.IsLittleEndian) throw new PlatformNotSupportedException("checkpoints are written on little-endian machines");
            tensors.Add(prefix + name, new SafeTensor(TensorType, [.. shape.Select(static size => (long)size)], bytes));
            at += count;
        }
        if (at != values.Length) throw new InvalidOperationException($"the task's tensors hold {at} of its {values.Length} parameters");
    }

    private void Read(SafeTensors file, string prefix, Span<T> values)
    {
        var at = 0;
        foreach (var (name, shape) in _task.Tensors)
        {
            var count = Count(shape);
            if (!file.Tensors.TryGetValue(prefix + name, out var tensor))
                throw new TrainingException($"the checkpoint has no tensor '{prefix}{name}'; it is of another model or optimiser");
            if (tensor.Type != TensorType || !tensor.Shape.SequenceEqual(shape.Select(static size => (long)size)))
            {
                throw new TrainingException(
                    $"the checkpoint's tensor '{prefix}{name}' is {tensor.Type} ({string.Join(", ", tensor.Shape)}) where {TensorType} "
                    + $"({string.Join(", ", shape)}) would be right; it is of another model");
            }
            MemoryMarshal.Cast<byte, T>(tensor.Data.Span).CopyTo(values[at..]);
            foreach (var value in values.Slice(at, count))
            {
                if (!T.IsFinite(value)) throw new TrainingException($"the checkpoint's tensor '{prefix}{name}' holds {value}");
            }
            at += count;
        }
    }

    private static int Count(int[] shape)
    {
        var count = 1;
        foreach (var size in shape) count = checked(count * size);
        return count;
    }

    private static double? Finite(double value) => double.IsFinite(value) ? value : null;
}
