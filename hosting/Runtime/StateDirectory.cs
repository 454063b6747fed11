using System.Diagnostics;
using System.Globalization;
using Athanor.Hosting.Stores;

namespace Athanor.Hosting.Runtime;

/// <summary>
/// The directory of an embedded cluster, and the lock that makes this process its only writer.
/// <code>
/// format       one line, "athanor-state 1"
/// lock         held exclusively by the writing process; the system lets go of it when the process ends, however it ends
/// pid          process id of the last holder; only read to name it, so one left behind by a killed process does no harm
/// journal.db   the store (with -wal and -shm beside it while it is open)
/// blobs/       content by SHA-256
/// keys/        keys and certificates, for the owner's eyes only
/// node.sock    where other commands reach the holder
/// </code>
/// The lock plays the part that a session lock plays on a database server: whoever holds it knows that no earlier holder still writes, so
/// the store may take every shard into a new epoch as soon as it is opened.
/// </summary>
public sealed class StateDirectory : IDisposable
{
    /// <summary>Version of the layout above.</summary>
    public const int FormatVersion = 1;

    private const string FormatName = "athanor-state";
    private static readonly string[] OwnNames =
        ["format", "format.new", "lock", "pid", "journal.db", "journal.db-wal", "journal.db-shm", "blobs", "keys", "node.sock",
         "demo-spec.json", "demo-result.json"];

    private readonly FileStream? _lock;

    private StateDirectory(string root, FileStream? held)
    {
        Root = root;
        _lock = held;
    }

    /// <summary>Full path of the directory.</summary>
    public string Root { get; }

    public string JournalPath => Path.Combine(Root, "journal.db");

    public string BlobsPath => Path.Combine(Root, "blobs");

    public string KeysPath => Path.Combine(Root, "keys");

    public string SocketPath => Path.Combine(Root, "node.sock");

    /// <summary>False when it was opened for reading beside whoever may hold it.</summary>
    public bool Locked => _lock is not null;

    /// <summary>Makes the directory if it is missing or empty, and locks it until disposed.</summary>
    /// <exception cref="StateLockedException">Another process holds it.</exception>
    /// <exception cref="StoreException">It cannot be written, holds something else, or has another format.</exception>
    public static StateDirectory Open(string path)
    {
        var root = Path.GetFullPath(path);
        var fresh = CheckFormat(root) is null;
        FileStream? held = null;
        try
        {
            Directory.CreateDirectory(root);
            held = TakeLock(root);
            File.WriteAllText(Path.Combine(root, "pid"), Environment.ProcessId.ToString(CultureInfo.InvariantCulture) + "\n");
            if (fresh && CheckFormat(root) is null) WriteFormat(root);
            Directory.CreateDirectory(Path.Combine(root, "blobs"));
            var keys = Directory.CreateDirectory(Path.Combine(root, "keys"));
            if (!OperatingSystem.IsWindows())
                keys.UnixFileMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
            return new StateDirectory(root, held);
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            held?.Dispose();
            throw CannotWrite(root, e);
        }
        catch
        {
            held?.Dispose();
            throw;
        }
    }

    /// <summary>Opens an existing directory beside whoever may hold it. Only reads are safe then.</summary>
    /// <exception cref="StoreException">There is none, or it has another format.</exception>
    public static StateDirectory OpenForReading(string path)
    {
        var root = Path.GetFullPath(path);
        if (!Directory.Exists(root)) throw new StoreException($"{root}: there is no such state directory");
        if (CheckFormat(root) is null)
            throw new StoreException($"{root} is not a state directory: it is empty; a command that writes makes one");
        return new StateDirectory(root, null);
    }

    /// <summary>Whether a process holds the lock at this moment. The answer may be old when it arrives.</summary>
    public static bool IsHeld(string path, out int? holder)
    {
        var root = Path.GetFullPath(path);
        holder = ReadHolder(root);
        // To look at the lock is to take it for a moment, which would be in the way of a process that starts just now. So it is only
        // looked at when the last holder still lives, which then holds it most likely.
        if (holder is not { } pid || NameOf(pid) == "") return false;
        try
        {
            TakeLock(root).Dispose();
            return false;
        }
        catch (StateLockedException)
        {
            return true;
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            throw new StoreException($"{root}: the lock cannot be looked at ({e.Message})", e);
        }
    }

