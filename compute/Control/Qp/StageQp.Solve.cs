using System.Runtime.Intrinsics;

namespace Athanor.Compute.Control.Qp;

internal enum QpStatus
{
    Solved,

    /// <summary>Neither solved nor hopeless when the iterations were used up.</summary>
    Exhausted,

    /// <summary>The deadline came; the iterate is between the guess and the optimum.</summary>
    Expired,

    /// <summary>The cost is not convex along the inputs, or a number is not finite.</summary>
    Failed,
}

/// <param name="Tolerance">Mean complementarity to reach, in the cost's unit.</param>
/// <param name="Mu">Complementarity to start from.</param>
/// <param name="Push">Least distance from a bound to start at, as a share of the room between the two.</param>
/// <param name="Warm">Whether the multipliers that are there are a guess.</param>
internal readonly record struct QpOptions(double Tolerance, double Mu, double Push, bool Warm, int Iterations = 60);

internal sealed unsafe partial class StageQp
{
    private bool _prepared;

    /// <summary>Does what can be done of the first iteration before z_0 is known: everything but a roll-out.</summary>
    public bool Prepare(in QpOptions options)
    {
        Gather(_w);
        Hard.Start(options.Mu, options.Push, options.Warm);
        Soft.Start(options.Mu, options.Push, options.Warm);
        Gaps();
        Hard.Condense(0.0, false);
        Soft.Condense(0.0, false);
        _prepared = Assemble() && Factor() && Back();
        return _prepared;
    }

    /// <summary>Solves from the guess in <see cref="Point"/>, which becomes the solution.</summary>
    public QpStatus Solve(ReadOnlySpan<double> start, in QpOptions options, IDeadline deadline)
    {
        Iterations = 0;
        if (!_prepared && !Prepare(options)) return Fail();
        _prepared = false;
        var pairs = Hard.Active + Soft.Active;
        if (pairs == 0)
        {
            Roll(start);
            Iterations = 1;
            Complementarity = 0.0;
            Advance(1.0);
            return Finite() ? QpStatus.Solved : Fail();
        }
        // What is left of the first point's residuals: each step of length α leaves 1 - α of it.
        var remaining = 1.0;
        var mu = (Hard.Products(0.0) + Soft.Products(0.0)) / pairs;
        while (true)
        {
            Complementarity = mu;
            if (mu <= options.Tolerance && remaining <= Math.Max(1e-3 * options.Tolerance, 1e-13)) return Finite() ? QpStatus.Solved : Fail();
            if (!(mu < 1e100)) return Fail();
            if (Iterations >= options.Iterations) return QpStatus.Exhausted;
            if (deadline.Expired) return QpStatus.Expired;
            if (Iterations > 0)
            {
                Hard.Condense(0.0, false);
                Soft.Condense(0.0, false);
                if (!(Assemble() && Factor() && Back())) return Fail();
            }
            Iterations++;
            Roll(start);
            Gather(_dw);
            var alpha = 1.0 / Math.Max(1.0, Math.Max(Hard.Directions(0.0, false), Soft.Directions(0.0, false)));
            var share = (Hard.Products(alpha) + Soft.Products(alpha)) / pairs / mu;
            // Where the affine step runs into a bound at once, a cube of nearly 1 keeps the iterate in the middle.
            var wanted = Math.Max(share * share * share * mu, 1e-3 * options.Tolerance);
            Hard.Condense(wanted, true);
            Soft.Condense(wanted, true);
            AssembleGradient();
            Back();
            Roll(start);
            Gather(_dw);
            var longest = Math.Max(Hard.Directions(wanted, true), Soft.Directions(wanted, true));
            alpha = Math.Min(1.0, Math.Max(0.995, 1.0 - mu) / Math.Max(longest, 1e-300));
            Hard.Step(alpha);
            Soft.Step(alpha);
            Advance(alpha);
            remaining *= 1.0 - alpha;
            mu = (Hard.Products(0.0) + Soft.Products(0.0)) / pairs;
        }
    }

    /// <summary>Leaves nothing behind that is no number: the next problem starts clean.</summary>
    private QpStatus Fail()
    {
        new Span<double>(_w, (Stages + 1) * Stride).Clear();
        new Span<double>(_dw, (Stages + 1) * Stride).Clear();
        return QpStatus.Failed;
    }

    private bool Factor() => _chunks switch
    {
        1 => Factor<OneChunk>(),
        2 => Factor<TwoChunks>(),
        _ => Factor<ManyChunks>(),
    };

    private bool Back()
    {
        if (_chunks == 1) Backward<OneChunk>();
        else if (_chunks == 2) Backward<TwoChunks>();
        else Backward<ManyChunks>();
        return true;
    }

