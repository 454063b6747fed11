using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Athanor.Compute.Control;
using Athanor.Compute.Plants;

namespace Athanor.Bench.Control;

/// <summary>The controllers' own problem (scaled, with rates and soft bounds) solved to convergence by Ipopt through its C interface, with
/// the same plant model and exact first derivatives; Gauss-Newton curvature, exact for the cost.</summary>
internal sealed unsafe class Ipopt
{
    private const string Library = "libipopt.so.1";

    private readonly ShootingProblem _problem;
    private readonly PlantModel _model;
    private readonly int _n, _m, _soft, _stages, _each, _rows;
    private readonly double[] _point, _next, _a, _b, _inputs;

    public Ipopt(PlantModel model, ShootingProblem problem)
    {
        (_model, _problem) = (model, problem);
        (_n, _m, _soft, _stages) = (problem.States, problem.Inputs, problem.Bounded.Length, problem.Stages);
        // Variables of a stage: inputs, the state at its end, a slack a bound. Rows: dynamics, rates, soft upper bounds.
        _each = _m + _n + _soft;
        _rows = _n + _m + _soft;
        _point = new double[_stages * _each];
        (_next, _a, _b, _inputs) = (new double[_n], new double[_n * _n], new double[_n * problem.AllInputs], new double[problem.AllInputs]);
    }

    public static bool IsThere => NativeLibrary.TryLoad(Library, out _);

    /// <summary>The first inputs of the optimum; starts from the earlier optimum, shifted.</summary>
    public double[] Solve()
    {
        int count = _stages * _each, rows = _stages * _rows;
        double[] low = new double[count], high = new double[count], gLow = new double[rows], gHigh = new double[rows];
        Array.Fill(low, -1e19);
        Array.Fill(high, 1e19);
        for (var k = 0; k < _stages; k++)
        {
            for (var i = 0; i < _m; i++)
            {
                low[(k * _each) + i] = (_problem.LowAt(k, i) - _problem.InputOrigin[i]) / _problem.InputScale[i];
                high[(k * _each) + i] = (_problem.HighAt(k, i) - _problem.InputOrigin[i]) / _problem.InputScale[i];
                gLow[(k * _rows) + _n + i] = -_problem.Rates[i] / _problem.InputScale[i];
                gHigh[(k * _rows) + _n + i] = _problem.Rates[i] / _problem.InputScale[i];
            }
            for (var j = 0; j < _soft; j++)
            {
                low[(k * _each) + _m + _n + j] = 0.0;
                gLow[(k * _rows) + _n + _m + j] = -1e19;
                var state = _problem.Bounded[j];
                gHigh[(k * _rows) + _n + _m + j] =
                    (_problem.BoundHigh[(k * _soft) + j] - _problem.StateOrigin[state]) / _problem.StateScale[state];
            }
        }
        var handle = GCHandle.Alloc(this);
        void* problem;
        fixed (double* l = low, h = high, gl = gLow, gh = gHigh)
        {
            problem = CreateIpoptProblem(
                count, l, h, rows, gl, gh, Elements(), count + ((_stages - 1) * _m), 0, &F, &G, &Gradient, &Jacobian, &Hessian);
        }
        try
        {
            Number(problem, "tol", 1e-8);
            AddIpoptIntOption(problem, "print_level", 0);
            AddIpoptStrOption(problem, "sb", "yes");
            AddIpoptStrOption(problem, "hessian_constant", "yes");
            double cost;
            fixed (double* x = _point) IpoptSolve(problem, x, null, &cost, null, null, null, (void*)GCHandle.ToIntPtr(handle));
        }
        finally
        {
            FreeIpoptProblem(problem);
            handle.Free();
        }
        var move = new double[_m];
        for (var i = 0; i < _m; i++) move[i] = _problem.InputOrigin[i] + (_problem.InputScale[i] * _point[i]);
        return move;
    }

    /// <summary>The plan one interval later, in the scaled variables of a new origin.</summary>
    public void Shift(double[] originX, double[] originU)
    {
        _point.AsSpan(_each).CopyTo(_point);
        for (var k = 0; k < _stages; k++)
        {
            for (var i = 0; i < _m; i++) _point[(k * _each) + i] += (originU[i] - _problem.InputOrigin[i]) / _problem.InputScale[i];
            for (var i = 0; i < _n; i++) _point[(k * _each) + _m + i] += (originX[i] - _problem.StateOrigin[i]) / _problem.StateScale[i];
        }
    }

