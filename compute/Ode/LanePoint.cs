namespace Athanor.Compute.Ode;

/// <summary>Where a trajectory stands that goes on in the other kind of lanes, and what <see cref="AutoSolve"/> knows of it
/// there.</summary>
/// <param name="Step">After explicit lanes: their last step, 0 if none was accepted. After stiff ones: the first step to take, 0 to choose
/// one.</param>
/// <param name="Try">Whether the stiff method is to be tried; otherwise it must go on.</param>
/// <param name="Tried">Steps tried so far.</param>
internal sealed record LanePoint(double Time, double[] State, double Step, bool Try, AutoSolve.Measures Measures, int Tried);
