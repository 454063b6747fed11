namespace Athanor.Protocol.Twins.Units;

/// <summary>
/// What the step functions of a unit keep, in one array: layout 1, lengths of the parts, then the parts: the time in s, the inputs that act
/// from it on and the last values of the sensors, the estimator's memory, the detectors', the estimator's on trial. Each part has its own
/// layout, which only its step function knows.
/// </summary>
public static class UnitNumbers
{
    public const double Layout = 1;
    private const int Head = 5;

    public static double[] Join(ReadOnlySpan<double> now, ReadOnlySpan<double> estimator, ReadOnlySpan<double> detectors, ReadOnlySpan<double> trial)
    {
        var to = new double[Head + now.Length + estimator.Length + detectors.Length + trial.Length];
        (to[0], to[1], to[2], to[3], to[4]) = (Layout, now.Length, estimator.Length, detectors.Length, trial.Length);
        now.CopyTo(to.AsSpan(Head));
        estimator.CopyTo(to.AsSpan(Head + now.Length));
        detectors.CopyTo(to.AsSpan(Head + now.Length + estimator.Length));
        trial.CopyTo(to.AsSpan(Head + now.Length + estimator.Length + detectors.Length));
        return to;
    }

    public static ReadOnlySpan<double> Now(double[] numbers) => Part(numbers, 1);

    public static ReadOnlySpan<double> Estimator(double[] numbers) => Part(numbers, 2);

    public static ReadOnlySpan<double> Detectors(double[] numbers) => Part(numbers, 3);

    public static ReadOnlySpan<double> Trial(double[] numbers) => Part(numbers, 4);

    public static double[] WithoutTrial(double[] numbers) =>
        Trial(numbers).Length == 0 ? numbers : Join(Now(numbers), Estimator(numbers), Detectors(numbers), []);

    /// <summary>The trial takes the place of the present one; detectors begin anew, as they know the innovations of the other.</summary>
    public static double[] Promoted(double[] numbers) => Join(Now(numbers), Trial(numbers), [], []);

    private static ReadOnlySpan<double> Part(double[] numbers, int part)
    {
        if (numbers.Length < Head || numbers[0] != Layout) throw new ArgumentException("the numbers are not of layout 1");
        var begin = Head;
        for (var i = 1; i < part; i++) begin += (int)numbers[i];
        return numbers.AsSpan(begin, (int)numbers[part]);
    }
}
