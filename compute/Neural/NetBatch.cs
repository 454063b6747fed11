using System.Numerics;

namespace Athanor.Compute.Neural;

/// <summary>
/// Many rows, many networks of one shape, or both, on the threads of a team: an ensemble or a population in one call, each member with its
/// own parameters. The bits are those of <see cref="DenseNet{T}.Forward"/> and <see cref="DenseNet{T}.Vjp"/> member by member. Holds
/// scratch for each thread: one caller at a time.
/// </summary>
public sealed unsafe class NetBatch<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Rows of a piece of work: small enough to share out, large enough not to notice.</summary>
    private const int PieceRows = 8 * NetLayout.Block;

    private readonly DenseNet<T> _net;
    private readonly ComputeTeam? _team;
    private readonly NetTape<T>[] _tapes;

    /// <param name="team">Threads; none for the caller's alone.</param>
    public NetBatch(DenseNet<T> net, ComputeTeam? team = null)
    {
        (_net, _team) = (net, team);
        _tapes = new NetTape<T>[team?.Threads ?? 1];
        for (var i = 0; i < _tapes.Length; i++) _tapes[i] = net.NewTape(NetLayout.Block);
    }

    /// <summary>y = f(x) row by row of one network.</summary>
    /// <param name="x">[rows, inputs].</param>
    /// <param name="y">[rows, outputs]; written.</param>
    public void Forward(ReadOnlySpan<T> p, ReadOnlySpan<T> x, int rows, Span<T> y) => Forward(p, 1, x, rows, y);

    /// <summary>The outputs of each member.</summary>
    /// <param name="p">[nets, parameters].</param>
    /// <param name="x">[nets, rows, inputs], or [rows, inputs] for all.</param>
    /// <param name="rows">Of each member.</param>
    /// <param name="y">[nets, rows, outputs]; written.</param>
    public void Forward(ReadOnlySpan<T> p, int nets, ReadOnlySpan<T> x, int rows, Span<T> y)
    {
        Check(p, nets, x, rows, y.Length, "y");
        var pieces = (rows + PieceRows - 1) / PieceRows;
        var own = nets == 1 || x.Length != (long)rows * _net.Inputs;
        var layout = _net.Layout;
        fixed (T* parameters = p, from = x, to = y)
        {
            T* parameters0 = parameters, from0 = from, to0 = to;
            Run(nets * pieces, (index, worker) =>
            {
                var (member, piece) = (index / pieces, index % pieces);
                var tape = _tapes[worker];
                var inputs = from0 + (own ? (nint)member * rows * layout.Inputs : 0);
                var outputs = to0 + ((nint)member * rows * layout.Outputs);
                var end = Math.Min(rows, (piece + 1) * PieceRows);
                for (var row = piece * PieceRows; row < end; row += NetLayout.Block)
                {
                    var (width, count) = (BlockRows<T>.Width(end, row), Math.Min(end - row, NetLayout.Block));
                    BlockRows<T>.Load(inputs + ((nint)row * layout.Inputs), layout.Inputs, count, layout.Inputs, tape.Stored, width);
                    NetKernels<T>.Forward(
                        layout, parameters0 + ((nint)member * layout.ParameterCount), tape.Stored, null, tape.Output, width);
                    BlockRows<T>.Store(
                        tape.Output, width, count, layout.Outputs, outputs + ((nint)row * layout.Outputs), layout.Outputs);
                }
            });
        }
    }

    /// <summary>The sum of (f(x) - target)² over rows and outputs of each member, and its gradient.</summary>
    /// <param name="p">[nets, parameters].</param>
    /// <param name="x">[nets, rows, inputs], or [rows, inputs] for all.</param>
    /// <param name="targets">[nets, rows, outputs].</param>
    /// <param name="gp">[nets, parameters]; added to.</param>
    /// <param name="losses">[nets]; written.</param>
    public void Fit(
        ReadOnlySpan<T> p, int nets, ReadOnlySpan<T> x, int rows, ReadOnlySpan<T> targets, Span<T> gp, Span<double> losses)
    {
        Check(p, nets, x, rows, targets.Length, "targets");
        if (gp.Length != p.Length) throw new ArgumentException($"gp has {gp.Length} elements where {p.Length} would be right", nameof(gp));
        if (losses.Length != nets) throw new ArgumentException($"losses has {losses.Length} elements where {nets} would be right");
        var own = nets == 1 || x.Length != (long)rows * _net.Inputs;
        var layout = _net.Layout;
        fixed (T* parameters = p, from = x, target = targets, gradient = gp)
        fixed (double* loss = losses)
        {
            T* parameters0 = parameters, from0 = from, target0 = target, gradient0 = gradient;
            var loss0 = loss;
            Run(nets, (member, worker) =>
            {
                var tape = _tapes[worker];
                var inputs = from0 + (own ? (nint)member * rows * layout.Inputs : 0);
                var outputs = target0 + ((nint)member * rows * layout.Outputs);
                var parameters1 = parameters0 + ((nint)member * layout.ParameterCount);
                tape.ClearSums();
                var sum = 0.0;
                for (var row = 0; row < rows; row += NetLayout.Block)
                {
                    var (width, count) = (BlockRows<T>.Width(rows, row), Math.Min(rows - row, NetLayout.Block));
                    BlockRows<T>.Load(inputs + ((nint)row * layout.Inputs), layout.Inputs, count, layout.Inputs, tape.Stored, width);
                    NetKernels<T>.Forward(layout, parameters1, tape.Stored, tape.Slopes, tape.Output, width);
                    var rowTargets = outputs + ((nint)row * layout.Outputs);
                    BlockRows<T>.Load(rowTargets, layout.Outputs, count, layout.Outputs, tape.OutputDirection, width);
                    for (var o = 0; o < layout.Outputs; o++)
                    {
                        T* y = tape.Output + ((nint)o * width), t = tape.OutputDirection + ((nint)o * width);
                        for (var r = 0; r < width; r++)
                        {
                            var difference = r < count ? y[r] - t[r] : T.Zero;
                            sum += double.CreateTruncating(difference) * double.CreateTruncating(difference);
                            y[r] = difference + difference;
                        }
                    }
                    NetKernels<T>.Backward(
                        layout, parameters1, tape.Stored, tape.Slopes, tape.Output, null, tape.Sums, tape.Sums, width, count, tape.Scratch);
                }
                NetKernels<T>.AddSums(layout, tape.Sums, gradient0 + ((nint)member * layout.ParameterCount));
                loss0[member] = sum;
            });
        }
    }

    private void Run(int pieces, Action<int, int> piece)
    {
        if (_team is not null)
        {
            _team.Run(pieces, piece);
            return;
        }
        for (var i = 0; i < pieces; i++) piece(i, 0);
    }

    private void Check(ReadOnlySpan<T> p, int nets, ReadOnlySpan<T> x, int rows, int outputs, string name)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(nets);
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        if (p.Length != (long)nets * _net.ParameterCount)
            throw new ArgumentException($"p has {p.Length} elements where {nets} x {_net.ParameterCount} would be right", nameof(p));
        var one = (long)rows * _net.Inputs;
        if (x.Length != one && x.Length != nets * one)
            throw new ArgumentException($"x has {x.Length} elements where {one} or {nets} x {one} would be right", nameof(x));
        var expected = (long)nets * rows * _net.Outputs;
        if (outputs != expected) throw new ArgumentException($"{name} has {outputs} elements where {expected} would be right", name);
    }
}
