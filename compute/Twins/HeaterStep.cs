namespace Athanor.Compute.Twins;

/// <summary>One Runge-Kutta step of the heater's equations, with its tangent and its adjoint. The residual is a constant here.</summary>
internal static class HeaterStep
{
    private readonly record struct Rates(double Heater, double Sensor, double Memory);

    private static Rates F(HeaterParameters p, double th, double ts, double m, double ambient, double loss, double power, double residual)
    {
        var k = th + HeaterModel.Kelvin;
        var a = ambient + HeaterModel.Kelvin;
        var radiation = p.Radiation * ((k * k * k * k) - (a * a * a * a));
        return new Rates(
            (p.Gain * power) - (loss * (th - ambient)) - radiation + residual, (th - ts) / p.SensorLag,
            p.Memory > 0 ? (th - m) / p.Memory : 0.0);
    }

    /// <summary>x ← x(t + h).</summary>
    public static void Advance(HeaterParameters p, Span<double> x, double power, double residual, double h)
    {
        var (th, ts, ambient, loss) = (x[0], x[1], p.Ambient + x[2], x[3]);
        var m = x.Length > 4 ? x[4] : th;
        var half = 0.5 * h;
        var k1 = F(p, th, ts, m, ambient, loss, power, residual);
        var k2 = F(p, th + (half * k1.Heater), ts + (half * k1.Sensor), m + (half * k1.Memory), ambient, loss, power, residual);
        var k3 = F(p, th + (half * k2.Heater), ts + (half * k2.Sensor), m + (half * k2.Memory), ambient, loss, power, residual);
        var k4 = F(p, th + (h * k3.Heater), ts + (h * k3.Sensor), m + (h * k3.Memory), ambient, loss, power, residual);
        var sixth = h / 6.0;
        x[0] = th + (sixth * (((k1.Heater + (2 * k2.Heater)) + (2 * k3.Heater)) + k4.Heater));
        x[1] = ts + (sixth * (((k1.Sensor + (2 * k2.Sensor)) + (2 * k3.Sensor)) + k4.Sensor));
        if (x.Length > 4) x[4] = m + (sixth * (((k1.Memory + (2 * k2.Memory)) + (2 * k3.Memory)) + k4.Memory));
    }

    /// <summary>As <see cref="Advance"/>, and moves the tangents on: <paramref name="tangent"/> (n, n) row-major is ∂x/∂x0, column by
    /// column; <paramref name="residualRow"/> is ∂r/∂x0, shape (n).</summary>
    public static void AdvanceTangent(
        HeaterParameters p, Span<double> x, Span<double> tangent, int n, double power, double residual, ReadOnlySpan<double> residualRow,
        double h)
    {
        var (th, ts, ambient, loss) = (x[0], x[1], p.Ambient + x[2], x[3]);
        var m = n > 4 ? x[4] : th;
        var half = 0.5 * h;
        var sixth = h / 6.0;
        var k1 = F(p, th, ts, m, ambient, loss, power, residual);
        var th2 = th + (half * k1.Heater);
        var k2 = F(p, th2, ts + (half * k1.Sensor), m + (half * k1.Memory), ambient, loss, power, residual);
        var th3 = th + (half * k2.Heater);
        var k3 = F(p, th3, ts + (half * k2.Sensor), m + (half * k2.Memory), ambient, loss, power, residual);
        var th4 = th + (h * k3.Heater);
        var k4 = F(p, th4, ts + (h * k3.Sensor), m + (h * k3.Memory), ambient, loss, power, residual);
        var a = ambient + HeaterModel.Kelvin;
        var byAmbient = loss + (4 * p.Radiation * a * a * a);
        for (var j = 0; j < n; j++)
        {
            var (dth, dts, db, dl) = (tangent[j], tangent[n + j], tangent[(2 * n) + j], tangent[(3 * n) + j]);
            var dm = n > 4 ? tangent[(4 * n) + j] : dth;
            var r = residualRow[j];
            var d1 = Df(p, th, dth, dts, dm, db, dl, ambient, loss, byAmbient, r);
            var d2 = Df(
                p, th2, dth + (half * d1.Heater), dts + (half * d1.Sensor), dm + (half * d1.Memory), db, dl, ambient, loss, byAmbient, r);
            var d3 = Df(
                p, th3, dth + (half * d2.Heater), dts + (half * d2.Sensor), dm + (half * d2.Memory), db, dl, ambient, loss, byAmbient, r);
            var d4 = Df(p, th4, dth + (h * d3.Heater), dts + (h * d3.Sensor), dm + (h * d3.Memory), db, dl, ambient, loss, byAmbient, r);
            tangent[j] = dth + (sixth * (((d1.Heater + (2 * d2.Heater)) + (2 * d3.Heater)) + d4.Heater));
            tangent[n + j] = dts + (sixth * (((d1.Sensor + (2 * d2.Sensor)) + (2 * d3.Sensor)) + d4.Sensor));
            if (n > 4) tangent[(4 * n) + j] = dm + (sixth * (((d1.Memory + (2 * d2.Memory)) + (2 * d3.Memory)) + d4.Memory));
        }
        x[0] = th + (sixth * (((k1.Heater + (2 * k2.Heater)) + (2 * k3.Heater)) + k4.Heater));
        x[1] = ts + (sixth * (((k1.Sensor + (2 * k2.Sensor)) + (2 * k3.Sensor)) + k4.Sensor));
        if (n > 4) x[4] = m + (sixth * (((k1.Memory + (2 * k2.Memory)) + (2 * k3.Memory)) + k4.Memory));
    }

