using Athanor.Compute.Kinetics.Generation;

namespace Athanor.Compute.SteadyStates;

/// <summary>
/// The equations of a text, run in intervals: the same tape that the interpreter runs and the emitter compiles, with every operation
/// rounded outwards. So a search for steady states of reactions typed in by a user can be proven complete too.
/// Guarded powers and roots (0 for a negative base) are enclosed as they are. Where a choice (a &lt; 0 ? b : c) is undecided over a box the
/// value is the hull of both sides, and the Jacobian the whole line: f may jump there, so that no single zero can be proven, only that
/// there is none.
/// </summary>
internal sealed class TapeIntervals(RateProgram program) : IIntervalModel
{
    /// <summary>The equations of a program for intervals; null if it reads tables, whose shape between their points is not
    /// enclosed.</summary>
    public static TapeIntervals? Of(RateProgram program) =>
        Array.Exists(program.Values.Instructions, static i => i.Code is TapeCode.Table or TapeCode.TableSlope)
            ? null
            : new TapeIntervals(program);

    public void Rhs(ReadOnlySpan<Interval> x, ReadOnlySpan<double> parameters, Span<Interval> f)
    {
        var registers = Run(program.Values, x, parameters, out _);
        for (var i = 0; i < f.Length; i++) f[i] = registers[program.Values.Outputs[i]];
    }

    public void Jacobian(ReadOnlySpan<Interval> x, ReadOnlySpan<double> parameters, Span<Interval> jacobian)
    {
        Run(program.Values, x, parameters, out var decided);
        if (!decided)
        {
            jacobian.Fill(Interval.Whole);
            return;
        }
        jacobian.Fill(0.0);
        var registers = Run(program.StateDerivatives, x, parameters, out _);
        for (var k = 0; k < program.Entries.Length; k++)
        {
            var (row, state) = program.Entries[k];
            jacobian[(row * x.Length) + state] = registers[program.StateDerivatives.Outputs[k]];
        }
    }

    private static Interval[] Run(Tape tape, ReadOnlySpan<Interval> x, ReadOnlySpan<double> parameters, out bool decided)
    {
        var registers = new Interval[tape.Instructions.Length];
        decided = true;
        for (var r = 0; r < registers.Length; r++)
        {
            ref readonly var i = ref tape.Instructions[r];
            var a = i.A >= 0 ? registers[i.A] : 0.0;
            var b = i.B >= 0 ? registers[i.B] : 0.0;
            var c = i.C >= 0 ? registers[i.C] : 0.0;
            if (i.Code == TapeCode.Select) decided &= a.High < 0.0 || a.Low >= 0.0;
            registers[r] = i.Code switch
            {
                TapeCode.Constant => i.Value,
                TapeCode.State => x[i.Index],
                TapeCode.Parameter => parameters[i.Index],
                TapeCode.Add => a + b,
                TapeCode.Subtract => a - b,
                TapeCode.Multiply => Times(i, a, b),
                TapeCode.Divide => a / b,
                TapeCode.Reciprocal => (Interval)1.0 / a,
                TapeCode.Negate => -a,
                TapeCode.MultiplyAdd => Times(i, a, b) + c,
                TapeCode.MultiplySubtract => Times(i, a, b) - c,
                TapeCode.NegatedMultiplyAdd => c - Times(i, a, b),
                TapeCode.Exp => Interval.Exp(a),
                TapeCode.Log => Interval.Log(a),
                TapeCode.Tanh => Interval.Tanh(a),
                TapeCode.Root => Interval.Root(a),
                TapeCode.GuardedPower => GuardedPower(a, i.Value),
                TapeCode.Power => Power(a, b),
                TapeCode.PowerQuotient => PowerQuotient(b, c),
                TapeCode.Select => a.High < 0.0 ? b : a.Low >= 0.0 ? c : Hull(b, c),
                // Time: a steady state holds at all times, and a field that depends on it is refused before.
                _ => Interval.Whole,
            };
        }
        return registers;
    }

    private static Interval Times(in TapeInstruction i, Interval a, Interval b) => i.A == i.B ? Interval.Square(a) : a * b;

    private static Interval Hull(Interval a, Interval b) => new(Math.Min(a.Low, b.Low), Math.Max(a.High, b.High));

    /// <summary>a^n / a for a above zero; 0 below; every slope there is where a may be zero.</summary>
    private static Interval PowerQuotient(Interval a, Interval n)
    {
        if (a.High < 0.0) return 0.0;
        var less = n - 1.0;
        if (a.Low > 0.0) return Interval.Exp(less * Interval.Log(a));
        return a.High > 0.0 && n.Low >= 1.0
            ? new Interval(0.0, Interval.Exp(less * Interval.Log(a.High)).High)
            : new Interval(0.0, double.PositiveInfinity);
    }

    /// <summary>a^n for a above zero, else 0; monotone where a is positive.</summary>
    private static Interval GuardedPower(Interval a, double n)
    {
        if (a.High <= 0.0) return 0.0;
        if (a.Low > 0.0) return Interval.Exp((Interval)n * Interval.Log(a));
        return n > 0.0
            ? new Interval(0.0, Interval.Exp((Interval)n * Interval.Log(a.High)).High)
            : new Interval(0.0, double.PositiveInfinity);
    }

    /// <summary>a^b: 0 for a ≤ 0 and b above zero.</summary>
    private static Interval Power(Interval a, Interval b)
    {
        if (a.Low > 0.0) return Interval.Exp(b * Interval.Log(a));
        if (!(b.Low > 0.0)) return Interval.Whole;
        return a.High <= 0.0 ? 0.0 : new Interval(0.0, Interval.Exp(b * Interval.Log(a.High)).High);
    }
}
