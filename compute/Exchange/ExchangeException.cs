namespace Athanor.Compute.Exchange;

/// <summary>A model cannot be read from a file or written to one; the message says what would be right.</summary>
public sealed class ExchangeException(string message, Exception? inner = null) : Exception(message, inner);
