using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Athanor.Compute.Benchmarks;
using Athanor.Compute.Linear;
using Athanor.Compute.Ode;
using Athanor.Compute.Problems;
using Athanor.Compute.Units;

namespace Athanor.Compute.Plants;

/// <summary>Checks what is asked of a problem as a plant and makes the plant.</summary>
internal sealed class OdePlantMaker(
    OdeProblem problem, IReadOnlyList<string> inputs, IReadOnlyList<string> parameters, double substepS,
    IReadOnlyDictionary<string, double>? constants, string? key, PlantMethod method) : IProblemVisitor<PlantModel>
{
    // Stretch of the largest eigenvalue that a substep may cover: the method's local error is then about 2e-5 of a mode's amplitude.
    private const double Reach = 0.3;

    // Of a stiff problem's span; there the fastest time constant says nothing.
    private const double SpanSteps = 1000.0;

    private readonly double[] _nominal = problem.NominalParameters;
    private readonly int[] _inputs = new int[inputs.Count], _parameters = new int[parameters.Count];
    private double _timeUnitS, _substepS;

    public PlantModel Make()
    {
        _timeUnitS = Seconds();
        var taken = new HashSet<int>();
        Choose(inputs, _inputs, "inputs", taken);
        Choose(parameters, _parameters, "parameters", taken);
        foreach (var (name, value) in constants ?? new Dictionary<string, double>())
        {
            var index = Find(name, "constants");
            if (!double.IsFinite(value)) throw new PlantException($"constants.{name} is {value}; a finite number would be right");
            _nominal[index] = value;
        }
        CheckTime();
        _substepS = substepS > 0 ? substepS : DefaultSubstep();
        if (!double.IsFinite(_substepS))
            throw new PlantException($"a substep of {_substepS} s; a positive number of seconds would be right");
        return problem.Accept<OdePlantMaker, PlantModel>(this);
    }

    public PlantModel Visit<TModel>(TModel model)
        where TModel : struct, IOdeModel<TModel>
    {
        if (method == PlantMethod.Implicit)
        {
            return Model(
                new ImplicitPlant<TModel>(
                    Plain(model), [.. problem.States.Select(static s => s.Lower)], [.. problem.States.Select(static s => s.AbsoluteTolerance)]),
                typeof(TModel));
        }
        // A kernel of its own where there is one.
        return model switch
        {
            ExothermicCstr => Model(new CstrPlant(Plain(new ExothermicCstr())), typeof(TModel)),
            KlattEngell => Model(new FusedPlant<KlattEngell, KlattKernel>(Plain(new KlattEngell())), typeof(TModel)),
            _ => Model(Plain(model), typeof(TModel)),
        };
    }

    private OdePlant<TModel> Plain<TModel>(TModel model)
        where TModel : struct, IOdeModel<TModel> => new(model, _nominal, _inputs, _parameters, _timeUnitS, _substepS);

    private PlantModel<TMap> Model<TMap>(TMap map, Type type)
        where TMap : struct, IPlantMap => new(map)
        {
            Key = Key(type),
            States = [.. problem.States.Select(static s => new PlantQuantity(s.Name, s.Unit, s.Initial, s.Lower, s.Upper))],
            Inputs = [.. _inputs.Select(Quantity)],
            Parameters = [.. _parameters.Select(Quantity)],
            TimeUnitS = _timeUnitS,
        };

    private PlantQuantity Quantity(int index)
    {
        var parameter = problem.Parameters[index];
        return new PlantQuantity(parameter.Name, parameter.Unit, _nominal[index], parameter.Lower, parameter.Upper);
    }

    private double Seconds()
    {
        if (problem.TimeUnit.Length == 0) return 1.0;
        if (Unit.TryParse(problem.TimeUnit, out var unit, out _))
        {
            if (unit.Dimension.IsNone) return 1.0;
            if (unit.Dimension.Is(new Dimension(0, 0, 1, 0, 0))) return unit.Factor;
        }
        throw new PlantException($"{problem.Name} goes along {problem.Variable} in {problem.TimeUnit}; a plant's model goes along time");
    }

    private int Find(string name, string at)
    {
        try
        {
            return problem.ParameterIndex(name);
        }
        catch (ArgumentException error)
        {
            throw new PlantException($"{at}: {error.Message}");
        }
    }

    private void Choose(IReadOnlyList<string> names, int[] into, string at, HashSet<int> taken)
    {
        for (var i = 0; i < into.Length; i++)
        {
            into[i] = Find(names[i], at);
            if (!taken.Add(into[i])) throw new PlantException($"{at}: {names[i]} is named twice among inputs and parameters");
        }
    }

    /// <summary>A filter's map has no clock: what the model does may not depend on one.</summary>
    private void CheckTime()
    {
        var n = problem.States.Length;
        double[] now = new double[n], later = new double[n], start = problem.NominalInitial;
        problem.Rhs(problem.Start, start, _nominal, now);
        problem.Rhs(problem.Start + (0.37 * (problem.End - problem.Start)), start, _nominal, later);
        if (now.AsSpan().SequenceEqual(later)) return;
        throw new PlantException(
            $"{problem.Name} depends on time by itself (a feed by a schedule?); name what changes as an input, and the twin is " +
            "told its values");
    }

    private double DefaultSubstep()
    {
        if (method == PlantMethod.Implicit) return (problem.End - problem.Start) / SpanSteps * _timeUnitS;
        var n = problem.States.Length;
        var jacobian = new double[n * n];
        problem.Jacobian(problem.Start, problem.NominalInitial, _nominal, jacobian);
        var largest = 0.0;
        try
        {
            foreach (var value in RealEigenvalues.Solve(jacobian, n)) largest = Math.Max(largest, value.Magnitude);
        }
        catch (ArithmeticException)
        {
            throw new PlantException($"{problem.Name} has no finite slopes at its start; name a substep in s");
        }
        return largest > 0 ? Reach / largest * _timeUnitS : (problem.End - problem.Start) / 100.0 * _timeUnitS;
    }

    private string Key(Type model)
    {
        var text = new StringBuilder();
        foreach (var value in _nominal) text.Append(value.ToString("R", CultureInfo.InvariantCulture)).Append(';');
        foreach (var state in problem.States) text.Append(state).Append(';');
        text.Append(model.FullName);
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())))[..16];
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{key ?? problem.Name}/{hash}?inputs={string.Join(',', Inputs(_inputs))}") +
            string.Create(CultureInfo.InvariantCulture, $"&parameters={string.Join(',', Inputs(_parameters))}&substep-s={_substepS:R}") +
            (method == PlantMethod.Rk4 ? "" : $"&{PlantMethods.Key}={PlantMethods.Implicit}");

        IEnumerable<string> Inputs(int[] indices) => indices.Select(i => problem.Parameters[i].Name);
    }
}
