namespace Athanor.Compute.Control.Qp;

internal sealed unsafe partial class StageQp
{
    /// <summary>Multipliers of the dynamics into z_k at the last solution, length n; filled by <see cref="LargestMultiplier"/>.</summary>
    public ReadOnlySpan<double> Costate(int stage) => new(_costates + (stage * States), States);

    /// <summary>No guess at the bounds' multipliers.</summary>
    public void ClearMultipliers()
    {
        for (var entry = 0; entry < Hard.Count; entry++) Hard.SetMultipliers(entry, 0.0, 0.0);
        for (var entry = 0; entry < Soft.Count; entry++) Soft.SetMultipliers(entry, 0.0, 0.0);
    }

    /// <summary>Multipliers of bounds one stage later: the last stage's stay.</summary>
    public void ShiftMultipliers()
    {
        Shift(Hard, _hardOf.Length);
        Shift(Soft, _softOf.Length);

        void Shift(BarrierBlock block, int each)
        {
            for (var entry = 0; entry < (Stages - 1) * each; entry++)
            {
                var (lower, upper) = block.Multipliers(entry + each);
                block.SetMultipliers(entry, lower, upper);
            }
        }
    }

    /// <summary>Computes the multipliers of the dynamics backwards from the horizon's end; the largest magnitude.</summary>
    public double LargestMultiplier()
    {
        int n = States, m = Inputs, stride = Stride, hard = _hardOf.Length, soft = _softOf.Length;
        GradientAt();
        var largest = 0.0;
        for (var k = Stages; k > 0; k--)
        {
            double* pi = _costates + (k * n), gradient = _gradAt + (k * stride) + m;
            for (var i = 0; i < n; i++) pi[i] = gradient[i];
            for (var j = 0; j < soft; j++)
            {
                var (lower, upper) = Soft.Multipliers(((k - 1) * soft) + j);
                pi[_softOf[j]] += upper - lower;
            }
            if (k < Stages)
            {
                for (var j = 0; j < hard; j++)
                {
                    var (lower, upper) = Hard.Multipliers((k * hard) + j);
                    if (_hardOf[j].Minus >= 0) pi[_hardOf[j].Minus] += lower - upper;
                }
                for (var i = 0; i < n; i++)
                {
                    double* row = _g + (((k * n) + i) * stride) + m;
                    var next = pi[n + i];
                    for (var j = 0; j < n; j++) pi[j] = Math.FusedMultiplyAdd(row[j], next, pi[j]);
                }
            }
            for (var i = 0; i < n; i++) largest = Math.Max(largest, Math.Abs(pi[i]));
        }
        return largest;
    }
}
