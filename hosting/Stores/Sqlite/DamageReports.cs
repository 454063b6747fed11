using System.Collections.Concurrent;

namespace Athanor.Hosting.Stores.Sqlite;

/// <summary>Passes on each damaged row once, however often it is read.</summary>
internal sealed class DamageReports(Action<Damage>? report)
{
    private readonly ConcurrentDictionary<string, bool> _known = new(StringComparer.Ordinal);

    public void Add(DamageException damage)
    {
        if (!_known.TryAdd(damage.Where, true)) return;
        report?.Invoke(new Damage(damage.Where.Split(',')[0], damage.Where, damage.Message));
    }

    /// <summary>Reads all rows of a statement and skips those that are damaged.</summary>
    public List<T> ReadAll<T>(SqliteStatement rows, Func<SqliteStatement, T> current, int limit = int.MaxValue)
    {
        var list = new List<T>();
        using (rows)
        {
            while (list.Count < limit && rows.Step())
            {
                try
                {
                    list.Add(current(rows));
                }
                catch (DamageException e)
                {
                    Add(e);
                }
            }
        }
        return list;
    }
}
