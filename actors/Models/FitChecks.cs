using System.Globalization;
using Athanor.Compute.Fitting;
using Athanor.Compute.Kinetics;
using Athanor.Protocol.Models;

namespace Athanor.Actors.Models;

/// <summary>What a kinetic fit must be. The decider refuses a wrong one at the door; the work refuses it again, since it trusts no
/// sender.</summary>
public static class FitChecks
{
    /// <summary>Most starts of one fit.</summary>
    public const int MaxStarts = 10_000;

    /// <summary>What is wrong with a fit's network, data or settings, and what would be right; null if nothing is.</summary>
    public static string? Problem(ReactionNetwork network, KineticData data, FitSettings settings)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(settings);
        var shape = FirstOrderNetwork.Problem(
            network.Species.Length, network.From, network.To, network.Parameter, network.Parameters.Length);
        if (shape is not null) return shape;
        if (network.Parameters.Distinct(StringComparer.Ordinal).Count() != network.Parameters.Length)
            return "two parameters have the same name; each needs its own";
        if (KineticTable.Problem(data.Times, data.Amounts, network.Species.Length) is { } table) return table;
        var residuals = (data.Times.Length - 1) * network.Species.Length;
        if (residuals <= network.Parameters.Length)
            return $"{residuals} residuals cannot determine {network.Parameters.Length} parameters; more measurements are needed";
        return Settings(settings);
    }

    private static string? Settings(FitSettings s)
    {
        if (!(s.Lower > 0 && s.Lower < s.Upper && double.IsFinite(s.Upper)))
        {
            return string.Create(
                CultureInfo.InvariantCulture, $"the bounds are {s.Lower:R} to {s.Upper:R}; they must be positive, finite and in order");
        }
        if (!(s.StartLow >= s.Lower && s.StartLow < s.StartHigh && s.StartHigh <= s.Upper))
        {
            return string.Create(
                CultureInfo.InvariantCulture,
                $"starts are drawn from {s.StartLow:R} to {s.StartHigh:R}; "
                + $"that must be a range within the bounds {s.Lower:R} to {s.Upper:R}");
        }
        if (!(s.RelativeTolerance is >= 1e-13 and <= 1e-3 && s.AbsoluteTolerance is > 0 and <= 1))
        {
            return string.Create(
                CultureInfo.InvariantCulture,
                $"the tolerances are {s.RelativeTolerance:R} and {s.AbsoluteTolerance:R}; ")
                + "the relative one must be 1e-13 to 1e-3, the absolute one above 0 and at most 1";
        }
        return s.MaxIterations is < 1 or > 10_000 ? $"MaxIterations is {s.MaxIterations}; it must be 1 to 10000" : null;
    }
}
