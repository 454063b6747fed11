using System.Collections.Immutable;
using Athanor.Hosting.Stores;
using Athanor.Hosting.Work;
using Athanor.Hosting.Work.Training;
using Athanor.Protocol.Training;

namespace Hosting.Tests.Training;

public sealed class RunSegmentHandlerTests
{
    private readonly Context _context = new();

    public RunSegmentHandlerTests() => _context.PutBlob(RunSpecs.Table);

    [Theory]
    [InlineData(0, 1.5)]
    [InlineData(70, 1.5)]
    [InlineData(0, 0.2)]
    public void Wherever_segments_end_the_weights_are_those_of_the_unbroken_run(long steps, double seconds)
    {
        var spec = RunSpecs.Spec with { SegmentSteps = steps, SegmentTime = TimeSpan.FromSeconds(seconds) };
        var (checkpoint, points, k) = ("", new List<long>(), 0);
        while (true)
        {
            var result = Run(new RunSegment(spec, k++, 0, checkpoint, 0));
            points.AddRange(result.Done.Points.Select(p => p.Step));
            checkpoint = result.Done.Checkpoint;
            if (steps > 0 && result.Done.End == RunEnd.None) Assert.True(result.Done.Step <= 70L * k);
            if (result.Done.End == RunEnd.None) continue;
            Assert.Equal((RunEnd.Steps, 400L), (result.Done.End, result.Done.Step));
            Assert.Equal(RunSpecs.Unbroken(spec), result.Done.Model);
            Assert.True(result.Done.Metrics.ContainsKey("nmse") && result.Done.Metrics.ContainsKey("best-step"));
            break;
        }
        Assert.True(k > 1);
        Assert.Equal(Enumerable.Range(1, 40).Select(i => 10L * i), points);
    }

    [Fact]
    public void What_another_slot_saved_is_gone_on_from_with_what_it_measured()
    {
        var segment = new RunSegment(RunSpecs.Spec with { SegmentTime = TimeSpan.FromMinutes(1) }, 0, 0, "", 0);
        var whole = Run(segment);
        Assert.NotEmpty(_context.Saved);
        Assert.Equal(_context.Saved.Select(s => s.Step).Order().Distinct(), _context.Saved.Select(s => s.Step));
        foreach (var saved in _context.Saved.ToArray())
        {
            _context.Checkpoint = saved;
            _context.Restored = true;
            var resumed = Run(segment);
            Assert.Equal(Athanor.Hosting.Families.Messages.Encode(whole), Athanor.Hosting.Families.Messages.Encode(resumed));
        }
    }

    [Fact]
    public void Stopped_in_order_it_saves_the_very_step_and_another_slot_goes_on_from_there()
    {
        // One check-point at the end: without the step's own state all would be lost.
        var spec = RunSpecs.Spec with { CheckEvery = 400, SegmentTime = TimeSpan.FromMinutes(5) };
        using var stop = new CancellationTokenSource();
        _context.StopAt = (137, stop);
        Assert.Throws<OperationCanceledException>(() => Run(new RunSegment(spec, 0, 0, "", 0)));
        var at = RunNote.Parse(_context.Notes[^1])!.Step;
        Assert.InRange(at, 137, 399);
        var saved = Assert.Single(_context.Saved);
        (_context.StopAt, _context.Checkpoint) = (null, saved);
        _context.Notes.Clear();
        var done = Run(new RunSegment(spec, 0, 0, "", 0)).Done;
        Assert.Equal(at + 1, RunNote.Parse(_context.Notes[0])!.Step);
        Assert.Equal((400L, RunSpecs.Unbroken(spec)), (done.Step, done.Model));
    }

    [Fact]
    public void It_begins_with_the_weights_of_the_version_that_the_spec_names()
    {
        var first = Run(new RunSegment(RunSpecs.Spec with { SegmentTime = TimeSpan.FromMinutes(5) }, 0, 0, "", 0)).Done;
        var spec = RunSpecs.Spec with
        {
            Start = first.Model,
            SegmentTime = TimeSpan.FromMinutes(5),
            Optimiser = RunSpecs.Spec.Optimiser with { Kind = RunOptimiserKind.Lbfgs, LearningRate = 1.0, WeightDecay = 0.0, Memory = 8 },
            Schedule = new RunSchedule(RunScheduleKind.Constant, 0, 0.0, 0, 0.1),
            Stop = new RunStop(30, 0, 0.0, 0.0),
            ClipNorm = 0.0,
            Batch = 0,
        };
        var second = Run(new RunSegment(spec, 0, 0, "", 0)).Done;
        // It goes on where the first one was, and not at the seed's weights.
        Assert.True(second.Loss < first.Loss, $"{second.Loss} after {first.Loss}");
        var cut = _context.PutBlob(_context.GetBlob(first.Model)[..^9]);
        Assert.Contains("the model of", Assert.Throws<WorkRefusedException>(() => Run(new RunSegment(spec with { Start = cut }, 0, 0, "", 0))).Message);
    }

