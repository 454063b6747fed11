namespace Athanor.Compute.Control.Qp;

/// <summary>
/// A quadratic program over stages,
/// <code>
/// min Σ_k ½ w_k' H_k w_k + g_k' w_k,  w_k = (u_k, z_k), k = 0 … N - 1, and w_N = z_N
/// z_{k+1} = A_k z_k + B_k u_k + b_k,  z_0 given
/// lower ≤ u_i ≤ upper or lower ≤ u_i - z_j ≤ upper        (hard: bounds, and rates where z_j is the previous move)
/// lower - ε ≤ z_{k+1,i} ≤ upper + ε', ε ≥ 0               (soft: at the price l ε + ½ q ε²)
/// </code>
/// solved by a primal-dual interior point with Mehrotra's predictor and corrector (SIAM J. Optim. 2 (1992) 575), whose linear systems are
/// solved stage by stage by a Riccati recursion (Rao, Wright and Rawlings, J. Optim. Theory Appl. 99 (1998) 723; HPIPM: Frison and Diehl,
/// IFAC 2020), linear in N. The slacks ε are eliminated one by one.
/// </summary>
/// <remarks>
/// Rows of a stage's matrices are vectors over (u, z): with up to eight of both a row is one register, and a stage costs about n (2 n + m)
/// fused multiply-adds on registers. Everything is preallocated; a solve allocates nothing. The order of operations is fixed: equal input
/// gives equal bits on every machine. Not safe for use by two threads at once.
/// <para>Each Newton system is written for the step, with the gradient at the iterate: as the iterate converges the step goes to 0
/// whatever the rounding errors of the recursion, which near active rate bounds are large (curvatures λ / s cancel in it).</para>
/// </remarks>
internal sealed unsafe partial class StageQp
{
    private readonly AlignedBlock _block;
    private readonly HardQuantity[] _hardOf;
    private readonly int[] _softOf;
    private readonly int _chunks;

    // Matrices by stage: dynamics rows and columns, offsets, cost rows, gradients.
    private readonly double* _g, _gT, _b, _h, _grad;

    // Iteration: cost with barrier terms, gains, pivots, feed-forward, P b, work.
    private readonly double* _hEff, _gradEff, _gains, _pivots, _feed, _pb, _p0, _p1, _m, _row, _masks, _keep, _gap, _gradAt, _costates;

    // The iterate and the step.
    private readonly double* _w, _dw;

    public StageQp(int stages, int states, int inputs, HardQuantity[] hard, int[] soft)
    {
        Stages = stages;
        States = states;
        Inputs = inputs;
        Width = inputs + states;
        Stride = AlignedBlock.RoundUp(Width);
        _chunks = Stride / 8;
        _hardOf = hard;
        _softOf = soft;
        int nodes = stages + 1, row = Stride;
        int entriesHard = stages * hard.Length, entriesSoft = stages * soft.Length;
        _block = new AlignedBlock(
            (nodes * row * ((2 * states) + (4 * Width) + inputs + 11)) + (row * (4 * Width)) + (16 * nodes * (Width + 8)) +
            BarrierBlock.Size(entriesHard) + BarrierBlock.Size(entriesSoft) + 1024);
        _g = _block.Take(stages * states * row);
        _gT = _block.Take(stages * Width * row);
        _b = _block.Take(stages * row);
        _h = _block.Take(nodes * Width * row);
        _grad = _block.Take(nodes * row);
        _hEff = _block.Take(nodes * Width * row);
        _gradEff = _block.Take(nodes * row);
        _gains = _block.Take(stages * inputs * row);
        _pivots = _block.Take(stages * inputs);
        _feed = _block.Take(stages * inputs);
        _pb = _block.Take(stages * row);
        _p0 = _block.Take(Width * row);
        _p1 = _block.Take(Width * row);
        _m = _block.Take(states * row);
        _row = _block.Take(row);
        _masks = _block.Take(inputs * row);
        _w = _block.Take(nodes * row);
        _dw = _block.Take(nodes * row);
        _gap = _block.Take(stages * row);
        _gradAt = _block.Take(nodes * row);
        _costates = _block.Take(nodes * states);
        _keep = _block.Take(row);
        for (var i = inputs; i < Width; i++) _keep[i] = 1.0;
        for (var i = 0; i < inputs; i++)
        {
            for (var c = i + 1; c < Width; c++) _masks[(i * row) + c] = 1.0;
        }
        Hard = new BarrierBlock(_block, entriesHard, soft: false);
        Soft = new BarrierBlock(_block, entriesSoft, soft: true);
    }

    /// <summary>N.</summary>
    public int Stages { get; }

    public int States { get; }

    public int Inputs { get; }

    public int Width { get; }

    /// <summary>Numbers from one row to the next.</summary>
    public int Stride { get; }

    /// <summary>Entry [k * hard + j]: quantity j at stage k.</summary>
    public BarrierBlock Hard { get; }

    /// <summary>Entry [k * soft + j]: state j at stage k + 1.</summary>
    public BarrierBlock Soft { get; }

    public int HardCount => _hardOf.Length;

    public int SoftCount => _softOf.Length;

    /// <summary>Riccati recursions since the last <see cref="Solve"/> began.</summary>
    public int Iterations { get; private set; }

    /// <summary>Mean complementarity at the last iterate.</summary>
    public double Complementarity { get; private set; }

    /// <summary>Row i of (B_k, A_k): length <see cref="Width"/>, inputs first.</summary>
    public Span<double> Dynamics(int stage, int row) => new(_g + (((stage * States) + row) * Stride), Width);

    /// <summary>b_k, length n.</summary>
    public Span<double> Offset(int stage) => new(_b + (stage * Stride) + Inputs, States);

    /// <summary>Row r of H_k.</summary>
    public Span<double> Cost(int stage, int row) => new(_h + (((stage * Width) + row) * Stride), Width);

    public Span<double> Gradient(int stage) => new(_grad + (stage * Stride), Width);

    /// <summary>(u_k, z_k) of the iterate; before a cold solve: the guess.</summary>
    public Span<double> Point(int stage) => new(_w + (stage * Stride), Width);

    /// <summary>Gain row i of the last factorisation: u_i = -(K (u_{i+1} …, z) + feed-forward); with barrier terms of the
    /// iterate.</summary>
    public ReadOnlySpan<double> Gain(int stage, int input) => new(_gains + (((stage * Inputs) + input) * Stride), Width);

    /// <summary>To be called when the rows of <see cref="Dynamics"/> were written.</summary>
    public void DynamicsWritten()
    {
        for (var k = 0; k < Stages; k++)
        {
            double* from = _g + (k * States * Stride), to = _gT + (k * Width * Stride);
            for (var i = 0; i < States; i++)
            {
                for (var c = 0; c < Width; c++) to[(c * Stride) + Inputs + i] = from[(i * Stride) + c];
            }
        }
    }
}

/// <summary>A hard-bounded quantity of a stage: an input, or an input less a state.</summary>
/// <param name="Minus">The state; -1: none.</param>
internal readonly record struct HardQuantity(int Input, int Minus = -1);
