using System.Text;

namespace Athanor.Hosting.Services;

/// <summary>What the broker's log says of its start.</summary>
internal static class RabbitLog
{
    /// <summary>Waits until the log says, after position <paramref name="from"/>, that plugins and listeners are up.</summary>
    public static async Task<bool> Started(
        string log, long from, Task exited, TimeSpan timeout, TimeProvider time, CancellationToken cancellation)
    {
        var begin = time.GetTimestamp();
        while (!exited.IsCompleted)
        {
            if (Says(log, from, "Server startup complete")) return true;
            if (time.GetElapsedTime(begin) > timeout) return false;
            await Task.WhenAny(exited, Task.Delay(TimeSpan.FromMilliseconds(50), time, cancellation));
            cancellation.ThrowIfCancellationRequested();
        }
        return false;
    }

    private static bool Says(string log, long from, string words)
    {
        if (!File.Exists(log)) return false;
        using var stream = new FileStream(log, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        stream.Seek(Math.Min(from, stream.Length), SeekOrigin.Begin);
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd().Contains(words, StringComparison.Ordinal);
    }
}
