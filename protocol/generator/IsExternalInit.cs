namespace System.Runtime.CompilerServices;

// netstandard2.0 lacks the marker that the compiler wants for init.
internal static class IsExternalInit;
