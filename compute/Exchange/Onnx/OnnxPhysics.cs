using Athanor.Compute.Neural.Models;

namespace Athanor.Compute.Exchange.Onnx;

/// <summary>What stands around the net in each kind of model: the formulas of <see cref="IModelPhysics{T}"/>'s implementations, which say what
/// they mean. x: states, u: controls, n: the net's outputs, c: trained numbers; the result: the states' slopes.</summary>
internal static class OnnxPhysics
{
    public delegate OnnxColumn[] Slopes(OnnxColumn[] x, OnnxColumn[] u, OnnxColumn[] n);

    /// <summary>As <see cref="NeuralModel{T}.Of"/> chooses.</summary>
    public static Slopes Of(ModelSpecification model, double[] c) => model switch
    {
        { Kind: "neural-ode" or "augmented" } => (x, _, n) => [.. x.Select((_, i) => model.States[i].Scale / model.TimeScale * n[i])],
        { Kind: "stoichiometric" } or { Known: "reactor" } => Reactor(model, new ReactorLayout(model), c),
        { Known: "cascaded-tanks" } => Tanks(model, c),
        _ => (x, _, n) =>
        [
            .. x.Select((state, i) => 1 / model.Lags[i] * Math.Exp(c[i]) * (model.States[i].Offset - state + (model.States[i].Scale * n[i]))),
        ],
    };

    /// <summary>As <see cref="ReactorPhysics{T}"/>.</summary>
    private static Slopes Reactor(ModelSpecification model, ReactorLayout layout, double[] c) => (x, u, n) =>
    {
        var (species, rate) = (layout.Species, 1 / model.TimeScale);
        var rates = n.Select((output, j) => layout.Consumed[j].Aggregate(
            rate * Bounded(output).Exp(), (r, i) => r * x[species[i]])).ToArray();
        var slopes = new OnnxColumn[x.Length];
        for (var i = 0; i < species.Length; i++)
        {
            slopes[species[i]] = Times(layout.Dilution, Minus(layout.Feed[i], x[species[i]]));
            for (var j = 0; j < rates.Length; j++)
            {
                if (layout.Matrix[(j * species.Length) + i] is var s && s != 0) slopes[species[i]] += s * rates[j];
            }
        }
        if (layout.Temperature is var at && at < 0) return slopes;
        slopes[at] = Times(layout.Dilution, Minus(layout.FeedTemperature, x[at]));
        for (var j = 0; j < rates.Length; j++)
        {
            var rise = model.States[at].Scale / model.States[species[layout.Consumed[j][0]]].Scale;
            slopes[at] += rise * c[j] * rates[j];
        }
        if (!layout.Exchanges) return slopes;
        var beyond = layout.Jacket >= 0 ? x[layout.Jacket] - x[at] : Minus(layout.Coolant!.Value, x[at]);
        var flow = rate * c[rates.Length] * c[rates.Length] * beyond;
        slopes[at] += flow;
        if (layout.Jacket >= 0) slopes[layout.Jacket] = Minus(layout.JacketHeat, layout.CapacityRatio * flow);
        return slopes;

        static OnnxColumn Bounded(OnnxColumn n)
        {
            var part = 1 / ReactorPhysics<double>.Bound * n;
            return n / ((part * part) + 1).Sqrt();
        }

        OnnxColumn Times(Source source, OnnxColumn column) => source.Control < 0 ? source.Value * column : u[source.Control] * column;

        OnnxColumn Minus(Source source, OnnxColumn column) => source.Control < 0 ? source.Value - column : u[source.Control] - column;
    };

    /// <summary>As <see cref="TankPhysics{T}"/>.</summary>
    private static Slopes Tanks(ModelSpecification model, double[] c)
    {
        var (level, scale, pump) = (model.States[1].Offset, model.States[1].Scale, model.Controls[0].Offset);
        var valve = Math.Sqrt(level) / model.TimeScale;
        var (residual, width) = (0.2 * scale / model.TimeScale, TankPhysics<double>.Width);
        var over = width * Math.Exp(c[6]) / (0.2 * model.TimeScale);
        var full = level + (2.5 * scale);
        return (x, u, n) =>
        {
            OnnxColumn upper = SoftRoot(x[0]), lower = SoftRoot(x[1]), spill1 = Spill(x[0], c[4]), spill2 = Spill(x[1], c[5]);
            return
            [
                (valve * Math.Sqrt(level) / pump * Math.Exp(c[3]) * u[0]) - (valve * Math.Exp(c[0]) * upper) - spill1
                    + (residual * Gate(x[0]) * n[0]),
                (valve * Math.Exp(c[1]) * upper) - (valve * Math.Exp(c[2]) * lower) + (1 / (1 + Math.Exp(-c[7])) * spill1) - spill2
                    + (residual * Gate(x[1]) * n[1]),
            ];
        };

        OnnxColumn Spill(OnnxColumn x, double by) => over * (1 / width * (x - (full * Math.Exp(by)))).Softplus();

        static OnnxColumn Gate(OnnxColumn x) => x * x / ((x * x) + 0.25);

        static OnnxColumn SoftRoot(OnnxColumn x) => x / ((x * x) + (TankPhysics<double>.Epsilon * TankPhysics<double>.Epsilon)).Sqrt().Sqrt();
    }
}
