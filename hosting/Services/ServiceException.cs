namespace Athanor.Hosting.Services;

/// <summary>A development service could not be installed, started or reached; the message says what to do.</summary>
public sealed class ServiceException(string message) : Exception(message);
