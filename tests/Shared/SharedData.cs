namespace Athanor.Tests;

/// <summary>Data that may not be shipped: they lie beside the repository in ../shared/data, or where ATHANOR_SHARED_DATA says. A test on them
/// asks <see cref="Find"/>, and where it is null says <see cref="Skipped"/> and ends.</summary>
internal static class SharedData
{
    public const string Skipped = "skipped: ../shared/data is absent";

    /// <summary>A file or folder of the shared data; null where there are none.</summary>
    public static string? Find(params ReadOnlySpan<string> parts)
    {
        var root = Environment.GetEnvironmentVariable("ATHANOR_SHARED_DATA") ?? RepositoryFiles.Path("..", "shared", "data");
        var path = System.IO.Path.GetFullPath(System.IO.Path.Combine([root, .. parts]));
        return Path.Exists(path) ? path : null;
    }
}
