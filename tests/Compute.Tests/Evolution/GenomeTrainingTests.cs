using Athanor.Compute.Evolution;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Tests.Evolution;

public class GenomeTrainingTests
{
    private const int Segments = 3;
    private const int Steps = 40;

    private static readonly EvaluationTable Table = SomeTable(seed: 3);

    private static byte[] Bytes(ulong seed)
    {
        var random = new Philox(seed);
        var rows = new List<double[]>();
        for (var i = 0; i < 120; i++)
        {
            var (a, b) = (random.NextDouble(-1, 1), random.NextDouble(-1, 1));
            rows.Add([a, 100 * b, 40 + 5 * a * b - 3 * b]);
        }
        return EvaluationTable.ToBytes(rows);
    }

    private static EvaluationTable SomeTable(ulong seed) => EvaluationTable.Read(Bytes(seed), 2, 80, 40);

    private static GenomeTraining Train(double rate = 0.02) => new(new NetworkGenome([8, 4], rate, 16), 5, Table, Segments, Steps);

    private static (List<byte[]> States, List<double> Errors) WholeRun(GenomeTraining training)
    {
        var states = new List<byte[]> { training.State };
        var errors = new List<double> { training.Error() };
        for (var i = 1; i <= Segments; i++)
        {
            training.Advance(default);
            states.Add(training.State);
            errors.Add(training.Error());
        }
        return (states, errors);
    }

    [Fact]
    public void Every_segment_replayed_from_the_state_before_it_gives_the_same_bits()
    {
        var (states, errors) = WholeRun(Train());

        for (var i = 1; i <= Segments; i++)
        {
            var replay = Train();
            replay.Load(states[i - 1], i - 1);
            replay.Advance(default);

            Assert.Equal(states[i], replay.State);
            Assert.Equal(errors[i], replay.Error());
        }
    }

    [Fact]
    public void A_training_learns_and_its_error_is_in_the_targets_unit()
    {
        var (_, errors) = WholeRun(Train());
        var mean = Table.ValidationY.Average();
        var deviation = Math.Sqrt(Table.ValidationY.Average(y => (y - mean) * (y - mean)));

        Assert.InRange(errors[^1], 0.0, 0.5 * deviation);
        Assert.True(errors[^1] < errors[0]);
    }

    [Fact]
    public void A_forged_state_is_replayed_to_another_state()
    {
        var (states, _) = WholeRun(Train());
        var forged = (byte[])states[1].Clone();
        forged[^1] ^= 1;
        var replay = Train();

        replay.Load(forged, 1);
        replay.Advance(default);

        Assert.NotEqual(states[2], replay.State);
    }

    [Fact]
    public void A_state_of_another_step_or_network_is_refused()
    {
        var (states, _) = WholeRun(Train());
        var other = new GenomeTraining(new NetworkGenome([4], 0.02, 16), 5, Table, Segments, Steps);

        Assert.Contains("segment 2 ends at step 80", Assert.Throws<InvalidDataException>(() => Train().Load(states[1], 2)).Message);
        Assert.Throws<InvalidDataException>(() => other.Load(states[1], 1));
        Assert.Throws<InvalidDataException>(() => Train().Load([1, 2, 3], 1));
    }

    [Fact]
    public void A_training_that_diverges_has_one_state_and_one_error_for_good()
    {
        // Adam's step is about the learning rate: weights of 1e30 overflow float32 in the second layer's product.
        var (states, errors) = WholeRun(Train(rate: 1e30));
        var again = Train(rate: 1e30);
        again.Load(states[^1], Segments);

        Assert.Equal(GenomeTraining.DivergedError, errors[^1]);
        Assert.Equal(states[^1], again.State);
        Assert.Equal(GenomeTraining.DivergedError, again.Error());
    }

    [Fact]
    public void A_table_that_is_no_table_is_refused_by_row_and_column()
    {
        var rows = Enumerable.Range(0, 12).Select(i => new[] { i, 1.0 * i, 2.0 * i }).ToArray();
        string Refusal(Action<double[][]> spoil)
        {
            var copy = rows.Select(r => (double[])r.Clone()).ToArray();
            spoil(copy);
            return Assert.Throws<InvalidDataException>(() => EvaluationTable.Read(EvaluationTable.ToBytes(copy), 2, 8, 4)).Message;
        }

        Assert.Contains("row 9, column 1 is NaN", Refusal(r => r[9][1] = double.NaN));
        Assert.Contains("column 0 is 7 in every training row", Refusal(r => Array.ForEach(r, x => x[0] = 7)));
        Assert.Contains(
            "are 288", Assert.Throws<InvalidDataException>(() => EvaluationTable.Read(new byte[280], 2, 8, 4)).Message);
    }
}
