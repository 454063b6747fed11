namespace Athanor.Hosting.Petab;

/// <summary>A PEtab problem or SBML model that cannot be read: what is wrong or not supported, with the file's and the component's
/// name.</summary>
public sealed class PetabException(string message, Exception? inner = null) : Exception(message, inner);
