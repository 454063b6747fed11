using Athanor.Compute.Plants;

namespace Athanor.Compute.Faults;

/// <summary>Signatures of faults of actuators and parameters from a plant's own derivatives: what a small error in an input or parameter
/// adds to the next innovations, before the filter answers to it.</summary>
public static class PlantSignatures
{
    /// <param name="sensors">Names, and for each the weights of the states that it measures, shape (states).</param>
    /// <param name="dtS">Sample period.</param>
    /// <returns>One for each input and parameter that shows in any sensor.</returns>
    public static FaultSignature[] Of(
        PlantModel plant, double[] states, double[] inputs, double[] parameters, double dtS,
        IReadOnlyList<(string Name, double[] Weights)> sensors)
    {
        var (n, m, k) = (plant.States.Count, plant.Inputs.Count, plant.Parameters.Count);
        double[] next = new double[n], b = new double[n * m], e = new double[n * k];
        plant.Linearise(states, inputs, parameters, dtS, next, new double[n * n], b, e);
        return
        [
            .. plant.Inputs.Select((q, j) => Signature(q, FaultKind.Actuator, b, m, j)).Where(Shows),
            .. plant.Parameters.Select((q, j) => Signature(q, FaultKind.Parameter, e, k, j)).Where(Shows),
        ];

        FaultSignature Signature(PlantQuantity quantity, FaultKind kind, double[] derivative, int columns, int column)
        {
            var response = new SortedDictionary<string, double>(StringComparer.Ordinal);
            foreach (var (name, weights) in sensors)
            {
                var sum = 0.0;
                for (var i = 0; i < n; i++) sum += weights[i] * derivative[(i * columns) + column];
                response[name] = sum;
            }
            return new FaultSignature(quantity.Name, kind, quantity.Unit, response);
        }

        static bool Shows(FaultSignature signature) => signature.Response.Values.Any(r => r != 0.0);
    }
}
