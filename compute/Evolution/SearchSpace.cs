using System.Collections.Immutable;
using Athanor.Compute.Numerics;

namespace Athanor.Compute.Evolution;

/// <summary>The genomes that may be bred, and how: every choice is one of an ordered list, and a mutation steps to a neighbour.</summary>
public sealed class SearchSpace
{
    private const int AttemptsAtSomethingNew = 32;

    private readonly int _layers;
    private readonly ImmutableArray<int> _widths;
    private readonly ImmutableArray<double> _learningRates;
    private readonly ImmutableArray<int> _batchSizes;

    /// <exception cref="ArgumentException">A list is empty, not ascending, or holds what no network can have; the message says which.</exception>
    public SearchSpace(int layers, ImmutableArray<int> widths, ImmutableArray<double> learningRates, ImmutableArray<int> batchSizes)
    {
        if (layers is < 1 or > 8) throw new ArgumentException($"layers is {layers}; it must be 1 to 8");
        Require("widths", widths.Select(w => (double)w), 1, 4096);
        Require("learningRates", learningRates, double.Epsilon, 1);
        Require("batchSizes", batchSizes.Select(b => (double)b), 1, 1 << 20);
        (_layers, _widths, _learningRates, _batchSizes) = (layers, widths, learningRates, batchSizes);
    }

    public NetworkGenome Random(ref Philox random)
    {
        var widths = new int[1 + random.NextBelow(_layers)];
        for (var i = 0; i < widths.Length; i++) widths[i] = _widths[random.NextBelow(_widths.Length)];
        var rate = _learningRates[random.NextBelow(_learningRates.Length)];
        return new NetworkGenome([.. widths], rate, _batchSizes[random.NextBelow(_batchSizes.Length)]);
    }

    /// <summary>A genome that is not among those known: a child of two parents, mutated until it is new. After some attempts a random
    /// one, and if the space has nothing new to give, one that is known.</summary>
    /// <param name="known">Whether a genome of this hash was bred before.</param>
    public NetworkGenome Child(NetworkGenome a, NetworkGenome b, Func<string, bool> known, ref Philox random)
    {
        var child = Mutate(Cross(a, b, ref random), ref random);
        for (var i = 0; i < AttemptsAtSomethingNew && known(child.Hash()); i++) child = Mutate(child, ref random);
        return known(child.Hash()) ? Fresh(known, ref random) : child;
    }

    /// <summary>A random genome that is not among those known, if a few draws find one.</summary>
    public NetworkGenome Fresh(Func<string, bool> known, ref Philox random)
    {
        var genome = Random(ref random);
        for (var i = 0; i < AttemptsAtSomethingNew && known(genome.Hash()); i++) genome = Random(ref random);
        return genome;
    }

    /// <summary>Each part from one of the parents; a layer that only the deeper parent has comes with its depth.</summary>
    internal NetworkGenome Cross(NetworkGenome a, NetworkGenome b, ref Philox random)
    {
        var depth = random.NextBelow(2) == 0 ? a.Widths.Length : b.Widths.Length;
        var widths = new int[depth];
        for (var i = 0; i < depth; i++)
        {
            var fromA = random.NextBelow(2) == 0;
            widths[i] = i >= a.Widths.Length ? b.Widths[i] : i >= b.Widths.Length || fromA ? a.Widths[i] : b.Widths[i];
        }
        var rate = random.NextBelow(2) == 0 ? a.LearningRate : b.LearningRate;
        return new NetworkGenome([.. widths], rate, random.NextBelow(2) == 0 ? a.BatchSize : b.BatchSize);
    }

    /// <summary>One change, and with probability one half each another.</summary>
    internal NetworkGenome Mutate(NetworkGenome genome, ref Philox random)
    {
        do
        {
            genome = random.NextBelow(6) switch
            {
                0 or 1 => WithWidth(genome, random.NextBelow(genome.Widths.Length), random.NextBelow(2) == 0 ? -1 : 1),
                2 => genome.Widths.Length < _layers
                    ? genome with { Widths = genome.Widths.Insert(random.NextBelow(genome.Widths.Length + 1), _widths[random.NextBelow(_widths.Length)]) }
                    : genome,
                3 => genome.Widths.Length > 1 ? genome with { Widths = genome.Widths.RemoveAt(random.NextBelow(genome.Widths.Length)) } : genome,
                4 => genome with { LearningRate = Step(_learningRates, genome.LearningRate, random.NextBelow(2) == 0 ? -1 : 1) },
                _ => genome with { BatchSize = Step(_batchSizes, genome.BatchSize, random.NextBelow(2) == 0 ? -1 : 1) },
            };
        }
        while (random.NextBelow(2) == 0);
        return genome;
    }

    private NetworkGenome WithWidth(NetworkGenome genome, int layer, int step) =>
        genome with { Widths = genome.Widths.SetItem(layer, Step(_widths, genome.Widths[layer], step)) };

    private static T Step<T>(ImmutableArray<T> choices, T value, int step) =>
        choices[Math.Clamp(choices.IndexOf(value) + step, 0, choices.Length - 1)];

    private static void Require(string name, IEnumerable<double> values, double least, double most)
    {
        var (count, before) = (0, double.NegativeInfinity);
        foreach (var value in values)
        {
            if (!(value >= least && value <= most)) throw new ArgumentException($"{name} holds {value}; it must be from {least} to {most}");
            if (value <= before) throw new ArgumentException($"{name} holds {value} after {before}; choices must rise");
            (before, count) = (value, count + 1);
        }
        if (count == 0) throw new ArgumentException($"{name} is empty; at least one choice is needed");
    }
}
