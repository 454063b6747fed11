using System.Collections.Immutable;
using System.Diagnostics;
using Athanor.Actors;
using Athanor.Actors.Twins;
using Athanor.Hosting;
using Athanor.Hosting.Stores.Integrity;
using Athanor.Hosting.Work;
using Athanor.Protocol;
using Athanor.Protocol.Twins;
using Athanor.Protocol.Twins.Units;

namespace Athanor.Bench.Twins;

/// <summary>Where the processor's time and the memory of one command go, without store and threads: each part of all twins in turn, on one
/// thread, by its processor time.</summary>
internal static class Parts
{
    private const int Twins = 512;

    public static void Run(Plant plant, double seconds)
    {
        IDecider decider = new TwinDecider();
        var handlers = Families.ComputeHandlers.ToDictionary(static h => h.Handles);
        var states = new IState[Twins];
        var origin = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
        for (var i = 0; i < Twins; i++)
        {
            states[i] = decider.Initial(Address(i));
            foreach (var effect in decider.Decide(states[i], new CreateUnit(Plant.Spec($"R-{i}")), Context(i, origin)).OfType<Effect.Persist>())
                states[i] = decider.Apply(states[i], effect.Event);
        }
        var parts = new SortedDictionary<int, Part>();
        var (effects, requests) = (new IReadOnlyList<Effect>[Twins], new ICompute[Twins]);
        IReadOnlyList<IComputeResult> results = [];
        var began = Stopwatch.GetTimestamp();
        for (var second = 0; Stopwatch.GetElapsedTime(began).TotalSeconds < seconds; second++)
        {
            if (second == 150) parts.Clear();
            var (now, commands) = (origin.AddSeconds(second), new Observe[Twins]);
            Measure(1, "make the command", i => commands[i] = new Observe(plant.Samples(i, second, now)));
            Measure(2, "decide it", i => effects[i] = decider.Decide(states[i], commands[i], Context(i, now)));
            Measure(3, "apply its event", i => Apply(i, effects[i]));
            Measure(4, "write and hash it", i => Write(i, effects[i]));
            Measure(5, "ask what is awaited", i => requests[i] = decider.Awaiting(states[i])[0].Request);
            MeasureAll(6, "step (one batch)", () => results = handlers[typeof(StepUnit)].Run(requests, default));
            Measure(7, "decide the result", i => effects[i] = decider.Decide(states[i], new ComputeCompleted("step", results[i]), Context(i, now)));
            Measure(8, "apply its event", i => Apply(i, effects[i]));
            Measure(9, "write and hash it", i => Write(i, effects[i]));
        }
        foreach (var part in parts.Values)
            Console.WriteLine(FormattableString.Invariant($"  {part.Name,-24}{part.Time.TotalMicroseconds / part.Count,8:0.00} us{part.Bytes / part.Count,8} B"));
        Console.WriteLine(FormattableString.Invariant($"  {"all",-24}{parts.Values.Sum(static p => p.Time.TotalMicroseconds / p.Count),8:0.00} us{parts.Values.Sum(static p => p.Bytes / p.Count),8} B; a snapshot has {Families.Messages.Encode(states[0]).Length} B"));

        void Apply(int i, IReadOnlyList<Effect> all)
        {
            foreach (var effect in all)
            {
                if (effect is Effect.Persist persist) states[i] = decider.Apply(states[i], persist.Event);
            }
        }

        void Measure(int number, string name, Action<int> action) => MeasureAll(number, name, () =>
        {
            for (var i = 0; i < Twins; i++) action(i);
        });

        void MeasureAll(int number, string name, Action action)
        {
            if (!parts.TryGetValue(number, out var part)) parts.Add(number, part = new Part(name));
            var (used, bytes) = (Environment.CpuUsage.TotalTime, GC.GetAllocatedBytesForCurrentThread());
            action();
            part.Time += Environment.CpuUsage.TotalTime - used;
            part.Bytes += GC.GetAllocatedBytesForCurrentThread() - bytes;
            part.Count += Twins;
        }
    }

    private static void Write(int i, IReadOnlyList<Effect> all)
    {
        foreach (var effect in all)
        {
            if (effect is not Effect.Persist persist) continue;
            var stored = new Athanor.Hosting.Stores.StoredMessage(
                Families.Messages.KindOf(persist.Event), 1, Families.Messages.Encode(persist.Event));
            EventHash.Compute(Address(i), 1, stored, EventHash.None.Span);
        }
    }

    private static EntityAddress Address(int i) => EntityAddress.Of("twins", $"unit-{i}");

    private static DecisionContext Context(int i, DateTimeOffset now) => new(Address(i), now, 1);

    private sealed class Part(string name)
    {
        public string Name { get; } = name;

        public TimeSpan Time { get; set; }

        public long Bytes { get; set; }

        public long Count { get; set; }
    }
}
