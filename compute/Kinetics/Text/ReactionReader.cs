using System.Collections.Immutable;
using System.Globalization;
using Athanor.Compute.Kinetics.Expressions;
using Athanor.Compute.Units;

namespace Athanor.Compute.Kinetics.Text;

/// <summary>
/// Reads one reaction. Its rate is given by clauses behind semicolons:
/// <list type="bullet">
/// <item><c>rate = ...</c>: the rate itself; or</item>
/// <item><c>k = ...</c>: the law of mass action, k Π c^ν over the reactants, with <c>order_X = n</c> for other orders (power law);</item>
/// <item>with <c>&lt;=></c> also <c>K = ...</c> (equilibrium constant in concentrations: the rate of the way back is k/K Π c^ν over the
/// products) or <c>kr = ...</c>;</item>
/// <item><c>adsorption = ...</c>, with <c>sites = n</c>: the above divided by (1 + adsorption)^n (Langmuir-Hinshelwood-Hougen-Watson);</item>
/// <item><c>dH = ...</c>: enthalpy of reaction, negative when it gives off heat.</item>
/// </list>
/// </summary>
internal sealed class ReactionReader(
    Binder binder, ExpressionGraph graph, UnitSystem units, Dictionary<string, int> numbers, ImmutableArray<NetworkSpecies> species,
    ReactionText reaction)
{
    private const string OrderPrefix = "order_";
    private readonly Quantities _q = binder.Quantities;
    private readonly Dictionary<string, ClauseSyntax> _clauses = new(StringComparer.Ordinal);
    private readonly string[] _key = ["reactions", reaction.Name];

    private Dimension RateDimension => units.Concentration.Dimension / units.Time.Dimension;

    public NetworkReaction Read()
    {
        try
        {
            var syntax = Parser.Reaction(reaction.Text);
            if (syntax.Reactants.Count == 0 && syntax.Products.Count == 0) throw new SyntaxException(1, "nothing reacts, and nothing is made");
            foreach (var clause in syntax.Clauses) _clauses.Add(clause.Name, clause);
            CheckClauses(syntax);
            var reactants = syntax.Reactants.Select(Term).ToList();
            var products = syntax.Products.Select(Term).ToList();
            var rate = Rate(syntax, reactants, products);
            var terms = Net(reactants, products);
            CheckElements(terms);
            return new NetworkReaction(reaction.Name, reaction.Text, terms, rate.Node, Heat());
        }
        catch (SyntaxException error)
        {
            throw new KineticsException($"reaction '{reaction.Name}'", error.Message, _key, reaction.Text, error.Column);
        }
    }

    private sealed record Participant(TermSyntax Syntax, int Species, Quantity Coefficient);

    private void CheckClauses(ReactionSyntax syntax)
    {
        foreach (var clause in syntax.Clauses)
        {
            var known = clause.Name is "rate" or "k" or "K" or "kr" or "adsorption" or "sites" or "dH";
            if (!known && !clause.Name.StartsWith(OrderPrefix, StringComparison.Ordinal))
            {
                throw new SyntaxException(
                    clause.Column, $"there is no clause '{clause.Name}'; there are rate, k, K, kr, order_X, adsorption, sites and dH");
            }
            if (_clauses.ContainsKey("rate") && clause.Name is not ("rate" or "dH"))
                throw new SyntaxException(clause.Column, $"'{clause.Name}' has no meaning beside 'rate', which is the whole rate");
            if (clause.Name is "K" or "kr" && !syntax.Reversible)
                throw new SyntaxException(clause.Column, $"'{clause.Name}' is of a reversible reaction; write <=> for ->");
        }
        if (!_clauses.ContainsKey("rate") && !_clauses.ContainsKey("k"))
            throw new SyntaxException(reaction.Text.Length + 1, "it has no rate; add '; k = ...' or '; rate = ...'");
        if (_clauses.ContainsKey("sites") && !_clauses.ContainsKey("adsorption"))
            throw new SyntaxException(_clauses["sites"].Column, "'sites' belongs to 'adsorption'");
        if (!syntax.Reversible || _clauses.ContainsKey("rate")) return;
        if (_clauses.ContainsKey("K") == _clauses.ContainsKey("kr"))
        {
            throw new SyntaxException(
                reaction.Text.Length + 1, "a reversible reaction needs either '; K = ...' (equilibrium) or '; kr = ...' (the way back)");
        }
    }

    private Participant Term(TermSyntax term)
    {
        if (!numbers.TryGetValue(term.Species, out var number))
        {
            var column = term.Column;
            throw new SyntaxException(column, $"there is no species '{term.Species}'; there are {string.Join(", ", numbers.Keys)}");
        }
        var coefficient = term.Coefficient is null or NumberSyntax { Unit: null }
            ? _q.Pure(term.Coefficient is NumberSyntax value ? value.Value : 1.0)
            : binder.Bind(term.Coefficient);
        if (!coefficient.Node.IsParametric)
            throw new SyntaxException(term.Column, $"the coefficient of {term.Species} depends on the state; it may depend on parameters alone");
        if (coefficient.Node is { IsConstant: true, Value: not > 0.0 })
        {
            throw new SyntaxException(term.Column, string.Create(
                CultureInfo.InvariantCulture, $"the coefficient of {term.Species} is {coefficient.Node.Value}; it must be above zero"));
        }
        var expected = species[number].Unit.Dimension / units.Concentration.Dimension;
        Quantities.Fits(coefficient, expected, $"the coefficient of {term.Species} ({species[number].Unit.Text})", term.Column);
        return new Participant(term, number, coefficient);
    }

    private Quantity Rate(ReactionSyntax syntax, List<Participant> reactants, List<Participant> products)
    {
        Quantity rate;
        if (_clauses.TryGetValue("rate", out var whole))
        {
            rate = Quantities.Fits(binder.Bind(whole.Value), RateDimension, "the rate", whole.Column);
            return rate;
        }
        var orders = Orders(reactants);
        rate = Flux("k", orders);
        if (syntax.Reversible)
        {
            var backward = products.ConvertAll(Order);
            rate = _q.Subtract(
                rate,
                _clauses.ContainsKey("kr") ? Flux("kr", backward) : OverEquilibrium(orders, backward), _clauses["k"].Column);
        }
        if (!_clauses.TryGetValue("adsorption", out var adsorption)) return rate;
        var term = Quantities.Fits(binder.Bind(adsorption.Value), Dimension.None, "the adsorption term", adsorption.Column);
        var below = _q.Add(_q.One, term, adsorption.Column);
        if (_clauses.TryGetValue("sites", out var sites)) below = _q.Power(below, binder.Bind(sites.Value), sites.Column);
        return _q.Divide(rate, below, adsorption.Column);
    }

    // k/K times the products; K has the unit of products over reactants.
    private Quantity OverEquilibrium(List<(int Species, Quantity Order)> forward, List<(int Species, Quantity Order)> backward)
    {
        var clause = _clauses["K"];
        var k = binder.Bind(_clauses["k"].Value);
        var equilibrium = binder.Bind(clause.Value);
        if (Of(forward) is { } above && Of(backward) is { } below)
            Quantities.Fits(equilibrium, below / above, "the equilibrium constant K", clause.Column);
        return _q.Multiply(_q.Divide(k, equilibrium, clause.Column), Product(backward, clause.Column));
    }

    private Quantity Flux(string name, List<(int Species, Quantity Order)> orders)
    {
        var clause = _clauses[name];
        var k = binder.Bind(clause.Value);
        if (Of(orders) is { } concentrations)
        {
            var expected = RateDimension / concentrations;
            Quantities.Fits(k, expected, $"the rate constant {name}", clause.Column);
        }
        return _q.Multiply(k, Product(orders, clause.Column));
    }

    private Quantity Product(List<(int Species, Quantity Order)> orders, int column)
    {
        var product = _q.One;
        foreach (var (number, order) in orders)
        {
            var concentration = new Quantity(graph.State(number), species[number].Unit.Dimension);
            var power = order.Node.IsConstant
                ? _q.Power(concentration, order, column)
                : new Quantity(graph.Power(concentration.Node, order.Node), null);
            product = _q.Multiply(product, power);
        }
        return product;
    }

    /// <summary>Dimension of Π c^n; null where an order is a parameter.</summary>
    private Dimension? Of(List<(int Species, Quantity Order)> orders)
    {
        var dimension = Dimension.None;
        foreach (var (number, order) in orders)
        {
            if (!order.Node.IsConstant) return null;
            dimension *= species[number].Unit.Dimension.Power(order.Node.Value);
        }
        return dimension;
    }

    private static (int Species, Quantity Order) Order(Participant participant) => (participant.Species, participant.Coefficient);

    private List<(int Species, Quantity Order)> Orders(List<Participant> reactants)
    {
        var orders = new List<(int Species, Quantity Order)>();
        foreach (var group in reactants.GroupBy(static reactant => reactant.Species))
        {
            var order = group.Select(static reactant => reactant.Coefficient).Aggregate((a, b) => _q.Add(a, b, 1));
            orders.Add((group.Key, order));
        }
        foreach (var clause in _clauses.Values.Where(static clause => clause.Name.StartsWith(OrderPrefix, StringComparison.Ordinal)))
        {
            var name = clause.Name[OrderPrefix.Length..];
            if (!numbers.TryGetValue(name, out var number))
                throw new SyntaxException(clause.Column, $"there is no species '{name}'; there are {string.Join(", ", numbers.Keys)}");
            var order = Quantities.Fits(binder.Bind(clause.Value), Dimension.None, $"the order in {name}", clause.Column);
            if (!order.Node.IsParametric) throw new SyntaxException(clause.Column, $"the order in {name} depends on the state");
            orders.RemoveAll(other => other.Species == number);
            if (!order.Node.Is(0.0)) orders.Add((number, order));
        }
        return orders;
    }

    private ImmutableArray<(int Species, Expression Coefficient)> Net(List<Participant> reactants, List<Participant> products)
    {
        var net = new SortedDictionary<int, Expression>();
        foreach (var (participant, sign) in reactants.Select(static p => (p, false)).Concat(products.Select(static p => (p, true))))
        {
            var sum = net.GetValueOrDefault(participant.Species, graph.Zero);
            net[participant.Species] = sign ? graph.Add(sum, participant.Coefficient.Node) : graph.Subtract(sum, participant.Coefficient.Node);
        }
        return [.. net.Where(static pair => !pair.Value.Is(0.0)).Select(static pair => (pair.Key, pair.Value))];
    }

    private Expression? Heat()
    {
        if (!_clauses.TryGetValue("dH", out var clause)) return null;
        var expected = Dimension.EnergyPerAmount * Dimension.Concentration / units.Concentration.Dimension;
        return Quantities.Fits(binder.Bind(clause.Value), expected, "the enthalpy of reaction dH", clause.Column).Node;
    }

    private void CheckElements(ImmutableArray<(int Species, Expression Coefficient)> terms)
    {
        if (terms.Any(term => species[term.Species].Atoms is null || !term.Coefficient.IsConstant
            || !species[term.Species].Unit.Dimension.Is(Dimension.Concentration))) return;
        var sums = new SortedDictionary<string, (double Left, double Right)>(StringComparer.Ordinal);
        foreach (var (number, coefficient) in terms)
        {
            foreach (var (element, count) in species[number].Atoms!)
            {
                var (left, right) = sums.GetValueOrDefault(element);
                var amount = count * coefficient.Value;
                sums[element] = amount < 0.0 ? (left - amount, right) : (left, right + amount);
            }
        }
        var wrong = sums.Where(static sum => Math.Abs(sum.Value.Left - sum.Value.Right) > 1e-6 * (sum.Value.Left + sum.Value.Right)).ToList();
        if (wrong.Count == 0) return;
        var list = string.Join(", ", wrong.Select(static sum => string.Create(
            CultureInfo.InvariantCulture, $"{sum.Key} {Math.Round(sum.Value.Left, 6)} on the left and {Math.Round(sum.Value.Right, 6)} on the right")));
        throw new KineticsException(
            $"reaction '{reaction.Name}'", $"it does not balance: {list}; change a coefficient or a formula", _key, reaction.Text);
    }
}
