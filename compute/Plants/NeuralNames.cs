using System.Collections.Immutable;

namespace Athanor.Compute.Plants;

/// <summary>A state of a learned model.</summary>
/// <param name="Mean">Over its training records.</param>
/// <param name="Scale">Standard deviation over its training records.</param>
/// <param name="Positive">Never below 0.</param>
public sealed record NeuralState(string Name, double Mean, double Scale, bool Positive);

/// <summary>What a learned model calls its quantities, before any of them is chosen as an input or a parameter of a plant.</summary>
/// <param name="Controls">Inputs that it has in any case, in their order, with their means.</param>
/// <param name="Constants">Constants of its reactor that can be made inputs, with their values.</param>
/// <param name="Numbers">Trained numbers of its physics that can be parameters.</param>
public sealed record NeuralNames(
    string Kind, ImmutableArray<NeuralState> States, ImmutableArray<KeyValuePair<string, double>> Controls,
    ImmutableSortedDictionary<string, double> Constants, ImmutableSortedDictionary<string, double> Numbers);
