using Athanor.Actors;
using Athanor.Compute.Plants.Simulation;
using Athanor.Hosting.Specifications;
using Athanor.Protocol;
using Athanor.Protocol.Twins;
using Athanor.Protocol.Twins.Units;

namespace Athanor.Nodes.Cli.Twins;

/// <summary>
/// A twin in closed loop with a simulated plant, in lock-step and so as fast as the twin decides: the plant goes on by one sample period;
/// what its instruments gave is sent to the twin as any plant's measurements are; when the twin has committed estimate and move, the move is
/// given to the plant's actuators. The twin knows the plant through samples and moves alone. It lives in plant time: the samples' source
/// times count from <see cref="FeedCommand.Zero"/>.
/// </summary>
internal sealed class PlantLoop(IClusterClient client, EntityAddress twin, TwinFile file, SimulatedPlant plant)
{
    private static readonly TimeSpan Between = TimeSpan.FromMilliseconds(1);

    private readonly TwinInput[] _moved = [.. file.Inputs.Where(static i => i.Moved)];
    private readonly TwinInput[] _measured = [.. file.Inputs.Where(static i => !i.Moved)];
    private readonly TimeProvider _time = TimeProvider.System;

    /// <param name="say">Told after each sample.</param>
    public async Task<LoopRecord> Run(Action<LoopPoint> say, CancellationToken cancellation)
    {
        var simulation = file.Simulation!;
        var record = new LoopRecord(file);
        double[] commands = [.. _moved.Select(static i => i.Fallback)];
        var setpoints = new Queue<TwinSetpointChange>(simulation.Setpoints.OrderBy(static s => s.AtS));
        var feed = new Feed(client, twin);
        var sampleS = file.Spec.Sample.TotalSeconds;
        for (var k = 0L; k * sampleS <= simulation.DurationS + 1e-9; k++)
        {
            plant.AdvanceTo(k * sampleS);
            while (setpoints.TryPeek(out var change) && change.AtS <= plant.TimeS + 1e-9)
            {
                foreach (var (name, value) in setpoints.Dequeue().Values)
                    await UnitArguments.Ask(client, twin, new SetSetpoint(name, value, "twins run: the file's set-points"), cancellation);
            }
            var arrived = plant.Arrived();
            var began = _time.GetTimestamp();
            var samples = Samples(arrived, k);
            if (samples.Length > 0) await feed.Send(samples, cancellation);
            var view = await Decided(cancellation);
            // A loop is closed on an estimate, so after the first samples.
            if (k == 0 && file.Control is not null)
                await UnitArguments.Ask(client, twin, new SetUnitMode(ControllerMode.ClosedLoop, "twins run --against plant"), cancellation);
            var took = _time.GetElapsedTime(began).TotalMilliseconds;
            record.Samples.AddRange(arrived.Select(static s => new LoopSample(s.Signal, s.SourceS, s.Value)));
            if (view.Controller.Move is { } move)
            {
                for (var i = 0; i < _moved.Length; i++) commands[i] = move.Setpoints.GetValueOrDefault(_moved[i].Name, commands[i]);
            }
            plant.Command(commands);
            var point = new LoopPoint(
                plant.TimeS, plant.State.ToArray(), plant.Applied.ToArray(), [.. commands], [.. file.Estimator.Estimate.Keys.Select(plant.Parameter)], view, took);
            record.Add(point);
            say(point);
        }
        return record;
    }

    private Sample[] Samples(IReadOnlyList<PlantSample> arrived, long k) =>
    [
        .. arrived.Select(static s => new Sample(s.Signal, At(s.SourceS), s.Number, s.Value)),
        .. arrived.Count == 0 ? [] : _measured.Select(i => new Sample(i.Name, At(plant.TimeS), k + 1, plant.Parameter(i.Name))),
    ];

    private static DateTimeOffset At(double timeS) => FeedCommand.Zero.AddTicks((long)Math.Round(timeS * TimeSpan.TicksPerSecond));

    /// <summary>Waits until everything sent is stepped through, and the move that it calls for is planned.</summary>
    private async Task<UnitView> Decided(CancellationToken cancellation)
    {
        while (true)
        {
            var view = await UnitArguments.View(client, twin, cancellation);
            if (view.Row >= view.Taken && !view.Controller.Planning) return view;
            await Task.Delay(Between, _time, cancellation);
        }
    }
}
