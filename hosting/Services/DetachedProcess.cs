using System.Globalization;

namespace Athanor.Hosting.Services;

/// <summary>A process by id and start time, so that another one that got the same id later is not taken for it.</summary>
/// <param name="Started">Start time in clock ticks since the machine's start, as /proc says it.</param>
internal readonly record struct ProcessMark(int Id, long Started)
{
    public bool Alive => Of(Id) == this;

    public static ProcessMark? Of(int id)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{id}/stat");
            // The program's name, in parentheses, may hold anything; the fields after it are numbers.
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return fields[0] is "Z" or "X" ? null : new ProcessMark(id, long.Parse(fields[19], CultureInfo.InvariantCulture));
        }
        catch (IOException)
        {
            return null;
        }
    }

    public static ProcessMark? Read(string file)
    {
        if (!File.Exists(file)) return null;
        var parts = File.ReadAllText(file).Split(' ', StringSplitOptions.TrimEntries);
        return parts.Length == 2 && int.TryParse(parts[0], out var id) && long.TryParse(parts[1], out var started)
            ? new ProcessMark(id, started)
            : null;
    }

    /// <summary>Whether a living process has this working directory.</summary>
    public static bool Working(string folder)
    {
        foreach (var process in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(process), out var id)) continue;
            try
            {
                if (new FileInfo(Path.Combine(process, "cwd")).LinkTarget == folder && Of(id) is not null) return true;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It has just ended, or belongs to another user; the server's own processes are readable.
            }
        }
        return false;
    }

    public void Write(string file) => File.WriteAllText(file, FormattableString.Invariant($"{Id} {Started}\n"));

    public Task Signal(string name) =>
        ServiceTool.Run("sh", ["-c", "kill -s \"$1\" \"$2\"", "kill", name, Id.ToString(CultureInfo.InvariantCulture)]);

    /// <summary>Sends the signals one after another, each with so long to take effect.</summary>
    /// <returns>Whether the process has ended.</returns>
    public async Task<bool> End(TimeSpan wait, TimeProvider time, params string[] signals)
    {
        foreach (var signal in signals)
        {
            await Signal(signal);
            var begin = time.GetTimestamp();
            while (Alive && time.GetElapsedTime(begin) < wait) await Task.Delay(TimeSpan.FromMilliseconds(30), time);
            if (!Alive) return true;
        }
        return false;
    }
}

/// <summary>Starts servers that outlive this process and its terminal: in a session of their own, with their output in a log.</summary>
internal static class DetachedProcess
{
    public static async Task<ProcessMark> Start(
        string? user, string log, IReadOnlyList<string> command, IReadOnlyDictionary<string, string> environment)
    {
        const string Script = """
            user=$1 log=$2
            shift 2
            if [ -n "$user" ]; then set -- setpriv --reuid="$user" --regid="$user" --init-groups -- "$@"; fi
            setsid "$@" </dev/null >>"$log" 2>&1 &
            echo "$!"
            """;
        var result = await ServiceTool.Run("sh", ["-c", Script, "detached", user ?? "", log, .. command], environment);
        return int.TryParse(result.Output, out var id) && ProcessMark.Of(id) is { } mark
            ? mark
            : throw new ServiceException($"{command[0]} cannot be started; see {log}");
    }
}
