namespace Athanor.Compute.Control;

/// <summary>Settings or input that no move can be made from; the message names the key or signal and what would be right.</summary>
public sealed class ControlException(string message, Exception? cause = null) : Exception(message, cause);
