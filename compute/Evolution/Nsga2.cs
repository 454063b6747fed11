using Athanor.Compute.Numerics;

namespace Athanor.Compute.Evolution;

/// <summary>
/// The selection of NSGA-II (Deb, Pratap, Agarwal, Meyarivan, IEEE Trans. Evol. Comp. 6 (2002) 182): fronts of non-dominated points, and
/// within a front those that stand apart. Ties fall to the lower index, so equal input gives equal output.
/// </summary>
public static class Nsga2
{
    /// <summary>The front of each point, 0 for the non-dominated, in O(n log n) for two objectives.</summary>
    /// <returns>Shape (points).</returns>
    /// <exception cref="ArgumentException">An objective is not finite.</exception>
    public static int[] Fronts(IReadOnlyList<Objectives> points)
    {
        for (var i = 0; i < points.Count; i++)
        {
            if (!double.IsFinite(points[i].First) || !double.IsFinite(points[i].Second))
                throw new ArgumentException($"point {i}: the objectives are ({points[i].First}, {points[i].Second}); they must be finite");
        }
        // In order of the first objective (then the second) a point is dominated only by points before it, and by a front exactly if
        // by the point of that front with the least second objective, which is the front's latest. Equal points share a front.
        var order = Enumerable.Range(0, points.Count)
            .OrderBy(i => points[i].First).ThenBy(i => points[i].Second).ThenBy(i => i).ToArray();
        var fronts = new int[points.Count];
        var latest = new List<Objectives>();
        foreach (var i in order)
        {
            var (low, high) = (0, latest.Count);
            while (low < high)
            {
                var middle = (low + high) / 2;
                if (latest[middle].Dominates(points[i])) low = middle + 1;
                else high = middle;
            }
            fronts[i] = low;
            if (low == latest.Count) latest.Add(points[i]);
            else latest[low] = points[i];
        }
        return fronts;
    }

    /// <summary>The crowding distance of each point of one front: infinite at its ends, else the sum over the objectives of the gap
    /// between the neighbours, over the front's range.</summary>
    /// <returns>Shape (members), in the order of <paramref name="members"/>.</returns>
    public static double[] Crowding(IReadOnlyList<Objectives> points, IReadOnlyList<int> members)
    {
        var distance = new double[members.Count];
        AddGaps(static p => p.First);
        AddGaps(static p => p.Second);
        return distance;

        void AddGaps(Func<Objectives, double> objective)
        {
            var order = Enumerable.Range(0, members.Count)
                .OrderBy(k => objective(points[members[k]])).ThenBy(k => members[k]).ToArray();
            if (order.Length == 0) return;
            distance[order[0]] = distance[order[^1]] = double.PositiveInfinity;
            var range = objective(points[members[order[^1]]]) - objective(points[members[order[0]]]);
            if (range <= 0) return;
            for (var k = 1; k < order.Length - 1; k++)
                distance[order[k]] += (objective(points[members[order[k + 1]]]) - objective(points[members[order[k - 1]]])) / range;
        }
    }

    /// <summary>Front and crowding of every point.</summary>
    public static (int[] Fronts, double[] Crowding) Rank(IReadOnlyList<Objectives> points)
    {
        var fronts = Fronts(points);
        var crowding = new double[points.Count];
        foreach (var front in Enumerable.Range(0, points.Count).GroupBy(i => fronts[i]))
        {
            var members = front.ToArray();
            var distances = Crowding(points, members);
            for (var k = 0; k < members.Length; k++) crowding[members[k]] = distances[k];
        }
        return (fronts, crowding);
    }

    /// <summary>The points that survive: whole fronts while they fit, then the most apart of the next.</summary>
    /// <returns>At most <paramref name="size"/> indices, ascending.</returns>
    public static int[] Survivors(IReadOnlyList<Objectives> points, int size)
    {
        var (fronts, crowding) = Rank(points);
        return [.. Enumerable.Range(0, points.Count)
            .OrderBy(i => fronts[i]).ThenByDescending(i => crowding[i]).ThenBy(i => i)
            .Take(size).Order()];
    }

    /// <summary>The better of two points drawn at random: lower front, then larger crowding, then the first drawn.</summary>
    public static int Tournament(int[] fronts, double[] crowding, ref Philox random)
    {
        var (a, b) = (random.NextBelow(fronts.Length), random.NextBelow(fronts.Length));
        if (fronts[a] != fronts[b]) return fronts[a] < fronts[b] ? a : b;
        return crowding[a] >= crowding[b] ? a : b;
    }
}
