namespace Athanor.Hosting.Services;

/// <summary>The end of a server's log, for messages.</summary>
internal static class ServiceLog
{
    public static string Tail(string log)
    {
        if (!File.Exists(log)) return "(no log)";
        using var stream = new FileStream(log, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        stream.Seek(Math.Max(0, stream.Length - 4096), SeekOrigin.Begin);
        using var reader = new StreamReader(stream);
        return string.Join('\n', reader.ReadToEnd().TrimEnd().Split('\n').TakeLast(10));
    }
}