    /// <summary>Rolls the step out, from what the iterate's z_0 is wrong by.</summary>
    private void Roll(ReadOnlySpan<double> start)
    {
        for (var i = 0; i < States; i++) _dw[Inputs + i] = start[i] - _w[Inputs + i];
        if (_chunks == 1) Forward<OneChunk>();
        else if (_chunks == 2) Forward<TwoChunks>();
        else Forward<ManyChunks>();
    }

    private void Gather(double* w)
    {
        int stride = Stride, m = Inputs, hard = _hardOf.Length, soft = _softOf.Length;
        for (var k = 0; k < Stages; k++)
        {
            double* at = w + (k * stride), after = at + stride, value = Hard.Value + (k * hard);
            for (var j = 0; j < hard; j++)
            {
                var quantity = _hardOf[j];
                value[j] = quantity.Minus < 0 ? at[quantity.Input] : at[quantity.Input] - at[m + quantity.Minus];
            }
            value = Soft.Value + (k * soft);
            for (var j = 0; j < soft; j++) value[j] = after[m + _softOf[j]];
        }
    }

    /// <summary>What the iterate breaks the dynamics by.</summary>
    private void Gaps()
    {
        int stride = Stride, width = Width;
        for (var k = 0; k < Stages; k++)
        {
            double* w = _w + (k * stride), gap = _gap + (k * stride), gT = _gT + (k * width * stride);
            for (var c = 0; c < stride; c += 8)
            {
                var after = Vector512.LoadAligned(_keep + c) * Vector512.LoadAligned(w + stride + c);
                var sum = Vector512.LoadAligned(_b + (k * stride) + c) - after;
                for (var j = 0; j < width; j++) sum = Fma(w[j], Vector512.LoadAligned(gT + (j * stride) + c), sum);
                sum.StoreAligned(gap + c);
            }
        }
    }

    /// <summary>H w + g.</summary>
    private void GradientAt()
    {
        int stride = Stride, width = Width;
        for (var k = 0; k <= Stages; k++)
        {
            double* w = _w + (k * stride), h = _h + (k * width * stride), at = _gradAt + (k * stride);
            for (var c = 0; c < stride; c += 8)
            {
                var sum = Vector512.LoadAligned(_grad + (k * stride) + c);
                for (var j = 0; j < width; j++) sum = Fma(w[j], Vector512.LoadAligned(h + (j * stride) + c), sum);
                sum.StoreAligned(at + c);
            }
        }
    }

    /// <summary>The cost with the barrier's curvature and slope.</summary>
    private bool Assemble()
    {
        GradientAt();
        int stride = Stride, m = Inputs, hard = _hardOf.Length, soft = _softOf.Length, block = Width * stride;
        Copy(_h, _hEff, (Stages + 1) * block);
        for (var k = 0; k < Stages; k++)
        {
            double* h = _hEff + (k * block), curvature = Hard.Curvature + (k * hard);
            for (var j = 0; j < hard; j++)
            {
                var (input, minus) = _hardOf[j];
                var c = curvature[j];
                h[(input * stride) + input] += c;
                if (minus < 0) continue;
                h[(input * stride) + m + minus] -= c;
                h[((m + minus) * stride) + input] -= c;
                h[((m + minus) * stride) + m + minus] += c;
            }
            h += block;
            curvature = Soft.Curvature + (k * soft);
            for (var j = 0; j < soft; j++) h[((m + _softOf[j]) * stride) + m + _softOf[j]] += curvature[j];
        }
        AssembleGradient();
        return true;
    }

    private void AssembleGradient()
    {
        int stride = Stride, m = Inputs, hard = _hardOf.Length, soft = _softOf.Length;
        Copy(_gradAt, _gradEff, (Stages + 1) * stride);
        for (var k = 0; k < Stages; k++)
        {
            double* g = _gradEff + (k * stride), slope = Hard.Slope + (k * hard);
            for (var j = 0; j < hard; j++)
            {
                var (input, minus) = _hardOf[j];
                g[input] += slope[j];
                if (minus >= 0) g[m + minus] -= slope[j];
            }
            g += stride;
            slope = Soft.Slope + (k * soft);
            for (var j = 0; j < soft; j++) g[m + _softOf[j]] += slope[j];
        }
    }

    private void Advance(double alpha)
    {
        var step = Vector512.Create(alpha);
        for (var i = 0; i < (Stages + 1) * Stride; i += 8)
        {
            var w = Vector512.LoadAligned(_w + i);
            Vector512.FusedMultiplyAdd(step, Vector512.LoadAligned(_dw + i), w).StoreAligned(_w + i);
        }
        var rest = Vector512.Create(1.0 - alpha);
        for (var i = 0; i < Stages * Stride; i += 8) (rest * Vector512.LoadAligned(_gap + i)).StoreAligned(_gap + i);
    }

    private bool Finite()
    {
        for (var i = 0; i < (Stages + 1) * Stride; i++)
        {
            if (!double.IsFinite(_w[i])) return false;
        }
        return true;
    }
}
