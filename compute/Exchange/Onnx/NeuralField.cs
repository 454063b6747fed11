using Athanor.Compute.Neural.Models;

namespace Athanor.Compute.Exchange.Onnx;

/// <summary>The right-hand side of a model of dynamics: a net inside its physics.</summary>
/// <param name="constants">The trained numbers of the physics.</param>
internal sealed class NeuralField(ModelSpecification model, NetWeights net, double[] constants) : IOnnxField
{
    public int States => model.States.Length;

    public int Controls => model.Controls.Length;

    public OnnxType Real => net.IsDouble ? OnnxType.Double : OnnxType.Float;

    /// <summary>The states that the net reads, and whether it reads the controls.</summary>
    internal static (int[] States, bool Controls) Read(ModelSpecification model)
    {
        var all = Enumerable.Range(0, model.States.Length);
        return model.Kind == "stoichiometric" || model.Known == "reactor"
            ? ([.. all.Where(i => model.States[i].Observed && model.Reactor!.Jacket != model.States[i].Name)], false)
            : ([.. all], true);
    }

    public Func<OnnxGraph, string, string?, string> Prepare(OnnxGraph graph)
    {
        var layers = OnnxNet.Constants(graph, net);
        var (states, controls) = Read(model);
        double[] offsets = [.. states.Select(i => model.States[i].Offset), .. controls ? model.Controls.Select(c => c.Offset) : []];
        double[] scales = [.. states.Select(i => model.States[i].Scale), .. controls ? model.Controls.Select(c => c.Scale) : []];
        var (means, deviations) = (graph.Constant("means", offsets, offsets.Length), graph.Constant("deviations", scales, scales.Length));
        var slopes = OnnxPhysics.Of(model, constants);
        return (body, x, u) =>
        {
            OnnxColumn[] xs = OnnxColumn.Of(body, x, States), us = u is null ? [] : OnnxColumn.Of(body, u, Controls);
            var read = OnnxColumn.Join(body, [.. states.Select(i => xs[i]), .. controls ? us : []]);
            var z = body.Node("Div", "standardised", body.Node("Sub", "centred", read, means), deviations);
            var n = OnnxColumn.Of(body, OnnxNet.Apply(body, net, layers, z), net.Sizes[^1]);
            return OnnxColumn.Join(body, slopes(xs, us, n));
        };
    }
}
