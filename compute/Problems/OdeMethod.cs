namespace Athanor.Compute.Problems;

/// <summary>How a problem is solved. A new method is a member here and a case in <see cref="MethodTable"/>.</summary>
public enum OdeMethod
{
    /// <summary>Starts explicitly and goes on with a stiff method where the problem turns out to be stiff.</summary>
    Auto = 0,

    /// <summary><see cref="Ode.Tsit5"/>: explicit, order 5.</summary>
    Tsit5 = 1,

    /// <summary><see cref="Ode.Rodas4"/>: Rosenbrock, order 4, L-stable.</summary>
    Rodas4 = 2,

    /// <summary><see cref="Ode.Rodas5P"/>: Rosenbrock, order 5, L-stable; takes mass matrices.</summary>
    Rodas5P = 3,

    /// <summary><see cref="Ode.Esdirk5"/>: diagonally implicit, order 5, L-stable; for large systems, and every stiff method's
    /// sensitivities.</summary>
    Esdirk5 = 4,
}
