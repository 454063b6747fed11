using Athanor.Compute.Problems;
using Athanor.Compute.Units;

namespace Athanor.Compute.Kinetics;

/// <summary>A network in its balance.</summary>
/// <param name="Problem">States are the species, then the temperature if heat is balanced; parameters those of the network, then those
/// of the balance. Times in the network's unit, every number in the unit it was written in.</param>
public sealed record KineticModel(KineticNetwork Network, CompiledModel Compiled, OdeProblem Problem)
{
    private CompiledRates? _rates;

    /// <summary>The rate of each reaction by itself at a state of the problem, in the network's units (<see cref="UnitSystem.RateUnit"/>).
    /// </summary>
    /// <param name="state">In the order and units of <see cref="OdeProblem.States"/>.</param>
    /// <param name="parameters">In the order and units of <see cref="OdeProblem.Parameters"/>.</param>
    public double[] ReactionRates(ReadOnlySpan<double> state, ReadOnlySpan<double> parameters)
    {
        if (state.Length != Problem.States.Length || parameters.Length != Problem.Parameters.Length)
        {
            throw new ArgumentException($"{Problem.Name} has {Problem.States.Length} states and {Problem.Parameters.Length} parameters; "
                + $"{state.Length} and {parameters.Length} are given");
        }
        var rates = _rates ??= Network.Rates(Network.Units);
        var concentrations = new double[Network.Species.Length];
        for (var i = 0; i < concentrations.Length; i++) concentrations[i] = Network.Units.FactorOf(Network.Species[i].Unit) * state[i];
        var result = new double[Network.Reactions.Length];
        return rates.Accept(new Calculation(parameters[..Network.Parameters.Length].ToArray(), Temperature(state, parameters), concentrations, result));
    }

    private double Temperature(ReadOnlySpan<double> state, ReadOnlySpan<double> parameters)
    {
        if (state.Length > Network.Species.Length) return state[^1];
        var number = Problem.ParameterIndex("T");
        return Unit.Parse(Problem.Parameters[number].Unit).ToSi(parameters[number]);
    }

    private sealed class Calculation(double[] parameters, double temperature, double[] concentrations, double[] result) : IRateSetVisitor<double[]>
    {
        public double[] Visit<TRates>(in TRates rates)
            where TRates : struct, IRateSet<TRates>
        {
            rates.With(parameters).Rates(temperature, concentrations, result);
            return result;
        }
    }
}