    private static Rates Df(
        HeaterParameters p, double th, double dth, double dts, double dm, double db, double dl, double ambient, double loss,
        double byAmbient, double r)
    {
        var k = th + HeaterModel.Kelvin;
        return new Rates(
            (-(loss + (4 * p.Radiation * k * k * k)) * dth) + (byAmbient * db) - ((th - ambient) * dl) + r, (dth - dts) / p.SensorLag,
            p.Memory > 0 ? (dth - dm) / p.Memory : 0.0);
    }

    /// <summary>Adjoint of <see cref="Advance"/> from the state before the step.</summary>
    /// <param name="lambda">∂J/∂x after the step, shape (5); receives that before it.</param>
    /// <param name="byGain">Adds ∂J/∂ln a.</param>
    /// <param name="byLag">Adds ∂J/∂ln τ.</param>
    /// <returns>∂J/∂r.</returns>
    public static double Adjoint(
        HeaterParameters p, ReadOnlySpan<double> x, double power, double residual, double h, Span<double> lambda, ref double byGain,
        ref double byLag)
    {
        var (th, ts, ambient, loss, m) = (x[0], x[1], p.Ambient + x[2], x[3], x[4]);
        var half = 0.5 * h;
        var k1 = F(p, th, ts, m, ambient, loss, power, residual);
        var (th2, ts2) = (th + (half * k1.Heater), ts + (half * k1.Sensor));
        var k2 = F(p, th2, ts2, m + (half * k1.Memory), ambient, loss, power, residual);
        var (th3, ts3) = (th + (half * k2.Heater), ts + (half * k2.Sensor));
        var k3 = F(p, th3, ts3, m + (half * k2.Memory), ambient, loss, power, residual);
        var (th4, ts4) = (th + (h * k3.Heater), ts + (h * k3.Sensor));
        var sixth = h / 6.0;
        var third = h / 3.0;

        var (lh, ls, lm) = (lambda[0], lambda[1], lambda[4]);
        // Stage 4, then 3, 2, 1: the cotangent of k_i is its weight's share plus what came through the later stage's argument.
        var c4 = new Rates(sixth * lh, sixth * ls, sixth * lm);
        var g4 = Pull(p, th4, ts4, loss, c4, ref byLag);
        var c3 = new Rates((third * lh) + (h * g4.Heater), (third * ls) + (h * g4.Sensor), (third * lm) + (h * g4.Memory));
        var g3 = Pull(p, th3, ts3, loss, c3, ref byLag);
        var c2 = new Rates((third * lh) + (half * g3.Heater), (third * ls) + (half * g3.Sensor), (third * lm) + (half * g3.Memory));
        var g2 = Pull(p, th2, ts2, loss, c2, ref byLag);
        var c1 = new Rates((sixth * lh) + (half * g2.Heater), (sixth * ls) + (half * g2.Sensor), (sixth * lm) + (half * g2.Memory));
        var g1 = Pull(p, th, ts, loss, c1, ref byLag);

        var byHeaterRate = ((c1.Heater + c2.Heater) + c3.Heater) + c4.Heater;
        var a = ambient + HeaterModel.Kelvin;
        byGain += byHeaterRate * p.Gain * power;
        lambda[0] = lh + (((g1.Heater + g2.Heater) + g3.Heater) + g4.Heater);
        lambda[1] = ls + (((g1.Sensor + g2.Sensor) + g3.Sensor) + g4.Sensor);
        lambda[2] += byHeaterRate * (loss + (4 * p.Radiation * a * a * a));
        lambda[3] -= (((c1.Heater * (th - ambient)) + (c2.Heater * (th2 - ambient))) + (c3.Heater * (th3 - ambient)))
            + (c4.Heater * (th4 - ambient));
        lambda[4] = lm + (((g1.Memory + g2.Memory) + g3.Memory) + g4.Memory);
        return byHeaterRate;
    }

    /// <summary>Jᵀ c of the rates by (Th, Ts, m) at one stage, adding what falls to the lag.</summary>
    private static Rates Pull(HeaterParameters p, double th, double ts, double loss, Rates c, ref double byLag)
    {
        var k = th + HeaterModel.Kelvin;
        byLag -= c.Sensor * (th - ts) / p.SensorLag;
        return new Rates(
            (-(loss + (4 * p.Radiation * k * k * k)) * c.Heater) + (c.Sensor / p.SensorLag) + (c.Memory / p.Memory),
            -c.Sensor / p.SensorLag, -c.Memory / p.Memory);
    }
}
