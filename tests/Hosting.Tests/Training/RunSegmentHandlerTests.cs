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
        var all = new RunMeasurements([.. Enumerable.Range(1, 5000).Select(k => new RunPoint(k, 1.0, 0.1, 1.0, figures))], []);
        var kept = all.Thinned(8000);
        Assert.InRange(kept.Length, 50, 100);
        Assert.Equal(5000, kept[^1].Step);
    }

    private RunSegmentResult Run(RunSegment segment) => (RunSegmentResult)new RunSegmentHandler(new SteppingTime()).Run(segment, _context);

    private sealed class Context : IWorkContext
    {
        private readonly Dictionary<string, byte[]> _blobs = [];

        public ulong Seed => 1;

        public CancellationToken Cancellation => CancellationToken.None;

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

        public void Report(double done, string note) => Notes.Add(note);

        public void SaveCheckpoint(long step, ReadOnlyMemory<byte> content)
        {
            if (!Restored) Saved.Add(new WorkCheckpoint(step, PutBlob(content)));
        }
    }
}
