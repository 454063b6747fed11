using System.Diagnostics;

namespace Athanor.Hosting.Slots;

/// <summary>The last lines that a slot wrote to standard error: a native abort or an unhandled exception says why only there.</summary>
internal sealed class LastWords
{
    private const int Lines = 12;

    private readonly Queue<string> _lines = [];

    public LastWords(Process process) => Complete = Read(process.StandardError);

    /// <summary>Ends with the stream.</summary>
    public Task Complete { get; }

    public string Text
    {
        get
        {
            lock (_lines) return string.Join('\n', _lines).Trim();
        }
    }

    private async Task Read(StreamReader reader)
    {
        while (await reader.ReadLineAsync().ConfigureAwait(false) is { } line)
        {
            lock (_lines)
            {
                if (_lines.Count == Lines) _lines.Dequeue();
                _lines.Enqueue(line);
            }
        }
    }
}
