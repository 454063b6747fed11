using Athanor.Compute.Fitting;

namespace Athanor.Hosting.Petab;

/// <summary>The parameter table as parameters of a fit.</summary>
internal static class PetabParameters
{
    public static IReadOnlyList<FitParameter> Read(PetabTable table)
    {
        var parameters = new List<FitParameter>();
        for (var r = 0; r < table.Rows; r++)
        {
            var id = table.Text(r, "parameterId");
            var scale = table.Optional(r, "parameterScale") switch
            {
                "" or "lin" => ParameterScale.Linear,
                "log" => ParameterScale.Log,
                "log10" => ParameterScale.Log10,
                var other => throw new PetabException($"{table.File}: parameter '{id}' has the scale '{other}'; lin, log and log10 are supported"),
            };
            var estimate = table.Text(r, "estimate") switch
            {
                "1" or "1.0" => true,
                "0" or "0.0" => false,
                var other => throw new PetabException($"{table.File}: parameter '{id}' has estimate '{other}'; it must be 0 or 1"),
            };
            var value = estimate && table.Optional(r, "nominalValue").Length == 0 ? double.NaN : table.Number(r, "nominalValue");
            if (!estimate)
            {
                parameters.Add(new FitParameter(id, value, value, value) { Fixed = true });
                continue;
            }
            double lower = table.Number(r, "lowerBound"), upper = table.Number(r, "upperBound");
            if (double.IsNaN(value)) value = scale == ParameterScale.Linear ? 0.5 * (lower + upper) : Math.Sqrt(lower * upper);
            parameters.Add(new FitParameter(id, value, lower, upper)
            {
                Scale = scale,
                Prior = Prior(table, r, id, scale),
                Starts = Starts(table, r, id, scale, lower, upper),
            });
        }
        return parameters;
    }

    private static FitPrior? Prior(PetabTable table, int row, string id, ParameterScale scale)
    {
        var kind = table.Optional(row, "objectivePriorType");
        // A uniform prior is what the bounds are.
        if (kind is "" or "uniform" or "parameterScaleUniform") return null;
        if (kind != "parameterScaleNormal" && !(kind == "normal" && scale == ParameterScale.Linear))
        {
            throw new PetabException(
                $"{table.File}: parameter '{id}' has the prior '{kind}' on the scale {scale}, which is not supported; parameterScaleNormal is, "
                + "and normal on the scale lin");
        }
        var (mean, deviation) = Pair(table, row, id, "objectivePriorParameters");
        return new FitPrior(mean, deviation);
    }

    private static (double, double)? Starts(PetabTable table, int row, string id, ParameterScale scale, double lower, double upper)
    {
        var kind = table.Optional(row, "initializationPriorType");
        if (kind.Length == 0) return null;
        if (kind is not ("uniform" or "parameterScaleUniform"))
            throw new PetabException($"{table.File}: parameter '{id}' draws starts by '{kind}', which is not supported; uniform ones are");
        var (low, high) = Pair(table, row, id, "initializationPriorParameters");
        if (kind == "parameterScaleUniform" && scale == ParameterScale.Log10) (low, high) = (Math.Pow(10, low), Math.Pow(10, high));
        if (kind == "parameterScaleUniform" && scale == ParameterScale.Log) (low, high) = (Math.Exp(low), Math.Exp(high));
        return (Math.Max(low, lower), Math.Min(high, upper));
    }

    private static (double, double) Pair(PetabTable table, int row, string id, string column)
    {
        var parts = table.Text(row, column).Split(';', StringSplitOptions.TrimEntries);
        return parts.Length == 2 && PetabTable.TryNumber(parts[0], out var a) && PetabTable.TryNumber(parts[1], out var b)
            ? (a, b) : throw new PetabException($"{table.File}: parameter '{id}': {column} must be two numbers with a semicolon between");
    }
}

/// <summary>The observable tables.</summary>
internal static class PetabObservables
{
    internal sealed record Observable(string Formula, string Noise, ErrorLaw Law);

    public static IReadOnlyDictionary<string, Observable> Read(IEnumerable<PetabTable> tables)
    {
        var observables = new Dictionary<string, Observable>(StringComparer.Ordinal);
        foreach (var table in tables)
        {
            for (var r = 0; r < table.Rows; r++)
            {
                var id = table.Text(r, "observableId");
                var laplace = table.Optional(r, "noiseDistribution") switch
                {
                    "" or "normal" => false,
                    "laplace" => true,
                    var law => throw new PetabException($"{table.File}: observable '{id}' has {law} noise, which is not supported; normal and laplace are"),
                };
                var transformation = table.Optional(r, "observableTransformation") switch
                {
                    "" or "lin" => laplace ? ErrorLaw.Laplace : ErrorLaw.Normal,
                    "log" => laplace ? ErrorLaw.LogLaplace : ErrorLaw.LogNormal,
                    "log10" => laplace ? ErrorLaw.Log10Laplace : ErrorLaw.Log10Normal,
                    var other => throw new PetabException(
                        $"{table.File}: observable '{id}' has the transformation '{other}'; lin, log and log10 are supported"),
                };
                if (!observables.TryAdd(id, new Observable(table.Text(r, "observableFormula"), table.Text(r, "noiseFormula"), transformation)))
                    throw new PetabException($"{table.File}: the observable '{id}' stands twice");
            }
        }
        return observables;
    }
}