    public void Cold() => Array.Clear(_point);

    private int Elements() => (_stages * ((_n * (_n + _m + 1)) + (2 * _m) + (2 * _soft))) - (_n * _n) - _m;

    private void State(double* x, int k, Span<double> state)
    {
        for (var i = 0; i < _n; i++)
            state[i] = k == 0 ? _problem.Start[i] : _problem.StateOrigin[i] + (_problem.StateScale[i] * x[((k - 1) * _each) + _m + i]);
        _problem.Held.CopyTo(_inputs, 0);
        for (var i = 0; i < _m; i++) _inputs[_problem.Moved[i]] = _problem.InputOrigin[i] + (_problem.InputScale[i] * x[(k * _each) + i]);
    }

    private double Held(int i) => (_problem.Held[_problem.Moved[i]] - _problem.InputOrigin[i]) / _problem.InputScale[i];

    private static Ipopt From(void* user) => (Ipopt)GCHandle.FromIntPtr((nint)user).Target!;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int F(int count, double* x, int fresh, double* value, void* user)
    {
        var o = From(user);
        var sum = 0.0;
        for (var k = 0; k < o._stages; k++)
        {
            var at = x + (k * o._each);
            for (var i = 0; i < o._m; i++)
            {
                var step = at[i] - (k == 0 ? o.Held(i) : at[i - o._each]);
                sum += (o._problem.InputWeight[i] * at[i] * at[i]) + (o._problem.MoveWeight[i] * step * step);
            }
            for (var i = 0; i < o._n; i++)
                sum += (k == o._stages - 1 ? o._problem.TerminalWeight[i] : o._problem.StateWeight[i]) * at[o._m + i] * at[o._m + i];
            for (var j = 0; j < o._soft; j++)
            {
                var e = at[o._m + o._n + j];
                sum += (o._problem.Linear[j] * e) + (0.5 * o._problem.Quadratic[j] * e * e);
            }
        }
        *value = sum;
        return 1;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Gradient(int count, double* x, int fresh, double* g, void* user)
    {
        var o = From(user);
        for (var k = 0; k < o._stages; k++)
        {
            double* at = x + (k * o._each), to = g + (k * o._each);
            for (var i = 0; i < o._m; i++)
            {
                var step = at[i] - (k == 0 ? o.Held(i) : at[i - o._each]);
                to[i] = (2.0 * o._problem.InputWeight[i] * at[i]) + (2.0 * o._problem.MoveWeight[i] * step);
                if (k < o._stages - 1) to[i] -= 2.0 * o._problem.MoveWeight[i] * (at[i + o._each] - at[i]);
            }
            for (var i = 0; i < o._n; i++)
                to[o._m + i] = 2.0 * (k == o._stages - 1 ? o._problem.TerminalWeight[i] : o._problem.StateWeight[i]) * at[o._m + i];
            for (var j = 0; j < o._soft; j++) to[o._m + o._n + j] = o._problem.Linear[j] + (o._problem.Quadratic[j] * at[o._m + o._n + j]);
        }
        return 1;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int G(int count, double* x, int fresh, int rows, double* g, void* user)
    {
        var o = From(user);
        var state = new double[o._n];
        for (var k = 0; k < o._stages; k++)
        {
            double* at = x + (k * o._each), to = g + (k * o._rows);
            o.State(x, k, state);
            o._model.Advance(state, o._inputs, o._problem.Parameters, o._problem.IntervalS[k], o._next);
            for (var i = 0; i < o._n; i++)
                to[i] = ((o._next[i] + o._problem.Disturbance[i] - o._problem.StateOrigin[i]) / o._problem.StateScale[i]) - at[o._m + i];
            for (var i = 0; i < o._m; i++) to[o._n + i] = at[i] - (k == 0 ? o.Held(i) : at[i - o._each]);
            for (var j = 0; j < o._soft; j++) to[o._n + o._m + j] = at[o._m + o._problem.Bounded[j]] - at[o._m + o._n + j];
        }
        return 1;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Jacobian(int count, double* x, int fresh, int rows, int elements, int* row, int* column, double* values, void* user)
    {
        var o = From(user);
        var state = new double[o._n];
        var e = 0;
        for (var k = 0; k < o._stages; k++)
        {
            if (values is not null)
            {
                o.State(x, k, state);
                o._model.Linearise(state, o._inputs, o._problem.Parameters, o._problem.IntervalS[k], o._next, o._a, o._b, default);
            }
            int first = k * o._rows, at = k * o._each;
            for (var i = 0; i < o._n; i++)
            {
                var scale = o._problem.StateScale[i];
                for (var j = 0; j < o._m; j++)
                    Put(first + i, at + j, o._b[(i * o._problem.AllInputs) + o._problem.Moved[j]] * o._problem.InputScale[j] / scale);
                Put(first + i, at + o._m + i, -1.0);
                for (var j = 0; j < o._n && k > 0; j++)
                    Put(first + i, at - o._each + o._m + j, o._a[(i * o._n) + j] * o._problem.StateScale[j] / scale);
            }
            for (var i = 0; i < o._m; i++)
            {
                Put(first + o._n + i, at + i, 1.0);
                if (k > 0) Put(first + o._n + i, at - o._each + i, -1.0);
            }
            for (var j = 0; j < o._soft; j++)
            {
                Put(first + o._n + o._m + j, at + o._m + o._problem.Bounded[j], 1.0);
                Put(first + o._n + o._m + j, at + o._m + o._n + j, -1.0);
            }
        }
        return 1;

        void Put(int r, int c, double value)
        {
            if (values is not null) values[e++] = value;
            else (row[e], column[e++]) = (r, c);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Hessian(
        int count, double* x, int fresh, double factor, int rows, double* lambda, int freshLambda, int elements, int* row, int* column,
        double* values, void* user)
    {
        var o = From(user);
        var e = 0;
        for (var k = 0; k < o._stages; k++)
        {
            var at = k * o._each;
            for (var i = 0; i < o._m; i++)
            {
                var moves = o._problem.MoveWeight[i] * (k < o._stages - 1 ? 2.0 : 1.0);
                Put(at + i, at + i, 2.0 * (o._problem.InputWeight[i] + moves));
                if (k > 0) Put(at + i, at + i - o._each, -2.0 * o._problem.MoveWeight[i]);
            }
            for (var i = 0; i < o._n; i++)
                Put(at + o._m + i, at + o._m + i, 2.0 * (k == o._stages - 1 ? o._problem.TerminalWeight[i] : o._problem.StateWeight[i]));
            for (var j = 0; j < o._soft; j++) Put(at + o._m + o._n + j, at + o._m + o._n + j, o._problem.Quadratic[j]);
        }
        return 1;

        void Put(int r, int c, double value)
        {
            if (values is not null) values[e++] = factor * value;
            else (row[e], column[e++]) = (r, c);
        }
    }

    private static void Number(void* problem, string name, double value) => AddIpoptNumOption(problem, name, value);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
    private static extern void* CreateIpoptProblem(
        int count, double* low, double* high, int rows, double* gLow, double* gHigh, int jacobian, int hessian, int style,
        delegate* unmanaged[Cdecl]<int, double*, int, double*, void*, int> f,
        delegate* unmanaged[Cdecl]<int, double*, int, int, double*, void*, int> g,
        delegate* unmanaged[Cdecl]<int, double*, int, double*, void*, int> gradient,
        delegate* unmanaged[Cdecl]<int, double*, int, int, int, int*, int*, double*, void*, int> jacobianValues,
        delegate* unmanaged[Cdecl]<int, double*, int, double, int, double*, int, int, int*, int*, double*, void*, int> hessianValues);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
    private static extern int AddIpoptNumOption(void* problem, [MarshalAs(UnmanagedType.LPUTF8Str)] string name, double value);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
    private static extern int AddIpoptIntOption(void* problem, [MarshalAs(UnmanagedType.LPUTF8Str)] string name, int value);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
    private static extern int AddIpoptStrOption(
        void* problem, [MarshalAs(UnmanagedType.LPUTF8Str)] string name, [MarshalAs(UnmanagedType.LPUTF8Str)] string value);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
    private static extern int IpoptSolve(
        void* problem, double* x, double* g, double* value, double* rows, double* lower, double* upper, void* user);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
    private static extern void FreeIpoptProblem(void* problem);
}
