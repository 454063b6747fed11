using Athanor.Compute.Ode;

namespace Athanor.Compute.Kinetics;

/// <summary>First-order reactions between species: reaction r takes k[parameter[r]] y[from[r]] from one species to another.</summary>
public readonly struct FirstOrderNetwork : IParametricOdeModel
{
    private readonly int _species;
    private readonly int[] _from;
    private readonly int[] _to;
    private readonly int[] _parameter;
    private readonly double[] _rates;

    /// <param name="rates">Rate constants by parameter, 1/time; kept, not copied, so that a fit may change them between solves.</param>
    /// <exception cref="ArgumentException">Shapes or indices do not fit.</exception>
    public FirstOrderNetwork(int species, int[] from, int[] to, int[] parameter, double[] rates)
    {
        if (Problem(species, from, to, parameter, rates.Length) is { } problem) throw new ArgumentException(problem);
        _species = species;
        _from = from;
        _to = to;
        _parameter = parameter;
        _rates = rates;
    }

    public int Dimension => _species;

    public bool IsAutonomous => true;

    public int ParameterCount => _rates.Length;

    public double Parameter(int index) => _rates[index];

    /// <summary>What is wrong with a network, and what would be right; null if nothing is.</summary>
    public static string? Problem(int species, int[] from, int[] to, int[] parameter, int parameters)
    {
        if (species < 1 || parameters < 1)
            return $"the network has {species} species and {parameters} parameters; it needs at least one of each";
        if (from.Length == 0 || from.Length != to.Length || from.Length != parameter.Length)
        {
            return $"the reactions' arrays From, To and Parameter hold {from.Length}, {to.Length} and {parameter.Length} entries; "
                + "they must hold one each for every reaction";
        }
        var used = new bool[parameters];
        for (var r = 0; r < from.Length; r++)
        {
            if (from[r] < 0 || from[r] >= species || to[r] < 0 || to[r] >= species || from[r] == to[r])
            {
                return $"reaction {r} goes from species {from[r]} to {to[r]}; "
                    + $"there are species 0 to {species - 1}, and the two must differ";
            }
            if (parameter[r] < 0 || parameter[r] >= parameters)
                return $"reaction {r} names parameter {parameter[r]}; there are parameters 0 to {parameters - 1}";
            used[parameter[r]] = true;
        }
        var unused = Array.IndexOf(used, false);
        return unused < 0 ? null : $"parameter {unused} is in no reaction, so no data can determine it";
    }

    public void Rhs(double t, ReadOnlySpan<double> y, Span<double> dy)
    {
        dy.Clear();
        for (var r = 0; r < _from.Length; r++)
        {
            var rate = _rates[_parameter[r]] * y[_from[r]];
            dy[_from[r]] -= rate;
            dy[_to[r]] += rate;
        }
    }

    public void Jacobian(double t, ReadOnlySpan<double> y, Span<double> jacobian)
    {
        jacobian.Clear();
        for (var r = 0; r < _from.Length; r++)
        {
            var k = _rates[_parameter[r]];
            jacobian[(_from[r] * _species) + _from[r]] -= k;
            jacobian[(_to[r] * _species) + _from[r]] += k;
        }
    }

    public void TimeDerivative(double t, ReadOnlySpan<double> y, Span<double> derivative) => derivative.Clear();

    public void ParameterDerivatives(double t, ReadOnlySpan<double> y, Span<double> derivatives)
    {
        derivatives.Clear();
        for (var r = 0; r < _from.Length; r++)
        {
            var row = derivatives.Slice(_parameter[r] * _species, _species);
            row[_from[r]] -= y[_from[r]];
            row[_to[r]] += y[_from[r]];
        }
    }
}
