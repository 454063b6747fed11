using System.Runtime.Intrinsics;
using Athanor.Compute.Ode;
using Athanor.Compute.Problems;

namespace Athanor.Compute.Benchmarks;

/// <summary>
/// One heater of a temperature control lab (a transistor that heats, a thermistor glued to it; J. Hedengren, apmonitor.com, TCLab): y =
/// (heater in °C, sensor in °C), time in seconds.
/// <code>
/// dTh/dt = a Q1 - U (Th - Ta),  dT1/dt = (Th - T1) / τ
/// </code>
/// At rest Th = T1 = Ta + a Q1 / U.
/// </summary>
/// <param name="power">Q1, % of full scale.</param>
/// <param name="ambientC">Ta, °C.</param>
/// <param name="gain">a, K/s for each %.</param>
/// <param name="loss">U, 1/s.</param>
/// <param name="lagS">τ, s.</param>
public readonly struct Heater(double power, double ambientC, double gain, double loss, double lagS) : IOdeModel<Heater>
{
    /// <summary>What fits the record in data/sysid.</summary>
    public Heater()
        : this(50.0, 24.4, 0.0045, 0.0058, 20.0)
    {
    }

    /// <summary>The problem of that name: from ambient temperature over twenty minutes.</summary>
    public static OdeProblem Problem { get; } = Benchmark.Of(
        "heater", "Heater of a temperature control lab with a lagged sensor", "J. Hedengren, apmonitor.com, TCLab heat transfer, linear in the loss",
        "s", 0.0, 1200.0, [new("Th", "degC", 24.4, 1e-7, -50.0, 300.0), new("T1", "degC", 24.4, 1e-7, -50.0, 300.0)],
        [
            new("Q1", "%", 50.0, 0.0, 100.0), new("Ta", "degC", 24.4, -30.0, 60.0), new("a", "K/s", 0.0045, 0.0), new("U", "1/s", 0.0058, 0.0),
            new("tau", "s", 20.0, 1.0),
        ],
        new Heater());

    public int Dimension => 2;

    public bool IsAutonomous => true;

    public int ParameterCount => 5;

    public Heater With(ReadOnlySpan<double> parameters) => new(parameters[0], parameters[1], parameters[2], parameters[3], parameters[4]);

    public double Parameter(int index) => index switch
    {
        0 => power,
        1 => ambientC,
        2 => gain,
        3 => loss,
        _ => lagS,
    };

    public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy)
    {
        double heater = y[0], sensor = y[1];
        dy[0] = (gain * power) - (loss * (heater - ambientC));
        dy[1] = (heater - sensor) / lagS;
    }

    public void RhsLanes(
        Vector512<double> t, ReadOnlySpan<Vector512<double>> y, ReadOnlySpan<Vector512<double>> parameters, Span<Vector512<double>> dy)
    {
        Vector512<double> heater = y[0], sensor = y[1];
        dy[0] = (parameters[2] * parameters[0]) - (parameters[3] * (heater - parameters[1]));
        dy[1] = (heater - sensor) / parameters[4];
    }

    public void Jacobian(double t, ReadOnlySpan<double> y, Span<double> jacobian)
    {
        jacobian[0] = -loss;
        jacobian[1] = 0.0;
        jacobian[2] = 1.0 / lagS;
        jacobian[3] = -1.0 / lagS;
    }

    public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative) => derivative.Clear();

    public void ParameterDerivatives(double t, ReadOnlySpan<double> y, Span<double> derivatives)
    {
        derivatives.Clear();
        derivatives[0] = gain;
        derivatives[2] = loss;
        derivatives[4] = power;
        derivatives[6] = ambientC - y[0];
        derivatives[9] = (y[1] - y[0]) / (lagS * lagS);
    }
}
