namespace Athanor.Compute.Exchange.Onnx;

/// <summary>A vector field dx/dt = f(x, u) that can be written as ONNX operators.</summary>
internal interface IOnnxField
{
    int States { get; }

    int Controls { get; }

    OnnxType Real { get; }

    /// <summary>Adds what all evaluations share (weights, constants) to a graph.</summary>
    /// <returns>Adds one evaluation to that graph or to one inside it: from x [rows, states] and u [rows, controls] (null if there are none)
    /// to dx/dt [rows, states].</returns>
    Func<OnnxGraph, string, string?, string> Prepare(OnnxGraph graph);
}