    public void Dispose() => _lock?.Dispose();

    private static FileStream TakeLock(string root)
    {
        try
        {
            return new FileStream(Path.Combine(root, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1);
        }
        catch (IOException e) when (e.GetType() == typeof(IOException) && File.Exists(Path.Combine(root, "lock")) && IsSharing(e))
        {
            throw Held(root, e);
        }
    }

    /// <summary>.NET turns EWOULDBLOCK of flock, and Windows' sharing violation, into a plain IOException with this code.</summary>
    private static bool IsSharing(IOException e) =>
        OperatingSystem.IsWindows() ? (e.HResult & 0xffff) is 32 or 33 : e.HResult is 11 or 35 or unchecked((int)0x80070020);

    private static StateLockedException Held(string root, Exception e)
    {
        var holder = ReadHolder(root);
        var who = holder is { } p ? $"process {p}{NameOf(p)}" : "another process";
        return new StateLockedException(
            $"{root} is locked by {who}: commands reach it over {Path.Combine(root, "node.sock")}; "
            + "end that process, or choose another directory with --state", root, holder, e);
    }

    private static int? ReadHolder(string root)
    {
        try
        {
            return int.TryParse(File.ReadAllText(Path.Combine(root, "pid")), CultureInfo.InvariantCulture, out var pid) ? pid : null;
        }
        catch (IOException)
        {
            // The holder may be between the lock and writing its id; messages then go without it.
            return null;
        }
    }

    private static string NameOf(int pid)
    {
        try
        {
            using var process = Process.GetProcessById(pid);
            return $" ({process.ProcessName})";
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException)
        {
            return "";
        }
    }

    /// <returns>The version, or null if there is no directory or nothing of ours or anybody else's in it.</returns>
    private static int? CheckFormat(string root)
    {
        if (File.Exists(root)) throw new StoreException($"{root} is a file; a state directory is a directory");
        if (!Directory.Exists(root)) return null;
        try
        {
            var file = Path.Combine(root, "format");
            if (!File.Exists(file))
            {
                var foreign = Directory.EnumerateFileSystemEntries(root).Select(p => Path.GetFileName(p)!)
                    .Where(name => !OwnNames.Contains(name, StringComparer.Ordinal)).Order(StringComparer.Ordinal).Take(3).ToArray();
                if (foreign.Length > 0 || File.Exists(Path.Combine(root, "journal.db")))
                {
                    throw new StoreException(
                        $"{root} is not a state directory: it has no file 'format'"
                        + (foreign.Length > 0 ? $" and holds {string.Join(", ", foreign)}" : "")
                        + "; choose an empty or missing directory with --state");
                }
                return null;
            }

            var words = File.ReadAllText(file).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            if (words is not [FormatName, var number] || !int.TryParse(number, CultureInfo.InvariantCulture, out var version))
                throw new DamageException($"{file}", $"should say \"{FormatName} {FormatVersion}\"");
            if (version != FormatVersion)
            {
                throw new StoreException(
                    $"{root} has state format {version}, and this build reads format {FormatVersion}: use the build that wrote it, or copy "
                    + "it with 'athanor journal copy' of a build that knows both");
            }
            return version;
        }
        catch (Exception e) when (e is UnauthorizedAccessException || e.GetType() == typeof(IOException))
        {
            throw new StoreException($"{root}: the state directory cannot be read ({e.Message})", e);
        }
    }

    private static void WriteFormat(string root)
    {
        var file = Path.Combine(root, "format");
        using (var stream = new FileStream(file + ".new", FileMode.Create, FileAccess.Write))
        {
            stream.Write(System.Text.Encoding.ASCII.GetBytes($"{FormatName} {FormatVersion}\n"));
            stream.Flush(flushToDisk: true);
        }
        File.Move(file + ".new", file, overwrite: true);
        DurableFile.FlushDirectory(root);
    }

    private static StoreException CannotWrite(string root, Exception e) => new(
        $"{root}: the state directory cannot be written ({e.Message}); give this user write access or choose another with --state", e);
}

/// <summary>Another process holds the state directory's lock.</summary>
public sealed class StateLockedException(string message, string root, int? holder, Exception? inner = null) : StoreException(message, inner)
{
    public string Root { get; } = root;

    /// <summary>Process id of the holder as far as it is known.</summary>
    public int? Holder { get; } = holder;
}
