using System.Collections.Immutable;
using System.Numerics;
using System.Runtime.InteropServices;
using Athanor.Compute.Tensors;

namespace Athanor.Compute.Training;

/// <summary>
/// Checkpoints: a safetensors file whose metadata hold the manifest (<see cref="LoopManifest"/>) under <c>athanor.checkpoint</c> and the
/// model under <c>athanor.model</c>. The weights have the task's names; <c>optimizer.first.NAME</c>, <c>optimizer.second.NAME</c>,
/// <c>average.NAME</c> and <c>best.NAME</c> stand beside them where there are such, <c>optimizer.lbfgs.steps</c> and <c>.changes</c> hold the
/// pairs of L-BFGS. All of it under <c>present.</c> again is a state amid two check-points.
/// </summary>
public sealed partial class TrainingLoop<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const string PresentPrefix = "present.";
    private const string StepsName = "optimizer.lbfgs.steps";
    private const string ChangesName = "optimizer.lbfgs.changes";

    private static string Precision => typeof(T) == typeof(float) ? "float" : "double";

    private static SafeTensorType TensorType => typeof(T) == typeof(float) ? SafeTensorType.F32 : SafeTensorType.F64;

    /// <summary>The state at the last check-point, from which <see cref="Restore(ReadOnlyMemory{byte})"/> goes on with the same
    /// bits.</summary>
    /// <param name="present">Also that of now, where it is further: it goes on from there. After <see cref="Advance"/> was
    /// cancelled.</param>
    public byte[] Checkpoint(bool present = false) => CheckpointOfNow(present)();

    /// <summary>As <see cref="Checkpoint"/>, but only what changes is copied now: what is returned writes the file, on any thread, while the
    /// training goes on.</summary>
    public Func<byte[]> CheckpointOfNow(bool present = false)
    {
        // A snapshot is never written to, and of the manifest nothing is either.
        var (good, stageStart, micro) = (_good, StageStart, MicroBatch);
        T[] best = [.. _best];
        // Where members share the update, each has its own part of the moments alone until the next check-point, and a step that was stopped may
        // have changed its part of the parameters.
        present &= Step > good.State.Step && End == LoopEnd.None && Sharing is null;
        var (now, sum) = (present ? Present() : null, _lossSum);
        return () => Write(good, best, stageStart, micro, now, sum);
    }

    private byte[] Write(Snapshot good, T[] best, long stageStart, int micro, Snapshot? now, double lossSum)
    {
        var tensors = ImmutableSortedDictionary.CreateBuilder<string, SafeTensor>(StringComparer.Ordinal);
        foreach (var (prefix, values) in Parts(good)) Add(tensors, prefix, values);
        Add(tensors, "best.", best);
        Add(tensors, "", good.Memory);
        var state = good.State;
        if (now is not null)
        {
            foreach (var (prefix, values) in Parts(now)) Add(tensors, PresentPrefix + prefix, values);
            Add(tensors, PresentPrefix, now.Memory);
        }
        var manifest = new LoopManifest(
            LoopManifest.CurrentFormat, LoopManifest.KernelSet, _specHash, Precision, Settings.Seed, state.Step, state.Stage,
                state.Step - stageStart,
            state.Loss, Finite(state.BestLoss), state.BestStep, state.SinceBest, state.Watch.Recent, Finite(state.Watch.Best),
                state.Watch.SinceBest,
            state.Rollbacks, state.RateFactor, state.End, state.Cause, state.BestFigures,
            now is null ? null : new LoopPresent(now.State.Step, lossSum, now.State.Skipped, Scale(now.State), now.State.SinceGrowth),
            state.Skipped, Scale(state), state.SinceGrowth, micro);
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
        var file = Whole(checkpoint, "checkpoint");
        var manifest = LoopManifest.Of(file);
        manifest.CheckFits(_specHash, Precision, Settings.Seed);
        var (good, best) = (Read(file, ""), new T[_task.ParameterCount]);
        Read(file, "best.", best);
        var present = manifest.Present is null ? null : Read(file, PresentPrefix);
        var watch = new LossWatch(manifest.Recent, manifest.LowestLoss ?? double.PositiveInfinity, manifest.SinceLowest);
        var end = manifest.End == LoopEnd.Diverged && manifest.Rollbacks <= _allowed ? LoopEnd.None : manifest.End;
        Restore(good with
        {
            State = new State(
            manifest.Step, manifest.Stage, manifest.Loss, manifest.BestLoss ?? double.PositiveInfinity, manifest.BestStep,
                manifest.SinceBest, watch,
            manifest.Rollbacks, manifest.RateFactor, end, end == LoopEnd.Diverged ? manifest.Cause : "",
            manifest.BestFigures.WithComparers(StringComparer.Ordinal), manifest.Skipped, manifest.Scale ?? _scaling?.Initial ?? 1.0,
            manifest.SinceGrowth)
        });
        if (manifest.MicroBatch > 0) _micro = manifest.MicroBatch;
        best.CopyTo(_best, 0);
        _points.Clear();
        _rolled.Clear();
        _cuts.Clear();
        SetStage();
        _good = Take();
        if (manifest.Present is not { } now) return;
        Restore(present! with
        {
            State = _state with { Step = now.Step, Skipped = now.Skipped, Scale = now.Scale ?? _state.Scale, SinceGrowth = now.SinceGrowth },
        });
        _lossSum = now.Sum;
    }

    /// <summary>Takes a version's weights in place of the seed's; before the first step. Where each window of the data has a start of its own,
    /// these are the data's affair and stay.</summary>
    /// <param name="model">What <see cref="ModelFile"/> of the same kind of model gave.</param>
    /// <exception cref="TrainingException">It is damaged, or of another model; nothing is changed then.</exception>
    public void StartFrom(ReadOnlyMemory<byte> model)
    {
        if (Step > 0) throw new InvalidOperationException("weights are only taken before the first step");
        var file = Whole(model, "model");
        var weights = Present().Parameters;
        Read(file, "", weights, "model", static name => name == "starts");
        weights.CopyTo(_parameters, 0);
        if (_average.Length > 0) weights.CopyTo(_average, 0);
        weights.CopyTo(_best, 0);
        _good = Take();
    }

    private double? Scale(State state) => _scaling is null ? null : state.Scale;

    private static SafeTensors Whole(ReadOnlyMemory<byte> bytes, string what)
    {
        try
        {
            return SafeTensors.Read(bytes);
        }
        catch (SafeTensorsException e)
        {
            throw new TrainingException($"the {what} of {bytes.Length} bytes is no whole safetensors file: {e.Message}", e);
        }
    }

    private static IEnumerable<(string Prefix, T[] Values)> Parts(Snapshot snapshot)
    {
        yield return ("", snapshot.Parameters);
        if (snapshot.First.Length > 0) yield return ("optimizer.first.", snapshot.First);
        if (snapshot.Second.Length > 0) yield return ("optimizer.second.", snapshot.Second);
        if (snapshot.Average.Length > 0) yield return ("average.", snapshot.Average);
    }

    /// <summary>A snapshot of the same parts as the present state has, read from a file; its state is the present one.</summary>
    private Snapshot Read(SafeTensors file, string prefix)
    {
        var snapshot = Present();
        foreach (var (name, values) in Parts(snapshot)) Read(file, prefix + name, values);
        return snapshot with { Memory = IsQuasiNewton ? ReadMemory(file, prefix) : LimitedMemory<T>.Empty };
    }

    /// <summary>The pairs of L-BFGS: two tensors [pairs, parameters], which are not there where there are no pairs.</summary>
    private static void Add(ImmutableSortedDictionary<string, SafeTensor>.Builder tensors, string prefix, LimitedMemory<T> memory)
    {
        if (memory.IsEmpty) return;
        var shape = ImmutableArray.Create((long)memory.Pairs.Length, memory.Pairs[0].S.Length);
        tensors.Add(prefix + StepsName, new SafeTensor(TensorType, shape, Bytes(memory.Pairs.SelectMany(static pair => pair.S).ToArray())));
        tensors.Add(prefix + ChangesName, new SafeTensor(TensorType, shape, Bytes(memory.Pairs.SelectMany(static pair => pair.Y).ToArray())));
    }

    private LimitedMemory<T> ReadMemory(SafeTensors file, string prefix)
    {
        var memory = LimitedMemory<T>.Empty;
        if (!file.Tensors.TryGetValue(prefix + StepsName, out var steps) | !file.Tensors.TryGetValue(prefix + ChangesName, out var changes))
            return memory;
        foreach (var tensor in (SafeTensor[])[steps!, changes!])
        {
            if (tensor.Type != TensorType || tensor.Shape is not [var pairs, var width] || width != _task.ParameterCount
                || pairs > Settings.Optimiser.Memory || pairs != steps!.Shape[0])
            {
                throw new TrainingException(
                    $"the checkpoint's pairs of L-BFGS are {tensor.Type} ({string.Join(", ", tensor.Shape)}) where {TensorType} (up to "
                    + $"{Settings.Optimiser.Memory}, {_task.ParameterCount}) would be right; it is of another model or optimiser");
            }
        }
        var s = MemoryMarshal.Cast<byte, T>(steps!.Data.Span);
        var y = MemoryMarshal.Cast<byte, T>(changes!.Data.Span);
        for (var at = 0; at < s.Length; at += _task.ParameterCount)
        {
            memory = memory.With(
                s.Slice(at, _task.ParameterCount).ToArray(), y.Slice(at, _task.ParameterCount).ToArray(), Settings.Optimiser.Memory);
        }
        return memory;
    }

    private void Add(ImmutableSortedDictionary<string, SafeTensor>.Builder tensors, string prefix, ReadOnlySpan<T> values)
    {
        var at = 0;
        foreach (var (name, shape) in _task.Tensors)
        {
            var count = Count(shape);
            tensors.Add(prefix + name, new SafeTensor(TensorType, [.. shape.Select(static size => (long)size)], Bytes(values.Slice(at, count))));
            at += count;
        }
        if (at != values.Length) throw new InvalidOperationException($"the task's tensors hold {at} of its {values.Length} parameters");
    }

    private static byte[] Bytes(ReadOnlySpan<T> values) => BitConverter.IsLittleEndian
        ? MemoryMarshal.AsBytes(values).ToArray()
        : throw new PlatformNotSupportedException("checkpoints are written on little-endian machines");

    /// <param name="optional">Whether a tensor that is not there, or of another shape, leaves the values as they are.</param>
    private void Read(
        SafeTensors file, string prefix, Span<T> values, string what = "checkpoint", Func<string, bool>? optional = null)
    {
        var at = 0;
        foreach (var (name, shape) in _task.Tensors)
        {
            var count = Count(shape);
            var found = file.Tensors.TryGetValue(prefix + name, out var tensor);
            if (optional?.Invoke(name) == true && !(found && tensor!.Shape.SequenceEqual(shape.Select(static size => (long)size))))
            {
                at += count;
                continue;
            }
            if (!found) throw new TrainingException($"the {what} has no tensor '{prefix}{name}'; it is of another model or optimiser");
            if (tensor!.Type != TensorType || !tensor.Shape.SequenceEqual(shape.Select(static size => (long)size)))
            {
                throw new TrainingException(
                    $"the {what}'s tensor '{prefix}{name}' is {tensor.Type} ({string.Join(", ", tensor.Shape)}) where {TensorType} "
                    + $"({string.Join(", ", shape)}) would be right; it is of another model");
            }
            MemoryMarshal.Cast<byte, T>(tensor.Data.Span).CopyTo(values[at..]);
            foreach (var value in values.Slice(at, count))
            {
                if (!T.IsFinite(value)) throw new TrainingException($"the {what}'s tensor '{prefix}{name}' holds {value}");
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
