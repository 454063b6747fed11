using System.Numerics;

namespace Athanor.Compute.Neural;

/// <summary>
/// Many neural fields of one shape, each with its own parameters, on the threads of a team: an ensemble or a population in one call. The
/// bits are those of <see cref="NeuralField{T}"/> member by member. Holds scratch for each thread: one caller at a time.
/// </summary>
public sealed unsafe class FieldBatch<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly NeuralField<T> _field;
    private readonly ComputeTeam? _team;
    private readonly FieldTape<T>[] _tapes;

    /// <param name="maxRows">Most trajectories of a member.</param>
    /// <param name="team">Threads; none for the caller's alone. Each takes whole members.</param>
    public FieldBatch(NeuralField<T> field, int maxRows, int maxSteps, ComputeTeam? team = null)
    {
        (_field, _team) = (field, team);
        _tapes = new FieldTape<T>[team?.Threads ?? 1];
        for (var i = 0; i < _tapes.Length; i++) _tapes[i] = field.NewFitTape(maxRows, maxSteps);
    }

    /// <summary>Trajectories of each member.</summary>
    /// <param name="p">[nets, parameters].</param>
    /// <param name="y0">[nets, rows, states], or [rows, states] for all.</param>
    /// <param name="controls">[nets, rows, steps, controls], or [rows, steps, controls] for all.</param>
    /// <param name="stepLengths">[steps], for all.</param>
    /// <param name="trajectories">[nets, rows, steps + 1, states]; written.</param>
    public void Solve(
        ReadOnlySpan<T> p, int nets, ReadOnlySpan<T> y0, ReadOnlySpan<T> controls, ReadOnlySpan<T> stepLengths, int rows,
        Span<T> trajectories)
    {
        var sizes = Check(p, nets, y0, controls, stepLengths, rows, trajectories.Length, "trajectories");
        fixed (T* parameters = p, initial = y0, u = controls, lengths = stepLengths, to = trajectories)
        {
            T* p0 = parameters, y00 = initial, u0 = u, h0 = lengths, to0 = to;
            Run(nets, (member, worker) => _field.Solve(
                sizes.Parameters.Of(p0, member), sizes.Initial.Of(y00, member), sizes.Controls.Of(u0, member), sizes.Steps.Of(h0, member),
                rows, sizes.Trajectories.Writable(to0, member), _tapes[worker]));
        }
    }

    /// <summary>The weighted sum of squares of each member and its gradient (<see cref="NeuralField{T}.Fit"/>).</summary>
    /// <param name="p">[nets, parameters].</param>
    /// <param name="y0">[nets, rows, states], or [rows, states] for all.</param>
    /// <param name="controls">[nets, rows, steps, controls], or [rows, steps, controls] for all.</param>
    /// <param name="stepLengths">[steps], for all.</param>
    /// <param name="targets">[nets, rows, steps + 1, states], or [rows, steps + 1, states] for all.</param>
    /// <param name="weights">[steps + 1, states], for all; empty for 1.</param>
    /// <param name="gp">[nets, parameters]; added to.</param>
    /// <param name="losses">[nets]; written.</param>
    public void Fit(
        ReadOnlySpan<T> p, int nets, ReadOnlySpan<T> y0, ReadOnlySpan<T> controls, ReadOnlySpan<T> stepLengths, int rows,
        ReadOnlySpan<T> targets, ReadOnlySpan<T> weights, Span<T> gp, Span<double> losses)
    {
        var sizes = Check(p, nets, y0, controls, stepLengths, rows, targets.Length, "targets", shared: true);
        if (gp.Length != p.Length) throw new ArgumentException($"gp has {gp.Length} elements where {p.Length} would be right", nameof(gp));
        if (losses.Length != nets)
            throw new ArgumentException($"losses has {losses.Length} elements where {nets} would be right", nameof(losses));
        var weightSize = new Part(weights.Length, 0);
        fixed (T* parameters = p, initial = y0, u = controls, lengths = stepLengths, target = targets, weight = weights, gradient = gp)
        fixed (double* loss = losses)
        {
            T* p0 = parameters, y00 = initial, u0 = u, h0 = lengths, target0 = target, weight0 = weight, gradient0 = gradient;
            var loss0 = loss;
            Run(nets, (member, worker) => loss0[member] = _field.Fit(
                sizes.Parameters.Of(p0, member), sizes.Initial.Of(y00, member), sizes.Controls.Of(u0, member), sizes.Steps.Of(h0, member),
                rows, sizes.Trajectories.Of(target0, member), weightSize.Of(weight0, member), sizes.Parameters.Writable(gradient0, member),
                [], [], _tapes[worker]));
        }
    }

    /// <summary>A member's part of an array: its length, and the way from one member to the next (0 where all share it).</summary>
    private readonly record struct Part(int Length, int Stride)
    {
        public ReadOnlySpan<T> Of(T* from, int member) => new(from + ((nint)member * Stride), Length);

        public Span<T> Writable(T* from, int member) => new(from + ((nint)member * Stride), Length);
    }

    private readonly record struct Parts(Part Parameters, Part Initial, Part Controls, Part Steps, Part Trajectories);

    private void Run(int nets, Action<int, int> member)
    {
        if (_team is not null)
        {
            _team.Run(nets, member);
            return;
        }
        for (var i = 0; i < nets; i++) member(i, 0);
    }

    private Parts Check(
        ReadOnlySpan<T> p, int nets, ReadOnlySpan<T> y0, ReadOnlySpan<T> controls, ReadOnlySpan<T> stepLengths, int rows, int trajectories,
        string name, bool shared = false)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(nets);
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        var steps = stepLengths.Length;
        return new Parts(
            Take(p.Length, _field.Net.ParameterCount, "p", maybeShared: false), Take(y0.Length, rows * _field.States, "y0"),
            Take(controls.Length, rows * steps * _field.Controls, "controls"), new Part(steps, 0),
            Take(trajectories, rows * (steps + 1) * _field.States, name, shared));

        Part Take(int length, int each, string what, bool maybeShared = true)
        {
            if (length == (long)nets * each) return new Part(each, each);
            if (maybeShared && length == each) return new Part(each, 0);
            throw new ArgumentException($"{what} has {length} elements where {nets} x {each} would be right", what);
        }
    }
}