    [Fact]
    public void A_checkpoint_of_another_run_or_one_cut_short_or_a_table_cut_short_is_refused()
    {
        var first = Run(new RunSegment(RunSpecs.Spec, 0, 0, "", 0)).Done.Checkpoint;
        Refused("the checkpoint is of another run", RunSpecs.Spec with { Seed = 8 }, first);
        Refused("the checkpoint is of another run", RunSpecs.Spec with { ClipNorm = 2.0 }, first);
        var bytes = _context.GetBlob(first);
        Refused("is no whole safetensors file", RunSpecs.Spec, _context.PutBlob(bytes[..^5]));
        Refused("no checkpoint", RunSpecs.Spec, Run(new RunSegment(RunSpecs.Spec with
        {
            SegmentTime = TimeSpan.FromMinutes(1),
        }, 0, 0, "", 0)).Done.Model);
        var cut = _context.PutBlob(RunSpecs.Table[..^100]);
        var data = RunSpecs.Spec.Data.Replace(RunSpecs.TableHash, cut, StringComparison.Ordinal);
        Refused("cut short or damaged", RunSpecs.Spec with { Data = data }, "");
        // Where it is cut is no part of what is trained.
        Run(new RunSegment(RunSpecs.Spec with { SegmentSteps = 50, SaveEvery = TimeSpan.FromHours(1), Registers = "m" }, 1, 0, first, 2));
        _context.Checkpoint = new WorkCheckpoint(1, _context.PutBlob(bytes));
        Refused("saved segment", RunSpecs.Spec, "");

        void Refused(string says, RunSpec spec, string checkpoint) =>
            Assert.Contains(says, Assert.Throws<WorkRefusedException>(() => Run(new RunSegment(spec, 0, 0, checkpoint, 0))).Message);
    }

    [Fact]
    public void What_it_says_while_it_runs_can_be_read_again()
    {
        Run(new RunSegment(RunSpecs.Spec, 0, 0, "", 0));
        Assert.NotEmpty(_context.Notes);
        Assert.All(_context.Notes, note => Assert.Equal(note, RunNote.Parse(note)!.ToString()));
        Assert.Equal(new RunNote(1, 20, 0.5, null), RunNote.Parse("part 1, step 20, loss 0.5"));
        Assert.Null(RunNote.Parse("kernels"));
    }

    [Fact]
    public void Points_beyond_what_a_message_holds_are_thinned_from_the_front()
    {
        var figures = ImmutableSortedDictionary<string, double>.Empty.Add("loss", 1.0);
        var all = new RunMeasurements([.. Enumerable.Range(1, 5000).Select(k => new RunPoint(k, 1.0, 0.1, 1.0, figures))], [], []);
        var kept = all.Thinned(8000);
        Assert.InRange(kept.Length, 50, 100);
        Assert.Equal(5000, kept[^1].Step);
    }

    private RunSegmentResult Run(RunSegment segment) => (RunSegmentResult)new RunSegmentHandler(new SteppingTime()).Run(segment, _context);

    private sealed class Context : IWorkContext
    {
        private readonly Dictionary<string, byte[]> _blobs = [];

        public ulong Seed => 1;

        public CancellationToken Cancellation => Stop?.Token ?? CancellationToken.None;

        /// <summary>Cancelled at the first report of this step or a later one; reports come with each look at the time.</summary>
        public (long Step, CancellationTokenSource Source)? StopAt { get; set; }

        private CancellationTokenSource? Stop => StopAt?.Source;

        public List<WorkCheckpoint> Saved { get; } = [];

        public List<string> Notes { get; } = [];

        public WorkCheckpoint? Checkpoint { get; set; }

        /// <summary>Later saves are not of interest.</summary>
        public bool Restored { get; set; }

        public ReadOnlyMemory<byte> GetBlob(string hash) => _blobs[hash];

        public string PutBlob(ReadOnlyMemory<byte> content)
        {
            var hash = RunSpecs.Hash(content.ToArray());
            lock (_blobs) _blobs[hash] = content.ToArray();
            return hash;
        }

        public void Report(double done, string note)
        {
            Notes.Add(note);
            if (StopAt is var (step, source) && RunNote.Parse(note)!.Step >= step) source.Cancel();
        }

        public void SaveCheckpoint(long step, ReadOnlyMemory<byte> content)
        {
            if (!Restored) Saved.Add(new WorkCheckpoint(step, PutBlob(content)));
        }
    }
}
